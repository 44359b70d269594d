#pragma once

#include "db/lookup.hpp"

#include <string>

namespace gitstar::tool {

/// `gitstar show` for people.
std::string repository_text(const db::stored_repository& found);

/// `gitstar show --format json`, keyed by the columns of `repositories`; `star_history` is a list,
/// `metadata` is keyed by kind.
std::string repository_json(const db::stored_repository& found);

/// `gitstar top` for people: a table.
std::string ranking_text(const db::ranking_request& request,
                         const std::vector<db::ranking_line>& lines);

/// `gitstar top --format json`: a list.
std::string ranking_json(const db::ranking_request& request,
                         const std::vector<db::ranking_line>& lines);

/// How the count went between the first observation and `until`, in at most `width` characters of
/// eight heights: the lowest count is the lowest one. Empty for fewer than two observations.
std::string sparkline(const std::vector<db::star_observation>& stars, timestamp until,
                      size_t width = 40);

/// The beginning of what `--since` says: a UTC day such as 2026-11-01, a time such as
/// 2026-11-01T12:00:00Z, or so many days ago such as 7d. Empty if it is none of them.
optional<timestamp> parse_since(std::string_view text, timestamp now);

} // namespace gitstar::tool
