#include "actors/credential_account.hpp"

#include <algorithm>

namespace gitstar {

namespace {

using namespace std::chrono_literals;

/// A 403 that names no limit may be one all the same (GitHub changes the words), a suspended
/// installation that comes back, or a proxy in between: it pauses the credential like a secondary
/// limit without `retry-after`, and only several in a row bench it.
constexpr auto first_pause = 60s;
constexpr uint32_t max_refusals = 3;
constexpr uint32_t max_doublings = 6;

timestamp day_of(timestamp time) { return std::chrono::floor<std::chrono::days>(time); }

} // namespace

credential_account::credential_account(const config::credential& settings,
                                       const config::limits_section& limits, wall_clock clock)
    : settings_(settings), reserve_(settings.reserve.value_or(limits.reserve)), clock_(clock) {
  // All installations of an App have the same viewer, its bot, and each has a budget of its own.
  settled_ = settings_.kind == config::credential_kind::installation;
}

void credential_account::restore(const budget_record& record) {
  day_ = record.day;
  spent_today_ = record.spent_today;
  if (!settled_)
    viewer_.id = record.viewer_id;
  refusals_ = record.refusals;
  if (record.paused_until > timestamp{})
    pause_until_ = clock_.when(record.paused_until);
}

void credential_account::describe(budget_record& record) const {
  record.credential = settings_.name;
  record.viewer_id = viewer_.id;
  record.day = day_;
  // What is under way may be charged before a crash lets us hear of it.
  record.spent_today = spent_today_ + in_flight_cost_;
  record.benched = benched_;
  record.refusals = refusals_;
  if (pause_until_ > clock_.actor_at_start)
    record.paused_until = clock_.at(pause_until_) + 1s; // a whole second, and not too early
}

void credential_account::describe(budget_view& view) const {
  view.credential = settings_.name;
  view.benched = benched_;
  view.spent_today = spent_today_;
  if (pause_until_ > clock_.actor_at_start)
    view.banned_until = std::max(view.banned_until, clock_.at(pause_until_));
}

std::optional<credential_account::time_point> credential_account::ready_at(time_point now,
                                                                           int64_t cost) {
  if (now < pause_until_) {
    why_ = "a refusal";
    return pause_until_;
  }
  if (auto end = quiet_until(now); end > now) {
    why_ = "the quiet hours";
    return end;
  }
  turn_day(now);
  if (settings_.daily_points &&
      spent_today_ + in_flight_cost_ + cost > static_cast<int64_t>(*settings_.daily_points)) {
    why_ = "the daily points";
    return clock_.when(day_ + std::chrono::days{1});
  }
  // Two credentials of one user would otherwise both spend its budget without knowing it.
  if (!settled_ && in_flight_ > 0) {
    why_ = "the first answer";
    return std::nullopt;
  }
  return now;
}

credential_account::time_point credential_account::quiet_until(time_point now) const {
  if (!settings_.quiet_hours)
    return now;
  auto [from, to] = *settings_.quiet_hours;
  auto time = clock_.at(now);
  auto day = day_of(time);
  auto of_day = time - day;
  if (from < to)
    return from <= of_day && of_day < to ? clock_.when(day + to) : now;
  if (from > to && of_day < to)
    return clock_.when(day + to);
  if (from > to && of_day >= from)
    return clock_.when(day + std::chrono::days{1} + to);
  return now;
}

void credential_account::turn_day(time_point now) {
  auto today = day_of(clock_.at(now));
  if (today == day_)
    return;
  day_ = today;
  spent_today_ = 0;
}

void credential_account::sent(int64_t cost) {
  ++in_flight_;
  in_flight_cost_ += cost;
}

void credential_account::release(time_point now, int64_t planned, int64_t cost) {
  --in_flight_;
  in_flight_cost_ -= planned;
  turn_day(now);
  spent_today_ += cost;
}

void credential_account::abandoned(time_point now, const sent_query& query) {
  release(now, query.cost, query.cost);
}

void credential_account::answered(time_point now, const sent_query& query,
                                  const query_report& report, resource what) {
  release(now, query.cost, report.limits.cost >= 0 ? report.limits.cost : query.cost);
  switch (report.result) {
  case outcome::ok:
  case outcome::partial:
    refusals_ = 0;
    if (what == resource::graphql)
      identify(report);
    break;
  case outcome::unauthorized:
    benched_ = true;
    rejection_ = report.message;
    break;
  case outcome::forbidden:
    refused(now, query, report);
    break;
  default:
    break;
  }
}

void credential_account::identify(const query_report& report) {
  if (settled_)
    return;
  if (report.identity)
    viewer_ = *report.identity;
  // A good answer without it means that GitHub does not tell: the credential shares with nobody.
  settled_ = report.identity || report.result == outcome::ok;
}

void credential_account::refused(time_point now, const sent_query& query,
                                 const query_report& report) {
  // Queries that were under way together are refused together: that is one refusal.
  if (refusals_ > 0 && query.at <= refused_at_)
    return;
  ++refusals_;
  refused_at_ = now;
  pause_until_ = now + first_pause * (int64_t{1} << std::min(refusals_ - 1, max_doublings));
  if (refusals_ < max_refusals)
    return;
  benched_ = true;
  rejection_ = report.message;
}

} // namespace gitstar
