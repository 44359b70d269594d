#pragma once

#include <cstdint>
#include <vector>

namespace gitstar {

/// Above every star count that exists.
inline constexpr int64_t stars_ceiling = int64_t{1} << 20;

/// At most `points` integers in [first, last], ascending, beginning with `first`, in steps that
/// grow by one factor: star counts and sizes have long tails.
std::vector<int64_t> growing_steps(int64_t first, int64_t last, int64_t points);

} // namespace gitstar
