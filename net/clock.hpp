#pragma once

#include <chrono>
#include <functional>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace gitstar::net {

/// Time on the network thread: what it is and waiting for it. Tests put their own here.
class clock {
public:
  using time_point = std::chrono::system_clock::time_point;

  virtual ~clock() = default;

  /// Our idea of UTC. GitHub's may differ: see `api_response::server_clock_skew`.
  virtual time_point now() const = 0;

  /// Runs `action` on the network thread after `delay`, or at once when `stop` is called.
  virtual void after(std::chrono::milliseconds delay, std::function<void()> action) = 0;

  /// Ends all waiting, also what begins later.
  virtual void stop() = 0;
};

/// The system's clock with timers of `context`; all but `now` on its thread.
std::unique_ptr<clock> system_clock(boost::asio::io_context& context);

} // namespace gitstar::net
