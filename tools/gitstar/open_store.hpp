#pragma once

#include "config/config.hpp"
#include "db/embedded_postgres.hpp"

#include <memory>
#include <string>

namespace gitstar::tool {

/// The configured PostgreSQL, running.
struct open_store {
  /// Starts the embedded server, or just names the configured one. Throws `db::store_error`.
  explicit open_store(const config::store_section& settings);

  std::unique_ptr<db::embedded_postgres> server; ///< none where a server is configured
  std::string connection_string;
};

/// Whether there may be something in it: an embedded server that no crawl has begun yet has
/// nothing, and looking must not begin it.
bool store_exists(const config::store_section& settings);

} // namespace gitstar::tool
