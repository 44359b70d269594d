#pragma once

#include "tools/sim/dataset.hpp"

namespace gitstar::sim {

/// What a numeric or time qualifier looks at.
enum class search_column : uint8_t { stars, forks, size, created, pushed };

/// An inclusive range of one column.
struct range_filter {
  search_column column = search_column::stars;
  int64_t low = std::numeric_limits<int64_t>::min();
  int64_t high = std::numeric_limits<int64_t>::max();
  bool negated = false;
};

/// Matches if the number of the repository is among these; `negated` turns that around.
struct number_filter {
  std::vector<uint32_t> numbers;
  bool negated = false;
};

/// A word that the name, the description or the topics must hold.
struct word_filter {
  std::string word; ///< lower case
  bool negated = false;
};

enum class search_sort : uint8_t { none, stars, forks, updated };

/// A parsed repository search (fact sheet, section 5).
struct search_query {
  std::vector<range_filter> ranges;
  std::vector<number_filter> languages; ///< each must match
  std::vector<number_filter> licenses;
  number_filter owners; ///< `user:` and `org:`: any of them; empty: everybody
  number_filter excluded_owners;
  std::vector<row_index> rows; ///< `repo:`: any of them; empty: all
  std::vector<word_filter> words;
  std::vector<std::string> topics;
  uint8_t flags = 0;       ///< the flags that matter ...
  uint8_t flag_values = 0; ///< ... and the values that they must have
  bool nothing = false;    ///< contradicts itself, or asks for what is not public
  search_sort sort = search_sort::none;
  bool ascending = false;
  /// The longest search text that GitHub takes.
  static constexpr size_t max_length = 256;
};

/// One word of a search; quotes are taken off.
struct search_term {
  std::string qualifier; ///< lower case; empty: a plain word
  std::string text;
  bool negated = false;
};

/// Cuts a search at blanks outside of quotes.
std::vector<search_term> cut_search(std::string_view text);

/// `n`, `a..b`, `a..*`, `*..b`, `>n`, `>=n`, `<n`, `<=n`; both ends of a range are inclusive.
/// Nothing if it is none of these.
std::optional<range_filter> parse_search_range(search_column column, std::string_view text);

/// Parses a search. Qualifiers that GitHub does not know are words, as on GitHub; a qualifier whose
/// value makes no sense matches nothing. `OR` is not supported: it is taken as a word.
search_query parse_search(std::string_view text, const dataset& data);

/// The topics of a repository, which the data derives from its id.
std::vector<std::string_view> topics_of(const repository& repo);

} // namespace gitstar::sim
