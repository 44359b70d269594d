#pragma once

#include "actors/fetcher.hpp"
#include "actors/ledger.hpp"
#include "actors/partitioner.hpp"
#include "actors/supervisor.hpp"
#include "actors/token_bucket.hpp"
#include "actors/writer.hpp"

namespace gitstar {

/// All actors of one node that crawls.
struct crawl_tree_config {
  ledger_config ledger;
  writer_config writer;
  uint32_t writers = 1;
  partitioner_config partitioner;
  token_bucket_config bucket;
  fetcher_config fetcher;
  uint32_t fetchers = 8;
  /// Set: other nodes fetch and write. It starts the GATE that they join by, in place of our own
  /// fetchers and writers.
  std::function<caf::actor(supervisor_actor::pointer self, const std::vector<named_actor>& earlier)>
      gate;
  std::shared_ptr<net::metrics> metrics;
  bool detached = true; ///< false, on virtual time: whoever blocks gets no thread of its own
  uint32_t seed = std::random_device{}(); ///< of all jitter; a test that repeats a run sets it
};

/// The names that the leaves have in the tree; writers and fetchers are numbered from 1.
namespace leaf_name {
inline constexpr const char* ledger = "ledger";
inline constexpr const char* writer = "writer-";
inline constexpr const char* partitioner = "partitioner";
inline constexpr const char* bucket = "token-bucket";
inline constexpr const char* fetcher = "fetcher-";
inline constexpr const char* gate = "gate";
} // namespace leaf_name

/// The supervision tree: root -> store (ledger, writers), plan (partitioner), api (token bucket,
/// pool of fetchers). Each subtree uses those before it, so a restart takes those after it along.
supervisor_config crawl_tree(const crawl_tree_config& cfg);

/// The tree of a worker: root -> link (`agents`), store (writers), api (pool of fetchers). Of the
/// agents those named as partitioner and token bucket serve the fetchers.
supervisor_config worker_tree(const crawl_tree_config& cfg, std::vector<child_spec> agents);

} // namespace gitstar
