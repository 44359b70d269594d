#include "tools/gitstar/progress.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::tool;
using namespace std::chrono_literals;

namespace {

/// 1,000 of 10,000 repositories for 10 points.
snapshot a_tenth_done() {
  snapshot result;
  result.crawl.phase = "crawling";
  result.crawl.totals.expected = 10'000;
  result.crawl.totals.seen = 1'000;
  result.bucket.points = 10;
  result.bucket.breaker = "closed";
  result.wall = timestamp{1'000'000s};
  return result;
}

budget_view budget(int64_t remaining, int64_t limit, std::chrono::seconds until_reset) {
  budget_view result;
  result.credential = "token-1";
  result.owner = result.credential;
  result.known = true;
  result.limit = limit;
  result.remaining = remaining;
  result.reset_at = timestamp{1'000'000s} + until_reset;
  return result;
}

} // namespace

TEST_CASE("the rest takes as long as the rate says while the points last", "[progress]") {
  auto now = a_tenth_done();
  now.bucket.budgets = {budget(90, 5000, 600s)};
  CHECK(remaining_time(now, 100) == 90s);
}

TEST_CASE("the rest waits for the reset when the points run out before", "[progress]") {
  auto now = a_tenth_done();
  // 90 points are needed and 45 are left: the other half comes after the reset.
  now.bucket.budgets = {budget(45, 5000, 600s)};
  CHECK(remaining_time(now, 100) == 600s + 45s);
}

TEST_CASE("the rest takes whole windows when one does not do", "[progress]") {
  auto now = a_tenth_done();
  // 90 are needed, none is left, each window has 40: two whole ones and 10 points of a third.
  now.bucket.budgets = {budget(0, 40, 600s)};
  CHECK(remaining_time(now, 100) == 600s + 7200s + 10s);
}

TEST_CASE("each budget brings its points at its own reset", "[progress]") {
  auto now = a_tenth_done();
  // 90 are needed, none is left: 40 come after 600 s, 30 after 1,200 s, 40 again after 4,200 s.
  now.bucket.budgets = {budget(0, 40, 600s), budget(0, 30, 1200s)};
  now.bucket.budgets[1].owner = "token-2";
  CHECK(remaining_time(now, 100) == 4200s + 20s);
}

TEST_CASE("nothing is foretold without a rate or an expectation", "[progress]") {
  auto now = a_tenth_done();
  CHECK_FALSE(remaining_time(now, 0));
  now.crawl.totals.expected = 0;
  CHECK_FALSE(remaining_time(now, 100));
}

TEST_CASE("servers without rate limits are never waited for", "[progress]") {
  auto now = a_tenth_done();
  auto free = budget(0, 0, 600s);
  free.enabled = false;
  now.bucket.budgets = {free};
  CHECK(remaining_time(now, 100) == 90s);
}

TEST_CASE("a budget that two credentials share is reckoned with once", "[progress]") {
  auto now = a_tenth_done();
  auto first = budget(45, 5000, 600s);
  auto second = first;
  second.credential = "token-2";
  now.bucket.budgets = {first, second};
  CHECK(remaining_time(now, 100) == 600s + 45s);
  second.owner = second.credential;
  now.bucket.budgets = {first, second};
  CHECK(remaining_time(now, 100) == 90s);
}

TEST_CASE("the line adds budgets up and counts what is banned or rejected", "[progress]") {
  progress_display display{false, 10s};
  auto now = a_tenth_done();
  now.at = std::chrono::steady_clock::time_point{100s};
  now.bucket.budgets.assign(4, budget(1000, 5000, 3600s));
  for (auto& x : now.bucket.budgets)
    x.owner += std::to_string(&x - now.bucket.budgets.data());
  now.bucket.budgets[1].reset_at -= 60s;
  now.bucket.budgets[2].banned_until = now.wall + 60s;
  now.bucket.budgets[3].benched = true;
  now.bucket.in_flight = 3;
  now.bucket.waiting_for = "the response time per minute of token-1";
  CHECK(display.line(now) ==
        "crawling 1,000 of 10,000 (10 %), 0/s, 3,000 of 15,000 points left, reset 14:45, "
        "1 of 4 credentials banned, 1 of 4 credentials rejected, 3 in flight, "
        "waiting for the response time per minute of token-1");
}

TEST_CASE("the line tells points and requests of REST apart", "[progress]") {
  progress_display display{false, 10s};
  auto now = a_tenth_done();
  auto core = budget(1234, 5000, 600s);
  core.what = resource::core;
  core.banned_until = now.wall + 60s;
  now.bucket.budgets = {budget(4321, 5000, 3600s), core};
  now.at = std::chrono::steady_clock::time_point{100s};
  CHECK(display.line(now) ==
        "crawling 1,000 of 10,000 (10 %), 0/s, 4,321 of 5,000 points left, reset 14:46, "
        "1,234 of 5,000 REST requests left, 0 in flight");
}

TEST_CASE("the line names what is done, left and waited for", "[progress]") {
  progress_display display{false, 10s};
  auto now = a_tenth_done();
  now.bucket.budgets = {budget(4321, 5000, 3600s)};
  now.bucket.in_flight = 3;
  now.at = std::chrono::steady_clock::time_point{100s};
  CHECK(display.line(now) ==
        "crawling 1,000 of 10,000 (10 %), 0/s, 4,321 of 5,000 points left, reset 14:46, "
        "3 in flight");
  now.at += 10s;
  now.crawl.totals.seen = 2'000;
  now.bucket.points = 20;
  now.bucket.in_flight = 0;
  now.bucket.breaker = "open";
  now.bucket.waiting_for = "the circuit breaker";
  now.crawl.totals.incomplete = 1;
  CHECK(display.line(now) ==
        "crawling 2,000 of 10,000 (20 %), 100/s, 4,321 of 5,000 points left, reset 14:46, "
        "0 in flight, circuit breaker open, waiting for the circuit breaker, 1 incomplete, "
        "ETA 1:20");
}
