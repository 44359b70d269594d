#pragma once

#include "messages/interfaces.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>

namespace gitstar {

namespace net {
class metrics;
}

struct desk_config {
  std::string worker; ///< its name, for logs
  caf::timespan heartbeat = std::chrono::milliseconds{500};
  caf::timespan lost_after = std::chrono::seconds{3};
  /// The worker's leases are renewed so often while it shows that it is alive.
  caf::timespan renew_interval = std::chrono::seconds{100};
  /// Whether this coordinator leads for certain: asked before anything is granted.
  std::function<bool()> leads = [] { return true; };
  std::shared_ptr<net::metrics> metrics;
};

/// The actors that a desk gets its leases and permits from.
struct desk_partners {
  partitioner_actor partitioner;
  token_bucket_actor bucket;
  link_actor link; ///< the worker's
};

/// What one worker has of the coordinator: takes its news apart, collects what it asked for, and
/// sends that in blocks. Whatever ends it, all that the worker held goes back at once. Once it is
/// not certain that this coordinator leads nothing more is granted: the worker is told to finish
/// what is under way and to look for the leader, which may be this coordinator again.
class desk_state {
public:
  explicit desk_state(desk_actor::pointer self) : self_(self) {}
  desk_actor::behavior_type make_behavior(desk_config cfg, desk_partners partners);
  static inline constexpr const char* name = "gitstar.desk";

private:
  using time_point = caf::actor_clock::time_point;

  time_point now() const { return self_->clock().now(); }
  uint64_t id() const { return self_->id(); }
  void take(worker_news& news);
  void close_permits(const worker_news& news);
  void leave(uint64_t heard);
  void get_permits(query_shape shape, uint32_t count);
  void get_lease(uint32_t pages, uint32_t counts, bool wait);
  void got_lease(std::vector<lease>& work, bool wait);
  void send_soon();
  void send_block();
  void close();
  void keep_back();
  void end(const std::string& why);

  desk_actor::pointer self_;
  desk_config cfg_;
  desk_partners partners_;
  grant_block pending_;
  bool waking_ = false;
  bool closed_ = false;                  // nothing more is granted
  uint32_t at_once_left_ = 0;            // of the leases that the worker wants at once
  std::map<uint64_t, uint64_t> permits_; // permit, and the block that it went with
  uint64_t blocks_ = 0;                  // sent
  std::set<lease_key> leases_;
  time_point last_heard_;
  time_point last_sent_;
  time_point last_renewed_;
};

/// Spawn with `sys.spawn(desk, cfg, partners)`.
inline desk_actor::behavior_type desk(desk_actor::stateful_pointer<desk_state> self,
                                      desk_config cfg, desk_partners partners) {
  return state_of(self).make_behavior(std::move(cfg), std::move(partners));
}

} // namespace gitstar
