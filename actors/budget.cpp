#include "actors/budget.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>

namespace gitstar {

namespace {

using namespace std::chrono_literals;

/// GitHub's minute and ours do not begin together, and a query takes time to get there.
constexpr auto minute = 61s;

/// Resets are given in whole seconds.
constexpr auto reset_margin = 1s;

/// Answers of one window may name ends that differ by so much (headers and bodies are made apart).
constexpr auto reset_jitter = 5s;

/// How long to wait before asking again whether a window is over that should be.
constexpr auto overdue_reset = 5s;

/// "Fixed window, 60 minutes" (fact sheet 2.3).
constexpr auto window_length = 3600s;

/// Without `retry-after`: at least a minute, then exponential (docs: "Best practices for using the
/// REST API").
constexpr auto shortest_ban = 60s;
constexpr auto longest_ban = 3600s;

/// The share of what a minute allows that may be sent before the ledger hears of it.
constexpr uint32_t unrecorded_share = 20;

/// Two sorted sequences as one.
template <class T, class Less>
std::deque<T> merged(const std::deque<T>& a, const std::deque<T>& b, Less less) {
  std::deque<T> result;
  std::merge(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(result), less);
  return result;
}

} // namespace

budget::budget(const config::limits_section& limits, wall_clock clock)
    : limits_(limits), clock_(clock) {}

void budget::restore(time_point now, const budget_record& record) {
  // That limits were switched off is not believed: the credential may be another server's now, and
  // the first answer tells.
  limit_ = record.limit;
  own_ = shown_ = record.remaining;
  reset_at_ = record.reset_at;
  known_ = limit_ > 0;
  restored_ = true;
  if (record.banned_until > timestamp{})
    banned_until_ = clock_.when(record.banned_until);
  bans_in_a_row_ = record.bans;
  if (auto at = std::min(clock_.when(record.minute_at), now); now < at + minute) {
    sent_.assign(static_cast<size_t>(record.minute_queries), at);
    finished_.push_back({at, record.minute_response});
  }
  sent_.insert(sent_.end(), static_cast<size_t>(record.unsaved_queries), now);
  finished_.push_back({now, record.unsaved_response});
  for (auto& x : finished_)
    finished_sum_ += x.elapsed;
}

void budget::describe(time_point now, bool last, budget_record& record) const {
  record.bans = bans_in_a_row_;
  // A whole second, and not before what it counts.
  record.minute_at = clock_.at(now) + 1s;
  if (has_minutes()) {
    record.unsaved_queries = last ? 0 : allowance();
    record.unsaved_response = typical_ * (in_flight_ + record.unsaved_queries);
    auto recent = [now](time_point at) { return now < at + minute; };
    record.minute_queries = std::count_if(sent_.begin(), sent_.end(), recent);
    for (auto& x : finished_)
      record.minute_response += recent(x.at) ? x.elapsed : 0ms;
  }
  record.enabled = enabled_;
  record.limit = limit_;
  // What is under way may be charged before a crash lets us hear of it.
  record.remaining = std::max<int64_t>(remaining() - in_flight_cost_, 0);
  record.reset_at = reset_at_;
  if (banned_until_ > clock_.actor_at_start)
    record.banned_until = clock_.at(banned_until_);
}

void budget::describe(budget_view& view) const {
  view.known = known_;
  view.enabled = enabled_;
  view.limit = limit_;
  view.remaining = remaining();
  view.reset_at = reset_at_;
  if (banned_until_ > clock_.actor_at_start)
    view.banned_until = clock_.at(banned_until_);
}

bool budget::has_minutes() const {
  return enabled_ && (limits_.points_per_minute > 0 || limits_.response_seconds_per_minute > 0);
}

uint32_t budget::allowance() const {
  auto most = static_cast<int64_t>(limits_.points_per_minute);
  milliseconds response = std::chrono::seconds{limits_.response_seconds_per_minute};
  if (response > 0ms && typical_ > 0ms)
    most = most > 0 ? std::min<int64_t>(most, response / typical_) : response / typical_;
  return std::max(static_cast<uint32_t>(most) / unrecorded_share, 1u);
}

bool budget::wants_record() const {
  return has_minutes() && (!claiming_ || total_ - recording_ >= std::max(allowance() / 2, 1u));
}

uint64_t budget::recording() {
  claiming_ = true;
  return recording_ = total_;
}

void budget::recorded(uint64_t mark) {
  claimed_ = true;
  recorded_ = std::max(recorded_, mark);
}

void budget::share_ban(const budget& other) {
  banned_until_ = std::max(banned_until_, other.banned_until_);
  ban_began_ = std::max(ban_began_, other.ban_began_);
  bans_in_a_row_ = std::max(bans_in_a_row_, other.bans_in_a_row_);
}

void budget::merge(const budget& other) {
  auto take_window = [this](const budget& from) {
    known_ = from.known_;
    limit_ = from.limit_;
    own_ = from.own_;
    shown_ = from.shown_;
    reset_at_ = from.reset_at_;
    renewed_ = from.renewed_;
    window_began_ = from.window_began_;
  };
  auto both_speak_of_it = known_ && other.known_ && told_ == other.told_;
  if (both_speak_of_it && is_same_window(other.reset_at_)) {
    own_ = std::min(own_, other.own_);
    shown_ = std::min(shown_, other.shown_);
    window_began_ = std::min(window_began_, other.window_began_);
  } else if (both_speak_of_it ? other.reset_at_ > reset_at_ : other.known_ && !told_) {
    take_window(other); // the later window, or the one that GitHub itself told
  }
  told_ = told_ || other.told_;
  restored_ = restored_ && other.restored_;
  enabled_ = enabled_ && other.enabled_;
  reset_not_yet_ = std::max(reset_not_yet_, other.reset_not_yet_);
  in_flight_ += other.in_flight_;
  in_flight_cost_ += other.in_flight_cost_;
  share_ban(other);
  if (total_ + other.total_ == 0) {
    // Each record tells of the minute of both.
    if (other.sent_.size() > sent_.size())
      sent_ = other.sent_;
    if (other.finished_sum_ > finished_sum_) {
      finished_ = other.finished_;
      finished_sum_ = other.finished_sum_;
    }
  } else {
    sent_ = merged(sent_, other.sent_, std::less<>{});
    finished_ = merged(finished_, other.finished_, [](auto& a, auto& b) { return a.at < b.at; });
    finished_sum_ += other.finished_sum_;
  }
  total_ += other.total_ - other.recorded_;
  typical_ = std::max(typical_, other.typical_);
}

int64_t budget::remaining() const { return std::max<int64_t>(std::min(own_, shown_), 0); }

int64_t budget::spendable(double reserve) const {
  auto kept = static_cast<int64_t>(std::ceil(static_cast<double>(limit_) * reserve));
  return remaining() - in_flight_cost_ - kept;
}

budget::time_point budget::reset_time() const {
  return std::max(clock_.when(reset_at_ - skew_) + reset_margin, reset_not_yet_);
}

bool budget::is_same_window(timestamp reset_at) const {
  return known_ && reset_at <= reset_at_ + reset_jitter && reset_at_ <= reset_at + reset_jitter;
}

// -- when the next query may be sent ------------------------------------------

std::optional<budget::time_point> budget::ready_at(time_point now, int64_t cost, double reserve) {
  if (now < banned_until_) {
    why_ = "a ban";
    return banned_until_;
  }
  if (!enabled_)
    return now;
  if (auto ready = points_ready(now, cost, reserve); !ready || *ready > now)
    return ready;
  if (auto ready = minute_ready(now); ready > now)
    return ready;
  if (auto ready = response_time_ready(now); !ready || *ready > now)
    return ready;
  if (has_minutes() && (!claimed_ || total_ - recorded_ >= allowance())) {
    why_ = "the ledger";
    return std::nullopt;
  }
  return now;
}

std::optional<budget::time_point> budget::points_ready(time_point now, int64_t cost,
                                                       double reserve) {
  if (known_ && !renewed_ && now >= reset_time()) {
    own_ = shown_ = limit_;
    renewed_ = true;
    window_began_ = now;
    if (reset_not_yet_ != time_point{})
      told_ = false; // our clock was wrong before
  }
  // What the ledger remembers may be another user's: the credential's name may stand for another
  // token now. One query out of the reserve asks.
  auto asks = restored_ && !told_ && in_flight_ == 0 && spendable(0) >= cost;
  if (known_ && !renewed_ && spendable(reserve) < cost && !asks) {
    why_ = "new points";
    return reset_time();
  }
  // The first answer tells the budget; until then one query at a time.
  if (!told_ && in_flight_ > 0) {
    why_ = "the first answer";
    return std::nullopt;
  }
  // An answer will tell of the new window; where all of them were lost, one more query asks.
  if (known_ && spendable(reserve) < cost && in_flight_ > 0) {
    why_ = "the first answer of the new window";
    return std::nullopt;
  }
  return now;
}

budget::time_point budget::minute_ready(time_point now) {
  while (!sent_.empty() && sent_.front() + minute <= now)
    sent_.pop_front();
  if (limits_.points_per_minute == 0 || sent_.size() < limits_.points_per_minute)
    return now;
  why_ = "the queries per minute";
  return sent_[sent_.size() - limits_.points_per_minute] + minute;
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

double budget::pressure(time_point now, double reserve) const {
  constexpr auto most = std::numeric_limits<double>::infinity();
  if (!enabled_ || !told_ || (renewed_ && in_flight_ == 0))
    return most;
  using seconds = std::chrono::duration<double>;
  auto left = renewed_ ? seconds{window_length} : seconds{reset_time() - now};
  return static_cast<double>(spendable(reserve)) / std::max(left.count(), 1.0);
}

// -- what is sent and answered ------------------------------------------------

void budget::sent(time_point now, int64_t cost) {
  ++in_flight_;
  in_flight_cost_ += cost;
  ++total_;
  if (enabled_)
    sent_.push_back(now);
}

void budget::release(int64_t cost) {
  --in_flight_;
  in_flight_cost_ -= cost;
}

void budget::charge(const sent_query& query, int64_t cost) {
  // GitHub's first word about this window may already have counted what was sent before it.
  if (query.at >= window_began_)
    own_ -= cost;
}

void budget::abandoned(const sent_query& query) {
  release(query.cost);
  charge(query, query.cost);
}

void budget::unsent(const sent_query& query) {
  release(query.cost);
  if (auto found = std::find(sent_.begin(), sent_.end(), query.at); found != sent_.end())
    sent_.erase(found);
}

void budget::answered(time_point now, const sent_query& query, const query_report& report) {
  release(query.cost);
  if (report.elapsed > 0ms)
    typical_ = typical_ == 0ms ? report.elapsed : (typical_ * 7 + report.elapsed) / 8;
  if (enabled_) {
    finished_.push_back({now, report.elapsed});
    finished_sum_ += report.elapsed;
  }
  // A query that timed out is charged, too.
  charge(query, report.limits.cost >= 0 ? report.limits.cost : query.cost);
  learn(now, query, report.limits);
  if (report.result == outcome::secondary_limit)
    return ban(now, query, report.retry_after);
  if (report.result == outcome::primary_limit)
    return exhaust(now, query, report);
  if (query.at > ban_began_)
    bans_in_a_row_ = 0;
}

void budget::learn(time_point now, const sent_query& query, const rate_limit& limits) {
  if (!limits.known)
    return;
  if (!limits.enabled) {
    enabled_ = false;
    told_ = true;
    sent_.clear();
    finished_.clear();
    finished_sum_ = 0ms;
    return;
  }
  if (limits.limit <= 0)
    return; // what GitHub shows a credential that it does not know (fact sheet 1)
  enabled_ = true;
  auto earlier_window = known_ && query.at < window_began_;
  if (!is_same_window(limits.reset_at)) {
    if (limits.reset_at < reset_at_ && earlier_window)
      return; // about a window that is over
    return begin_window(now, limits);
  }
  if (renewed_) {
    if (earlier_window)
      return;
    // We took the window for over: from now on one query at a time asks until GitHub agrees.
    renewed_ = false;
    own_ = shown_ = limits.remaining;
    reset_not_yet_ = now + overdue_reset;
    return;
  }
  // Answers overtake each other: within a window the smallest number is the latest.
  shown_ = told_ ? std::min(shown_, limits.remaining) : limits.remaining;
  if (!told_)
    own_ = shown_; // after a restart GitHub knows better than the ledger
  limit_ = limits.limit;
  reset_at_ = std::max(reset_at_, limits.reset_at);
  told_ = true;
}

void budget::begin_window(time_point now, const rate_limit& limits) {
  shown_ = limits.remaining;
  if (renewed_ && limits.reset_at > reset_at_) {
    own_ += limits.limit - limit_; // ours has counted from the window's beginning
  } else {
    own_ = limits.remaining;
    window_began_ = now;
  }
  limit_ = limits.limit;
  reset_at_ = limits.reset_at;
  known_ = true;
  told_ = true;
  renewed_ = false;
  reset_not_yet_ = {};
  if (reset_time() <= now) // GitHub's clock is behind ours, and it has not said by how much
    reset_not_yet_ = now + shortest_ban;
}

void budget::exhaust(time_point now, const sent_query& query, const query_report& report) {
  if (known_ && query.at < window_began_ && renewed_)
    return; // about the window before
  auto& limits = report.limits;
  if (limits.known && limits.enabled && limits.limit > 0 && !is_same_window(limits.reset_at))
    return; // likewise: `learn` has taken any other window up
  own_ = shown_ = 0;
  auto clocks_disagree = reset_not_yet_ != time_point{};
  if (!known_ || report.retry_after || clocks_disagree || reset_time() <= now)
    ban(now, query, report.retry_after);
}

void budget::ban(time_point now, const sent_query& query,
                 optional<std::chrono::seconds> retry_after) {
  // Queries that were under way together are refused together: that is one ban.
  if (bans_in_a_row_ == 0 || query.at > ban_began_) {
    ++bans_in_a_row_;
    ban_began_ = now;
  }
  auto exponential = shortest_ban * (int64_t{1} << std::min<uint32_t>(bans_in_a_row_ - 1, 6));
  auto length =
      retry_after ? *retry_after : std::min<std::chrono::seconds>(exponential, longest_ban);
  banned_until_ = std::max(banned_until_, now + length + reset_margin);
}

} // namespace gitstar
