/// The search source: how a search becomes partitions that GitHub answers completely.
#pragma once

#include "actors/source.hpp"
#include "actors/threshold_search.hpp"

#include <map>
#include <string>
#include <vector>

namespace gitstar {

class search_source : public source {
public:
  /// `top` 0: everything that matches.
  search_source(search_query base, int64_t top, search_plan plan = {});

  std::string text() const override;
  std::vector<partition> roots(const crawl& run) const override;
  bool needs_counts(const partition& part) const override;
  std::vector<std::string> questions(const partition& part, query_widths widths) override;
  /// Fails where the search has fewer matches than `top` asks for.
  caf::expected<count_outcome> counted(const crawl& run, partition part,
                                       const std::vector<int64_t>& counts) override;
  void forget(int64_t partition_id) override;
  /// With `top`, the band below the threshold where estimated counts promised more than turned up.
  std::vector<partition> rest(const crawl& run, const certificate& totals) const override;
  void equip(lease& work) const override;
  std::string prelude(const crawl& run) const override;

  /// The partition can be cut further than its description.
  bool splittable(const partition& part) const;

private:
  struct threshold_plan {
    threshold_search search;
    std::vector<int64_t> probes;
  };

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

/// base64("cursor:N"): the cursor of the item with the 1-based rank N (fact sheet 5).
std::string search_cursor(int64_t rank);

/// The search text of each pass over a partition: the search with its sort.
std::vector<std::string> pass_texts(const std::string& description);

} // namespace gitstar
