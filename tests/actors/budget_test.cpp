#include "actors/budget.hpp"
#include "actors/circuit_breaker.hpp"
#include "actors/width_table.hpp"
#include "tests/actors/still_clock.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

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

/// A budget with the reserve of the default limits.
class test_budget : public budget {
public:
  explicit test_budget(config::limits_section limits = {}) : budget(limits, still_clock()) {
    recorded(recording());
  }

  /// The ledger hears of it at once.
  void sent(time_point now, int64_t cost) {
    budget::sent(now, cost);
    recorded(recording());
  }

  std::optional<time_point> ready_at(time_point now, int64_t cost) {
    return budget::ready_at(now, cost, 0.02);
  }
  /// The answer to a query that was sent at `sent_at`.
  void answered(time_point now, int64_t cost, const query_report& report, time_point sent_at) {
    budget::answered(now, {sent_at, cost}, report);
  }
  /// The answer to a query that was sent a moment ago.
  void answered(time_point now, int64_t cost, const query_report& report) {
    answered(now, cost, report, now);
  }
  budget_view view() const {
    budget_view result;
    describe(result);
    return result;
  }
  budget_record record(time_point now = start, bool last = true) const {
    budget_record result;
    describe(now, last, result);
    return result;
  }
};

test_budget make(config::limits_section limits = {}) { return test_budget{limits}; }

/// A budget with `remaining` points until `start` + 30 min.
test_budget told(int64_t remaining, config::limits_section limits = {}) {
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
  CHECK(x.why() == "new points");
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
  x.answered(after, 1, report_of(0, 30min), start);
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
  x.sent(start, 1);
  x.answered(start, 1, failed_with(outcome::secondary_limit));
  x.sent(start + 61s, 1);
  x.answered(start + 61s, 1, failed_with(outcome::secondary_limit));
  CHECK(x.ready_at(start + 61s, 1) == start + 61s + 121s);
  x.sent(start + 10min, 1);
  x.answered(start + 10min, 1, report_of(4000, 30min));
  x.sent(start + 10min, 1);
  x.answered(start + 10min, 1, failed_with(outcome::secondary_limit));
  CHECK(x.ready_at(start + 10min, 1) == start + 11min + 1s);
}

TEST_CASE("queries that are refused together are banned once", "[budget]") {
  auto x = told(5000);
  for (auto i = 0; i < 8; ++i)
    x.sent(start + 1s, 1);
  for (auto i = 0; i < 7; ++i)
    x.answered(start + 2s, 1, failed_with(outcome::secondary_limit), start + 1s);
  CHECK(x.ready_at(start + 2s, 1) == start + 63s);
  // One that got through says nothing about the ban.
  x.answered(start + 3s, 1, report_of(4000, 30min), start + 1s);
  x.sent(start + 63s, 1);
  x.answered(start + 63s, 1, failed_with(outcome::secondary_limit));
  CHECK(x.ready_at(start + 63s, 1) == start + 63s + 121s);
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
  test_budget y;
  y.restore(start, saved);
  CHECK(y.ready_at(start, 1) == start + 601s);
  CHECK(y.view().known);
  CHECK(y.view().remaining == 149);
}

TEST_CASE("of two bans in a row the second is longer, also after a restart", "[budget]") {
  auto x = told(150);
  x.sent(start, 1);
  x.answered(start, 1, failed_with(outcome::secondary_limit));
  test_budget y;
  y.restore(start + 61s, x.record());
  y.sent(start + 62s, 1);
  y.answered(start + 62s, 1, failed_with(outcome::secondary_limit), start + 62s);
  CHECK(y.ready_at(start + 63s, 1) == start + 62s + 121s);
}

TEST_CASE("a restart forgets no query of the last minute", "[budget]") {
  config::limits_section limits;
  limits.points_per_minute = 100;
  auto x = told(4000, limits); // one query
  for (auto i = 0; i < 89; ++i)
    x.sent(start + 10s, 1);
  auto send_until = [&limits](const budget_record& saved, time_point now) {
    test_budget y{limits};
    y.restore(now, saved);
    y.sent(now, 1);
    y.answered(now, 1, report_of(3900, 30min), now);
    auto count = 1;
    for (; y.ready_at(now, 1) == now; ++count)
      y.sent(now, 1);
    CHECK(y.why() == "the queries per minute");
    return count;
  };
  SECTION("the process before has ended in order") {
    CHECK(send_until(x.record(start + 20s), start + 20s) == 10);
  }
  SECTION("it was killed, and may have sent a twentieth more") {
    CHECK(send_until(x.record(start + 20s, false), start + 20s) == 5);
    CHECK(send_until(x.record(start + 20s, false), start + 24h) == 95);
  }
  SECTION("the minute is over") { CHECK(send_until(x.record(start + 20s), start + 83s) == 100); }
}

TEST_CASE("a restart forgets no response time of the last minute", "[budget]") {
  auto x = told(4000); // 100 ms
  x.sent(start + 1s, 1);
  auto slow = report_of(3999, 30min);
  slow.elapsed = 58s;
  x.answered(start + 59s, 1, slow, start + 1s);
  x.sent(start + 59s, 1); // takes some 7 s
  test_budget y;
  y.restore(start + 60s, x.record(start + 60s));
  auto ready = y.ready_at(start + 60s, 1);
  CHECK(y.why() == "the response time per minute");
  CHECK(ready == start + 60s + 61s);
  test_budget z;
  z.restore(start + 125s, x.record(start + 60s));
  CHECK(z.ready_at(start + 125s, 1) == start + 125s);
}

TEST_CASE("no more is sent than the ledger allows for", "[budget]") {
  config::limits_section limits;
  limits.points_per_minute = 100;
  budget x{limits, still_clock()};
  auto ready = [&x] { return x.ready_at(start, 1, 0.02); };
  CHECK(x.wants_record());
  CHECK_FALSE(ready());
  CHECK(x.why() == "the ledger");
  x.recorded(x.recording());
  REQUIRE(ready() == start);
  x.sent(start, 1);
  x.answered(start, {start, 1}, report_of(4000, 30min));
  for (auto i = 0; i < 4; ++i) {
    REQUIRE(ready() == start);
    x.sent(start, 1);
  }
  CHECK(x.allowance() == 5);
  CHECK_FALSE(ready());
  CHECK(x.wants_record());
  auto mark = x.recording();
  CHECK_FALSE(x.wants_record());
  CHECK_FALSE(ready()); // not before the ledger has it
  x.recorded(mark);
  CHECK(ready() == start);
  SECTION("a server without limits needs no ledger") {
    auto off = report_of(0, 0s);
    off.limits.enabled = false;
    x.answered(start, {start, 1}, off);
    for (auto i = 0; i < 500; ++i)
      x.sent(start, 1);
    CHECK(ready() == start);
    CHECK_FALSE(x.wants_record());
  }
}

TEST_CASE("that limits were off is not believed after a restart", "[budget]") {
  budget_record saved;
  saved.credential = "token-1";
  saved.enabled = false;
  auto x = make();
  x.restore(start, saved);
  x.sent(start, 1);
  CHECK_FALSE(x.ready_at(start, 1));
}

TEST_CASE("our own account counts where GitHub's numbers lag behind", "[budget]") {
  auto x = told(150);
  for (auto i = 0; i < 50; ++i) {
    REQUIRE(x.ready_at(start + 1s, 1) == start + 1s);
    x.sent(start + 1s, 1);
    x.answered(start + 1s, 1, report_of(150, 30min));
  }
  CHECK(x.view().remaining == 100);
  CHECK(x.ready_at(start + 1s, 1) == start + 30min + 1s);
}

TEST_CASE("what was sent before GitHub's first word is not charged twice", "[budget]") {
  auto x = told(101);
  auto after = start + 30min + 1s;
  for (auto i = 0; i < 3; ++i) {
    REQUIRE(x.ready_at(after, 1) == after);
    x.sent(after, 1);
  }
  // Answered out of order: GitHub has seen all three.
  x.answered(after + 1s, 1, report_of(4997, 90min), after);
  x.answered(after + 1s, 1, report_of(4999, 90min), after);
  x.answered(after + 1s, 1, report_of(4998, 90min), after);
  CHECK(x.view().remaining == 4997);
}

TEST_CASE("ends of a window that differ by seconds are one window", "[budget]") {
  auto x = told(150);
  x.sent(start + 1s, 1);
  x.sent(start + 1s, 1);
  x.answered(start + 2s, 1, report_of(120, 30min + 1s), start + 1s);
  x.answered(start + 2s, 1, report_of(148, 30min), start + 1s);
  CHECK(x.view().remaining == 120);
  CHECK(x.ready_at(start + 2s, 21) == start + 30min + 2s);
}

TEST_CASE("GitHub may begin a window early", "[budget]") {
  auto x = told(120);
  x.sent(start + 1s, 1);
  SECTION("with a later end") {
    x.answered(start + 2s, 1, report_of(4999, 60min), start + 1s);
    CHECK(x.view().remaining == 4999);
  }
  SECTION("with an earlier end, in the answer to a query sent since") {
    x.answered(start + 2s, 1, report_of(4999, 20min), start + 1s);
    CHECK(x.view().remaining == 4999);
    CHECK(x.ready_at(start + 2s, 4950) == start + 20min + 1s);
  }
  SECTION("but an older answer is about the window before") {
    x.answered(start + 2s, 1, report_of(4999, 20min), start - 1s);
    CHECK(x.view().remaining == 120);
  }
}

TEST_CASE("a reset is a time of GitHub's clock", "[budget]") {
  auto x = told(100);
  x.set_clock_skew(-120s); // it is two minutes behind ours
  CHECK(x.ready_at(start, 1) == start + 32min + 1s);
  x.set_clock_skew(120s);
  CHECK(x.ready_at(start, 1) == start + 28min + 1s);
}

TEST_CASE("where GitHub's window goes on past its end, one query at a time asks", "[budget]") {
  auto x = told(101);
  auto now = start + 30min + 1s;
  for (auto i = 0; i < 2; ++i) {
    REQUIRE(x.ready_at(now, 1) == now);
    x.sent(now, 1);
  }
  for (auto i = 0; i < 2; ++i)
    x.answered(now, 1, report_of(100 - i, 30min));
  CHECK(x.ready_at(now, 1) == now + 5s);
  now += 5s;
  REQUIRE(x.ready_at(now, 1) == now);
  x.sent(now, 1);
  CHECK_FALSE(x.ready_at(now, 1));
  x.answered(now, 1, report_of(98, 30min));
  CHECK(x.ready_at(now, 1) == now + 5s);
  now += 5s;
  REQUIRE(x.ready_at(now, 1) == now);
  x.sent(now, 1);
  x.answered(now, 1, report_of(4999, 90min));
  x.sent(now, 1);
  CHECK(x.ready_at(now, 1) == now);
  CHECK(x.view().remaining == 4999);
}

TEST_CASE("limited although the window should be over, a minute is waited", "[budget]") {
  auto x = told(101);
  auto now = start + 30min + 1s;
  REQUIRE(x.ready_at(now, 1) == now);
  x.sent(now, 1);
  auto report = report_of(0, 30min);
  report.result = outcome::primary_limit;
  x.answered(now, 1, report);
  CHECK(x.ready_at(now, 1) == now + 61s);
}

TEST_CASE("a late refusal of the window before leaves the new one alone", "[budget]") {
  auto x = told(4000);
  x.sent(start + 29min, 1);
  auto now = start + 30min + 1s;
  REQUIRE(x.ready_at(now, 1) == now);
  x.sent(now, 1);
  x.answered(now, 1, report_of(4999, 90min));
  auto late = report_of(0, 30min);
  late.result = outcome::primary_limit;
  x.answered(now + 1s, 1, late, start + 29min);
  CHECK(x.ready_at(now + 1s, 1) == now + 1s);
}

TEST_CASE("the zeros that a rejected credential is shown are not believed", "[budget]") {
  auto x = told(4000);
  x.sent(start, 1);
  auto report = failed_with(outcome::unauthorized);
  report.limits = {true, true, 0, 0, -1, wall_start};
  x.answered(start, 1, report);
  CHECK(x.view().limit == 5000);
  CHECK(x.view().remaining == 3999);
}

TEST_CASE("after a restart one query asks before the others are sent", "[budget]") {
  auto saved = told(150).record();
  test_budget x;
  x.restore(start, saved);
  REQUIRE(x.ready_at(start, 1) == start);
  x.sent(start, 1);
  CHECK_FALSE(x.ready_at(start, 1));
  CHECK(x.why() == "the first answer");
  SECTION("a crash had lost what was spent") {
    x.answered(start, 1, report_of(120, 30min));
    CHECK(x.view().remaining == 120);
  }
  SECTION("it is another token's budget now") {
    x.answered(start, 1, report_of(4999, 50min));
    CHECK(x.view().remaining == 4999);
  }
  SECTION("GitHub knows better than the ledger") {
    x.answered(start, 1, report_of(3000, 30min));
    CHECK(x.view().remaining == 3000);
  }
}

TEST_CASE("what the ledger remembers is asked for out of the reserve, but not beyond", "[budget]") {
  auto x = told(100);
  test_budget y;
  y.restore(start, x.record());
  CHECK(y.ready_at(start, 1) == start);
  auto saved = x.record();
  saved.remaining = 0;
  test_budget z;
  z.restore(start, saved);
  CHECK(z.ready_at(start, 1) == start + 30min + 1s);
}

TEST_CASE("what is under way is written down as spent", "[budget]") {
  auto x = told(150);
  x.sent(start, 3);
  CHECK(x.record().remaining == 147);
}

TEST_CASE("budgets that turn out to be one know what either knew", "[budget]") {
  config::limits_section limits;
  limits.points_per_minute = 5;
  auto x = told(400, limits);
  auto y = told(300, limits);
  x.sent(start + 1s, 1);
  y.sent(start + 2s, 1);
  auto banned = failed_with(outcome::secondary_limit);
  banned.retry_after = 30s;
  y.answered(start + 3s, 1, banned, start + 2s);
  x.merge(y);
  CHECK(x.view().remaining == 299);
  CHECK(x.in_flight() == 1);
  CHECK(x.ready_at(start + 3s, 1) == start + 34s);
  x.sent(start + 34s, 1);
  CHECK(x.ready_at(start + 34s, 1) == start + 61s); // five queries since the beginning
  CHECK(x.why() == "the queries per minute");
}

TEST_CASE("of two budgets that are one the one that GitHub told counts", "[budget]") {
  auto remembered = make();
  remembered.restore(start, told(4000).record());
  auto x = told(120);
  x.merge(remembered);
  CHECK(x.view().remaining == 120);
  auto y = make();
  y.merge(x);
  CHECK(y.view().remaining == 120);
  y.sent(start, 1);
  CHECK(y.ready_at(start, 1) == start);
}

TEST_CASE("the sooner points expire and the more there are, the greater the pressure", "[budget]") {
  auto x = told(400);
  CHECK(x.pressure(start, 0.02) == Approx(300.0 / 1801));
  CHECK(x.pressure(start + 20min, 0.02) == Approx(300.0 / 601));
  CHECK(x.pressure(start, 0) == Approx(400.0 / 1801));
  CHECK(told(4000).pressure(start, 0.02) > x.pressure(start, 0.02));
  // A window begins with its first query: the sooner the better.
  CHECK(std::isinf(make().pressure(start, 0.02)));
  auto after = start + 30min + 1s;
  REQUIRE(x.ready_at(after, 1) == after);
  CHECK(std::isinf(x.pressure(after, 0.02)));
  x.sent(after, 1);
  CHECK(x.pressure(after, 0.02) == Approx(4899.0 / 3600));
}

TEST_CASE("a query that nobody reports gives its place back", "[budget]") {
  auto x = make();
  x.sent(start, 1);
  x.abandoned({start, 1});
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

TEST_CASE("a remembered width grows by one from where it was", "[query_width]") {
  auto x = query_width::remembered(4, 9);
  CHECK(x.current() == 4);
  x.succeeded(4, 100ms);
  CHECK(x.current() == 5);
  CHECK(query_width::remembered(20, 9).current() == 9);
  CHECK(query_width::remembered(0, 9).current() == 1);
}

TEST_CASE("each shape and kind of credential has a width of its own", "[query_width]") {
  using config::credential_kind;
  config::query_width_section settings;
  width_table x{settings};
  CHECK(x.of(query_shape::search_page, credential_kind::classic).current() == 1);
  CHECK(x.of(query_shape::search_count, credential_kind::classic).current() == 50);
  x.of(query_shape::search_page, credential_kind::installation).succeeded(1, 100ms);
  CHECK(x.of(query_shape::search_page, credential_kind::installation).current() == 2);
  CHECK(x.of(query_shape::search_page, credential_kind::classic).current() == 1);
  CHECK(x.records() == std::vector<width_record>{{query_shape::search_count, "classic", 50},
                                                 {query_shape::search_page, "classic", 1},
                                                 {query_shape::search_page, "installation", 2}});
}

TEST_CASE("widths go on from what the ledger remembers, at most to the maximum", "[query_width]") {
  using config::credential_kind;
  config::query_width_section settings;
  width_table x{settings};
  x.restore({{query_shape::search_page, "classic", 7},
             {query_shape::search_page, "fine_grained", 99},
             {query_shape::search_page, "of a newer program", 3}});
  CHECK(x.of(query_shape::search_page, credential_kind::classic).current() == 7);
  CHECK(x.of(query_shape::search_page, credential_kind::fine_grained).current() == 10);
  CHECK(x.of(query_shape::search_page, credential_kind::oauth).current() == 1);
}
