#pragma once

#include "messages/basic.hpp"

#include <algorithm>
#include <cstdint>

namespace gitstar {

/// Learns how many 100-item fields one query of a shape may carry: doubles on quick success until
/// the first failure, halves on time-outs and resource limits, and from then on grows by one.
class query_width {
public:
  query_width(uint32_t start, uint32_t max) : width_(start), max_(max), slow_start_(max) {}

  /// Goes on from a width that an earlier process learned: no doubling beyond it.
  static query_width remembered(uint32_t width, uint32_t max) {
    query_width result{std::clamp(width, 1u, max), max};
    result.slow_start_ = result.width_;
    return result;
  }

  uint32_t current() const { return width_; }

  /// GitHub ends a query after 10 s (fact sheet 3): well below that, more fields are safe.
  void succeeded(uint32_t fields, milliseconds elapsed) {
    if (fields < width_ || elapsed > quick)
      return;
    width_ = std::min(max_, width_ < slow_start_ ? std::min(width_ * 2, slow_start_) : width_ + 1);
  }

  /// Queries that were sent before the width shrank do not shrink it again.
  void failed(uint32_t fields) {
    if (fields > width_)
      return;
    width_ = std::max(1u, fields / 2);
    slow_start_ = width_;
  }

private:
  static constexpr milliseconds quick{2500};

  uint32_t width_;
  uint32_t max_;
  uint32_t slow_start_;
};

} // namespace gitstar
