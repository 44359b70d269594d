#pragma once

#include "actors/credential_account.hpp"

#include <array>
#include <memory>
#include <unordered_map>

namespace gitstar {

/// All credentials with the budgets that they spend, one of each resource: which one the next query
/// is sent with.
/// Decisions and arithmetic only.
class budget_book {
public:
  using time_point = caf::actor_clock::time_point;

  /// Which credential to send with now, or what keeps all of them waiting.
  struct choice {
    std::optional<size_t> credential;
    std::optional<time_point> wake; ///< no credential: when to look again; empty: after an answer
    std::string why;                ///< no credential: the limit that ends first, in words
  };

  budget_book(const config::github_section& github, wall_clock clock);

  void restore(time_point now, const std::vector<budget_record>& records);
  /// For the ledger. `last`: nothing is sent any more.
  std::vector<budget_record> records(time_point now, bool last) const;
  /// The budgets as they are in the records of this moment.
  using mark = std::vector<std::pair<std::shared_ptr<budget>, uint64_t>>;
  mark recording();
  /// The ledger has the records.
  void recorded(const mark& of);
  /// Queries wait for the ledger, or soon would.
  bool wants_record() const;
  std::vector<budget_view> views() const;

  choice choose(time_point now, int64_t cost, resource what = resource::graphql);

  /// A query is sent with a credential, under a number of its own.
  void sent(time_point now, uint64_t query, size_t credential, int64_t cost,
            resource what = resource::graphql);
  /// What an answer changed for good.
  struct news {
    bool benched = false;    ///< the credential is not used any more
    std::string shares_with; ///< credentials of the same user, as it turned out; empty: nothing new
  };

  /// Its answer.
  news answered(time_point now, uint64_t query, const query_report& report);
  /// It will not be reported: its fetcher died.
  void abandoned(time_point now, uint64_t query);
  /// The query was not sent after all.
  void unsent(time_point now, uint64_t query);

  const credential_account& credential(size_t index) const { return entries_[index].account; }
  bool all_benched() const;
  /// Every credential with what GitHub says of it, for the error that ends a run.
  std::string rejections() const;

private:
  /// By resource; shared by credentials of one user.
  using budgets = std::array<std::shared_ptr<budget>, 2>;

  struct entry {
    credential_account account;
    budgets all;

    std::shared_ptr<budget>& of(resource what) { return all.at(static_cast<size_t>(what)); }
    const std::shared_ptr<budget>& of(resource what) const {
      return all.at(static_cast<size_t>(what));
    }
  };

  class crowd;

  struct open_query {
    sent_query query;
    size_t credential;
    resource what;
    std::shared_ptr<budget> points;

    /// What the credential's own account has of it: requests of REST are no points.
    sent_query of_account() const { return {query.at, what == resource::graphql ? query.cost : 0}; }
  };

  budgets new_budgets() const;
  bool is_used(resource what) const { return what == resource::graphql || lists_; }
  std::string owner(const entry& x) const;
  open_query close(uint64_t query);
  std::string words(const entry& x, const std::string& why, std::optional<time_point> until,
                    time_point now) const;
  void leave(open_query& query);
  bool join(size_t credential);
  std::string partners(size_t credential) const;
  void set_clock_skew(std::chrono::seconds skew);

  config::limits_section limits_;
  wall_clock clock_;
  std::chrono::seconds skew_{0};
  std::vector<entry> entries_;
  bool lists_ = false; // something was to be paid from `resource::core`: until then nobody has it
  std::unordered_map<uint64_t, open_query> open_;
};

} // namespace gitstar
