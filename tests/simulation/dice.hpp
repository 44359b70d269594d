/// The random choices of one simulated run.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

namespace gitstar::simulation {

/// The same seed gives the same choices with every compiler: of the standard library only the
/// engine is used, whose numbers the standard fixes.
class dice {
public:
  /// Each `stream` of a seed is a sequence of its own: a new choice in one part of the model leaves
  /// the choices of the others as they were.
  dice(uint64_t seed, uint32_t stream) {
    std::seed_seq seeds{static_cast<uint32_t>(seed), static_cast<uint32_t>(seed >> 32), stream};
    engine_.seed(seeds);
  }

  uint64_t any() { return engine_(); }

  bool chance(double probability) {
    return static_cast<double>(any() >> 11) * 0x1p-53 < probability;
  }

  /// Both ends included.
  int64_t between(int64_t first, int64_t last) {
    return first + static_cast<int64_t>(any() % static_cast<uint64_t>(last - first + 1));
  }

  template <class T>
  const T& one_of(const std::vector<T>& choices) {
    return choices[any() % choices.size()];
  }

private:
  std::mt19937_64 engine_;
};

} // namespace gitstar::simulation
