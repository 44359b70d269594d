#pragma once

#include <caf/actor_clock.hpp>

#include <cstdint>

namespace gitstar {

/// Parks all queries to a host that keeps failing: `failures` in a row open it for `recovery`, then
/// one trial decides.
class circuit_breaker {
public:
  using time_point = caf::actor_clock::time_point;
  enum class state : uint8_t { closed, open, half_open };

  circuit_breaker(uint32_t failures, caf::timespan recovery)
      : threshold_(failures), recovery_(recovery) {}

  /// Whether one more query may be sent now.
  bool allows(time_point now);
  /// A query was sent: in half-open it is the trial.
  void sent();
  /// The trial was not sent after all.
  void unsent() { trial_under_way_ = false; }
  void succeeded();
  void failed(time_point now);

  /// When `allows` may change by itself; only while open.
  time_point retry_at() const { return open_until_; }
  state current() const { return state_; }

private:
  uint32_t threshold_;
  caf::timespan recovery_;
  state state_ = state::closed;
  uint32_t failures_ = 0;
  bool trial_under_way_ = false;
  time_point open_until_;
};

} // namespace gitstar
