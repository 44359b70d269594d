#pragma once

#include "db/crawl_store.hpp"

#include <chrono>
#include <map>
#include <mutex>
#include <optional>
#include <set>
#include <string>

namespace gitstar::db {

/// What the users of one store know together about PostgreSQL: whether they wait for it, why, and
/// what the log should say about that. Any thread may call any function; a user is whoever makes
/// one call at a time.
class store_health {
public:
  using time_point = std::chrono::steady_clock::time_point;
  using log_line = std::optional<std::string>;

  /// The same cause is logged so often at most, and a call that takes longer than `slow` as well.
  static constexpr std::chrono::seconds log_interval{30};
  static constexpr std::chrono::seconds slow{10};

  /// A call begins; one of the next three ends it.
  void called(uint64_t user, time_point now);

  /// The line says that PostgreSQL is back, if the log said it was away, or silent, and nobody else
  /// waits.
  log_line answered(uint64_t user, time_point now);

  /// The user is going to try again. The line says why it waits, once per cause and interval.
  log_line failed(uint64_t user, const store_error& failure, time_point now);

  /// The user is gone.
  void left(uint64_t user);

  /// To be called every now and then: a call that hangs ends in no error.
  log_line look(time_point now);

  /// What the users wait for, for people; empty: nothing.
  std::string waiting_for(time_point now) const;

  /// Failures so far by SQLSTATE; those without one as `none`.
  std::map<std::string, uint64_t> errors() const;

private:
  struct outage {
    time_point since;
    std::string cause;
    std::set<uint64_t> users; // that wait
    bool said = false;        // by the log
  };

  std::optional<std::chrono::seconds> silence(time_point now) const;

  mutable std::mutex mutex_;
  std::optional<outage> outage_;
  std::map<std::string, time_point> said_; // when the log told which cause, of late
  std::map<uint64_t, time_point> calls_;   // under way, and since when
  std::optional<time_point> said_slow_;
  std::map<std::string, uint64_t> errors_;
};

} // namespace gitstar::db
