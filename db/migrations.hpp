/// The database schema: numbered SQL files of db/migrations, compiled into the program.
#pragma once

#include "config/partitioning.hpp"
#include "db/crawl_store.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gitstar::db {

/// One file `NNNN_name.sql`. Never edited once landed: a change is a new file.
struct migration {
  int version;
  std::string name;
  std::string checksum; ///< SHA-256 of the file
  std::string sql;
};

/// The migrations of this program, by version.
const std::vector<migration>& built_in_migrations();

/// What `migrate` did.
struct migration_report {
  int applied = 0; ///< files applied by this call
  int version = 0; ///< of the database now
};

/// The database was made with another `store.partitioning` than the one asked for.
class layout_error : public store_error {
public:
  using store_error::store_error;
};

/// Brings the database up to date: a new one in one transaction, one in use by one for each file.
/// Crawls may go on meanwhile: where a lock is not to be had soon the file is tried again later.
/// Any number of processes may call it at once. A new database is divided as `layout` says. Throws
/// `store_error`, also when the database is newer than `wanted` or was made with a file that has
/// changed since, and `layout_error` where it is divided in another way; without a `layout` any
/// will do, and a new one is not divided.
migration_report migrate(const std::string& connection_string,
                         const std::vector<migration>& wanted = built_in_migrations(),
                         const std::optional<config::partitioning>& layout = {});

/// Builds the indexes for queries that are missing (0013_metadata_views.sql), of repositories and
/// of their history at the same time: to be called when a crawl has ended. Throws `store_error`.
void build_query_indexes(const std::string& connection_string);

} // namespace gitstar::db
