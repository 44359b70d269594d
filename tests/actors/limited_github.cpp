#include "tests/actors/limited_github.hpp"

#include <algorithm>
#include <cmath>

namespace gitstar::test {

namespace {

using namespace std::chrono_literals;

constexpr size_t max_concurrent = 100;
constexpr size_t max_per_minute = 2000;
constexpr auto window = 3600s;

int64_t kept(int64_t limit, double reserve) {
  return static_cast<int64_t>(std::ceil(static_cast<double>(limit) * reserve));
}

/// What is left of `times` is within the last minute.
template <class Times>
void forget_old(Times& times, caf::actor_clock::time_point now) {
  while (!times.empty() && times.front() + 60s <= now)
    times.pop_front();
}

/// Points that one account can have spent `t` after the beginning.
int64_t supply(const account& x, double reserve, milliseconds elapsed, std::chrono::seconds t) {
  auto per_minute = std::min<int64_t>(60s / elapsed, max_per_minute);
  // What a window has left at its end is lost.
  auto spent_since = [&](std::chrono::seconds begin, std::chrono::seconds end,
                         int64_t points) -> int64_t {
    if (t < begin)
      return 0;
    auto minutes = std::chrono::floor<std::chrono::minutes>(std::min(t, end) - begin).count() + 1;
    return std::min<int64_t>(points, per_minute * minutes);
  };
  auto result =
      spent_since(0s, x.reset_in, std::max<int64_t>(x.remaining - kept(x.limit, reserve), 0));
  for (auto begin = x.reset_in; begin <= t; begin += window)
    result += spent_since(begin, begin + window, x.limit - kept(x.limit, reserve));
  return result;
}

} // namespace

limited_github::limited_github(virtual_time& time, wall_clock clock, std::vector<account> accounts,
                               double reserve, answerer content)
    : time_(time), clock_(clock), reserve_(reserve), content_(std::move(content)) {
  for (auto& x : accounts)
    states_.push_back({x, clock_.at(time_.now()) + x.reset_in, {}, {}, 0});
  for (auto& x : states_)
    for (auto& name : x.user.credentials)
      by_credential_[name] = &x;
  // As an argument: CAF binds a reference to null for a function without one.
  auto finish_in_time = [](caf::event_based_actor*, limited_github* github) -> caf::behavior {
    return {[github](uint64_t id) { github->finish(id); }};
  };
  timer_ = time_.sys.spawn(finish_in_time, this);
  time_.adopt(timer_);
}

void limited_github::async_query(api_request request, callback on_answer) {
  auto& by = *by_credential_.at(request.credential);
  violations.concurrent += by.in_flight++ >= max_concurrent;
  check_minute(by);
  auto refused = !charge(by);
  auto id = next_id_++;
  open_.emplace(id, open_query{std::move(request), std::move(on_answer), &by, refused});
  caf::delayed_anon_send(timer_, elapsed, id);
}

bool limited_github::charge(state& by) {
  auto& user = by.user;
  auto wall = clock_.at(time_.now());
  if (wall >= by.reset_at) {
    user.remaining = user.limit;
    by.reset_at = wall + window;
  }
  if (user.remaining == 0) {
    ++violations.points;
    return false;
  }
  --user.remaining;
  ++points;
  violations.reserve += user.remaining < kept(user.limit, reserve_);
  return true;
}

void limited_github::check_minute(state& by) {
  forget_old(by.sent, time_.now());
  by.sent.push_back(time_.now());
  violations.per_minute += by.sent.size() > max_per_minute;
}

void limited_github::finish(uint64_t id) {
  auto done = std::move(open_.extract(id).mapped());
  auto& by = *done.by;
  --by.in_flight;
  forget_old(by.finished, time_.now());
  by.finished.push_back(time_.now());
  violations.response_time += by.finished.size() * elapsed > 60s;
  api_response answer;
  if (done.refused) {
    answer.result = outcome::primary_limit;
    answer.message = "API rate limit exceeded";
  } else {
    answer = content_(done.request);
    if (done.request.identify && by.user.viewer_id != 0)
      answer.identity = viewer{by.user.viewer_id, "user-" + std::to_string(by.user.viewer_id)};
  }
  answer.elapsed = elapsed;
  answer.limits = {true, true, by.user.limit, by.user.remaining, done.refused ? 0 : 1, by.reset_at};
  done.on_answer(std::move(answer));
}

std::chrono::seconds least_time(const std::vector<account>& accounts, double reserve,
                                milliseconds elapsed, int64_t points) {
  for (auto t = 0s;; ++t) {
    int64_t sum = 0;
    for (auto& x : accounts)
      sum += supply(x, reserve, elapsed, t);
    if (sum >= points)
      return t;
  }
}

} // namespace gitstar::test
