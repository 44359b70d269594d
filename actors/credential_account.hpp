#pragma once

#include "actors/budget.hpp"

namespace gitstar {

/// What one credential may do apart from the budget that it shares with others of its user: quiet
/// hours, points per day, whether GitHub accepts it, and whose it is. Decisions and arithmetic
/// only.
class credential_account {
public:
  using time_point = caf::actor_clock::time_point;

  credential_account(const config::credential& settings, const config::limits_section& limits,
                     wall_clock clock);

  /// Continues where an earlier process stopped. The identity is asked for again, because the name
  /// may stand for another token now.
  void restore(const budget_record& record);
  /// Fills the fields that are the credential's own.
  void describe(budget_record& record) const;
  void describe(budget_view& view) const;

  /// As `budget::ready_at`. `why()` names the rule that keeps a query waiting.
  std::optional<time_point> ready_at(time_point now, int64_t cost);
  const std::string& why() const { return why_; }

  /// Its next query shall ask whose it is.
  bool wants_identity() const { return !settled_ && in_flight_ == 0; }

  /// Whose it is has been told in this process.
  bool is_settled() const { return settled_; }
  uint32_t in_flight() const { return in_flight_; }

  void sent(int64_t cost);
  /// `what`: only GraphQL spends points, and only its answers tell whose the credential is.
  void answered(time_point now, const sent_query& query, const query_report& report,
                resource what = resource::graphql);
  void abandoned(time_point now, const sent_query& query);
  void unsent(time_point now, const sent_query& query) { release(now, query.cost, 0); }

  /// GitHub has rejected it: it is not used any more.
  bool benched() const { return benched_; }
  /// GitHub's words for that.
  const std::string& rejection() const { return rejection_; }

  const std::string& name() const { return settings_.name; }
  config::credential_kind kind() const { return settings_.kind; }
  /// Share of the budget's points that it leaves alone.
  double reserve() const { return reserve_; }
  /// The user's database id; 0: not known, or none.
  int64_t viewer_id() const { return viewer_.id; }
  const std::string& login() const { return viewer_.login; }

private:
  void release(time_point now, int64_t planned, int64_t cost);
  void turn_day(time_point now);
  void identify(const query_report& report);
  void refused(time_point now, const sent_query& query, const query_report& report);
  time_point quiet_until(time_point now) const;

  config::credential settings_;
  double reserve_;
  wall_clock clock_;
  std::string why_;

  viewer viewer_;
  bool settled_ = false; // whose it is has been asked and answered in this process
  uint32_t in_flight_ = 0;
  int64_t in_flight_cost_ = 0;
  timestamp day_; // that spent_today_ is about
  int64_t spent_today_ = 0;
  bool benched_ = false;
  std::string rejection_;
  uint32_t refusals_ = 0; // in a row
  time_point refused_at_;
  time_point pause_until_;
};

} // namespace gitstar
