#pragma once

#include "messages/interfaces.hpp"

#include <optional>
#include <vector>

namespace gitstar {

struct link_config {
  caf::actor door; ///< the coordinator's, as connected to
  worker_greeting greeting;
  caf::timespan heartbeat = std::chrono::milliseconds{500};
  caf::timespan lost_after = std::chrono::seconds{3};
  /// News that nobody waits for are sent so late, together with what comes until then.
  caf::timespan linger = std::chrono::milliseconds{5};
  /// Gets `lost_atom` when the coordinator is gone, `drain_atom` when it stops, and `finished_atom`
  /// when the crawl is finished.
  caf::actor observer;
};

/// A worker's end of its connection. Joins, then exchanges news for blocks with its DESK, and
/// notices when that is gone or silent. It serves one connection only: what it cannot bear ends it,
/// and the worker starts anew with another one.
class link_state {
public:
  explicit link_state(link_actor::pointer self) : self_(self) {}
  link_actor::behavior_type make_behavior(link_config cfg);
  static inline constexpr const char* name = "gitstar.link";

private:
  using time_point = caf::actor_clock::time_point;

  time_point now() const { return self_->clock().now(); }
  void join();
  void add(worker_news&& news);
  void send_news();
  void take(const grant_block& block);
  void lose(const std::string& why);

  link_actor::pointer self_;
  link_config cfg_;
  desk_actor desk_;
  std::vector<caf::actor> agents_;
  worker_news pending_;
  bool has_news_ = false;
  bool waking_ = false; // at once
  bool lingering_ = false;
  bool lost_ = false;
  bool told_end_ = false;
  uint64_t heard_ = 0;                // blocks that the permit agent has taken
  std::optional<caf::error> leaving_; // why, once we have said so
  time_point leave_by_;
  time_point last_heard_;
  time_point last_sent_;
};

/// Spawn with `sys.spawn(link, cfg)`.
inline link_actor::behavior_type link(link_actor::stateful_pointer<link_state> self,
                                      link_config cfg) {
  return state_of(self).make_behavior(std::move(cfg));
}

} // namespace gitstar
