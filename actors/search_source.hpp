/// The search source: how a search becomes partitions that GitHub answers completely. Decisions
/// only; the PARTITIONER leases, the FETCHER asks, the ledger remembers.
#pragma once

#include "actors/search_cells.hpp"
#include "actors/threshold_search.hpp"
#include "messages/partition.hpp"
#include "messages/store.hpp"

#include <caf/expected.hpp>

#include <map>
#include <string>
#include <vector>

namespace gitstar {

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

  /// The search texts to count in this round of planning `part`; empty: its pages can be read.
  std::vector<std::string> questions(const partition& part, query_widths widths);

  /// What the counts of all `questions` say. A partition that is still open has another round, or
  /// can be read. Fails with `errc::bad_config` where the search has fewer matches than `top` asks
  /// for.
  caf::expected<count_outcome> counted(const crawl& run, partition part,
                                       const std::vector<int64_t>& counts);

  /// Forgets the plan of a partition that has ended.
  void forget(int64_t partition_id);

  /// What is left to do when no partition is open: with `top`, the band below the threshold where
  /// estimated counts promised more than turned up.
  std::vector<partition> rest(const crawl& run, const certificate& totals) const;

  /// The partition can be cut further than its description.
  bool splittable(const partition& part) const;

private:
  struct threshold_plan {
    threshold_search search;
    std::vector<int64_t> probes;
  };

  partition make(const crawl& run, int64_t parent, std::string description, int64_t expected) const;
  partition top_partition(const crawl& run, int64_t wanted, int_range stars) const;
  caf::expected<count_outcome> counted_threshold(const crawl& run, partition part,
                                                 threshold_plan& plan,
                                                 const std::vector<int64_t>& counts);
  count_outcome counted_cells(const crawl& run, partition part, const cell_plan& plan) const;

  search_query base_;
  int64_t top_;
  search_plan plan_;
  // By partition id, while it is planned. A process that takes the crawl over plans anew.
  std::map<int64_t, cell_plan> cells_;
  std::map<int64_t, threshold_plan> thresholds_;
};

/// The id of the work that `description` names: the same in every process and on every node.
int64_t partition_id(int64_t crawl_id, std::string_view description);

/// base64("cursor:N"): the cursor of the item with the 1-based rank N (fact sheet 5).
std::string search_cursor(int64_t rank);

/// The search text of each pass over a partition: the search with its sort.
std::vector<std::string> pass_texts(const std::string& description);

} // namespace gitstar
