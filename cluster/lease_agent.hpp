#pragma once

#include "actors/wake_up.hpp"
#include "messages/interfaces.hpp"

#include <deque>
#include <map>
#include <set>

namespace gitstar {

struct lease_agent_config {
  uint32_t fetchers = 8; ///< whom it serves
  /// What lies unused for so long goes back: other workers may have nothing to do.
  caf::timespan keep = std::chrono::milliseconds{300};
};

/// A worker's PARTITIONER. Asks the coordinator's for a few leases more than are waited for, hands
/// them out, passes results on, and gives back what nobody works on.
class lease_agent_state {
public:
  explicit lease_agent_state(lease_agent_actor::pointer self) : self_(self) {}
  lease_agent_actor::behavior_type make_behavior(lease_agent_config cfg, link_actor link);
  static inline constexpr const char* name = "gitstar.lease-agent";

private:
  using time_point = caf::actor_clock::time_point;

  struct request {
    uint64_t holder;
    caf::typed_response_promise<std::vector<lease>> promise;
  };

  struct spare {
    lease work;
    time_point until;
  };

  time_point now() const { return self_->clock().now(); }
  void serve();
  void give(request& to);
  void ask();
  void take(const grant_block& block);
  void lost(uint64_t holder);
  void lost_one(lease_key which);
  void return_old(time_point before);
  void turn_away();
  void tell(worker_news news, bool urgent);

  lease_agent_actor::pointer self_;
  lease_agent_config cfg_;
  link_actor link_;
  std::deque<spare> spares_;
  std::deque<request> patient_; // wait until there is a lease
  std::deque<request> hasty_;   // take what there is
  uint32_t asked_patient_ = 0;  // of the coordinator, and not come yet
  bool asked_hasty_ = false;
  size_t came_ = 0; // since the hasty were asked for
  uint32_t asked_at_once_ = 0;
  uint32_t ahead_ = 0; // how many to ask for beyond those that are wanted now
  uint32_t pages_ = 0; // widths seen last
  uint32_t counts_ = 0;
  std::map<lease_key, uint64_t> held_; // leases with fetchers: lease, holder
  std::set<uint64_t> lost_;            // fetchers: what they asked for may arrive later
  bool over_ = false;
  wake_up wake_up_;
};

/// Spawn with `sys.spawn(lease_agent, cfg, link)`.
inline lease_agent_actor::behavior_type
lease_agent(lease_agent_actor::stateful_pointer<lease_agent_state> self, lease_agent_config cfg,
            link_actor link) {
  return state_of(self).make_behavior(std::move(cfg), std::move(link));
}

} // namespace gitstar
