/// How far a crawl has come, for the display, the metrics and the report.
#pragma once

#include "messages/store.hpp"

namespace gitstar {

/// The PARTITIONER's view of the crawl, resumed part included.
struct crawl_progress {
  crawl run;
  certificate totals;
  std::string phase;  ///< opening, threshold, planning, crawling, complete or incomplete
  uint32_t ready = 0; ///< partitions in memory that wait for a fetcher
  uint32_t leased = 0;
  uint32_t waiting = 0; ///< partitions that wait out a delay after a failure
  bool operator==(const crawl_progress&) const = default;
};

template <class Inspector>
auto inspect(Inspector& f, crawl_progress& x) {
  return f(caf::meta::type_name("crawl_progress"), x.run, x.totals, x.phase, x.ready, x.leased,
           x.waiting);
}

} // namespace gitstar
