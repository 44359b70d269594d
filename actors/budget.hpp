#pragma once

#include "actors/wall_clock.hpp"
#include "config/config.hpp"
#include "messages/bucket.hpp"
#include "messages/store.hpp"

#include <deque>
#include <optional>
#include <string>

namespace gitstar {

/// A query that has been sent: what a budget needs to know when its answer comes.
struct sent_query {
  caf::actor_clock::time_point at;
  int64_t cost = 1; ///< points, as planned
};

/// What one GitHub user or installation may still spend of one resource, and when: points per
/// window, queries and response-seconds per minute, bans. Of REST a request is a point. All
/// credentials of the user spend it together. Keeps its own account, because GitHub's headers and
/// bodies lag behind and disagree (fact sheet 2.3). Decisions and arithmetic only.
class budget {
public:
  using time_point = caf::actor_clock::time_point;

  budget(const config::limits_section& limits, wall_clock clock);

  /// Continues where an earlier process stopped. The first answer corrects what a crash has lost;
  /// until it has come, one query at a time is sent. Of the last minute nobody tells us: whatever
  /// the record allows to have been sent without it counts as sent now.
  void restore(time_point now, const budget_record& record);
  /// Fills the fields that are the budget's own. `last`: nothing is sent any more.
  void describe(time_point now, bool last, budget_record& record) const;
  void describe(budget_view& view) const;

  /// A secondary limit is one of the user: it bans what else the user spends, too.
  void share_ban(const budget& other);

  /// Both turned out to be one: knows what either knew, of two numbers the smaller one, and adds up
  /// what both have sent.
  void merge(const budget& other);

  /// When one more query of `cost` points may be sent with a credential that leaves `reserve` (a
  /// share of the points) alone: `now` or earlier means at once, empty means not before an answer
  /// has come. `why()` names the limit that keeps it waiting.
  std::optional<time_point> ready_at(time_point now, int64_t cost, double reserve);
  const std::string& why() const { return why_; }

  /// Points per second that have to be spent from now on so that none is left when the window
  /// ends. Infinite where a query is needed to begin a window or to learn of it.
  double pressure(time_point now, double reserve) const;
  uint32_t in_flight() const { return in_flight_; }

  /// What a minute has seen must be in the ledger, or a restart would forget it: so many queries at
  /// most are sent that it does not know of, a twentieth of what a minute allows. Before the first
  /// record of this process none is.
  uint32_t allowance() const;
  /// So many queries have been sent that a record should be made now.
  bool wants_record() const;
  /// A record is made. Returns what to give to `recorded` once it is in the ledger.
  uint64_t recording();
  void recorded(uint64_t mark);

  void sent(time_point now, int64_t cost);
  /// Takes what an answer says of this budget.
  void answered(time_point now, const sent_query& query, const query_report& report);
  /// A query that will not be reported: its fetcher died.
  void abandoned(const sent_query& query);
  /// A query that was not sent after all.
  void unsent(const sent_query& query);

  /// GitHub's clock minus ours: resets are times of its clock.
  void set_clock_skew(std::chrono::seconds skew) { skew_ = skew; }

private:
  struct finished_query {
    time_point at;
    milliseconds elapsed;
  };

  int64_t remaining() const;
  int64_t spendable(double reserve) const;
  time_point reset_time() const;
  bool is_same_window(timestamp reset_at) const;
  void release(int64_t cost);
  void charge(const sent_query& query, int64_t cost);
  void learn(time_point now, const sent_query& query, const rate_limit& limits);
  void begin_window(time_point now, const rate_limit& limits);
  void exhaust(time_point now, const sent_query& query, const query_report& report);
  void ban(time_point now, const sent_query& query, optional<std::chrono::seconds> retry_after);
  bool has_minutes() const;
  std::optional<time_point> points_ready(time_point now, int64_t cost, double reserve);
  time_point minute_ready(time_point now);
  std::optional<time_point> response_time_ready(time_point now);

  config::limits_section limits_;
  wall_clock clock_;
  std::chrono::seconds skew_{0};
  std::string why_;

  bool known_ = false;    // limit_, reset_at_ and the accounts hold something
  bool told_ = false;     // GitHub itself has spoken of this window to this process
  bool restored_ = false; // what is known is from the ledger, unless told_
  bool enabled_ = true;   // false: the server has rate limits switched off
  int64_t limit_ = 0;
  // Two accounts of the points left; the smaller one counts. Ours: what GitHub said when the window
  // began, less what was spent since. GitHub's: the least that any answer has shown.
  int64_t own_ = 0;
  int64_t shown_ = 0;
  timestamp reset_at_;
  bool renewed_ = false;     // the window has ended and no answer has told of the next one yet
  time_point window_began_;  // for us: queries sent earlier belong to the window before
  time_point reset_not_yet_; // GitHub said that the window goes on although its end is past
  uint32_t in_flight_ = 0;
  int64_t in_flight_cost_ = 0;

  time_point banned_until_;
  time_point ban_began_;
  uint32_t bans_in_a_row_ = 0;
  std::deque<time_point> sent_;         // within the last minute
  std::deque<finished_query> finished_; // within the last minute
  milliseconds finished_sum_{0};
  milliseconds typical_{0}; // moving average of the response time
  // Queries so far: all, those in records that were made, those in records in the ledger.
  bool claiming_ = false; // a record was made
  bool claimed_ = false;  // and is in the ledger
  uint64_t total_ = 0;
  uint64_t recording_ = 0;
  uint64_t recorded_ = 0;
};

} // namespace gitstar
