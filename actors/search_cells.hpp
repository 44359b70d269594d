/// How a search is cut into cells that are counted, and cells are joined to windows that are read.
#pragma once

#include "messages/search_query.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace gitstar {

/// GitHub returns at most 1,000 results of one search, in pages of 100 (fact sheet 5).
inline constexpr int64_t max_search_results = 1000;
inline constexpr int64_t page_size = 100;

/// The longest search text of a window: it is read with a sort.
inline constexpr size_t max_description =
    max_search_text - std::string_view{" sort:updated-desc"}.size();

/// How finely a search is cut.
struct search_plan {
  /// Windows are sized to hold at most this many matches: a margin below 1,000, because counts
  /// drift while a crawl runs.
  int64_t window = 900;
  /// Matches per counted cell where a query carries one page or 100 counts. Smaller cells fill the
  /// last pages of windows better and cost more counts. On 35,000 real repositories cells of c
  /// matches left c / 5,400 of the pages empty, and they cost 1 / c of a query per match and count:
  /// the sum is least at 73.
  int64_t cell = 73;
  /// A search is planned as a whole up to so many cells, so that few windows end at a border of the
  /// plan. A larger one is cut into parts of this size first.
  int64_t cells = 3000;
};

/// The query widths that planning reckons with: fields per query of each shape.
struct query_widths {
  uint32_t pages = 1;
  uint32_t counts = 1;
};

/// A search with the number of its matches.
struct counted_search {
  search_query query;
  int64_t count = 0;
  bool operator==(const counted_search&) const = default;
};

/// Cuts a search into about `pieces` neighbours (at least two) that share no repository: along
/// `created` while it spans more than a second, then by stars, size, language. Empty: nothing is
/// left to cut by.
std::vector<search_query> cut(const search_query& query, int64_t pieces);

/// Joins neighbouring cells to windows of at most `limit` matches with the fewest pages in total,
/// then the fewest windows. A cell beyond the limit stays alone; cells without a match join a
/// neighbour.
std::vector<counted_search> join(const std::vector<counted_search>& cells, int64_t limit);

/// The plan of one search: cells are counted in rounds, each round cutting again what turned out
/// too large, until they can be joined to windows.
class cell_plan {
public:
  /// `expected` matches are to be cut.
  cell_plan(const search_query& query, int64_t expected, query_widths widths,
            const search_plan& plan);

  /// What to count in this round; empty: the plan is ready.
  std::vector<search_query> questions() const;

  /// Takes the counts of what `questions` returned, in its order.
  void learn(const std::vector<int64_t>& counts);

  std::vector<counted_search> windows() const { return join(cells_, limit_); }

private:
  void refine();

  std::vector<counted_search> cells_; // count -1: not known yet
  uint32_t count_width_;
  int64_t target_;   // matches of a cell
  int64_t limit_;    // matches of a window
  bool even_ = true; // the cells are those of the first, even cut
};

} // namespace gitstar
