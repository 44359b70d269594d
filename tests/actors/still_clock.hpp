#pragma once

#include "actors/wall_clock.hpp"

namespace gitstar::test {

using time_point = std::chrono::steady_clock::time_point;

inline const time_point start{std::chrono::hours{1000}};
inline const timestamp wall_start{std::chrono::seconds{1717200000}}; // 2024-06-01T00:00:00Z

/// Both clocks where they start.
inline wall_clock still_clock() { return {wall_start, start}; }

} // namespace gitstar::test
