#include "tools/gitstar/progress.hpp"

#include "messages/time_text.hpp"
#include "tools/gitstar/terminal_line.hpp"
#include "tools/gitstar/text.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <map>

namespace gitstar::tool {

namespace {

using namespace std::chrono_literals;

constexpr auto rate_period = 30s;

/// Each budget of a resource once, whichever of its credentials shows it; benched ones are not
/// spent any more.
std::vector<budget_view> usable_budgets(const std::vector<budget_view>& views,
                                        resource what = resource::graphql) {
  std::vector<budget_view> result;
  for (auto& x : views) {
    auto same_owner = [&x](auto& y) { return y.owner == x.owner; };
    if (!x.benched && x.what == what && std::none_of(result.begin(), result.end(), same_owner))
      result.push_back(x);
  }
  return result;
}

/// What is left of REST, where ids are listed.
std::string requests_text(const snapshot& now) {
  int64_t limit = 0;
  int64_t remaining = 0;
  for (auto& x : usable_budgets(now.bucket.budgets, resource::core)) {
    limit += x.known && x.enabled ? x.limit : 0;
    remaining += x.known && x.enabled ? x.remaining : 0;
  }
  return limit > 0
             ? fmt::format(", {} of {} REST requests left", thousands(remaining), thousands(limit))
             : "";
}

/// All budgets together: a line for each would be longer than the terminal is wide.
std::string budgets_text(const snapshot& now) {
  int64_t limit = 0;
  int64_t remaining = 0;
  timestamp reset = timestamp::max();
  auto unlimited = false;
  for (auto& x : usable_budgets(now.bucket.budgets)) {
    unlimited = unlimited || !x.enabled;
    if (!x.known || !x.enabled)
      continue;
    limit += x.limit;
    remaining += x.remaining;
    reset = std::min(reset, x.reset_at);
  }
  std::string result;
  if (unlimited)
    result = ", no rate limit";
  else if (limit > 0)
    result = fmt::format(", {} of {} points left, reset {}", thousands(remaining), thousands(limit),
                         to_utc_text(reset).substr(11, 5));
  result += requests_text(now);
  auto count = [&now](auto holds) {
    return std::count_if(now.bucket.budgets.begin(), now.bucket.budgets.end(),
                         [&](auto& x) { return x.what == resource::graphql && holds(x); });
  };
  auto all = count([](auto&) { return true; });
  if (auto banned = count([&](auto& x) { return !x.benched && x.banned_until > now.wall; }))
    result += fmt::format(", {} of {} credentials banned", banned, all);
  if (auto benched = count([](auto& x) { return x.benched; }))
    result += fmt::format(", {} of {} credentials rejected", benched, all);
  return result;
}

} // namespace

std::optional<std::chrono::seconds> remaining_time(const snapshot& now, double repositories_per_s) {
  auto left = static_cast<double>(now.crawl.totals.expected - now.crawl.totals.seen);
  if (repositories_per_s <= 0 || now.crawl.totals.expected <= 0)
    return std::nullopt;
  auto working = left / repositories_per_s;
  auto seen = static_cast<double>(now.crawl.totals.seen);
  double points_left = 0;
  std::multimap<timestamp, double> resets; // with the points that each brings
  for (auto& x : usable_budgets(now.bucket.budgets)) {
    if (!x.enabled)
      return std::chrono::seconds{static_cast<int64_t>(working)};
    if (!x.known)
      continue;
    points_left += static_cast<double>(x.remaining);
    if (x.limit > 0)
      resets.emplace(std::max(x.reset_at, now.wall), static_cast<double>(x.limit));
  }
  auto points_needed = seen > 0 ? left * static_cast<double>(now.bucket.points) / seen : 0;
  if (points_needed <= points_left || resets.empty())
    return std::chrono::seconds{static_cast<int64_t>(working)};
  // Window after window, until one brings as much as is left to do.
  auto beyond = points_needed - points_left;
  while (resets.begin()->second < beyond) {
    auto [at, points] = *resets.begin();
    resets.erase(resets.begin());
    resets.emplace(at + 3600s, points);
    beyond -= points;
  }
  return resets.begin()->first - now.wall +
         std::chrono::seconds{static_cast<int64_t>(beyond / points_needed * working)};
}

progress_display::progress_display(bool terminal, std::chrono::milliseconds interval)
    : terminal_(terminal), interval_(terminal ? 500ms : interval) {}

double progress_display::rate(const snapshot& now) {
  recent_.push_back({now.at, now.crawl.totals.seen});
  while (recent_.size() > 2 && recent_.front().at + rate_period < now.at)
    recent_.pop_front();
  std::chrono::duration<double> period = now.at - recent_.front().at;
  if (period <= 0s)
    return 0;
  return static_cast<double>(now.crawl.totals.seen - recent_.front().seen) / period.count();
}

std::string progress_display::line(const snapshot& now) {
  auto& totals = now.crawl.totals;
  auto per_second = rate(now);
  auto result = now.crawl.phase;
  if (totals.expected > 0)
    result += fmt::format(
        " {} of {} ({:.0f} %)", thousands(totals.seen), thousands(totals.expected),
        100.0 * static_cast<double>(totals.seen) / static_cast<double>(totals.expected));
  result += fmt::format(", {}/s", thousands(static_cast<int64_t>(per_second)));
  result += budgets_text(now);
  result += fmt::format(", {} in flight", now.bucket.in_flight);
  if (now.bucket.breaker != "closed")
    result += ", circuit breaker " + now.bucket.breaker;
  if (!now.bucket.waiting_for.empty())
    result += ", waiting for " + now.bucket.waiting_for;
  if (!now.store_waits_for.empty())
    result += ", waiting for PostgreSQL: " + now.store_waits_for;
  if (totals.incomplete + totals.dead > 0)
    result += fmt::format(", {} incomplete", totals.incomplete + totals.dead);
  if (auto rest = remaining_time(now, per_second))
    result += ", ETA " + duration_text(*rest);
  return result;
}

void progress_display::show(const snapshot& now) {
  auto text = line(now);
  if (!terminal_) {
    spdlog::info(text);
    return;
  }
  terminal_line::of_stderr().show(std::move(text));
}

void progress_display::finish() {
  if (terminal_)
    terminal_line::of_stderr().leave();
}

} // namespace gitstar::tool
