#pragma once

#include <caf/actor_clock.hpp>

#include <algorithm>
#include <chrono>
#include <optional>

namespace gitstar {

/// A timer that an actor moves forward at will: of several calls only the earliest sends a message.
/// One that comes early is harmless, because its handler looks at the clock.
class wake_up {
public:
  using time_point = caf::actor_clock::time_point;

  template <class Self, class Atom>
  void at(Self* self, time_point when, Atom message) {
    if (pending_ && *pending_ <= when)
      return;
    pending_ = when;
    auto delay =
        std::max<time_point::duration>(when - self->clock().now(), std::chrono::milliseconds{1});
    self->delayed_send(self, delay, message);
  }

  /// To be called by the message's handler. One that was overtaken by an earlier one leaves the
  /// newest alone: otherwise each would breed another.
  void arrived(time_point now) {
    if (pending_ && *pending_ <= now)
      pending_.reset();
  }

private:
  std::optional<time_point> pending_;
};

} // namespace gitstar
