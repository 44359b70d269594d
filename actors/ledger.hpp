#pragma once

#include "actors/writer.hpp"

#include <deque>
#include <optional>

namespace gitstar {

/// The crawl that this process runs. It outlives a LEDGER that is restarted, so that the process
/// keeps its epoch and does not fence itself off.
struct crawl_session {
  db::crawl_request request;
  std::optional<crawl> run; ///< once opened
};

struct ledger_config {
  store_factory open;
  store_reviver revive;
  std::shared_ptr<crawl_session> session;
  /// What all users of the store share.
  std::shared_ptr<db::store_health> health = std::make_shared<db::store_health>();
};

/// Reads and writes the ledger for actors that do no I/O. Blocks in PostgreSQL, so it is spawned
/// detached. Requests are served in order; while PostgreSQL is away they wait.
class ledger_state {
public:
  explicit ledger_state(ledger_actor::pointer self) : self_(self) {}
  ledger_actor::behavior_type make_behavior(ledger_config cfg);
  static inline constexpr const char* name = "gitstar.ledger";

private:
  struct job {
    std::function<void()> run; // throws store_error
    std::function<void(caf::error)> fail;
  };

  template <class Result, class Call>
  caf::typed_response_promise<Result> serve(Call call);
  template <class Call>
  void serve_silently(Call call);
  crawl open_crawl();
  batch_receipt write(const batch& work);
  void save_budgets(const std::vector<budget_record>& budgets);
  void save_errors(const std::vector<error_record>& errors);
  void work();

  ledger_actor::pointer self_;
  ledger_config cfg_;
  std::unique_ptr<db::crawl_store> store_;
  std::deque<job> jobs_;
  bool waiting_ = false;
  std::unique_ptr<store_retry> retry_;
};

/// Spawn with `sys.spawn<caf::detached>(ledger, cfg)`.
inline ledger_actor::behavior_type ledger(ledger_actor::stateful_pointer<ledger_state> self,
                                          ledger_config cfg) {
  return state_of(self).make_behavior(std::move(cfg));
}

} // namespace gitstar
