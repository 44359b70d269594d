#include "actors/threshold_search.hpp"

#include "actors/growing_steps.hpp"

#include <algorithm>

namespace gitstar {

threshold_search::threshold_search(int64_t wanted, int_range stars)
    : wanted_(wanted), low_(std::max<int64_t>(stars.first, 0)),
      high_(stars.last == int_range::highest ? std::max(stars_ceiling, low_ + 1) : stars.last + 1) {
}

std::vector<int64_t> threshold_search::probes(uint32_t width) const {
  // The first round includes the lowest star count, which tells whether there are enough at all.
  auto first = count_ < 0 ? low_ : low_ + 1;
  return growing_steps(first, high_ - 1, std::max<int64_t>(width, 2));
}

void threshold_search::learn(const std::vector<int64_t>& probes,
                             const std::vector<int64_t>& counts) {
  for (size_t i = 0; i < probes.size() && i < counts.size(); ++i) {
    if (counts[i] >= wanted_) {
      low_ = probes[i];
      count_ = counts[i];
      continue;
    }
    if (count_ < 0) {
      impossible_ = true;
      count_ = counts[i];
    } else {
      high_ = probes[i];
    }
    // Broad counts are estimates and need not fall with each step: the first shortfall decides.
    return;
  }
}

bool threshold_search::finished() const {
  return impossible_ || (count_ >= 0 && (high_ - low_ <= 1 || count_ == wanted_));
}

} // namespace gitstar
