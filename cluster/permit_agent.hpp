#pragma once

#include "actors/wake_up.hpp"
#include "messages/interfaces.hpp"

#include <deque>
#include <map>
#include <set>
#include <unordered_map>

namespace gitstar {

struct permit_agent_config {
  uint32_t fetchers = 8; ///< whom it serves
  /// What lies unused for so long goes back: a limit per minute does not wait, and other workers
  /// do.
  caf::timespan keep = std::chrono::milliseconds{150};
};

/// A worker's TOKEN BUCKET. Asks the coordinator's for a few permits more than are waited for,
/// hands them out, and closes every one exactly once: by its report, unused, or lost with its
/// fetcher.
class permit_agent_state {
public:
  explicit permit_agent_state(permit_agent_actor::pointer self) : self_(self) {}
  permit_agent_actor::behavior_type make_behavior(permit_agent_config cfg, link_actor link);
  static inline constexpr const char* name = "gitstar.permit-agent";

private:
  using time_point = caf::actor_clock::time_point;

  struct request {
    uint64_t holder;
    caf::typed_response_promise<permit> promise;
  };

  struct spare {
    permit right;
    time_point until;
  };

  /// Of one query shape.
  struct shelf {
    std::deque<spare> spares;
    std::deque<request> waiting;
    uint32_t asked = 0; // of the coordinator, and not come yet
    time_point asked_at;
    uint32_t ahead = 0; // how many to ask for beyond those that are waited for
  };

  time_point now() const { return self_->clock().now(); }
  void ask(query_shape shape, shelf& x);
  void take(query_shape shape, const std::vector<permit>& permits);
  void give(permit right, request& to);
  void lost(uint64_t holder);
  void return_old(time_point before);
  void tell(worker_news news, bool urgent);
  bucket_status status() const;

  permit_agent_actor::pointer self_;
  permit_agent_config cfg_;
  link_actor link_;
  std::map<query_shape, shelf> shelves_;
  std::unordered_map<uint64_t, uint64_t> held_; // permits with fetchers: permit, holder
  std::set<uint64_t> lost_;                     // fetchers: what they asked for may arrive later
  uint64_t heard_ = 0;                          // blocks
  wake_up wake_up_;
  bucket_status totals_;
};

/// Spawn with `sys.spawn(permit_agent, cfg, link)`.
inline permit_agent_actor::behavior_type
permit_agent(permit_agent_actor::stateful_pointer<permit_agent_state> self, permit_agent_config cfg,
             link_actor link) {
  return state_of(self).make_behavior(std::move(cfg), std::move(link));
}

} // namespace gitstar
