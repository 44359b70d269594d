#include "actors/forecast.hpp"

#include <catch2/catch.hpp>

#include <cmath>

using namespace gitstar;
using namespace std::chrono_literals;

namespace {

/// Queries that each take so long and cost a point.
workload queries(int64_t count, double seconds_each) {
  workload result;
  result.repositories = count * 100;
  result.page_queries = result.pages = count;
  result.points = static_cast<double>(count);
  result.response_seconds = seconds_each * static_cast<double>(count);
  return result;
}

forecast_budget user(double limit = 5000) {
  forecast_budget result;
  result.credentials = {"token-1"};
  result.limit = limit;
  return result;
}

double hours(const forecast& x) { return x.seconds / 3600; }

} // namespace

TEST_CASE("points that run out make a crawl wait for its windows", "[plan]") {
  // 4,900 points in each of four windows, the last 400 at 10 queries a second.
  auto result = predict(queries(20'000, 0.1), {user()}, {});
  CHECK(result.binding == bottleneck::points);
  CHECK(result.seconds == Approx(4 * 3601 + 40).epsilon(0.01));
}

TEST_CASE("what is left of a window is spent before the next", "[plan]") {
  auto budget = user();
  budget.left = 1100; // 100 of them are the reserve
  budget.resets_in = 600;
  auto result = predict(queries(2000, 0.1), {budget}, {});
  CHECK(result.seconds == Approx(601 + 100).epsilon(0.05));
  budget.left = 5000;
  CHECK(predict(queries(2000, 0.1), {budget}, {}).seconds < 400);
}

TEST_CASE("two budgets take half as long as one", "[plan]") {
  auto one = predict(queries(98'000, 0.1), {user()}, {});
  auto two = predict(queries(98'000, 0.1), {user(), user()}, {});
  CHECK(hours(one) == Approx(20).epsilon(0.06)); // the last window needs no hour
  CHECK(hours(two) == Approx(10).epsilon(0.1));
}

TEST_CASE("slow answers are held up by the response time per minute", "[plan]") {
  auto result = predict(queries(1200, 1), {user()}, {});
  CHECK(result.binding == bottleneck::response_seconds);
  CHECK(result.seconds == Approx(1200).epsilon(0.06));
  forecast_limits off;
  off.response_seconds_per_minute = 0;
  auto free = predict(queries(1200, 1), {user()}, off);
  CHECK(free.binding == bottleneck::in_flight);
  CHECK(free.seconds == Approx(1200 / 8).epsilon(0.01));
}

TEST_CASE("quick answers are held up by the queries per minute", "[plan]") {
  auto rich = user(100'000);
  auto result = predict(queries(60'000, 0.01), {rich}, {});
  CHECK(result.binding == bottleneck::queries);
  CHECK(result.seconds == Approx(30 * 61).epsilon(0.05));
}

TEST_CASE("a daily cap spreads a crawl over days", "[plan]") {
  auto budget = user();
  budget.daily_points = 2000;
  budget.spent_today = 500;
  forecast_limits limits;
  limits.time_of_day = 12 * 3600;
  // 1,500 today, 2,000 each on four days, 500 on the fifth.
  auto result = predict(queries(10'000, 0.1), {budget}, limits);
  CHECK(result.binding == bottleneck::daily_points);
  CHECK(hours(result) == Approx(12 + 4 * 24).epsilon(0.02));
}

TEST_CASE("nothing is asked in quiet hours", "[plan]") {
  auto budget = user();
  budget.quiet_hours = config::daily_span{22h, 6h};
  forecast_limits limits;
  limits.time_of_day = 23 * 3600;
  CHECK(predict(queries(10, 0.1), {budget}, limits).seconds == Approx(7 * 3600).epsilon(0.01));
  // 16 of 24 hours are left.
  auto long_crawl = predict(queries(1'000'000, 0.1), {budget}, limits);
  auto undisturbed = predict(queries(1'000'000, 0.1), {user()}, limits);
  CHECK(long_crawl.seconds == Approx(1.5 * undisturbed.seconds).epsilon(0.07));
}

TEST_CASE("who may spend nothing never ends", "[plan]") {
  auto budget = user();
  budget.reserve = 1;
  auto result = predict(queries(10, 0.1), {budget}, {});
  CHECK(result.binding == bottleneck::never);
  CHECK(std::isinf(result.seconds));
}

TEST_CASE("a server without rate limits is as fast as its answers", "[plan]") {
  auto budget = user();
  budget.unlimited = true;
  auto result = predict(queries(100'000, 0.4), {budget}, {});
  CHECK(result.binding == bottleneck::in_flight);
  CHECK(result.seconds == Approx(5000).epsilon(0.01));
}

TEST_CASE("queries that wait for each other's answers add to the time", "[plan]") {
  auto work = queries(8, 1);
  work.seconds = 5; // of one at a time, mostly
  auto result = predict(work, {user()}, {});
  CHECK(result.seconds == Approx(5));
}

TEST_CASE("a thousand unequal credentials for 5 million points are foretold", "[plan]") {
  std::vector<forecast_budget> budgets;
  for (int i = 0; i < 1000; ++i) {
    budgets.push_back(user(1000 + 11 * i));
    budgets.back().left = 500;
    budgets.back().resets_in = i * 3;
  }
  forecast_limits limits;
  limits.in_flight = 100;
  limits.stored_per_second = 1e6; // the budgets are what this is about
  auto result = predict(queries(5'000'000, 0.05), budgets, limits);
  CHECK(result.seconds < 2 * 3600);
  CHECK(result.seconds > 2500);
}

TEST_CASE("a server that GitHub outruns is what binds", "[plan]") {
  auto budget = user();
  budget.unlimited = true;
  forecast_limits limits;
  limits.in_flight = 100;
  limits.stored_per_second = 50'000;
  auto result = predict(queries(100'000, 0.01), {budget}, limits); // 1,000,000 a second
  CHECK(result.binding == bottleneck::store);
  CHECK(to_string(result.binding) == "PostgreSQL");
  CHECK(result.seconds == Approx(200));
}

TEST_CASE("a database grows with its repositories and its partitions", "[plan]") {
  workload work;
  CHECK(database_bytes(work, 0) == 8'940'000);
  work.repositories = 225'269;
  work.partitions = 336;
  // What was measured, within what the catalogs grow by.
  CHECK(static_cast<double>(database_bytes(work, 60)) == Approx(104'414'567).epsilon(0.03));
}

TEST_CASE("what is superseded takes room until it is vacuumed", "[plan]") {
  workload work;
  auto before = database_bytes(work, 600);
  work.superseded_bytes = 1'000'000;
  CHECK(database_bytes(work, 5) - before == 1'000'000);
  CHECK(database_bytes(work, 600) - before == 100'000);
}
