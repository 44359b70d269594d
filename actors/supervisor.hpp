#pragma once

#include "messages/interfaces.hpp"

#include <deque>
#include <functional>
#include <memory>
#include <random>

namespace gitstar {

namespace net {
class metrics;
}

struct supervisor_config;

/// How a SUPERVISOR starts one of its children.
struct child_spec {
  std::string name;
  /// Spawns the child, unless it is a `subtree`. `earlier` are the leaves that run before it, those
  /// of earlier subtrees included.
  std::function<caf::actor(supervisor_actor::pointer self, const std::vector<named_actor>& earlier)>
      start;
  /// Called with the actor id of a child that has ended or is told to with its SUPERVISOR: what it
  /// held has to go back.
  std::function<void(uint64_t id, const std::vector<named_actor>& running)> ended;
  /// Set: the child is a SUPERVISOR itself, and its leaves count as ours.
  std::shared_ptr<const supervisor_config> subtree;
};

enum class restart_scope : uint8_t {
  rest, ///< with the failed child all that were started after it: they may hold its handle
  one,  ///< the failed child alone: its siblings do not know it
};

struct supervisor_config {
  std::string name;
  std::vector<child_spec> children;
  restart_scope scope = restart_scope::rest;
  /// More restarts than `intensity` within `period` end the supervisor with an error.
  uint32_t intensity = 5;
  caf::timespan period = std::chrono::minutes{1};
  caf::timespan first_delay = std::chrono::milliseconds{100}; ///< doubles with each restart
  caf::timespan max_delay = std::chrono::seconds{10};
  std::vector<named_actor> inherited; ///< leaves of earlier subtrees
  caf::actor parent;                  ///< the SUPERVISOR above; none for the root
  /// Told why it gives up before its children have ended: one that hangs may take for ever.
  std::function<void(const caf::error& reason)> gives_up{};
  std::shared_ptr<net::metrics> metrics;
  uint32_t seed = std::random_device{}(); ///< of the jitter; a test that repeats a run sets it
};

/// Starts its children in order and restarts what fails from clean state. Gives up when restarts
/// cannot help (see `is_final`) or come too often; then the supervisor above decides.
class supervisor_state {
public:
  explicit supervisor_state(supervisor_actor::pointer self) : self_(self) {}
  /// However it ends, killed or by an exception, nobody below goes on without it.
  ~supervisor_state();
  supervisor_state(const supervisor_state&) = delete;
  supervisor_state& operator=(const supervisor_state&) = delete;
  supervisor_actor::behavior_type make_behavior(supervisor_config cfg);
  static inline constexpr const char* name = "gitstar.supervisor";

private:
  enum class phase : uint8_t { stopped, starting, running, stopping };

  struct child {
    phase at = phase::stopped;
    caf::actor handle;
    std::vector<named_actor> leaves;
  };

  void start_stopped();
  caf::actor start_child(size_t index);
  void ask_leaves(size_t index);
  void started(size_t index, std::vector<named_actor> leaves);
  void give_back(size_t index, uint64_t id);
  void child_down(const caf::down_msg& msg);
  void failed(size_t index, const caf::error& reason);
  void changed(uint64_t id);
  void stop_after(size_t index);
  void restart_when_quiet(caf::timespan delay);
  bool any_stopping() const;
  bool too_often();
  caf::timespan next_delay();
  void give_up(const caf::error& reason);
  void stop(caf::error reason);
  void stop_last();
  std::vector<named_actor> leaves_before(size_t index) const;

  supervisor_actor::pointer self_;
  supervisor_config cfg_;
  std::vector<child> children_;
  std::deque<caf::actor_clock::time_point> restarts_; // within the period
  std::vector<caf::typed_response_promise<std::vector<named_actor>>> waiting_;
  bool restart_wanted_ = false;
  caf::timespan restart_delay_{0};
  bool restarted_ = false; // our parent has to know
  bool ending_ = false;
  caf::error end_reason_;
  std::minstd_rand random_;
};

/// Spawn with `sys.spawn(supervisor, cfg)`.
inline supervisor_actor::behavior_type
supervisor(supervisor_actor::stateful_pointer<supervisor_state> self, supervisor_config cfg) {
  return state_of(self).make_behavior(std::move(cfg));
}

/// The leaf of that name, as `Handle`; throws when there is none, which is a mistake in the tree.
template <class Handle>
Handle leaf(const std::vector<named_actor>& leaves, std::string_view name) {
  for (auto& x : leaves)
    if (x.name == name)
      return caf::actor_cast<Handle>(x.handle);
  throw std::logic_error("the supervision tree has no '" + std::string{name} + "'");
}

} // namespace gitstar
