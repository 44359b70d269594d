#include "tools/gitstar/progress.hpp"

#include "messages/time_text.hpp"
#include "tools/gitstar/text.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cstdio>

namespace gitstar::tool {

namespace {

using namespace std::chrono_literals;

constexpr auto rate_period = 30s;

std::string budget_text(const budget_view& x) {
  if (!x.known)
    return x.enabled ? "" : ", no rate limit";
  if (!x.enabled)
    return ", no rate limit";
  return fmt::format(", {} of {} points left, reset {}", thousands(x.remaining), thousands(x.limit),
                     to_utc_text(x.reset_at).substr(11, 5));
}

} // namespace

std::optional<std::chrono::seconds> remaining_time(const snapshot& now, double repositories_per_s) {
  auto left = static_cast<double>(now.crawl.totals.expected - now.crawl.totals.seen);
  if (repositories_per_s <= 0 || now.crawl.totals.expected <= 0)
    return std::nullopt;
  auto working = left / repositories_per_s;
  auto seen = static_cast<double>(now.crawl.totals.seen);
  double points_left = 0;
  double points_per_window = 0;
  timestamp first_reset;
  for (auto& x : now.bucket.budgets) {
    if (!x.enabled)
      return std::chrono::seconds{static_cast<int64_t>(working)};
    if (!x.known || x.benched)
      continue;
    points_left += static_cast<double>(x.remaining);
    points_per_window += static_cast<double>(x.limit);
    first_reset = std::max(first_reset, x.reset_at);
  }
  auto points_needed = seen > 0 ? left * static_cast<double>(now.bucket.points) / seen : 0;
  if (points_needed <= points_left || points_per_window <= 0)
    return std::chrono::seconds{static_cast<int64_t>(working)};
  // The rest of this window, then whole windows, then what is left to do in the last one.
  auto beyond = points_needed - points_left;
  auto windows = static_cast<int64_t>(beyond / points_per_window);
  auto last = (beyond - static_cast<double>(windows) * points_per_window) / points_needed * working;
  auto until_reset = std::max<std::chrono::seconds>(first_reset - now.wall, 0s);
  return until_reset + windows * 3600s + std::chrono::seconds{static_cast<int64_t>(last)};
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
  for (auto& x : now.bucket.budgets)
    result += budget_text(x);
  result += fmt::format(", {} in flight", now.bucket.in_flight);
  if (now.bucket.breaker != "closed")
    result += ", circuit breaker " + now.bucket.breaker;
  if (!now.bucket.waiting_for.empty() && now.bucket.in_flight == 0)
    result += ", waiting for " + now.bucket.waiting_for;
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
  auto length = text.size();
  if (length < shown_)
    text.append(shown_ - length, ' ');
  shown_ = length;
  std::fprintf(stderr, "\r%s", text.c_str());
  std::fflush(stderr);
}

void progress_display::finish() {
  if (terminal_ && shown_ > 0)
    std::fprintf(stderr, "\n");
  shown_ = 0;
}

} // namespace gitstar::tool
