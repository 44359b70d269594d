/// A store's databases together: the first holds the ledger, and all hold repositories.
#pragma once

#include "db/migrations.hpp"

#include <functional>
#include <string>
#include <vector>

namespace gitstar::db {

/// Migrates all databases, gives each its place in the store, and spreads the buckets of a new
/// store evenly; of an old one they stay where they are. Any number of processes may call it at
/// once. Throws `store_error`, also where a database is another store's or has another place, and
/// `layout_error` as `migrate` does.
migration_report migrate_shards(const std::vector<std::string>& connection_strings,
                                const std::optional<config::partitioning>& layout = {});

/// `build_query_indexes` of all databases at once.
void build_query_indexes(const std::vector<std::string>& connection_strings);

/// Where to read each database: a replica of it, where `replicas` has one that answers and is of
/// this program's schema version, else itself. Whose replica one is it says itself
/// (`shard_identity`). `warn` hears why one is left out.
std::vector<std::string> readable_shards(const std::vector<std::string>& connection_strings,
                                         const std::vector<std::string>& replicas,
                                         const std::function<void(const std::string&)>& warn);

/// `failure` with the shard it is about; as it is for the first, which a store without shards has,
/// too.
store_error named_failure(size_t shard, const store_error& failure);

} // namespace gitstar::db
