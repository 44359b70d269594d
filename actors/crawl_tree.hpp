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
} // namespace leaf_name

/// The supervision tree: root -> store (ledger, writers), plan (partitioner), api (token bucket,
/// pool of fetchers). Each subtree uses those before it, so a restart takes those after it along.
supervisor_config crawl_tree(const crawl_tree_config& cfg);

} // namespace gitstar
