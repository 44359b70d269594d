#include "tools/gitstar/plan.hpp"
#include "tools/gitstar/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <cmath>
#include <functional>

namespace gitstar::tool {

namespace {

namespace json = boost::json;

std::string time_text(double seconds) {
  if (!std::isfinite(seconds))
    return "never";
  if (seconds < 120)
    return fmt::format("{:.0f} s", seconds);
  if (seconds < 2 * 3600)
    return fmt::format("{:.0f} min", seconds / 60);
  if (seconds < 72 * 3600)
    return fmt::format("{:.1f} h", seconds / 3600);
  return fmt::format("{} h", thousands(std::llround(seconds / 3600)));
}

/// Rows of a repository: its own and the one of `star_history` that it begins with.
int64_t row_count(const workload& work) { return 2 * work.repositories; }

using cell = std::function<std::string(const plan_column&)>;

std::string row(const char* name, const crawl_plan& plan, const cell& text) {
  auto result = fmt::format("  {:<24}", name);
  for (auto& x : plan.columns)
    result += fmt::format("{:>17}", text(x));
  return result + '\n';
}

/// An amount that only search has.
std::string of_search(const plan_column& x, int64_t value) {
  return x.census ? "-" : thousands(value);
}

std::string table(const crawl_plan& plan) {
  auto result = row("", plan, [](auto& x) { return x.name; });
  result += row("repositories", plan, [](auto& x) { return thousands(x.work.repositories); });
  result += row("partitions", plan, [](auto& x) { return of_search(x, x.work.partitions); });
  result +=
      row("queries that count", plan, [](auto& x) { return of_search(x, x.work.count_queries); });
  result += row("queries that read", plan, [](auto& x) { return thousands(x.work.page_queries); });
  result += row("points", plan, [](auto& x) { return thousands(std::llround(x.work.points)); });
  result += row("time", plan, [](auto& x) { return time_text(x.time.seconds); });
  result += row("rows with history", plan, [](auto& x) { return thousands(row_count(x.work)); });
  result += row("database", plan, [](auto& x) { return bytes_text(x.bytes); });
  if (plan.columns.front().machine_cost)
    result += row("machine", plan, [&](auto& x) {
      return x.machine_cost ? fmt::format("{:.2f} {}", *x.machine_cost, plan.currency) : "-";
    });
  if (plan.columns.front().storage_cost_per_month)
    result += row("storage per month", plan, [&](auto& x) {
      return fmt::format("{:.2f} {}", *x.storage_cost_per_month, plan.currency);
    });
  for (auto& x : plan.columns)
    result += fmt::format("  {} is held up by: {}\n", x.name, to_string(x.time.binding));
  return result;
}

std::string budget_lines(const crawl_plan& plan) {
  std::string result = "Budgets\n";
  for (auto& x : plan.budgets) {
    result += "  ";
    for (auto& name : x.credentials)
      result += name + (&name == &x.credentials.back() ? ": " : ", ");
    result += x.unlimited ? std::string{"rate limits are switched off"}
                          : fmt::format("{} points per hour{}, {:g} % of them kept",
                                        thousands(std::llround(x.limit)),
                                        x.assumed ? " (assumed)" : "", 100 * x.reserve);
    if (x.left >= 0)
      result +=
          fmt::format(", {} left for {}", thousands(std::llround(x.left)), time_text(x.resets_in));
    if (x.daily_points)
      result +=
          fmt::format(", {} points per day at most", thousands(std::llround(*x.daily_points)));
    if (x.quiet_hours)
      result += fmt::format(", quiet from {:02}:{:02} to {:02}:{:02} UTC",
                            x.quiet_hours->from.count() / 60, x.quiet_hours->from.count() % 60,
                            x.quiet_hours->to.count() / 60, x.quiet_hours->to.count() % 60);
    result += '\n';
  }
  return result;
}

std::string change_lines(const crawl_plan& plan) {
  auto result = fmt::format("With one thing changed ({})\n",
                            plan.matches_from.empty() ? plan.columns.front().name : "this config");
  for (auto& x : plan.changes)
    result += fmt::format("  {:<38}{:>14} points{:>12}  {}\n", x.what,
                          thousands(std::llround(x.work.points)), time_text(x.time.seconds),
                          to_string(x.time.binding));
  return result;
}

/// Text with lines of at most 100 characters, the first with a dash.
std::string paragraph(const std::string& text) {
  constexpr size_t width = 98;
  std::string result;
  std::string line = "  - ";
  size_t begin = 0;
  while (begin < text.size()) {
    auto end = std::min(text.find(' ', begin), text.size());
    auto word = text.substr(begin, end - begin);
    if (line.size() + word.size() > width && line.size() > 4) {
      result += line + '\n';
      line = "    ";
    }
    line += (line.size() > 4 ? " " : "") + word;
    begin = end + 1;
  }
  return result + line + '\n';
}

std::string paragraphs(const char* title, const std::vector<std::string>& sentences) {
  if (sentences.empty())
    return {};
  std::string result = std::string{title} + '\n';
  for (auto& x : sentences)
    result += paragraph(x);
  return result;
}

/// JSON has no infinity.
json::value finite(double value) {
  return std::isfinite(value) ? json::value(value) : json::value(nullptr);
}

json::object to_json(const workload& work, const forecast& time) {
  return {{"repositories", work.repositories},
          {"partitions", work.partitions},
          {"splits", work.splits},
          {"queries", work.queries()},
          {"count_queries", work.count_queries},
          {"page_queries", work.page_queries},
          {"points", std::llround(work.points)},
          {"hours", finite(time.seconds / 3600)},
          {"binding", to_string(time.binding)}};
}

json::array to_json(const std::vector<std::string>& texts) {
  return json::array(texts.begin(), texts.end());
}

json::object to_json(const plan_column& x) {
  auto result = to_json(x.work, x.time);
  result["name"] = x.name;
  result["census"] = x.census;
  result["rows"] = row_count(x.work);
  result["bytes"] = x.bytes;
  if (x.machine_cost)
    result["machine_cost"] = *x.machine_cost;
  if (x.storage_cost_per_month)
    result["storage_cost_per_month"] = *x.storage_cost_per_month;
  return result;
}

json::object to_json(const forecast_budget& x) {
  return {{"credentials", to_json(x.credentials)},
          {"kind", config::to_string(x.kind)},
          {"unlimited", x.unlimited},
          {"limit", x.limit},
          {"assumed", x.assumed},
          {"reserve", x.reserve}};
}

} // namespace

std::string plan_text(const crawl_plan& plan) {
  auto result = "Plan: " + plan.source + '\n';
  if (plan.matches_from.empty())
    result += "  Nobody knows how many repositories that is: --probe asks GitHub, --repositories N "
              "assumes.\n";
  else
    result += fmt::format("  {} repositories {}\n",
                          thousands(plan.columns.front().work.repositories), plan.matches_from);
  if (plan.threshold >= 0)
    result += fmt::format("  stars >= {} is crawled\n", thousands(plan.threshold));
  if (plan.probe)
    result += fmt::format("  asked in {} queries for {} points\n", plan.probe->queries,
                          plan.probe->points);
  result += table(plan) + budget_lines(plan) + change_lines(plan);
  result += paragraphs("Assumed", plan.assumptions);
  return result + paragraphs("Note", plan.notes);
}

std::string plan_json(const crawl_plan& plan) {
  json::object result{{"source", plan.source},
                      {"matches_from", plan.matches_from},
                      {"currency", plan.currency},
                      {"assumptions", to_json(plan.assumptions)},
                      {"notes", to_json(plan.notes)}};
  if (plan.threshold >= 0)
    result["threshold"] = plan.threshold;
  if (plan.probe)
    result["probe"] =
        json::object{{"queries", plan.probe->queries}, {"points", plan.probe->points}};
  json::array columns;
  for (auto& x : plan.columns)
    columns.push_back(to_json(x));
  json::array changed;
  for (auto& x : plan.changes) {
    auto entry = to_json(x.work, x.time);
    entry["what"] = x.what;
    changed.push_back(std::move(entry));
  }
  json::array budgets;
  for (auto& x : plan.budgets)
    budgets.push_back(to_json(x));
  result["columns"] = std::move(columns);
  result["changes"] = std::move(changed);
  result["budgets"] = std::move(budgets);
  return json::serialize(result);
}

} // namespace gitstar::tool
