#include "actors/workload.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace gitstar;

namespace {

crawl_outline outline(int64_t matches, uint32_t width, int64_t top = 0) {
  crawl_outline result;
  result.query.created = {1199188800, 1795046400};
  result.query.stars.first = 10;
  result.top = top;
  result.matches = matches;
  result.pages = query_width{width, width};
  result.counts = query_width{50, 100};
  result.planned = {width, 50};
  result.fetchers = 8;
  return result;
}

} // namespace

TEST_CASE("a query costs a point per hundred connections, and at least one", "[plan]") {
  auto [connections, points] = GENERATE(
      table<int64_t, int64_t>({{1, 1}, {10, 1}, {100, 1}, {149, 1}, {150, 2}, {249, 2}, {250, 3}}));
  CHECK(query_points(connections) == points);
}

TEST_CASE("all matches are read, in windows that one search may return", "[plan]") {
  auto width = GENERATE(1u, 5u, 10u);
  CAPTURE(width);
  auto work = estimate(outline(50'000, width)).work;
  CHECK(work.repositories == 50'000);
  CHECK(work.pages >= 500);
  CHECK(work.pages <= 560);
  CHECK(work.partitions >= 50'000 / 900);
  CHECK(work.partitions <= 90);
  CHECK(work.splits == 1);
  CHECK(work.page_queries >= work.pages / width);
  CHECK(work.page_queries <= work.pages / width + 2 * 8); // all fetchers begin and end
  CHECK(work.count_queries <= 20);
  CHECK(work.points == Approx(static_cast<double>(work.queries())).margin(1)); // means, rounded
}

TEST_CASE("what fits into one window is counted once and read", "[plan]") {
  auto work = estimate(outline(850, 10)).work;
  CHECK(work.count_queries == 1);
  CHECK(work.partitions == 1);
  CHECK(work.splits == 0);
  CHECK(work.pages == 9);
  CHECK(work.page_queries == 2); // page 1 tells whether cursors can be predicted
  CHECK(estimate(outline(0, 10)).work.partitions == 0);
}

TEST_CASE("a query that begins narrow needs some queries more", "[plan]") {
  auto fixed = estimate(outline(50'000, 10)).work;
  auto ramp = outline(50'000, 10);
  ramp.pages = query_width{1, 10};
  auto grown = estimate(ramp).work;
  CHECK(grown.page_queries > fixed.page_queries);
  CHECK(grown.page_queries < fixed.page_queries + 25);
}

TEST_CASE("a large crawl is so many times a smaller one", "[plan]") {
  auto small = estimate(outline(200'000, 10)).work;
  auto large = estimate(outline(20'000'000, 10)).work;
  CHECK(large.repositories == 20'000'000);
  CHECK(static_cast<double>(large.queries()) ==
        Approx(100.0 * static_cast<double>(small.queries())).epsilon(0.02));
  CHECK(static_cast<double>(large.partitions) ==
        Approx(100.0 * static_cast<double>(small.partitions)).epsilon(0.02));
}

TEST_CASE("top looks for its threshold first", "[plan]") {
  auto all = estimate(outline(20'000, 10)).work;
  auto top = estimate(outline(20'000, 10, 20'000)).work;
  CHECK(top.splits == all.splits + 1);
  CHECK(top.count_queries >= all.count_queries); // which counts the whole instead
  CHECK(top.count_queries <= all.count_queries + 3);
}

TEST_CASE("a threshold is assumed where the search allows one", "[plan]") {
  auto stars = GENERATE(int_range{0, int_range::highest}, int_range{5000, int_range::highest},
                        int_range{10, 12}, int_range{7, 7});
  auto within = outline(3000, 10, 3000);
  within.query.stars = stars;
  auto work = estimate(within).work;
  CHECK(work.repositories == 3000);
  CHECK(work.pages >= 30);
}

TEST_CASE("GitHub is asked for the threshold and the shape, not for what is even", "[plan]") {
  auto asked = outline(0, 10, 20'000);
  size_t searches = 0;
  auto even = [&](const std::vector<search_query>& questions) {
    searches += questions.size();
    std::vector<int64_t> counts;
    for (auto& x : questions) {
      auto stars = 2'000'000 / (x.stars.first + 1);
      auto span = x.created.last - x.created.first + 1;
      auto whole = asked.query.created.last - asked.query.created.first + 1;
      counts.push_back(stars * span / whole);
    }
    return counts;
  };
  auto found = estimate(asked, even);
  CHECK(found.threshold == 99); // 2,000,000 / 100
  CHECK(found.work.repositories == 20'000);
  CHECK(searches <= 150);
  CHECK(found.work.pages <= 210); // even cells fill their windows
}

TEST_CASE("top that asks for more than there are is refused as the crawl would be", "[plan]") {
  auto few = [](const std::vector<search_query>& questions) {
    return std::vector<int64_t>(questions.size(), 7);
  };
  CHECK_THROWS_MATCHES(estimate(outline(0, 10, 100), few), too_few_matches,
                       Catch::Message("top asks for 100 repositories, but 'stars:>=10 "
                                      "created:2008-01-01T12:00:00Z..2026-11-19T00:00:00Z' "
                                      "matches only 7"));
}

TEST_CASE("a burst that GitHub tells of is planned into", "[plan]") {
  constexpr int64_t second = 1600000000;
  constexpr int64_t burst = 1700;
  auto plain = outline(0, 10);
  auto whole = plain.query.created.last - plain.query.created.first + 1;
  auto with_burst = [&](const std::vector<search_query>& questions) {
    std::vector<int64_t> counts;
    for (auto& x : questions) {
      auto span = x.created.last - x.created.first + 1;
      auto count = 20'000 * span / whole;
      auto inside = x.created.first <= second && second <= x.created.last;
      // Its stars are spread evenly from 10 to 109.
      auto stars = std::min<int64_t>(x.stars.last, 109) - std::max<int64_t>(x.stars.first, 10) + 1;
      counts.push_back(count + (inside ? burst * std::max<int64_t>(stars, 0) / 100 : 0));
    }
    return counts;
  };
  auto even = estimate(outline(21'700, 10)).work;
  auto found = estimate(plain, with_burst);
  CHECK(found.work.splits > even.splits); // the second is cut by stars
  CHECK(found.work.count_queries > even.count_queries + 3);
  // Later plans of the same find it without asking.
  auto again = outline(21'700, 10);
  again.curve = found.curve;
  CHECK(estimate(again).work.splits >= found.work.splits);
}
