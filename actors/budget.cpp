#include "actors/budget.hpp"

#include <algorithm>
#include <cmath>

namespace gitstar {

namespace {

using namespace std::chrono_literals;

/// GitHub's minute and ours do not begin together, and a query takes time to get there.
constexpr auto minute = 61s;

/// Resets are given in whole seconds.
constexpr auto reset_margin = 1s;

/// Without `retry-after`: at least a minute, then exponential (docs: "Best practices for using the
/// REST API").
constexpr auto shortest_ban = 60s;
constexpr auto longest_ban = 3600s;

} // namespace

budget::budget(std::string credential, const config::limits_section& limits, wall_clock clock)
    : credential_(std::move(credential)), limits_(limits), clock_(clock) {}

void budget::restore(const budget_record& record) {
  // That limits were switched off is not believed: the credential may be another server's now, and
  // the first answer tells.
  limit_ = record.limit;
  remaining_ = record.remaining;
  reset_at_ = record.reset_at;
  known_ = limit_ > 0;
  if (record.banned_until > timestamp{})
    banned_until_ = clock_.when(record.banned_until);
}

budget_record budget::record() const {
  budget_record result;
  result.credential = credential_;
  result.enabled = enabled_;
  result.limit = limit_;
  result.remaining = remaining_;
  result.reset_at = reset_at_;
  if (banned_until_ > clock_.actor_at_start)
    result.banned_until = clock_.at(banned_until_);
  return result;
}

budget_view budget::view() const {
  auto saved = record();
  return {credential_, known_,     enabled_,  benched_,
          limit_,      remaining_, reset_at_, saved.banned_until};
}

std::optional<budget::time_point> budget::ready_at(time_point now, int64_t cost) {
  if (now < banned_until_) {
    why_ = "a ban";
    return banned_until_;
  }
  if (!enabled_)
    return now;
  // The first answer tells the budget; until then one query at a time.
  if (!known_ && in_flight_ > 0) {
    why_ = "the first answer";
    return std::nullopt;
  }
  if (auto ready = points_ready(now, cost); !ready || *ready > now)
    return ready;
  if (auto ready = minute_ready(now); *ready > now)
    return ready;
  return response_time_ready(now);
}

std::optional<budget::time_point> budget::points_ready(time_point now, int64_t cost) {
  if (!known_)
    return now;
  auto reset = clock_.when(reset_at_) + reset_margin;
  if (now >= reset && !renewed_) {
    remaining_ = limit_;
    renewed_ = true;
  }
  auto reserve = static_cast<int64_t>(std::ceil(static_cast<double>(limit_) * limits_.reserve));
  if (remaining_ - in_flight_cost_ - cost >= reserve)
    return now;
  if (!renewed_) {
    why_ = "the reset of the points";
    return reset;
  }
  // An answer will tell of the new window; where all of them were lost, one more query asks.
  if (in_flight_ == 0)
    return now;
  why_ = "the first answer after the reset of the points";
  return std::nullopt;
}

std::optional<budget::time_point> budget::minute_ready(time_point now) {
  while (!sent_.empty() && sent_.front() + minute <= now)
    sent_.pop_front();
  if (limits_.points_per_minute == 0 || sent_.size() < limits_.points_per_minute)
    return now;
  why_ = "the queries per minute";
  return sent_.front() + minute;
}

std::optional<budget::time_point> budget::response_time_ready(time_point now) {
  while (!finished_.empty() && finished_.front().at + minute <= now) {
    finished_sum_ -= finished_.front().elapsed;
    finished_.pop_front();
  }
  milliseconds limit = std::chrono::seconds{limits_.response_seconds_per_minute};
  if (limit == 0ms || (in_flight_ == 0 && finished_.empty()))
    return now;
  // What is under way counts with the time it will probably take.
  auto planned = typical_ * (in_flight_ + 1);
  auto sum = finished_sum_;
  if (sum + planned <= limit)
    return now;
  why_ = "the response time per minute";
  for (auto& query : finished_) {
    sum -= query.elapsed;
    if (sum + planned <= limit)
      return query.at + minute;
  }
  if (in_flight_ > 0)
    return std::nullopt;
  return finished_.back().at + minute;
}

void budget::sent(time_point now, int64_t cost) {
  ++in_flight_;
  in_flight_cost_ += cost;
  if (enabled_)
    sent_.push_back(now);
}

void budget::abandoned(int64_t cost) {
  --in_flight_;
  in_flight_cost_ -= cost;
}

void budget::answered(time_point now, int64_t cost, const query_report& report) {
  abandoned(cost);
  if (report.elapsed > 0ms)
    typical_ = typical_ == 0ms ? report.elapsed : (typical_ * 7 + report.elapsed) / 8;
  if (enabled_) {
    finished_.push_back({now, report.elapsed});
    finished_sum_ += report.elapsed;
  }
  learn(now, cost, report.limits);
  if (report.result == outcome::secondary_limit)
    return ban(now, report.retry_after);
  bans_in_a_row_ = 0;
  if (report.result == outcome::primary_limit) {
    remaining_ = 0;
    known_ = true;
    if (clock_.when(reset_at_) <= now)
      ban(now, report.retry_after);
  }
}

void budget::learn(time_point now, int64_t cost, const rate_limit& limits) {
  if (!limits.known) {
    remaining_ = std::max<int64_t>(remaining_ - cost, 0); // a query that timed out is charged, too
    return;
  }
  enabled_ = limits.enabled;
  if (!enabled_) {
    sent_.clear();
    finished_.clear();
    finished_sum_ = 0ms;
    return;
  }
  if (known_ && (limits.reset_at < reset_at_ || (renewed_ && limits.reset_at == reset_at_)))
    return; // of a window that is over
  // Answers overtake each other: within a window the smallest number is the latest.
  auto same_window = known_ && limits.reset_at == reset_at_;
  remaining_ = same_window ? std::min(remaining_, limits.remaining) : limits.remaining;
  limit_ = limits.limit;
  reset_at_ = limits.reset_at;
  renewed_ = clock_.when(reset_at_) + reset_margin <= now; // or its clock is behind ours
  known_ = true;
}

void budget::ban(time_point now, optional<std::chrono::seconds> retry_after) {
  auto exponential = shortest_ban * (int64_t{1} << std::min<uint32_t>(bans_in_a_row_, 6));
  auto length =
      retry_after ? *retry_after : std::min<std::chrono::seconds>(exponential, longest_ban);
  ++bans_in_a_row_;
  banned_until_ = std::max(banned_until_, now + length + reset_margin);
}

} // namespace gitstar
