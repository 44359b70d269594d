#pragma once

#include "actors/wall_clock.hpp"
#include "config/config.hpp"
#include "messages/bucket.hpp"
#include "messages/store.hpp"

#include <deque>
#include <optional>
#include <string>

namespace gitstar {

/// What one credential may still spend, and when: points per window, queries and response-seconds
/// per minute, bans. Keeps its own account, because GitHub's headers and bodies lag behind and
/// disagree (fact sheet 2.3). Decisions and arithmetic only.
class budget {
public:
  using time_point = caf::actor_clock::time_point;

  budget(std::string credential, const config::limits_section& limits, wall_clock clock);

  /// Continues where an earlier process stopped.
  void restore(const budget_record& record);
  budget_record record() const;
  budget_view view() const;

  /// When one more query of `cost` points may be sent: `now` or earlier means at once, empty means
  /// not before an answer has come. `why()` names the limit that keeps it waiting.
  std::optional<time_point> ready_at(time_point now, int64_t cost);
  const std::string& why() const { return why_; }

  void sent(time_point now, int64_t cost);
  /// Takes what an answer says of this budget.
  void answered(time_point now, int64_t cost, const query_report& report);
  /// A query that will not be reported: its fetcher died.
  void abandoned(int64_t cost);
  /// GitHub rejects the credential.
  void bench() { benched_ = true; }
  bool benched() const { return benched_; }

  const std::string& credential() const { return credential_; }

private:
  struct finished_query {
    time_point at;
    milliseconds elapsed;
  };

  void learn(time_point now, int64_t cost, const rate_limit& limits);
  void ban(time_point now, optional<std::chrono::seconds> retry_after);
  std::optional<time_point> points_ready(time_point now, int64_t cost);
  std::optional<time_point> minute_ready(time_point now);
  std::optional<time_point> response_time_ready(time_point now);

  std::string credential_;
  config::limits_section limits_;
  wall_clock clock_;
  std::string why_;

  bool known_ = false;
  bool enabled_ = true;
  bool benched_ = false;
  int64_t limit_ = 0;
  int64_t remaining_ = 0;
  timestamp reset_at_;
  bool renewed_ = false; // the window has ended and no answer has told of the next one yet
  uint32_t in_flight_ = 0;
  int64_t in_flight_cost_ = 0;

  time_point banned_until_;
  uint32_t bans_in_a_row_ = 0;
  std::deque<time_point> sent_;         // within the last minute
  std::deque<finished_query> finished_; // within the last minute
  milliseconds finished_sum_{0};
  milliseconds typical_{0}; // moving average of the response time
};

} // namespace gitstar
