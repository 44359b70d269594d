/// A GitHub repository search as a value: what the search source plans with and writes into the
/// ledger as a partition's description.
#pragma once

#include "messages/basic.hpp"

#include <caf/expected.hpp>

#include <limits>
#include <string>
#include <string_view>
#include <vector>

namespace gitstar {

/// An inclusive range of integers, as GitHub's qualifiers have them.
struct int_range {
  static constexpr int64_t lowest = std::numeric_limits<int64_t>::min();
  static constexpr int64_t highest = std::numeric_limits<int64_t>::max();

  int64_t first = lowest;
  int64_t last = highest;

  bool unbounded() const { return first == lowest && last == highest; }
  bool operator==(const int_range&) const = default;
};

/// A search without its sort. GitHub combines qualifiers with AND.
struct search_query {
  std::string terms; ///< what is not a range below: words and other qualifiers, as the user gave it
  int_range stars;   ///< `stars:`
  int_range created; ///< `created:` in seconds since 1970 (1 s resolution: the fact sheet, 5)
  int_range size_kb; ///< `size:`
  std::string language;                     ///< set by splitting: `language:`
  std::vector<std::string> other_languages; ///< set by splitting: each as `-language:`
  bool operator==(const search_query&) const = default;
};

/// GitHub refuses longer search texts (measured limit 205, fact sheet 5).
inline constexpr size_t max_search_text = 200;

/// Reads a search text. Fails with `errc::bad_config` and a sentence that says what is wrong:
/// a malformed range, a range given twice, an empty range, `sort:`, or an open quote.
caf::expected<search_query> parse_search_query(std::string_view text);

/// The canonical text: `parse_search_query(to_string(x)) == x` for whatever has no `language` set
/// by splitting; those are read back as `terms`.
std::string to_string(const search_query& query);

} // namespace gitstar
