#include "cluster/worker_agents.hpp"

#include "cluster/lease_agent.hpp"
#include "cluster/permit_agent.hpp"

namespace gitstar {

namespace {

constexpr const char* link_name = "link";

} // namespace

std::vector<child_spec> worker_agents(const link_config& cfg, uint32_t fetchers) {
  using leaves = std::vector<named_actor>;
  child_spec connection;
  connection.name = link_name;
  connection.start = [cfg](supervisor_actor::pointer self, const leaves&) {
    return caf::actor_cast<caf::actor>(self->spawn(link, cfg));
  };
  child_spec leases;
  leases.name = leaf_name::partitioner;
  leases.start = [fetchers](supervisor_actor::pointer self, const leaves& earlier) {
    return caf::actor_cast<caf::actor>(self->spawn(lease_agent, lease_agent_config{fetchers},
                                                   leaf<link_actor>(earlier, link_name)));
  };
  child_spec permits;
  permits.name = leaf_name::bucket;
  permits.start = [fetchers](supervisor_actor::pointer self, const leaves& earlier) {
    return caf::actor_cast<caf::actor>(self->spawn(permit_agent, permit_agent_config{fetchers},
                                                   leaf<link_actor>(earlier, link_name)));
  };
  return {std::move(connection), std::move(leases), std::move(permits)};
}

} // namespace gitstar
