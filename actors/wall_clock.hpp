#pragma once

#include "messages/basic.hpp"

#include <caf/actor_clock.hpp>

namespace gitstar {

/// Turns the actor clock, which tests move, into the time of day: both were read once when the
/// program began.
struct wall_clock {
  std::chrono::system_clock::time_point wall_at_start = std::chrono::system_clock::now();
  caf::actor_clock::time_point actor_at_start = std::chrono::steady_clock::now();

  timestamp at(caf::actor_clock::time_point now) const {
    return std::chrono::floor<std::chrono::seconds>(
        wall_at_start +
        std::chrono::duration_cast<std::chrono::system_clock::duration>(now - actor_at_start));
  }

  /// When the actor clock will show `time`.
  caf::actor_clock::time_point when(timestamp time) const {
    return actor_at_start +
           std::chrono::duration_cast<caf::actor_clock::duration_type>(time - wall_at_start);
  }
};

} // namespace gitstar
