#include "tools/sim/limits.hpp"

#include <algorithm>
#include <utility>

namespace gitstar::sim {

namespace {

/// What a client without a credential may ask in an hour, by REST only.
constexpr int64_t anonymous_requests = 60;

constexpr unix_seconds search_window = 60;

} // namespace

std::string_view to_string(resource x) {
  switch (x) {
  case resource::graphql:
    return "graphql";
  case resource::core:
    return "core";
  case resource::search:
    return "search";
  }
  return "";
}

void minute_window::add(unix_seconds now, double amount) {
  move_to(now);
  seconds_[static_cast<size_t>(now % 60)] += amount;
  sum_ += amount;
}

double minute_window::sum(unix_seconds now) {
  move_to(now);
  return sum_;
}

void minute_window::move_to(unix_seconds now) {
  if (now - last_ >= 60) {
    seconds_.fill(0);
    sum_ = 0;
  } else {
    for (auto second = last_ + 1; second <= now; ++second)
      sum_ -= std::exchange(seconds_[static_cast<size_t>(second % 60)], 0.0);
  }
  last_ = std::max(last_, now);
}

void violations::add(violation kind) {
  switch (kind) {
  case violation::none:
    return;
  case violation::ban:
    ++ban;
    return;
  case violation::exhausted:
    ++exhausted;
    return;
  case violation::secondary:
    ++secondary;
    return;
  case violation::invalid_document:
    ++invalid_document;
    return;
  }
}

void violations::add(const violations& others) {
  ban += others.ban;
  exhausted += others.exhausted;
  secondary += others.secondary;
  invalid_document += others.invalid_document;
}

limits::ledger::ledger(unix_seconds window) {
  of(resource::graphql) = {5000, 0, window};
  of(resource::core) = {5000, 0, window};
  of(resource::search) = {30, 0, search_window};
}

limits::ledger& limits::find(const std::string& account) {
  auto [at, added] = accounts_.try_emplace(account, window_);
  if (added && account.empty())
    at->second.of(resource::core).limit = anonymous_requests;
  return at->second;
}

void limits::set_terms(const std::string& account, const budget_terms& terms, unix_seconds now) {
  auto& user = find(account);
  user.of(resource::core) = {terms.limit, 0, terms.window};
  user.of(resource::graphql) = {terms.limit, terms.used, terms.window};
  if (terms.used > 0)
    user.of(resource::graphql).reset = now + terms.window;
}

limits::admission limits::enter(const std::string& account, const std::string& endpoint,
                                time_point now) {
  auto& user = find(account);
  auto second = seconds_of(now);
  ++user.in_flight;
  ++in_flight_;
  peaks_.concurrency = std::max(peaks_.concurrency, in_flight_);
  if (endpoint.empty()) {
    user.graphql_points.add(second, 1);
    peaks_.points_per_minute = std::max(peaks_.points_per_minute, user.graphql_points.sum(second));
  }
  if (!enabled_)
    return {};
  admission out;
  if (now < user.banned_until) {
    out.banned = true;
    out.broken = now >= user.ban_known ? violation::ban : violation::none;
  } else if (exceeds(user, endpoint, second)) {
    out.banned = true;
    out.broken = violation::secondary;
    ban(account, ban_duration, now);
    user.says_retry_after = ++user.bans % 2 == 1; // GitHub says it on some answers only
  }
  out.with_retry_after = out.banned && user.says_retry_after;
  out.retry_after =
      out.banned ? std::chrono::ceil<std::chrono::seconds>(user.banned_until - now).count() : 0;
  return out;
}

bool limits::exceeds(ledger& user, const std::string& endpoint, unix_seconds now) {
  if (user.in_flight > max_concurrent)
    return true;
  if (!endpoint.empty()) {
    auto& points = user.rest_points[endpoint];
    points.add(now, 1);
    return points.sum(now) > max_rest_points_per_minute;
  }
  return user.graphql_points.sum(now) > max_graphql_points_per_minute ||
         user.response_seconds.sum(now) > max_response_seconds_per_minute;
}

void limits::leave(const std::string& account, bool is_graphql, double seconds, time_point now) {
  auto& user = find(account);
  --user.in_flight;
  --in_flight_;
  if (!is_graphql)
    return;
  auto second = seconds_of(now);
  user.response_seconds.add(second, seconds);
  peaks_.response_seconds_per_minute =
      std::max(peaks_.response_seconds_per_minute, user.response_seconds.sum(second));
}

void limits::ban(const std::string& account, std::chrono::seconds duration, time_point now) {
  auto& user = find(account);
  if (now >= user.banned_until)
    user.ban_known = time_point::max();
  user.says_retry_after = true;
  user.banned_until = std::max(user.banned_until, now + duration);
}

void limits::announced_ban(const std::string& account, time_point now) {
  auto& user = find(account);
  user.ban_known = std::min(user.ban_known, now + notice);
}

void limits::announced_empty(const std::string& account, resource which, time_point now) {
  auto& window = open(find(account), which, seconds_of(now));
  if (window.remaining() == 0)
    window.known_empty = std::min(window.known_empty, now + notice);
}

primary_window& limits::open(ledger& user, resource which, unix_seconds now) {
  auto& window = user.of(which);
  if (window.reset != 0 && now >= window.reset)
    window = {window.limit, 0, window.length};
  return window;
}

limits::purchase limits::charge(const std::string& account, resource which, int64_t points,
                                time_point now) {
  if (!enabled_)
    return {true};
  auto second = seconds_of(now);
  auto& window = open(find(account), which, second);
  if (window.remaining() < points) {
    // A query that costs more than what is left is refused too, but who knew the price?
    return {false, now >= window.known_empty ? violation::exhausted : violation::none};
  }
  if (window.reset == 0)
    window.reset = second + window.length;
  window.used += points;
  return {true};
}

void limits::charge_extra(const std::string& account, resource which, int64_t points) {
  find(account).of(which).used += points;
}

void limits::use_up(const std::string& account, resource which, unix_seconds now) {
  auto& window = open(find(account), which, now);
  if (window.reset == 0)
    window.reset = now + window.length;
  window.used = std::max(window.used, window.limit);
}

void limits::set_window(unix_seconds length, unix_seconds now) {
  window_ = length;
  for (auto& [name, user] : accounts_)
    for (auto which : {resource::graphql, resource::core}) {
      user.of(which).length = length;
      user.of(which).reset = std::min(user.of(which).reset, now + length);
    }
}

primary_window limits::window(const std::string& account, resource which, unix_seconds now) {
  auto out = open(find(account), which, now);
  if (out.reset == 0)
    out.reset = now + out.length;
  return out;
}

} // namespace gitstar::sim
