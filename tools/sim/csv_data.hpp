#pragma once

#include "tools/sim/dataset.hpp"

namespace gitstar::sim {

/// Reads repositories from a CSV file (RFC 4180, UTF-8, header; gzip accepted) with the columns
/// `owner` and `name` and any of `database_id`, `stars`, `forks`, `open_issues`, `watchers`,
/// `language`, `created_at`, `updated_at`, `pushed_at`, `is_fork`, `is_archived`, `license`,
/// `description`; other columns are ignored. An empty field is unknown and is filled from the name
/// of the row, always in the same way; `null` in `language` or `license` is known to be null.
/// Database ids are made where they are missing, in order of creation; a row whose name or
/// id came before is left out. Throws `std::runtime_error` naming file, line and column.
dataset read_csv_data(const std::string& path, uint64_t seed);

/// The same from text; `path` only names it in errors.
dataset parse_csv_data(const std::string& text, const std::string& path, uint64_t seed);

} // namespace gitstar::sim
