#pragma once

#include "actors/budget.hpp"
#include "actors/circuit_breaker.hpp"
#include "actors/query_width.hpp"
#include "actors/wake_up.hpp"
#include "config/config.hpp"
#include "messages/interfaces.hpp"

#include <deque>
#include <memory>
#include <unordered_map>

namespace gitstar {

namespace net {
class metrics;
}

struct token_bucket_config {
  config::github_section github;
  wall_clock clock;
  std::string host; ///< of the API, for logs and metrics
  std::shared_ptr<net::metrics> metrics;
};

/// Gives a permit when every limit of a credential, the number of queries in flight and the circuit
/// breaker allow it, first come, first served. Learns from every answer, keeps the budgets in the
/// LEDGER, and wakes itself up when a limit ends: nobody polls.
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
    size_t budget;
    query_shape shape;
    uint64_t holder;
    int64_t cost;
  };

  struct shape_state {
    query_width width;
    int64_t cost = 1; // points the last query took
  };

  time_point now() const { return self_->clock().now(); }
  shape_state& of(query_shape shape);

  void load_budgets();
  void save_budgets();
  void serve();
  /// The budget to send with now; otherwise `wake` is the earliest time to look again.
  std::optional<size_t> choose(int64_t cost, std::optional<time_point>& wake);
  void give(size_t budget, const request& to);
  void report(const query_report& x);
  void bench(size_t index, const query_report& x);
  void drop(uint64_t holder);
  void give_up(const caf::error& reason);
  bucket_status status() const;

  token_bucket_actor::pointer self_;
  token_bucket_config cfg_;
  ledger_actor ledger_;
  std::vector<budget> budgets_;
  std::unique_ptr<circuit_breaker> breaker_;
  std::unordered_map<uint8_t, shape_state> shapes_;
  std::deque<request> waiting_;
  std::unordered_map<uint64_t, grant> granted_;
  uint64_t next_id_ = 1;
  wake_up wake_up_;
  bool ready_ = false;     // the ledger has told the budgets
  bool reached_ = false;   // the host has answered at least once
  uint32_t unreached_ = 0; // attempts before it did
  bool changed_ = false;   // since the budgets were saved
  std::string waiting_for_;
  bucket_status totals_; // its counters
};

/// Spawn with `sys.spawn(token_bucket, cfg, ledger)`.
inline token_bucket_actor::behavior_type
token_bucket(token_bucket_actor::stateful_pointer<token_bucket_state> self, token_bucket_config cfg,
             ledger_actor ledger) {
  return state_of(self).make_behavior(std::move(cfg), std::move(ledger));
}

} // namespace gitstar
