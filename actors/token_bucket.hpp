#pragma once

#include "actors/budget_book.hpp"
#include "actors/circuit_breaker.hpp"
#include "actors/wake_up.hpp"
#include "actors/width_table.hpp"
#include "config/config.hpp"
#include "messages/interfaces.hpp"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

namespace gitstar {

namespace net {
class metrics;
}

/// What one process' queries have come to. It outlives a TOKEN BUCKET that is restarted, so that
/// the report adds up.
struct spending {
  bucket_status totals;                           ///< its counters
  std::map<std::string, error_record> new_errors; ///< by kind, since they were saved
  bool reached = false;                           ///< the host has answered at least once
  uint32_t unreached = 0;                         ///< attempts before it did
};

struct token_bucket_config {
  config::github_section github;
  wall_clock clock;
  std::string host; ///< of the API, for logs and metrics
  std::shared_ptr<net::metrics> metrics;
  std::shared_ptr<spending> so_far = std::make_shared<spending>();
};

/// Gives a permit when the limits of some credential, the number of queries in flight and the
/// circuit breaker allow it: of each resource first come, first served. Learns from every answer,
/// keeps budgets and widths in the LEDGER, and wakes itself up when a limit ends: nobody polls.
class token_bucket_state {
public:
  explicit token_bucket_state(token_bucket_actor::pointer self) : self_(self) {}
  token_bucket_actor::behavior_type make_behavior(token_bucket_config cfg, ledger_actor ledger);
  static inline constexpr const char* name = "gitstar.token-bucket";

private:
  using time_point = caf::actor_clock::time_point;

  struct request {
    query_shape shape;
    uint64_t holder;
    caf::typed_response_promise<permit> promise;
  };

  struct grant {
    size_t credential;
    query_shape shape;
    uint64_t holder;
    bool trial; // the breaker was half-open
  };

  time_point now() const { return self_->clock().now(); }
  int64_t& cost(query_shape shape);
  void expect_cost(query_shape shape, int64_t points);

  // The ledger.
  void load();
  void save(bool last = false);
  template <class Atom, class Records>
  void store(Atom what, Records records);

  // Permits.
  void serve();
  void give_permits(resource what);
  /// The credential to send with now; otherwise `wake` is the earliest time to look again.
  std::optional<size_t> choose(int64_t cost, resource what, std::optional<time_point>& wake);
  void give(size_t credential, const request& to);
  void drop(uint64_t holder);
  void take_back(const std::vector<uint64_t>& permits, bool used);
  void trial_lost();

  // Answers.
  void report(const query_report& x);
  void judge_host(const grant& done, const query_report& x, uint32_t width);
  void learn_width(const grant& done, const query_report& x);
  void count(const grant& done, const query_report& x);
  void tell_news(const grant& done, const query_report& x, const budget_book::news& news);
  void log_breaker(const std::string& reason);
  void give_up(const caf::error& reason);
  bucket_status status() const;
  void turn_away(const caf::error& reason);

  token_bucket_actor::pointer self_;
  token_bucket_config cfg_;
  ledger_actor ledger_;
  std::unique_ptr<budget_book> book_;
  std::unique_ptr<circuit_breaker> breaker_;
  circuit_breaker::state logged_breaker_ = circuit_breaker::state::closed;
  std::unique_ptr<width_table> widths_;
  std::vector<width_record> saved_widths_;
  std::map<query_shape, int64_t> costs_;            // points the last query of the shape took
  std::map<resource, std::deque<request>> waiting_; // what has to wait for one holds up no other
  std::set<uint64_t>
      lost_; // fetchers: what they asked for may arrive after the news of their death
  std::unordered_map<uint64_t, grant> granted_;
  uint64_t next_id_ = 1;
  wake_up wake_up_;
  bool ready_ = false;   // the ledger has told the budgets
  bool changed_ = false; // since the budgets were saved
  bool has_sent_ = false;
  std::map<resource, std::string> waiting_for_;
};

/// Spawn with `sys.spawn(token_bucket, cfg, ledger)`.
inline token_bucket_actor::behavior_type
token_bucket(token_bucket_actor::stateful_pointer<token_bucket_state> self, token_bucket_config cfg,
             ledger_actor ledger) {
  return state_of(self).make_behavior(std::move(cfg), std::move(ledger));
}

} // namespace gitstar
