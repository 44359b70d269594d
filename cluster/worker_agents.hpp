#pragma once

#include "actors/crawl_tree.hpp"
#include "cluster/link.hpp"

namespace gitstar {

/// The children of a worker's tree that stand between its fetchers and the coordinator: link, lease
/// agent and permit agent.
std::vector<child_spec> worker_agents(const link_config& cfg, uint32_t fetchers);

} // namespace gitstar
