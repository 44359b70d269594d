#pragma once

#include "messages/search_query.hpp"

#include <cstdint>
#include <vector>

namespace gitstar {

/// Finds the largest star count T such that `stars:>=T` has at least `wanted` matches.
class threshold_search {
public:
  /// `stars` is the range that the user's search allows.
  threshold_search(int64_t wanted, int_range stars);

  /// The star counts to count next, ascending, at most `width` (at least 2 are used).
  std::vector<int64_t> probes(uint32_t width) const;

  /// Takes the matches of `stars:>=probe` for what `probes` returned.
  void learn(const std::vector<int64_t>& probes, const std::vector<int64_t>& counts);

  /// The whole search has fewer than `wanted` matches; `count()` says how many.
  bool impossible() const { return impossible_; }
  /// T is exact, as far as counts are, or nothing can be found.
  bool finished() const;
  int64_t threshold() const { return low_; }
  int64_t count() const { return count_; }

private:
  int64_t wanted_;
  int64_t low_;        // count(stars >= low_) >= wanted_, once known
  int64_t high_;       // count(stars >= high_) < wanted_
  int64_t count_ = -1; // of low_
  bool impossible_ = false;
};

} // namespace gitstar
