#include "actors/circuit_breaker.hpp"

namespace gitstar {

bool circuit_breaker::allows(time_point now) {
  if (state_ == state::open && now >= open_until_) {
    state_ = state::half_open;
    trial_under_way_ = false;
  }
  return state_ == state::closed || (state_ == state::half_open && !trial_under_way_);
}

void circuit_breaker::sent() { trial_under_way_ = state_ == state::half_open; }

void circuit_breaker::succeeded() {
  // An answer to a query sent before it opened proves nothing about now.
  if (state_ == state::open)
    return;
  state_ = state::closed;
  failures_ = 0;
}

void circuit_breaker::failed(time_point now) {
  ++failures_;
  if (state_ == state::half_open || (state_ == state::closed && failures_ >= threshold_)) {
    state_ = state::open;
    open_until_ = now + recovery_;
  }
}

} // namespace gitstar
