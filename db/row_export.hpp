#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace gitstar::db {

enum class export_format : uint8_t {
  csv,   ///< with a header
  jsonl, ///< one JSON object per line, keyed by column
};

/// Runs one SQL query in a transaction that cannot write and hands its rows over piece by piece as
/// PostgreSQL sends them: memory does not grow with the result. Returns the number of rows. Throws
/// `store_error`; what `sink` throws ends the export and is passed on.
int64_t export_rows(const std::string& connection_string, const std::string& query,
                    export_format format, const std::function<void(std::string_view)>& sink);

} // namespace gitstar::db
