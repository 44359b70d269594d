// A crawl takes what `estimate` and `predict` foretold: the real actors against the model.

#include "actors/forecast.hpp"
#include "tests/actors/limited_github.hpp"
#include "tests/actors/world.hpp"

#include <catch2/catch.hpp>

#include <cstdio>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

constexpr double reserve = 0.02;
constexpr uint32_t fetchers = 8;

class foretold : public world {
public:
  foretold() { query = "stars:>=0"; }

  void hold(std::vector<repository> repositories) { content.emplace(std::move(repositories)); }

  crawl_outline outline() const {
    auto& width = settings.query_width;
    crawl_outline result;
    result.query = *parse_search_query(query);
    result.query.created = {1167609600, clock.wall_at_start.time_since_epoch() / 1s};
    result.top = top;
    result.pages = query_width{width.page_start, width.page_max};
    result.counts = query_width{width.count_start, width.count_max};
    result.planned = {width.page_max, width.count_start};
    result.fetchers = fetchers;
    auto seconds = std::chrono::duration<double>{elapsed}.count();
    result.times = {seconds, 0, seconds, 0};
    return result;
  }

  count_source counts() {
    return [this](const std::vector<search_query>& searches) {
      std::vector<int64_t> result;
      for (auto& x : searches)
        result.push_back(content->count(to_string(x)));
      return result;
    };
  }

  /// The whole crawl with these budgets; returns how long it took.
  std::chrono::duration<double> crawl(std::vector<account> accounts) {
    settings.credentials.clear();
    for (auto& x : accounts) {
      config::credential credential;
      credential.name = x.credentials.front();
      settings.credentials.push_back(credential);
    }
    settings.limits.reserve = reserve;
    limited = std::make_shared<limited_github>(
        *this, clock, std::move(accounts), reserve,
        [this](const api_request& request) { return content->answer(request); });
    limited->elapsed = elapsed;
    auto began = now();
    auto x = start(0);
    fetcher_config cfg;
    cfg.api = limited;
    cfg.retries = settings.retries;
    cfg.clock = clock;
    cfg.metrics = metrics;
    for (uint32_t i = 0; i < fetchers; ++i)
      spawn(fetcher, cfg, fetcher_partners{x.partitioner, x.bucket, x.writer});
    ended = wait_for_end();
    REQUIRE(ended.run.state == "complete");
    return now() - began;
  }

  std::optional<fake_github> content;
  std::shared_ptr<limited_github> limited;
  milliseconds elapsed{100};
  crawl_progress ended;
};

/// Five per cent, or one where that is less than one.
bool is_near(double foretold, double actual) {
  return std::abs(foretold - actual) <= std::max(1.0, 0.05 * actual);
}

} // namespace

TEST_CASE_METHOD(foretold, "partitions and points are as foretold, whatever the width",
                 "[foretold]") {
  struct kind {
    int64_t top;
    uint32_t start, max;
    size_t burst;
  };
  auto x = GENERATE(kind{0, 1, 1, 0}, kind{0, 10, 10, 0}, kind{0, 1, 10, 0}, kind{0, 10, 10, 1500},
                    kind{30000, 10, 10, 0}, kind{30000, 1, 4, 0});
  hold(random_repositories(60'000, 7, x.burst));
  top = x.top;
  settings.query_width.page_start = x.start;
  settings.query_width.page_max = x.max;
  auto foreseen = estimate(outline(), counts());
  crawl({{7, 5000, 5000, 3600s, {"token-1"}}});
  std::printf(
      "top %5lld, width %2u to %2u, bursts of %4zu: partitions %lld of %lld, points %.0f of "
      "%llu\n",
      static_cast<long long>(x.top), x.start, x.max, x.burst,
      static_cast<long long>(foreseen.work.partitions), static_cast<long long>(ended.totals.done),
      foreseen.work.points, static_cast<unsigned long long>(limited->points));
  CHECK(foreseen.work.repositories == ended.totals.expected);
  CHECK(is_near(static_cast<double>(foreseen.work.partitions),
                static_cast<double>(ended.totals.done)));
  CHECK(is_near(foreseen.work.points, static_cast<double>(limited->points)));
}

TEST_CASE_METHOD(foretold, "a crawl that its budgets bind takes the time that was foretold",
                 "[foretold]") {
  hold(random_repositories(40'000, 3));
  settings.query_width.page_max = 1;
  elapsed = 500ms;
  std::vector<account> accounts{{7, 50, 30, 25min, {"token-1"}}, {8, 80, 80, 3600s, {"token-2"}}};
  std::vector<forecast_budget> budgets;
  for (auto& x : accounts) {
    forecast_budget budget;
    budget.credentials = x.credentials;
    budget.limit = static_cast<double>(x.limit);
    budget.reserve = reserve;
    budget.left = static_cast<double>(x.remaining);
    budget.resets_in = static_cast<double>(x.reset_in.count());
    budgets.push_back(budget);
  }
  auto foreseen = estimate(outline(), counts());
  forecast_limits limits;
  limits.in_flight = fetchers;
  auto time = predict(foreseen.work, budgets, limits);
  auto actual = crawl(accounts).count();
  std::printf("%.0f points of %llu, %.2f h of %.2f h\n", foreseen.work.points,
              static_cast<unsigned long long>(limited->points), time.seconds / 3600, actual / 3600);
  CHECK(time.binding == bottleneck::points);
  CHECK(actual > 2 * 3600);
  CHECK(std::abs(time.seconds - actual) <= 0.05 * actual);
}

TEST_CASE_METHOD(foretold, "a crawl that GitHub's response time binds takes the time foretold",
                 "[foretold]") {
  hold(random_repositories(20'000, 5));
  settings.query_width.page_max = 1;
  elapsed = 2s;
  auto foreseen = estimate(outline(), counts());
  forecast_budget budget;
  budget.credentials = {"token-1"};
  forecast_limits limits;
  limits.in_flight = fetchers;
  auto time = predict(foreseen.work, {budget}, limits);
  auto actual = crawl({{7, 5000, 5000, 3600s, {"token-1"}}}).count();
  std::printf("%.0f s of %.0f s\n", time.seconds, actual);
  CHECK(time.binding == bottleneck::response_seconds);
  CHECK(std::abs(time.seconds - actual) <= 0.05 * actual);
}

TEST_CASE_METHOD(foretold, "a crawl that the queries per minute bind takes the time foretold",
                 "[foretold]") {
  hold(random_repositories(40'000, 9));
  settings.query_width.page_max = 1;
  settings.limits.points_per_minute = 60;
  elapsed = 200ms;
  auto foreseen = estimate(outline(), counts());
  forecast_budget budget;
  budget.credentials = {"token-1"};
  forecast_limits limits;
  limits.in_flight = fetchers;
  limits.queries_per_minute = settings.limits.points_per_minute;
  auto time = predict(foreseen.work, {budget}, limits);
  auto actual = crawl({{7, 5000, 5000, 3600s, {"token-1"}}}).count();
  std::printf("%.0f s of %.0f s\n", time.seconds, actual);
  CHECK(time.binding == bottleneck::queries);
  CHECK(std::abs(time.seconds - actual) <= 0.05 * actual);
}

TEST_CASE_METHOD(foretold, "a crawl that its queries in flight bind takes the time foretold",
                 "[foretold]") {
  hold(random_repositories(60'000, 11));
  settings.query_width.page_max = 1;
  settings.limits.response_seconds_per_minute = 0;
  elapsed = 3s;
  auto foreseen = estimate(outline(), counts());
  forecast_budget budget;
  budget.credentials = {"token-1"};
  forecast_limits limits;
  limits.in_flight = fetchers;
  limits.response_seconds_per_minute = 0;
  auto time = predict(foreseen.work, {budget}, limits);
  auto actual = crawl({{7, 5000, 5000, 3600s, {"token-1"}}}).count();
  std::printf("%.0f s of %.0f s\n", time.seconds, actual);
  CHECK(time.binding == bottleneck::in_flight);
  CHECK(std::abs(time.seconds - actual) <= 0.05 * actual);
}
