#pragma once

#include "db/crawl_store.hpp"
#include "db/store_health.hpp"
#include "messages/errors.hpp"
#include "messages/fwd.hpp"

#include <caf/actor_clock.hpp>
#include <caf/timespan.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>

namespace gitstar {

/// Called when PostgreSQL is away and before it is tried again: where the server is ours it can be
/// started. May throw `store_error`.
using store_reviver = std::function<void()>;

/// One actor's patience with PostgreSQL. Says what happens to the health that all share and to the
/// log, and how long to wait: doubling up to five seconds, without end, because what is waiting has
/// already been paid for.
class store_retry {
public:
  using time_point = caf::actor_clock::time_point;

  /// `user`: the actor's id.
  store_retry(std::shared_ptr<db::store_health> health, uint64_t user)
      : health_(std::move(health)), user_(user) {}
  store_retry(const store_retry&) = delete;
  store_retry& operator=(const store_retry&) = delete;
  ~store_retry() { health_->left(user_); }

  /// A call begins, and ends with one of the next two.
  void called(time_point now) { health_->called(user_, now); }

  /// Also by a refusal: PostgreSQL is there.
  void answered(time_point now) {
    delay_ = first;
    if (auto line = health_->answered(user_, now))
      spdlog::info(*line);
  }

  /// Returns the delay until the next attempt.
  caf::timespan failed(const db::store_error& failure, time_point now) {
    if (auto line = health_->failed(user_, failure, now))
      spdlog::warn(*line);
    auto result = delay_;
    delay_ = std::min<caf::timespan>(delay_ * 2, std::chrono::seconds{5});
    return result;
  }

  /// Calls `revive` where there is one. What it throws is only told: there will be another try.
  void revive(const store_reviver& revive, time_point now) {
    try {
      if (revive)
        revive();
    } catch (const db::store_error& failure) {
      if (auto line = health_->failed(user_, failure, now))
        spdlog::warn(*line);
    }
  }

private:
  static constexpr caf::timespan first = std::chrono::milliseconds{100};
  std::shared_ptr<db::store_health> health_;
  uint64_t user_;
  caf::timespan delay_ = first;
};

/// What an actor answers when the store fails for good.
inline caf::error to_error(const db::store_error& failure) {
  auto code = dynamic_cast<const db::fenced_error*>(&failure) != nullptr ? errc::fenced
                                                                         : errc::store_failed;
  return caf::make_error(code, std::string{failure.what()});
}

} // namespace gitstar
