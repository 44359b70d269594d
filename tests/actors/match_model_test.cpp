#include "actors/match_model.hpp"

#include "actors/search_cells.hpp"

#include <catch2/catch.hpp>

#include <numeric>

using namespace gitstar;

namespace {

constexpr int64_t begin_2020 = 1577836800;
constexpr int64_t begin_2024 = 1704067200;

search_query four_years() {
  search_query result;
  result.created = {begin_2020, begin_2024 - 1};
  result.stars = {10, int_range::highest};
  return result;
}

int64_t sum(const std::vector<int64_t>& counts) {
  return std::accumulate(counts.begin(), counts.end(), int64_t{0});
}

std::vector<size_t> all_of(const std::vector<search_query>& parts) {
  std::vector<size_t> result(parts.size());
  std::iota(result.begin(), result.end(), size_t{0});
  return result;
}

} // namespace

TEST_CASE("ids grow as the public samples say, and on after the last", "[plan]") {
  auto curve = growth_of_ids();
  CHECK(total_at(curve, 0) == 1);
  CHECK(total_at(curve, 1658188800) == 515.4e6);
  CHECK(total_at(curve, 1640995200 + 100) > 443.8e6);
  auto late = curve.back().seconds + 86'400;
  CHECK(total_at(curve, late) - curve.back().total == Approx(900e3).epsilon(0.02));
}

TEST_CASE("every match is in exactly one part, whatever a search is cut by", "[plan]") {
  match_model model{four_years(), 10'000, growth_of_ids()};
  auto parts = cut(four_years(), 20);
  auto counts = model.count(parts, {}, {});
  CHECK(sum(counts) == 10'000);
  // Ids grew faster every year.
  CHECK(counts.front() < counts.back());
  auto finer = cut(parts[7], 8);
  CHECK(sum(model.count(finer, {}, {})) == counts[7]);

  auto second = four_years();
  second.created = {begin_2020, begin_2020};
  match_model burst{second, 1500, growth_of_ids()};
  auto by_stars = cut(second, 10);
  auto star_counts = burst.count(by_stars, {}, {});
  CHECK(sum(star_counts) == 1500);
  CHECK(star_counts.front() > star_counts.back());
}

TEST_CASE("the same questions get the same answers", "[plan]") {
  auto parts = cut(four_years(), 50);
  match_model one{four_years(), 5000, growth_of_ids()};
  match_model other{four_years(), 5000, growth_of_ids()};
  CHECK(one.count(parts, {}, {}) == other.count(parts, {}, {}));
}

TEST_CASE("nobody should guess what has not been counted, nor what is in a burst", "[plan]") {
  match_model model{four_years(), 8000, growth_of_ids()};
  auto parts = cut(four_years(), 20);
  CHECK(model.doubtful(parts) == all_of(parts));

  std::vector<int64_t> told(20, 300);
  told[5] = 2300;
  CHECK(model.count(parts, all_of(parts), told) == told);
  CHECK(model.doubtful(cut(parts[4], 4)).empty());
  auto burst = cut(parts[5], 4);
  CHECK(model.doubtful(burst) == all_of(burst));

  // Until it has been found.
  model.count(burst, all_of(burst), {80, 70, 2080, 70});
  CHECK(model.doubtful(cut(burst[1], 4)).empty());
  CHECK(model.doubtful(cut(burst[2], 4)).size() == 4);
}

TEST_CASE("a count that was not told is drawn", "[plan]") {
  match_model model{four_years(), 1000, growth_of_ids()};
  auto parts = cut(four_years(), 2);
  auto counts = model.count(parts, {0, 1}, {-1, -1});
  CHECK(sum(counts) == 1000);
  CHECK(counts[0] > 300);
}

TEST_CASE("similar crawls have their matches where one has shown them to be", "[plan]") {
  match_model model{four_years(), 4000, growth_of_ids()};
  auto parts = cut(four_years(), 4);
  model.count(parts, all_of(parts), {100, 3000, 500, 400});
  match_model similar{four_years(), 2000, model.curve()};
  auto counts = similar.count(parts, {}, {});
  CHECK(sum(counts) == 2000);
  CHECK(counts[1] == Approx(1500).margin(100));
  CHECK(counts[0] < 100);
}

TEST_CASE("a model refuses what none of its cells holds", "[plan]") {
  match_model model{four_years(), 1000, growth_of_ids()};
  auto other = four_years();
  other.created = {begin_2024, begin_2024 + 10};
  CHECK_THROWS_AS(model.count({other}, {}, {}), std::logic_error);
}
