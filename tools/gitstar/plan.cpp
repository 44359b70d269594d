#include "tools/gitstar/plan.hpp"

#include "actors/search_source.hpp"
#include "actors/width_table.hpp"
#include "tools/gitstar/text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>

namespace gitstar::tool {

namespace {

using std::chrono::seconds;

/// Beside this config.
constexpr int64_t sizes[] = {100'000, 10'000'000};

/// Where search ends and census begins; fact sheet 11 for the arithmetic.
constexpr int64_t census_size = 500'000'000;
constexpr int64_t all_ids = 1'420'000'000;
constexpr int64_t ids_per_point = 100;

/// GitHub's documentation (fact sheet 2.1).
constexpr double documented_points = 5000;

/// The span that a search without one is cut in: GitHub's repositories until now.
constexpr int64_t first_created = 1167609600; // 2007-01-01T00:00:00Z

plan_column column(std::string name, const workload& work, const plan_facts& facts) {
  plan_column result;
  result.name = std::move(name);
  result.work = work;
  result.time = predict(work, facts.budgets, facts.limits);
  result.bytes = database_bytes(work, result.time.seconds);
  if (facts.prices.machine_hour && std::isfinite(result.time.seconds))
    result.machine_cost = *facts.prices.machine_hour * result.time.seconds / 3600;
  if (facts.prices.storage_gb_month)
    result.storage_cost_per_month =
        *facts.prices.storage_gb_month * static_cast<double>(result.bytes) / 1e9;
  return result;
}

/// 100 ids per query that exist, listed by REST, whose budget is another.
workload census(int64_t repositories, const crawl_outline& outline) {
  workload result;
  result.repositories = repositories;
  result.page_queries = result.pages = repositories / ids_per_point;
  result.points = static_cast<double>(result.page_queries);
  result.response_seconds = result.points * outline.times.pages(1);
  result.seconds = result.response_seconds / outline.fetchers;
  return result;
}

workload sized(crawl_outline outline, int64_t matches) {
  outline.top = 0;
  outline.matches = matches;
  return estimate(outline).work;
}

crawl_outline with_width(crawl_outline outline, uint32_t width) {
  outline.pages = query_width{width, width};
  outline.planned.pages = width;
  return outline;
}

std::vector<plan_change> changes(const plan_facts& facts, const crawl_outline& outline,
                                 const workload& now) {
  std::vector<plan_change> result;
  auto add = [&](std::string what, const workload& work,
                 const std::vector<forecast_budget>& budgets) {
    result.push_back({std::move(what), work, predict(work, budgets, facts.limits)});
  };
  auto more = facts.budgets;
  auto& model = facts.budgets.front();
  more.push_back(model);
  more.back().left = -1;
  more.back().spent_today = 0;
  add(fmt::format("one more credential like {}", model.credentials.front()), now, more);
  std::vector<uint32_t> widths{1, std::max(facts.widest / 2, 1u), facts.widest};
  widths.erase(std::unique(widths.begin(), widths.end()), widths.end());
  for (auto width : widths)
    add(fmt::format("{} page{} per query from the start", width, width == 1 ? "" : "s"),
        estimate(with_width(outline, width)).work, facts.budgets);
  auto half = outline;
  half.matches /= 2;
  half.top /= 2;
  add("a filter with half the matches", estimate(half).work, facts.budgets);
  return result;
}

auto find(const std::vector<budget_record>& known, const std::string& credential, resource what) {
  return std::find_if(known.begin(), known.end(), [&](auto& record) {
    return record.credential == credential && record.what == what;
  });
}

/// Of all budgets together, in an hour.
double per_hour(const std::vector<forecast_budget>& budgets) {
  double result = 0;
  for (auto& x : budgets)
    result += x.unlimited ? std::numeric_limits<double>::infinity() : x.limit * (1 - x.reserve);
  return result;
}

/// Of all budgets together.
double response_seconds_per_minute(const std::vector<forecast_budget>& budgets,
                                   const forecast_limits& limits) {
  auto unlimited = std::any_of(budgets.begin(), budgets.end(), [](auto& x) { return x.unlimited; });
  if (unlimited || limits.response_seconds_per_minute == 0)
    return std::numeric_limits<double>::infinity();
  return limits.response_seconds_per_minute * static_cast<double>(budgets.size());
}

std::vector<std::string> notes() {
  return {
      fmt::format(
          "{} repositories are beyond search, which finds no forks unless asked and guesses "
          "broad counts: the source `census` asks for ids. Its column is arithmetic: {} ids "
          "that exist per point, listed by REST in a budget of its own. To ask for all {} ids "
          "unlisted takes {} points, or fewer where a query carries more.",
          thousands(census_size), ids_per_point, thousands(all_ids),
          thousands(all_ids / ids_per_point)),
      "GitHub's terms of service (section H) forbid to share API tokens in order to exceed its "
      "rate "
      "limits: use your own credentials only, and ask GitHub before installations are multiplied "
      "for more points."};
}

} // namespace

census_plan plan_census(int64_t ids, int64_t width, double density, config::list_mode mode,
                        const std::vector<forecast_budget>& points,
                        const std::vector<forecast_budget>& requests, const forecast_limits& limits,
                        const response_time& times) {
  using config::list_mode;
  census_plan result;
  result.ids = ids;
  result.width = width;
  auto per_page = 1.0 / static_cast<double>(width);
  result.listed = mode == list_mode::always ||
                  (mode == list_mode::automatic && density * (1 + per_page) < per_page);
  auto pages = static_cast<double>(ids) / static_cast<double>(ids_per_point);
  auto whole = [](double x) { return static_cast<int64_t>(std::ceil(x - 1e-6)); };
  result.points = whole(std::ceil(result.listed ? pages * density : pages) * per_page);
  result.requests = result.listed ? whole(pages * density) : 0;
  auto hours = [](int64_t cost, const std::vector<forecast_budget>& budgets) {
    return cost > 0 ? static_cast<double>(cost) / per_hour(budgets) : 0;
  };
  result.response_seconds =
      static_cast<double>(result.points) * times.pages(static_cast<uint32_t>(width));
  result.hours = hours(result.points, points);
  result.binding = to_string(bottleneck::points);
  auto compare = [&](double takes, std::string what) {
    if (takes <= result.hours)
      return;
    result.hours = takes;
    result.binding = std::move(what);
  };
  compare(hours(result.requests, requests), "REST requests per hour");
  compare(result.response_seconds / (60 * response_seconds_per_minute(points, limits)),
          to_string(bottleneck::response_seconds));
  return result;
}

std::vector<forecast_budget> plan_budgets(const config::github_section& github,
                                          const std::vector<budget_record>& known, timestamp now,
                                          std::vector<std::string>& assumptions, resource what) {
  std::vector<forecast_budget> result;
  std::map<int64_t, size_t> of_viewer;
  auto strangers = 0;
  auto rejected = [&](const config::credential& x) {
    auto found = find(known, x.name, resource::graphql);
    return found != known.end() && found->benched;
  };
  auto all = std::all_of(github.credentials.begin(), github.credentials.end(), rejected);
  for (auto& x : github.credentials) {
    if (rejected(x) && !all) {
      assumptions.push_back(x.name + " is left out: GitHub has rejected it.");
      continue;
    }
    auto found = find(known, x.name, what);
    auto viewer = found == known.end() ? 0 : found->viewer_id;
    if (auto shared = of_viewer.find(viewer); viewer > 0 && shared != of_viewer.end()) {
      result[shared->second].credentials.push_back(x.name);
      continue;
    }
    of_viewer.emplace(viewer, result.size());
    forecast_budget budget;
    budget.credentials = {x.name};
    budget.kind = x.kind;
    budget.reserve = x.reserve.value_or(github.limits.reserve);
    if (x.daily_points)
      budget.daily_points = static_cast<double>(*x.daily_points);
    budget.quiet_hours = x.quiet_hours;
    auto installation = x.kind == config::credential_kind::installation;
    strangers += viewer == 0 && !installation;
    if (found != known.end() && (found->limit > 0 || !found->enabled)) {
      budget.assumed = false;
      budget.unlimited = !found->enabled;
      budget.limit = static_cast<double>(found->limit);
      if (found->reset_at > now) {
        budget.left = static_cast<double>(found->remaining);
        budget.resets_in = static_cast<double>((found->reset_at - now).count());
      }
      if (found->day == std::chrono::floor<std::chrono::days>(now))
        budget.spent_today = static_cast<double>(found->spent_today);
    } else {
      budget.limit = documented_points;
      assumptions.push_back(fmt::format(
          "{} may spend {} {} per hour{}.", x.name, thousands(std::llround(budget.limit)),
          what == resource::graphql ? "points" : "REST requests",
          installation ? ", the least that an installation has (up to 12,500)" : ""));
    }
    result.push_back(std::move(budget));
  }
  if (strangers > 1)
    assumptions.push_back(
        "Each token is another user's: tokens of one user share one budget, and who they belong to "
        "has not been learned yet.");
  return result;
}

crawl_outline plan_outline(const config::settings& settings, const search_query& query,
                           const std::vector<width_record>& learned) {
  crawl_outline result;
  auto& width = settings.github.query_width;
  width_table widths{width};
  widths.restore(learned);
  auto kind = settings.github.credentials.empty() ? config::credential_kind::unknown
                                                  : settings.github.credentials.front().kind;
  result.query = query;
  result.query.created.first = std::max(query.created.first, first_created);
  result.top = static_cast<int64_t>(settings.crawl.source.search->top.value_or(0));
  result.pages = widths.of(query_shape::search_page, kind);
  result.counts = widths.of(query_shape::search_count, kind);
  result.planned = {width.page_max, width.count_start};
  result.fetchers = std::min(settings.crawl.fetchers, settings.github.limits.concurrent_requests);
  return result;
}

forecast_limits plan_limits(const config::settings& settings, timestamp now) {
  auto& limits = settings.github.limits;
  forecast_limits result;
  result.queries_per_minute = limits.points_per_minute;
  result.response_seconds_per_minute = limits.response_seconds_per_minute;
  result.in_flight = std::min(settings.crawl.fetchers, limits.concurrent_requests);
  auto midnight = std::chrono::floor<std::chrono::days>(now);
  result.time_of_day = static_cast<double>(seconds{now - midnight}.count());
  return result;
}

crawl_plan make_plan(plan_facts facts, const count_source& ask) {
  crawl_plan result;
  auto outline = facts.outline;
  workload first;
  if (facts.matches_known || ask) {
    auto found = estimate(outline, ask);
    result.threshold = found.threshold;
    result.matches_from = facts.matches_from;
    first = found.work;
    result.columns.push_back(column("this config", first, facts));
    outline.curve = found.curve;
    outline.matches = first.repositories;
  } else {
    outline.top = 0;
    outline.matches = sizes[0];
    first = estimate(outline).work;
  }
  for (auto size : sizes)
    result.columns.push_back(column(thousands(size), sized(facts.outline, size), facts));
  result.columns.push_back(
      column(thousands(census_size), census(census_size, facts.outline), facts));
  result.columns.back().census = true;
  if (std::any_of(result.columns.begin(), result.columns.end(),
                  [](auto& x) { return x.time.binding == bottleneck::store; }))
    facts.assumptions.push_back(fmt::format(
        "PostgreSQL stores {} repositories per second, as on two cores that it shares with the "
        "crawler. GitHub would be faster than that: a faster database shortens the crawl.",
        thousands(std::llround(facts.limits.stored_per_second))));
  result.changes = changes(facts, outline, first);
  result.notes = notes();
  result.source = std::move(facts.source);
  result.probe = facts.probe;
  result.currency = facts.prices.currency;
  result.budgets = std::move(facts.budgets);
  result.assumptions = std::move(facts.assumptions);
  return result;
}

} // namespace gitstar::tool
