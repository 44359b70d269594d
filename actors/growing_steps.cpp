#include "actors/growing_steps.hpp"

#include <algorithm>
#include <cmath>

namespace gitstar {

std::vector<int64_t> growing_steps(int64_t first, int64_t last, int64_t points) {
  std::vector<int64_t> result;
  auto low = static_cast<double>(first + 1);
  auto ratio = static_cast<double>(last + 1) / low;
  for (int64_t i = 0; i < points; ++i) {
    auto share = static_cast<double>(i) / static_cast<double>(points);
    auto value = static_cast<int64_t>(low * std::pow(ratio, share)) - 1;
    if (!result.empty())
      value = std::max(value, result.back() + 1);
    if (value > last)
      break;
    result.push_back(value);
  }
  return result;
}

} // namespace gitstar
