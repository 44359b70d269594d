/// The search source: how a search becomes partitions that GitHub answers completely. Decisions
/// only; the PARTITIONER leases, the FETCHER asks, the ledger remembers.
#pragma once

#include "messages/partition.hpp"
#include "messages/search_query.hpp"
#include "messages/store.hpp"

#include <caf/expected.hpp>

#include <map>
#include <string>
#include <vector>

namespace gitstar {

/// GitHub returns at most 1,000 results of one search, in pages of 100 (fact sheet 5).
inline constexpr int64_t max_search_results = 1000;
inline constexpr int64_t page_size = 100;

/// How finely a search is cut.
struct search_plan {
  /// Windows are sized to hold at most this many matches: a margin below 1,000, because counts
  /// drift while a crawl runs.
  int64_t window = 900;
  /// Matches per counted cell where a query carries one page. Cells are joined to windows whose
  /// last page is nearly full: smaller ones fill pages better and cost more count fields. Where a
  /// query carries more pages, what a page not filled costs falls, and the best cell grows with the
  /// square root of it.
  int64_t cell = 50;
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

/// Cuts a search into neighbours that share no repository: along `created` while it spans more than
/// a second, then by stars, size, language. Empty: nothing is left to cut by. `expected` is the
/// number of matches, which decides how many cells are worth counting.
std::vector<search_query> cut(const search_query& query, int64_t expected, uint32_t count_width,
                              const search_plan& plan);

/// Joins neighbouring cells to windows of at most `plan.window` matches with the fewest pages in
/// total, then the fewest windows. A cell beyond the window stays alone; cells without a match join
/// a neighbour.
std::vector<counted_search> join(const std::vector<counted_search>& cells, const search_plan& plan);

/// Finds the largest star count T such that `stars:>=T` has at least `wanted` matches.
class threshold_search {
public:
  /// `stars` is the range that the user's search allows.
  threshold_search(int64_t wanted, int_range stars);

  /// The star counts to count next, ascending, at most `width` (at least 2 are used).
  std::vector<int64_t> probes(uint32_t width) const;

  /// Takes the matches of `stars:>=probe` for what `probes` returned.
  void learn(const std::vector<int64_t>& probes, const std::vector<int64_t>& counts);

  /// The whole search has fewer than `wanted` matches; `count()` says how many.
  bool impossible() const { return impossible_; }
  /// T is exact, as far as counts are, or nothing can be found.
  bool finished() const;
  int64_t threshold() const { return low_; }
  int64_t count() const { return count_; }

private:
  int64_t wanted_;
  int64_t low_;        // count(stars >= low_) >= wanted_, once known
  int64_t high_;       // count(stars >= high_) < wanted_
  int64_t count_ = -1; // of low_
  bool impossible_ = false;
};

/// What became of a partition that was counted.
struct count_outcome {
  partition part;                  ///< its new state
  std::vector<partition> children; ///< when it was split
  optional<int64_t> threshold;     ///< when that was what it looked for
};

class search_source {
public:
  /// `top` 0: everything that matches.
  search_source(search_query base, int64_t top, search_plan plan = {});

  /// The canonical text of the source: crawls of another text are other crawls.
  std::string text() const;

  /// The partitions a new crawl starts with.
  std::vector<partition> roots(const crawl& run) const;

  /// The work on `part` now: counts, or pages where there are none.
  lease plan(const crawl& run, const partition& part, query_widths widths);

  /// What the counts asked for by `plan` say. Fails with `errc::bad_config` where the search has
  /// fewer matches than `top` asks for.
  caf::expected<count_outcome> counted(const crawl& run, partition part,
                                       const std::vector<int64_t>& counts);

  /// Forgets a plan whose counts will not come.
  void forget(int64_t partition_id) { pending_.erase(partition_id); }

  /// What is left to do when no partition is open: with `top`, the band below the threshold where
  /// estimated counts promised more than turned up.
  std::vector<partition> rest(const crawl& run, const certificate& totals) const;

  /// The partition can be cut further than its description.
  bool splittable(const partition& part) const;

private:
  struct pending {
    std::vector<int64_t> probes;     // threshold search
    std::vector<search_query> cells; // splitting; empty: the partition's own count
  };

  partition make(const crawl& run, int64_t parent, std::string description, int64_t expected) const;
  partition top_partition(const crawl& run, int64_t wanted, int_range stars) const;
  caf::expected<count_outcome> counted_threshold(const crawl& run, partition part,
                                                 const pending& asked,
                                                 const std::vector<int64_t>& counts);
  count_outcome counted_cells(const crawl& run, partition part, const pending& asked,
                              const std::vector<int64_t>& counts) const;

  search_query base_;
  int64_t top_;
  search_plan plan_;
  std::map<int64_t, pending> pending_;             // by partition id, while leased for counting
  std::map<int64_t, threshold_search> thresholds_; // by partition id, while open
};

/// The id of the work that `description` names: the same in every process and on every node.
int64_t partition_id(int64_t crawl_id, std::string_view description);

/// base64("cursor:N"): the cursor of the item with the 1-based rank N (fact sheet 5).
std::string search_cursor(int64_t rank);

/// The search text of each pass over a partition: the search with its sort.
std::vector<std::string> pass_texts(const std::string& description);

} // namespace gitstar
