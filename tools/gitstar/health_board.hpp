#pragma once

#include "net/status_server.hpp"

#include <mutex>
#include <utility>

namespace gitstar::tool {

/// What the monitoring server tells; written by the main thread, read by the server's.
class health_board {
public:
  void set(net::health state) {
    std::lock_guard guard{mutex_};
    state_ = std::move(state);
  }
  net::health get() const {
    std::lock_guard guard{mutex_};
    return state_;
  }

private:
  mutable std::mutex mutex_;
  net::health state_{true, "starting"};
};

} // namespace gitstar::tool
