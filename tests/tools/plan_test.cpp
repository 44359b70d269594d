#include "tools/gitstar/plan.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include <algorithm>

using namespace gitstar;
using namespace gitstar::tool;
using namespace std::chrono_literals;

namespace {

constexpr timestamp noon{1795176000s}; // 2026-11-20T12:00:00Z

config::credential token(const std::string& name) {
  config::credential result;
  result.name = name;
  result.token = config::secret{"ghp_secret"};
  result.kind = config::credential_kind::classic;
  return result;
}

config::settings settings() {
  config::settings result;
  result.crawl.source.search.emplace().query = "stars:>=10";
  result.github.credentials = {token("token-1")};
  return result;
}

plan_facts facts(int64_t matches) {
  auto from = settings();
  plan_facts result;
  result.source = "search: stars:>=10";
  result.outline = plan_outline(from, *parse_search_query("stars:>=10"), {});
  result.outline.query.created.last = noon.time_since_epoch().count();
  result.outline.matches = matches;
  result.matches_known = matches > 0;
  result.matches_from = matches > 0 ? "(as somebody says)" : "";
  result.limits = plan_limits(from, noon);
  result.widest = 10;
  result.budgets = plan_budgets(from.github, {}, noon, result.assumptions);
  return result;
}

const plan_change& change(const crawl_plan& plan, const std::string& what) {
  auto found = std::find_if(plan.changes.begin(), plan.changes.end(),
                            [&](auto& x) { return x.what.starts_with(what); });
  REQUIRE(found != plan.changes.end());
  return *found;
}

} // namespace

TEST_CASE("a plan has this config and three sizes beside it", "[plan]") {
  auto plan = make_plan(facts(50'000));
  REQUIRE(plan.columns.size() == 4);
  CHECK(plan.columns[0].work.repositories == 50'000);
  CHECK(plan.columns[1].work.repositories == 100'000);
  CHECK(plan.columns[2].work.repositories == 10'000'000);
  CHECK(plan.columns[3].census);
  CHECK(plan.columns[3].work.points == 5e6); // fact sheet 11
  CHECK(make_plan(facts(0)).columns.size() == 3);
}

TEST_CASE("a plan tells what one change would bring", "[plan]") {
  auto given = facts(2'000'000);
  auto plan = make_plan(given);
  auto& now = plan.columns[0];
  CHECK(now.time.binding == bottleneck::response_seconds);
  CHECK(change(plan, "one more credential like token-1").time.seconds ==
        Approx(now.time.seconds / 2).epsilon(0.05));
  CHECK(change(plan, "1 page per query").work.points > 6 * now.work.points);
  CHECK(change(plan, "5 pages per query").work.points > 1.6 * now.work.points);
  CHECK(change(plan, "10 pages per query").work.points <= now.work.points);
  CHECK(change(plan, "a filter with half").work.repositories == 1'000'000);
}

TEST_CASE("machines and storage have a price where the config names one", "[plan]") {
  auto given = facts(2'000'000);
  CHECK(plan_text(make_plan(given)).find("storage per month") == std::string::npos);
  given.prices = {"USD", 3.0, 100.0};
  auto plan = make_plan(given);
  auto& now = plan.columns[0];
  CHECK(now.machine_cost == Approx(3 * now.time.seconds / 3600));
  CHECK(now.storage_cost_per_month == Approx(100 * static_cast<double>(now.bytes) / 1e9));
  auto text = plan_text(plan);
  CHECK(text.find("storage per month") != std::string::npos);
  CHECK(text.find("USD") != std::string::npos);
}

TEST_CASE("the text and the JSON of a plan say what it rests on", "[plan]") {
  auto given = facts(50'000);
  given.probe = probe_cost{4, 5};
  auto plan = make_plan(given);
  auto text = plan_text(plan);
  for (auto part : {"Plan: search: stars:>=10", "50,000 repositories (as somebody says)",
                    "4 queries for 5 points", "token-1: 5,000 points per hour (assumed)", "census",
                    "terms of service"})
    CHECK_THAT(text, Catch::Matchers::Contains(part));
  auto parsed = boost::json::parse(plan_json(plan)).as_object();
  auto& first = parsed.at("columns").at(0).as_object();
  CHECK(first.at("repositories") == 50'000);
  CHECK(first.at("rows") == 100'000);
  CHECK(first.at("queries").as_int64() ==
        first.at("count_queries").as_int64() + first.at("page_queries").as_int64());
  CHECK(parsed.at("probe").at("points") == 5);
  CHECK(text.find("ghp_secret") == std::string::npos);
}

TEST_CASE("what can never end has no hours", "[plan]") {
  auto given = facts(50'000);
  given.budgets.front().reserve = 1;
  auto plan = make_plan(given);
  CHECK(plan_text(plan).find("never") != std::string::npos);
  auto parsed = boost::json::parse(plan_json(plan));
  CHECK(parsed.at("columns").at(0).at("hours").is_null());
}

TEST_CASE("budgets are what the ledger knows, and one for each user", "[plan]") {
  auto github = settings().github;
  github.credentials = {token("a"), token("b"), token("c"), token("d")};
  github.credentials[0].daily_points = 900;
  github.credentials[2].kind = config::credential_kind::installation;
  budget_record first;
  first.credential = "a";
  first.limit = 10'000;
  first.remaining = 400;
  first.reset_at = noon + 60s;
  first.viewer_id = 7;
  first.day = std::chrono::floor<std::chrono::days>(noon);
  first.spent_today = 33;
  auto second = first;
  second.credential = "b";
  budget_record rejected;
  rejected.credential = "d";
  rejected.benched = true;
  std::vector<std::string> assumptions;
  auto budgets = plan_budgets(github, {first, second, rejected}, noon, assumptions);
  REQUIRE(budgets.size() == 2);
  CHECK(budgets[0].credentials == std::vector<std::string>{"a", "b"});
  CHECK_FALSE(budgets[0].assumed);
  CHECK(budgets[0].limit == 10'000);
  CHECK(budgets[0].left == 400);
  CHECK(budgets[0].resets_in == 60);
  CHECK(budgets[0].daily_points == 900);
  CHECK(budgets[0].spent_today == 33);
  CHECK(budgets[1].credentials == std::vector<std::string>{"c"});
  CHECK(budgets[1].assumed);
  CHECK(budgets[1].limit == 5000);
  REQUIRE(assumptions.size() == 2);
  CHECK_THAT(assumptions[0], Catch::Matchers::Contains("up to 12,500"));
  CHECK(assumptions[1] == "d is left out: GitHub has rejected it.");
}

TEST_CASE("a window that is over says nothing of the next", "[plan]") {
  auto github = settings().github;
  budget_record old;
  old.credential = "token-1";
  old.limit = 5000;
  old.remaining = 3;
  old.reset_at = noon - 1s;
  std::vector<std::string> assumptions;
  auto budgets = plan_budgets(github, {old}, noon, assumptions);
  CHECK(budgets.at(0).left == -1);
  CHECK(assumptions.empty());
}

TEST_CASE("a plan goes on from learned widths", "[plan]") {
  auto from = settings();
  from.github.query_width.page_max = 10;
  auto query = *parse_search_query("stars:>=10");
  CHECK(plan_outline(from, query, {}).pages.current() == 1);
  width_record learned{query_shape::search_page, "classic", 6};
  CHECK(plan_outline(from, query, {learned}).pages.current() == 6);
}

TEST_CASE("GitHub's time for its answers may bind a census", "[plan]") {
  auto hours = [](size_t count, double limit, double seconds_per_answer, bool unlimited = false) {
    forecast_budget one;
    one.limit = limit;
    one.unlimited = unlimited;
    std::vector<forecast_budget> budgets(count, one);
    response_time times;
    times.page_base = seconds_per_answer;
    times.per_page = 0;
    return plan_census(1'400'000'000, 10, 0.36, config::list_mode::never, budgets, {},
                       forecast_limits{}, times);
  };
  auto installations = hours(20, 12'500, 1.0);
  CHECK(installations.points == 1'400'000);
  CHECK(installations.response_seconds == Approx(1'400'000));
  CHECK(installations.hours == Approx(19.44).margin(0.01));
  CHECK(installations.binding == "response-seconds per minute");
  auto tokens = hours(10, 5000, 1.0);
  CHECK(tokens.hours == Approx(38.89).margin(0.01));
  CHECK(tokens.binding == "response-seconds per minute");
  auto quick = hours(20, 12'500, 0.25);
  CHECK(quick.hours == Approx(1'400'000 / 245'000.0));
  CHECK(quick.binding == "points per hour");
  CHECK(hours(20, 12'500, 1.0, true).hours == 0); // a server without limits
  // Assumed of ten fields.
  CHECK(response_time{}.pages(10) == Approx(1.0));
}

TEST_CASE("a census that lists first costs requests and fewer points", "[plan]") {
  using config::list_mode;
  std::vector<std::string> assumptions;
  auto github = settings().github;
  auto points = plan_budgets(github, {}, noon, assumptions);
  auto requests = plan_budgets(github, {}, noon, assumptions, resource::core);
  CHECK(assumptions.at(1) == "token-1 may spend 5,000 REST requests per hour.");
  forecast_limits limits;
  limits.response_seconds_per_minute = 0;
  auto plan = [&](int64_t width, double density, list_mode mode) {
    return plan_census(1'000'000, width, density, mode, points, requests, limits);
  };
  auto unlisted = plan(1, 0.375, list_mode::never);
  CHECK(unlisted.points == 10'000);
  CHECK(unlisted.requests == 0);
  CHECK(unlisted.binding == "points per hour");
  CHECK(unlisted.hours == Approx(10'000 / 4900.0));
  auto listed = plan(10, 0.375, list_mode::always);
  CHECK(listed.points == 375);
  CHECK(listed.requests == 3750);
  CHECK(listed.binding == "REST requests per hour");
  CHECK(listed.hours == Approx(3750 / 4900.0));
  // 2d < 1 at width 1, 11d < 1 at width 10.
  CHECK(plan(1, 0.375, list_mode::automatic).listed);
  CHECK_FALSE(plan(1, 0.5, list_mode::automatic).listed);
  CHECK_FALSE(plan(10, 0.375, list_mode::automatic).listed);
  CHECK(plan(10, 0.09, list_mode::automatic).listed);
  // What the ledger has of one resource says nothing of the other.
  budget_record core;
  core.credential = "token-1";
  core.what = resource::core;
  core.limit = 15'000;
  CHECK(plan_budgets(github, {core}, noon, assumptions).at(0).limit == 5000);
  CHECK(plan_budgets(github, {core}, noon, assumptions, resource::core).at(0).limit == 15'000);
}
