#include "actors/forecast.hpp"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gitstar {

namespace {

constexpr double infinite = std::numeric_limits<double>::infinity();
constexpr double day = 86'400;

/// As `actors/budget.cpp` has them: a minute and a reset with a second for clocks that differ.
constexpr double minute = 61;
constexpr double reset_margin = 1;

/// After so long the bursts at the begin of each minute do not matter any more.
constexpr double bursts_matter = 600;

/// A crawl that takes more steps is foretold from these: what limits it repeats every day.
constexpr int most_steps = 20'000;

/// How much wider a limit is made to see whether it binds.
constexpr double wider = 1.25;

/// Below this gain (a share of the time) no limit binds.
constexpr double noticeable = 0.01;

bool is_quiet(const std::optional<config::daily_span>& hours, double time_of_day) {
  if (!hours)
    return false;
  auto from = static_cast<double>(hours->from.count()) * 60;
  auto to = static_cast<double>(hours->to.count()) * 60;
  return from < to ? time_of_day >= from && time_of_day < to
                   : time_of_day >= from || time_of_day < to;
}

/// Seconds until the next time that is `minutes` after midnight.
double until(std::chrono::minutes time, double time_of_day) {
  auto wait = static_cast<double>(time.count()) * 60 - time_of_day;
  return wait > 0 ? wait : wait + day;
}

/// One budget on its way through the crawl.
class account {
public:
  account(const forecast_budget& budget, const forecast_limits& limits, double points_per_query,
          double seconds_per_query)
      : budget_(budget), window_(limits.window), cost_(points_per_query) {
    per_minute_ = limits.queries_per_minute > 0 ? limits.queries_per_minute : infinite;
    if (limits.response_seconds_per_minute > 0)
      per_minute_ = std::min(per_minute_, limits.response_seconds_per_minute / seconds_per_query);
    if (budget_.unlimited)
      per_minute_ = infinite;
    left_ = spendable(budget_.left >= 0 ? budget_.left : budget_.limit);
    window_ends_ = budget_.left >= 0 ? budget_.resets_in + reset_margin : infinite;
    day_left_ = budget_.daily_points ? *budget_.daily_points - budget_.spent_today : infinite;
    minute_left_ = per_minute_;
  }

  /// Queries per second that it could send now.
  double rate(double now, double time_of_day) const {
    if (is_quiet(budget_.quiet_hours, time_of_day) || points_left() < cost_ * 1e-6)
      return 0;
    if (now < bursts_matter)
      return minute_left_ > 1e-6 ? infinite : 0;
    return per_minute_ / minute;
  }

  /// Seconds until something changes for it while it sends `rate` queries per second.
  double next_change(double now, double time_of_day, double rate) const {
    auto result = std::min({window_ends_ - now, minute_ends_ - now, day - time_of_day});
    if (rate > 0) {
      result = std::min(result, points_left() / cost_ / rate);
      if (now < bursts_matter)
        result = std::min({result, minute_left_ / rate, bursts_matter - now});
    }
    if (budget_.quiet_hours)
      result = std::min({result, until(budget_.quiet_hours->from, time_of_day),
                         until(budget_.quiet_hours->to, time_of_day)});
    return std::max(result, 1e-6);
  }

  void send(double now, double queries) {
    if (queries <= 0)
      return;
    left_ -= queries * cost_;
    day_left_ -= queries * cost_;
    minute_left_ -= queries;
    // A window begins with the first query in it.
    if (window_ends_ == infinite)
      window_ends_ = now + window_ + reset_margin;
    if (minute_ends_ == infinite && now < bursts_matter)
      minute_ends_ = now + minute;
  }

  void pass(double now, bool midnight) {
    if (now >= window_ends_ - 1e-9) {
      left_ = spendable(budget_.limit);
      window_ends_ = infinite;
    }
    if (now >= minute_ends_ - 1e-9) {
      minute_left_ = per_minute_;
      minute_ends_ = infinite;
    }
    if (midnight && budget_.daily_points)
      day_left_ = *budget_.daily_points;
  }

private:
  double spendable(double points) const {
    return budget_.unlimited ? infinite
                             : std::max(points - std::ceil(budget_.limit * budget_.reserve), 0.0);
  }
  double points_left() const { return std::min(left_, day_left_); }

  const forecast_budget& budget_;
  double window_;
  double cost_;        // points per query
  double per_minute_;  // queries
  double left_;        // points of this window
  double window_ends_; // infinite: the next query begins one
  double day_left_;
  double minute_left_; // queries
  double minute_ends_ = infinite;
};

/// Seconds until `queries` have been answered.
double run(const workload& work, const std::vector<forecast_budget>& budgets,
           const forecast_limits& limits) {
  auto queries = static_cast<double>(work.queries());
  if (queries == 0)
    return 0;
  auto seconds_per_query = work.response_seconds / queries;
  std::vector<account> accounts;
  for (auto& x : budgets)
    accounts.emplace_back(x, limits, work.points / queries, seconds_per_query);
  auto most = limits.in_flight / seconds_per_query;
  double now = 0;
  double done = 0;
  std::vector<double> rates(accounts.size());
  for (int step = 0; step < most_steps; ++step) {
    auto time_of_day = std::fmod(limits.time_of_day + now, day);
    double sum = 0;
    for (size_t i = 0; i < accounts.size(); ++i) {
      rates[i] = std::min(accounts[i].rate(now, time_of_day), most);
      sum += rates[i];
    }
    auto share = sum > most ? most / sum : 1.0;
    auto span = infinite;
    for (size_t i = 0; i < accounts.size(); ++i) {
      rates[i] *= share;
      span = std::min(span, accounts[i].next_change(now, time_of_day, rates[i]));
    }
    sum *= share;
    if (done + sum * span >= queries)
      return now + (queries - done) / sum;
    for (size_t i = 0; i < accounts.size(); ++i)
      accounts[i].send(now, rates[i] * span);
    done += sum * span;
    auto midnight = time_of_day + span >= day - 1e-9;
    now += span;
    for (auto& x : accounts)
      x.pass(now, midnight);
  }
  return done > 0 ? now * queries / done : infinite;
}

/// Where queries wait for the answers of others, not all that may be in flight are.
double with_planning(double seconds, const workload& work, const forecast_limits& limits) {
  return seconds + std::max(work.seconds - work.response_seconds / limits.in_flight, 0.0);
}

std::optional<config::daily_span> shorter(const std::optional<config::daily_span>& hours) {
  if (!hours)
    return hours;
  auto whole = std::chrono::minutes{24 * 60};
  auto quiet = (hours->to - hours->from + whole) % whole;
  auto open = std::chrono::minutes{
      static_cast<int64_t>(static_cast<double>((whole - quiet).count()) * wider)};
  if (open >= whole)
    return std::nullopt;
  return config::daily_span{hours->from, (hours->from + whole - open) % whole};
}

} // namespace

std::string to_string(bottleneck what) {
  switch (what) {
  case bottleneck::planning:
    return "planning";
  case bottleneck::in_flight:
    return "requests in flight";
  case bottleneck::points:
    return "points per hour";
  case bottleneck::queries:
    return "queries per minute";
  case bottleneck::response_seconds:
    return "response-seconds per minute";
  case bottleneck::daily_points:
    return "points per day";
  case bottleneck::quiet_hours:
    return "quiet hours";
  case bottleneck::store:
    return "PostgreSQL";
  case bottleneck::never:
    return "nothing may be spent";
  }
  return "unknown";
}

forecast predict(const workload& work, const std::vector<forecast_budget>& budgets,
                 const forecast_limits& limits) {
  auto seconds = run(work, budgets, limits);
  forecast result{with_planning(seconds, work, limits), bottleneck::planning};
  if (seconds == infinite)
    return {infinite, bottleneck::never};
  // Rows are stored while queries are under way.
  if (auto storing = static_cast<double>(work.repositories) / limits.stored_per_second;
      storing > result.seconds)
    return {storing, bottleneck::store};
  auto least = seconds * (1 - noticeable);
  auto compare = [&](bottleneck what, double wide) {
    if (wide < least) {
      least = wide;
      result.binding = what;
    }
  };
  auto with_limits = [&](double forecast_limits::*member) {
    auto x = limits;
    x.*member *= wider;
    return run(work, budgets, x);
  };
  auto with_budgets = [&](auto change) {
    auto x = budgets;
    for (auto& b : x)
      change(b);
    return run(work, x, limits);
  };
  compare(bottleneck::points, with_budgets([](forecast_budget& x) {
            x.limit *= wider;
            x.left *= x.left > 0 ? wider : 1;
          }));
  compare(bottleneck::response_seconds, with_limits(&forecast_limits::response_seconds_per_minute));
  compare(bottleneck::queries, with_limits(&forecast_limits::queries_per_minute));
  compare(bottleneck::daily_points, with_budgets([](forecast_budget& x) {
            if (x.daily_points)
              *x.daily_points *= wider;
          }));
  compare(bottleneck::quiet_hours,
          with_budgets([](forecast_budget& x) { x.quiet_hours = shorter(x.quiet_hours); }));
  compare(bottleneck::in_flight, with_limits(&forecast_limits::in_flight));
  return result;
}

int64_t database_bytes(const workload& work, double seconds) {
  constexpr int64_t empty = 8'940'000;
  constexpr int64_t per_repository = 235 + 92 + 52 + 32;
  constexpr int64_t per_partition = 700;
  constexpr double vacuumed_after = 60; // seconds: autovacuum_naptime
  auto superseded = work.superseded_bytes * std::min(1.0, vacuumed_after / std::max(seconds, 1.0));
  return empty + work.repositories * per_repository +
         (work.partitions + work.splits) * per_partition + static_cast<int64_t>(superseded);
}

} // namespace gitstar
