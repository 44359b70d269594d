#include "actors/threshold_search.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <random>

using namespace gitstar;

namespace {

/// Star counts as GitHub has them: many small ones, few large ones.
class stars {
public:
  explicit stars(uint32_t seed, size_t count) {
    std::mt19937 random{seed};
    std::uniform_real_distribution<double> chance(1e-6, 1);
    for (size_t i = 0; i < count; ++i)
      ++histogram_[static_cast<int64_t>(std::min(std::pow(chance(random), -0.9), 500'000.0))];
  }

  int64_t at_least(int64_t x) const {
    int64_t result = 0;
    for (auto i = histogram_.lower_bound(x); i != histogram_.end(); ++i)
      result += i->second;
    return result;
  }

  /// The largest star count that `wanted` repositories reach.
  int64_t threshold(int64_t wanted) const {
    int64_t sum = 0;
    for (auto i = histogram_.rbegin(); i != histogram_.rend(); ++i)
      if ((sum += i->second) >= wanted)
        return i->first;
    return -1;
  }

private:
  std::map<int64_t, int64_t> histogram_;
};

/// Runs a threshold search against `count`; returns the number of rounds.
template <class Count>
int rounds_of(threshold_search& search, uint32_t width, Count count) {
  auto rounds = 0;
  for (; !search.finished() && rounds < 1000; ++rounds) {
    auto probes = search.probes(width);
    REQUIRE_FALSE(probes.empty());
    REQUIRE(std::is_sorted(probes.begin(), probes.end()));
    REQUIRE(probes.size() <= std::max(width, 2u));
    std::vector<int64_t> counts;
    for (auto x : probes)
      counts.push_back(count(x));
    search.learn(probes, counts);
  }
  return rounds;
}

} // namespace

TEST_CASE("the threshold is exact and found in few rounds", "[threshold_search]") {
  for (auto seed = 1u; seed <= 20; ++seed) {
    stars world{seed, 20'000};
    for (int64_t wanted : {1, 10, 500, 10'000, 20'000}) {
      for (auto width : {1u, 10u, 100u}) {
        threshold_search search{wanted, {}};
        auto rounds = rounds_of(search, width, [&](int64_t x) { return world.at_least(x); });
        REQUIRE_FALSE(search.impossible());
        // Where no repository has T stars, T's neighbours below say the same.
        REQUIRE(search.count() == world.at_least(world.threshold(wanted)));
        REQUIRE(search.count() == world.at_least(search.threshold()));
        REQUIRE(rounds <= (width == 1 ? 21 : width == 10 ? 7 : 4));
      }
    }
  }
}

TEST_CASE("a threshold search stays inside the user's range of stars", "[threshold_search]") {
  stars world{4, 20'000};
  auto below_100 = [&](int64_t x) { return world.at_least(x) - world.at_least(100); };
  threshold_search search{50, {5, 99}};
  rounds_of(search, 10, below_100);
  CHECK(search.threshold() >= 5);
  CHECK(search.threshold() <= 99);
  CHECK(search.count() == below_100(search.threshold()));
  CHECK(below_100(search.threshold() + 1) < 50);
}

TEST_CASE("more than the search matches is impossible", "[threshold_search]") {
  stars world{5, 1000};
  threshold_search search{1001, {}};
  CHECK(rounds_of(search, 10, [&](int64_t x) { return world.at_least(x); }) == 1);
  CHECK(search.impossible());
  CHECK(search.count() == 1000);
}

TEST_CASE("a threshold search ends although counts are estimates", "[threshold_search]") {
  for (auto seed = 1u; seed <= 50; ++seed) {
    stars world{seed, 20'000};
    std::mt19937 random{seed};
    auto estimate = [&](int64_t x) {
      auto exact = world.at_least(x);
      return exact + static_cast<int64_t>(random() % 400) - 200;
    };
    threshold_search search{5000, {}};
    CHECK(rounds_of(search, 10, estimate) < 30);
    CHECK_FALSE(search.impossible());
    CHECK(search.count() >= 5000);
  }
}
