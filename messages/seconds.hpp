#pragma once

#include <chrono>

namespace gitstar {

/// As metrics and prices count time.
inline double to_seconds(std::chrono::milliseconds time) {
  return std::chrono::duration<double>(time).count();
}

} // namespace gitstar
