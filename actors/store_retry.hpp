#pragma once

#include "db/crawl_store.hpp"
#include "messages/errors.hpp"
#include "messages/fwd.hpp"

#include <caf/timespan.hpp>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <functional>

namespace gitstar {

/// Called when PostgreSQL is away and before it is tried again: where the server is ours it can be
/// started. May throw `store_error`.
using store_reviver = std::function<void()>;

/// Calls `revive` where there is one; what it throws is logged, because there will be another try.
inline void try_to_revive(const store_reviver& revive) {
  try {
    if (revive)
      revive();
  } catch (const db::store_error& failure) {
    spdlog::warn("PostgreSQL does not start: {}", failure.what());
  }
}

/// The delays between attempts while PostgreSQL is away: doubling up to five seconds, without end,
/// because what is waiting has already been paid for.
class store_retry {
public:
  caf::timespan next_delay() {
    auto result = delay_;
    delay_ = std::min<caf::timespan>(delay_ * 2, std::chrono::seconds{5});
    return result;
  }
  void succeeded() { delay_ = first; }

private:
  static constexpr caf::timespan first = std::chrono::milliseconds{100};
  caf::timespan delay_ = first;
};

/// What an actor answers when the store fails for good.
inline caf::error to_error(const db::store_error& failure) {
  auto code = dynamic_cast<const db::fenced_error*>(&failure) != nullptr ? errc::fenced
                                                                         : errc::store_failed;
  return caf::make_error(code, std::string{failure.what()});
}

} // namespace gitstar
