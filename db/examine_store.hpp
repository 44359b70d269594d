#pragma once

#include <cstdint>
#include <string>

namespace gitstar::db {

/// What a PostgreSQL is like that a crawl may be about to use.
struct store_examination {
  std::string server_version; ///< such as `15.6 (Debian 15.6-0+deb12u1)`
  int schema_version = 0;     ///< 0: no migration has been applied
  int program_version = 0;    ///< the newest migration of this program

  int pending() const { return program_version - schema_version; }
};

/// Bytes on disk with indexes.
struct table_sizes {
  int64_t repositories = 0;
  int64_t history = 0;
};

/// Throws `store_error`.
table_sizes measure_tables(const std::string& connection_string);

/// Looks and changes nothing. Throws `store_error`.
store_examination examine_store(const std::string& connection_string);

} // namespace gitstar::db
