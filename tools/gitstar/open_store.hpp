#pragma once

#include "config/config.hpp"
#include "db/embedded_postgres.hpp"
#include "db/shards.hpp"

#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <vector>

namespace gitstar::tool {

/// The config does not fit the store. `what()` names file, line and key.
class bad_config : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// The configured PostgreSQL, running.
struct open_store {
  /// Starts the embedded server until a stop is asked for, or just names the configured ones.
  /// Throws `db::store_error`.
  explicit open_store(const config::store_section& settings, const std::stop_token& stop = {});

  /// Brings all databases up to date. Throws `db::store_error` and `bad_config`.
  db::migration_report migrate(const config::store_section& settings) const;

  /// Connection strings for commands that only read: replicas of `store.read_from` where they
  /// answer.
  std::vector<std::string> readers(const config::store_section& settings) const;

  /// The database that holds the ledger.
  const std::string& ledger() const { return shards.front(); }

  std::unique_ptr<db::embedded_postgres> server; ///< none where a server is configured
  std::vector<std::string> shards;               ///< connection strings
};

/// Whether there may be something in it: an embedded server that no crawl has begun yet has
/// nothing, and looking must not begin it.
bool store_exists(const config::store_section& settings);

} // namespace gitstar::tool
