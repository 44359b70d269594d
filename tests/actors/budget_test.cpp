#include "actors/budget.hpp"
#include "actors/circuit_breaker.hpp"
#include "actors/query_width.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace std::chrono_literals;

namespace {

using time_point = budget::time_point;

const time_point start{1000h};
const timestamp wall_start{std::chrono::seconds{1717200000}};

wall_clock test_clock() { return {wall_start, start}; }

query_report report_of(int64_t remaining, std::chrono::seconds reset_in, int64_t cost = 1) {
  query_report x;
  x.limits = {true, true, 5000, remaining, cost, wall_start + reset_in};
  x.elapsed = 100ms;
  return x;
}

query_report failed_with(outcome result) {
  query_report x;
  x.result = result;
  return x;
}

budget make(config::limits_section limits = {}) { return {"token-1", limits, test_clock()}; }

/// A budget with `remaining` points until `start` + 30 min.
budget told(int64_t remaining, config::limits_section limits = {}) {
  auto x = make(limits);
  x.sent(start, 1);
  x.answered(start, 1, report_of(remaining, 30min));
  return x;
}

} // namespace

TEST_CASE("until GitHub tells the budget, one query is under way at a time", "[budget]") {
  auto x = make();
  CHECK(x.ready_at(start, 1) == start);
  x.sent(start, 1);
  CHECK_FALSE(x.ready_at(start, 1));
  CHECK(x.why() == "the first answer");
  x.answered(start, 1, failed_with(outcome::timeout));
  CHECK(x.ready_at(start, 1) == start);
  x.sent(start, 1);
  x.answered(start, 1, report_of(4999, 30min));
  x.sent(start, 1);
  CHECK(x.ready_at(start, 1) == start);
}

TEST_CASE("the reserve is not spent before the reset", "[budget]") {
  auto x = told(101); // reserve: 2 % of 5,000
  CHECK(x.ready_at(start, 1) == start);
  CHECK(x.ready_at(start, 2) == start + 30min + 1s);
  CHECK(x.why() == "the reset of the points");
  x.sent(start, 1);
  CHECK(x.ready_at(start, 1) == start + 30min + 1s);
}

TEST_CASE("answers that overtake each other do not give points back", "[budget]") {
  auto x = told(150);
  x.sent(start, 1);
  x.sent(start, 1);
  x.answered(start, 1, report_of(102, 30min));
  x.answered(start, 1, report_of(103, 30min));
  CHECK(x.view().remaining == 102);
}

TEST_CASE("a query without an answer is charged", "[budget]") {
  auto x = told(102);
  x.sent(start, 1);
  x.answered(start, 1, failed_with(outcome::timeout));
  CHECK(x.view().remaining == 101);
}

TEST_CASE("after the reset the next window is spent within its limit", "[budget]") {
  config::limits_section limits;
  limits.points_per_minute = 1'000'000;
  limits.response_seconds_per_minute = 0;
  auto x = told(100, limits);
  auto after = start + 30min + 1s;
  auto sent = 0;
  while (x.ready_at(after, 1) && *x.ready_at(after, 1) <= after) {
    x.sent(after, 1);
    ++sent;
    REQUIRE(sent <= 5000);
  }
  CHECK(sent == 4900);
  CHECK_FALSE(x.ready_at(after, 1)); // the first answer tells when this window ends
  x.answered(after, 1, report_of(4999, 90min));
  CHECK(x.view().remaining == 4999);
  CHECK(x.ready_at(after, 1) == start + 90min + 1s);
}

TEST_CASE("where all answers after the reset were lost, a query asks again", "[budget]") {
  auto x = told(100);
  auto after = start + 30min + 1s;
  CHECK(x.ready_at(after, 4900) == after);
  x.sent(after, 4900);
  CHECK_FALSE(x.ready_at(after, 1));
  x.answered(after, 4900, failed_with(outcome::network));
  CHECK(x.ready_at(after, 1) == after);
}

TEST_CASE("an answer of the window that is over does not count", "[budget]") {
  auto x = told(101);
  x.sent(start, 1);
  auto after = start + 30min + 1s;
  CHECK(x.ready_at(after, 1) == after);
  x.answered(after, 1, report_of(0, 30min));
  CHECK(x.view().remaining == 5000);
  CHECK(x.ready_at(after, 1) == after);
}

TEST_CASE("no more queries per minute than the limit", "[budget]") {
  config::limits_section limits;
  limits.points_per_minute = 3;
  auto x = told(5000, limits);
  x.sent(start + 10s, 1);
  x.sent(start + 20s, 1);
  CHECK(x.ready_at(start + 20s, 1) == start + 61s);
  CHECK(x.why() == "the queries per minute");
  CHECK(x.ready_at(start + 61s, 1) == start + 61s);
}

TEST_CASE("no more response time per minute than the limit", "[budget]") {
  config::limits_section limits;
  limits.response_seconds_per_minute = 10;
  auto x = told(5000, limits);
  auto report = report_of(4000, 30min);
  report.elapsed = 6s;
  x.sent(start, 1);
  x.answered(start + 6s, 1, report);
  x.sent(start + 6s, 1);
  x.answered(start + 12s, 1, report);
  auto ready = x.ready_at(start + 12s, 1);
  REQUIRE(ready);
  CHECK(*ready == start + 6s + 61s);
  CHECK(x.why() == "the response time per minute");
  CHECK(x.ready_at(*ready, 1) == *ready);
}

TEST_CASE("what is under way counts with the time it will probably take", "[budget]") {
  config::limits_section limits;
  limits.response_seconds_per_minute = 10;
  auto x = make(limits);
  auto report = report_of(4000, 30min);
  report.elapsed = 3s;
  x.sent(start, 1);
  x.answered(start + 3s, 1, report);
  x.sent(start + 3s, 1);
  CHECK(x.ready_at(start + 3s, 1) == start + 3s); // 3 s done, 2 x 3 s planned
  x.sent(start + 3s, 1);
  CHECK(x.ready_at(start + 3s, 1) == start + 3s + 61s);
  CHECK(x.why() == "the response time per minute");
}

TEST_CASE("a query longer than the whole limit is still sent at last", "[budget]") {
  config::limits_section limits;
  limits.response_seconds_per_minute = 2;
  auto x = make(limits);
  auto report = report_of(4000, 30min);
  report.elapsed = 5s;
  x.sent(start, 1);
  x.answered(start + 5s, 1, report);
  CHECK(x.ready_at(start + 5s, 1) == start + 66s);
  CHECK(x.ready_at(start + 66s, 1) == start + 66s);
}

TEST_CASE("a secondary limit bans for as long as GitHub says", "[budget]") {
  auto x = told(5000);
  x.sent(start, 1);
  auto report = failed_with(outcome::secondary_limit);
  report.retry_after = 30s;
  x.answered(start, 1, report);
  CHECK(x.ready_at(start, 1) == start + 31s);
  CHECK(x.why() == "a ban");
  CHECK(x.ready_at(start + 31s, 1) == start + 31s);
}

TEST_CASE("without a word bans double from a minute to an hour", "[budget]") {
  auto x = told(5000);
  auto now = start;
  for (auto seconds : {60s, 120s, 240s, 480s, 960s, 1920s, 3600s, 3600s}) {
    x.sent(now, 1);
    x.answered(now, 1, failed_with(outcome::secondary_limit));
    auto ready = x.ready_at(now, 1);
    REQUIRE(ready);
    CHECK(*ready == now + seconds + 1s);
    now = *ready;
  }
}

TEST_CASE("a success makes the next ban short again", "[budget]") {
  auto x = told(5000);
  for (auto i = 0; i < 3; ++i) {
    x.sent(start, 1);
    x.answered(start, 1, failed_with(outcome::secondary_limit));
  }
  x.sent(start + 1h, 1);
  x.answered(start + 1h, 1, report_of(4000, 90min));
  x.sent(start + 1h, 1);
  x.answered(start + 1h, 1, failed_with(outcome::secondary_limit));
  CHECK(x.ready_at(start + 1h, 1) == start + 1h + 61s);
}

TEST_CASE("spent points wait for the reset, whatever the header said", "[budget]") {
  auto x = told(400);
  x.sent(start, 1);
  auto report = report_of(4, 30min);
  report.result = outcome::primary_limit;
  x.answered(start, 1, report);
  CHECK(x.ready_at(start, 1) == start + 30min + 1s);
}

TEST_CASE("spent points without a known reset wait a minute", "[budget]") {
  auto x = make();
  x.sent(start, 1);
  x.answered(start, 1, failed_with(outcome::primary_limit));
  CHECK(x.ready_at(start, 1) == start + 61s);
}

TEST_CASE("a server with limits off is not paced", "[budget]") {
  config::limits_section limits;
  limits.points_per_minute = 1;
  limits.response_seconds_per_minute = 1;
  auto x = make(limits);
  x.sent(start, 1);
  query_report report;
  report.limits.known = true;
  report.limits.enabled = false;
  report.elapsed = 10s;
  x.answered(start, 1, report);
  for (auto i = 0; i < 1000; ++i) {
    REQUIRE(x.ready_at(start, 1) == start);
    x.sent(start, 1);
  }
}

TEST_CASE("a ban and the points survive a restart", "[budget]") {
  auto x = told(150);
  x.sent(start, 1);
  auto report = failed_with(outcome::secondary_limit);
  report.retry_after = 600s;
  x.answered(start, 1, report);
  auto saved = x.record();
  CHECK(saved.banned_until == wall_start + 601s);
  budget y{"token-1", {}, test_clock()};
  y.restore(saved);
  CHECK(y.ready_at(start, 1) == start + 601s);
  CHECK(y.view().known);
  CHECK(y.view().remaining == 149);
}

TEST_CASE("that limits were off is not believed after a restart", "[budget]") {
  budget_record saved;
  saved.credential = "token-1";
  saved.enabled = false;
  auto x = make();
  x.restore(saved);
  x.sent(start, 1);
  CHECK_FALSE(x.ready_at(start, 1));
}

TEST_CASE("a query that nobody reports gives its place back", "[budget]") {
  auto x = make();
  x.sent(start, 1);
  x.abandoned(1);
  CHECK(x.ready_at(start, 1) == start);
}

TEST_CASE("failures in a row open the breaker, one trial decides", "[breaker]") {
  circuit_breaker x{3, 60s};
  x.failed(start);
  x.failed(start);
  x.succeeded();
  x.failed(start);
  x.failed(start);
  CHECK(x.allows(start));
  x.failed(start);
  CHECK_FALSE(x.allows(start));
  CHECK(x.current() == circuit_breaker::state::open);
  CHECK(x.retry_at() == start + 60s);
  CHECK_FALSE(x.allows(start + 59s));
  REQUIRE(x.allows(start + 60s));
  x.sent();
  CHECK_FALSE(x.allows(start + 60s));
  x.failed(start + 61s);
  CHECK_FALSE(x.allows(start + 120s));
  REQUIRE(x.allows(start + 121s));
  x.sent();
  x.succeeded();
  CHECK(x.current() == circuit_breaker::state::closed);
  CHECK(x.allows(start + 121s));
}

TEST_CASE("an answer from before it opened does not close the breaker", "[breaker]") {
  circuit_breaker x{1, 60s};
  x.failed(start);
  x.succeeded();
  CHECK_FALSE(x.allows(start + 1s));
}

TEST_CASE("the width doubles until the first failure, then grows by one", "[query_width]") {
  query_width x{1, 9};
  x.succeeded(1, 100ms);
  CHECK(x.current() == 2);
  x.succeeded(2, 100ms);
  x.succeeded(4, 100ms);
  CHECK(x.current() == 8);
  x.failed(8);
  CHECK(x.current() == 4);
  x.succeeded(4, 100ms);
  CHECK(x.current() == 5);
  for (auto i = 0; i < 10; ++i)
    x.succeeded(x.current(), 100ms);
  CHECK(x.current() == 9);
}

TEST_CASE("slow or narrow queries do not widen", "[query_width]") {
  query_width x{4, 9};
  x.succeeded(4, 3000ms);
  x.succeeded(3, 100ms);
  CHECK(x.current() == 4);
}

TEST_CASE("queries that failed together shrink the width once", "[query_width]") {
  query_width x{8, 9};
  for (auto i = 0; i < 5; ++i)
    x.failed(8);
  CHECK(x.current() == 4);
}

TEST_CASE("a narrow query that fails makes the next one narrower", "[query_width]") {
  query_width x{8, 9};
  x.failed(3);
  CHECK(x.current() == 1);
  x.failed(1);
  CHECK(x.current() == 1);
}
