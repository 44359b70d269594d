#pragma once

#include "cluster/desk.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <map>

namespace gitstar {

struct gate_config {
  std::string crawl;                    ///< crawl.name
  std::string source;                   ///< canonical text of the source
  std::vector<std::string> credentials; ///< names of those that permits may name
  desk_config desk;
  /// Whether this coordinator leads for certain: asked before a worker may join, and by its desk.
  std::function<bool()> leads = [] { return true; };
};

/// Lets workers join and gives each a DESK. When one is gone, what its worker held goes back.
class gate_state {
public:
  explicit gate_state(gate_actor::pointer self) : self_(self) {}
  gate_actor::behavior_type make_behavior(gate_config cfg, partitioner_actor partitioner,
                                          token_bucket_actor bucket);
  static inline constexpr const char* name = "gitstar.gate";

private:
  std::string why_not(const worker_greeting& greeting) const;
  void ended(const caf::actor_addr& which);
  caf::result<cluster_status> status();

  gate_actor::pointer self_;
  gate_config cfg_;
  partitioner_actor partitioner_;
  token_bucket_actor bucket_;
  std::map<caf::actor_addr, desk_actor> desks_;
  cluster_status totals_; // of those that are gone
  bool draining_ = false;
  bool finished_ = false;
};

/// Spawn with `sys.spawn(gate, cfg, partitioner, bucket)`.
inline gate_actor::behavior_type gate(gate_actor::stateful_pointer<gate_state> self,
                                      gate_config cfg, partitioner_actor partitioner,
                                      token_bucket_actor bucket) {
  return state_of(self).make_behavior(std::move(cfg), std::move(partitioner), std::move(bucket));
}

} // namespace gitstar
