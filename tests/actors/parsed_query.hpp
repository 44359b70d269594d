#pragma once

#include "messages/search_query.hpp"

#include <string_view>

namespace gitstar::test {

inline constexpr int64_t day_2024 = 1704067200; // 2024-01-01T00:00:00Z

/// `text` has to be a query.
inline search_query parsed(std::string_view text) { return *parse_search_query(text); }

} // namespace gitstar::test
