/// What the nodes of a cluster say to each other, in blocks so that they say it seldom.
#pragma once

#include "messages/bucket.hpp"
#include "messages/partition.hpp"

#include <map>
#include <string>
#include <vector>

namespace gitstar {

/// How a worker introduces itself to the coordinator. All of it must agree.
struct worker_greeting {
  std::string worker;                   ///< its name in logs
  std::string crawl;                    ///< crawl.name
  std::string source;                   ///< canonical text of the source
  std::vector<std::string> credentials; ///< names only: each node resolves them by itself
  bool operator==(const worker_greeting&) const = default;
};

/// Which lease of a partition.
struct lease_key {
  int64_t partition_id = 0;
  int64_t lease = 0;
  auto operator<=>(const lease_key&) const = default;
};

/// A lease that goes back unfinished.
struct returned_lease {
  partition part;
  std::string reason; ///< empty: nobody's fault
  bool operator==(const returned_lease&) const = default;
};

/// What a worker has to tell and what it wants. An empty one says that it is alive.
struct worker_news {
  std::map<query_shape, uint32_t> permits; ///< wanted, more than before
  std::vector<query_report> reports;
  std::vector<uint64_t> unused_permits; ///< were not used, and will not be
  std::vector<uint64_t> lost_permits;   ///< whose fetcher died with them
  uint32_t pages = 0;                   ///< the query widths that its fetchers have seen last,
  uint32_t counts = 0;                  ///< 0 for none
  uint32_t waiting_leases = 0;          ///< wanted, more than before; each comes when there is one
  uint32_t leases_at_once = 0; ///< wanted, as many as there are; not again before the answer
  std::vector<count_result> counted;
  std::vector<lease_result> done;
  std::vector<returned_lease> returned;
  std::vector<lease_key> lost_leases; ///< whose fetcher died with them
  bool operator==(const worker_news&) const = default;
};

/// What the coordinator gives a worker. An empty one says that it is alive.
struct grant_block {
  std::map<query_shape, std::vector<permit>> permits;
  std::vector<lease> leases;
  uint32_t waited = 0;   ///< how many of `waiting_leases` they answer
  bool at_once = false;  ///< `leases_at_once` is answered by this block and those before it
  bool over = false;     ///< no lease will come any more
  bool drain = false;    ///< the coordinator stops or may not lead: finish what is under way
  bool finished = false; ///< the crawl is finished
  bool operator==(const grant_block&) const = default;
};

/// The coordinator's view of its workers.
struct cluster_status {
  uint32_t workers = 0;
  uint64_t joined = 0;      ///< since the coordinator began
  uint64_t permits_out = 0; ///< with workers, reported by none yet
  uint64_t leases_out = 0;
  bool operator==(const cluster_status&) const = default;
};

template <class Inspector>
auto inspect(Inspector& f, worker_greeting& x) {
  return f(caf::meta::type_name("worker_greeting"), x.worker, x.crawl, x.source, x.credentials);
}

template <class Inspector>
auto inspect(Inspector& f, lease_key& x) {
  return f(caf::meta::type_name("lease_key"), x.partition_id, x.lease);
}

template <class Inspector>
auto inspect(Inspector& f, returned_lease& x) {
  return f(caf::meta::type_name("returned_lease"), x.part, x.reason);
}

template <class Inspector>
auto inspect(Inspector& f, worker_news& x) {
  return f(caf::meta::type_name("worker_news"), x.permits, x.reports, x.unused_permits,
           x.lost_permits, x.pages, x.counts, x.waiting_leases, x.leases_at_once, x.counted, x.done,
           x.returned, x.lost_leases);
}

template <class Inspector>
auto inspect(Inspector& f, grant_block& x) {
  return f(caf::meta::type_name("grant_block"), x.permits, x.leases, x.waited, x.at_once, x.over,
           x.drain, x.finished);
}

template <class Inspector>
auto inspect(Inspector& f, cluster_status& x) {
  return f(caf::meta::type_name("cluster_status"), x.workers, x.joined, x.permits_out,
           x.leases_out);
}

} // namespace gitstar
