#include "tools/sim/limits.hpp"

#include <algorithm>
#include <utility>

namespace gitstar::sim {

namespace {

/// What a client without a credential may ask in an hour, by REST only.
constexpr int64_t anonymous_requests = 60;

constexpr unix_seconds window_seconds(resource which) {
  return which == resource::search ? 60 : 3600;
}

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

limits::admission limits::enter(const std::string& credential, const std::string& endpoint,
                                unix_seconds now) {
  auto& user = accounts_[credential];
  if (credential.empty())
    user.windows[static_cast<size_t>(resource::core)].limit = anonymous_requests;
  ++user.in_flight;
  ++in_flight_;
  peaks_.concurrency = std::max(peaks_.concurrency, in_flight_);
  if (endpoint.empty()) {
    user.graphql_points.add(now, 1);
    peaks_.points_per_minute = std::max(peaks_.points_per_minute, user.graphql_points.sum(now));
  }
  if (!enabled_)
    return {};
  admission out;
  if (now < user.banned_until) {
    ++violations_.ban;
    out.banned = true;
  } else if (exceeds(user, endpoint, now)) {
    ++violations_.secondary;
    ++user.bans;
    user.banned_until = now + ban_seconds;
    out.banned = true;
  }
  out.with_retry_after = out.banned && user.bans % 2 == 1; // GitHub says it on some answers only
  out.retry_after = user.banned_until - now;
  return out;
}

bool limits::exceeds(account& user, const std::string& endpoint, unix_seconds now) {
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

void limits::leave(const std::string& credential, bool is_graphql, double seconds,
                   unix_seconds now) {
  auto& user = accounts_[credential];
  --user.in_flight;
  --in_flight_;
  if (!is_graphql)
    return;
  user.response_seconds.add(now, seconds);
  peaks_.response_seconds_per_minute =
      std::max(peaks_.response_seconds_per_minute, user.response_seconds.sum(now));
}

primary_window& limits::open(account& user, resource which, unix_seconds now) {
  auto& window = user.windows[static_cast<size_t>(which)];
  if (window.reset != 0 && now >= window.reset) {
    window.used = 0;
    window.reset = 0;
  }
  return window;
}

bool limits::charge(const std::string& credential, resource which, int64_t points,
                    unix_seconds now) {
  if (!enabled_)
    return true;
  auto& window = open(accounts_[credential], which, now);
  if (window.remaining() < points) {
    // A query that costs more than what is left is refused too, but who knew the price?
    if (window.remaining() == 0)
      ++violations_.exhausted;
    return false;
  }
  if (window.reset == 0)
    window.reset = now + window_seconds(which);
  window.used += points;
  return true;
}

void limits::charge_extra(const std::string& credential, resource which, int64_t points) {
  accounts_[credential].windows[static_cast<size_t>(which)].used += points;
}

primary_window limits::window(const std::string& credential, resource which, unix_seconds now) {
  auto out = open(accounts_[credential], which, now);
  if (out.reset == 0)
    out.reset = now + window_seconds(which);
  return out;
}

int64_t limits::user_id(const std::string& credential) const {
  return static_cast<int64_t>(hash_text(credential) % 90'000'000) + 10'000'000;
}

} // namespace gitstar::sim
