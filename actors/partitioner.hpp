#pragma once

#include "actors/count_round.hpp"
#include "actors/source.hpp"
#include "actors/wake_up.hpp"
#include "actors/wall_clock.hpp"
#include "config/config.hpp"
#include "messages/interfaces.hpp"

#include <deque>
#include <map>
#include <set>

namespace gitstar {

struct partitioner_config {
  source_factory source;
  config::retries_section retries;
  wall_clock clock;
  /// Gets `finished_atom, crawl_progress` once.
  caf::actor observer;
  /// A fetcher that has not renewed its leases for so long is taken for dead.
  caf::timespan lease_time = std::chrono::minutes{5};
  /// Open partitions kept in memory; the others stay in the ledger.
  uint32_t window = 5000;
  /// What planning reckons with until fetchers have seen the learned widths.
  query_widths widths;
};

/// Plans, splits, leases and retries partitions, and knows when the crawl is finished. Every change
/// of the plan is in the ledger before anybody works on it.
class partitioner_state {
public:
  explicit partitioner_state(partitioner_actor::pointer self) : self_(self) {}
  partitioner_actor::behavior_type make_behavior(partitioner_config cfg, ledger_actor ledger);
  static inline constexpr const char* name = "gitstar.partitioner";

private:
  using time_point = caf::actor_clock::time_point;
  using lease_promise = caf::typed_response_promise<std::vector<lease>>;

  enum class step : uint8_t { ready, counting, leased, delayed, storing };

  /// An open partition.
  struct entry {
    partition part;
    step at = step::ready;
    uint64_t holder = 0;              // while leased
    time_point due;                   // leased: runs out; delayed: goes on
    std::optional<count_round> round; // while counting, and delayed while counting
  };

  struct waiting_fetcher {
    uint64_t holder;
    lease_promise promise;
  };

  time_point now() const { return self_->clock().now(); }

  // Beginning and end.
  void open();
  void load();
  void begin(std::vector<partition> open_partitions);
  void select(const known_selection& which);
  void advance();
  void finish(const certificate& totals);

  // Partitions in memory.
  void keep(partition part, bool first);
  void make_ready(entry& x, bool first);
  void account(const partition& part, int64_t sign);
  void update(entry& x, partition part);
  void remove(int64_t id);
  entry* leased(int64_t id, int64_t lease_number);
  entry* counting(int64_t id, int64_t lease_number);
  static bool has_work(const entry& x);

  // Leases.
  void grant();
  std::vector<lease> take(uint64_t holder);
  lease hand_out(entry& x, uint64_t holder);
  void counted(const count_result& x);
  void ended(const lease_result& x);
  void given_back(const partition& part, const std::string& reason);
  void failed(entry& x, const std::string& reason);
  void bury(entry& x, const std::string& reason);
  void recover(entry& x, const std::string& reason);
  void recount();
  void look_at_clock();
  void turn_away();

  /// Stores new states, then calls `then`.
  template <class Then>
  void store(std::vector<partition> parts, optional<int64_t> threshold, Then then);

  crawl_progress status() const;

  partitioner_actor::pointer self_;
  partitioner_config cfg_;
  ledger_actor ledger_;
  std::unique_ptr<source> source_;
  crawl run_;
  certificate totals_;
  std::map<int64_t, entry> entries_;
  std::deque<int64_t> ready_; // ids; some may have left
  std::deque<waiting_fetcher> waiting_;
  std::set<uint64_t>
      lost_;            // fetchers: what they asked for may arrive after the news of their death
  query_widths widths_; // that fetchers have seen last; at first those of the config
  cursor_mode cursors_ = cursor_mode::unverified;
  bool opened_ = false;
  bool loading_ = false;
  std::set<int64_t> removed_while_loading_; // the answer may still have them open
  bool more_in_ledger_ = false;             // open partitions that memory does not hold
  int64_t loaded_up_to_ = 0;                // the ledger is read in rounds, by id
  bool draining_ = false;
  bool finishing_ = false;
  bool finished_ = false;
  wake_up wake_up_;
};

/// Spawn with `sys.spawn(partitioner, cfg, ledger)`.
inline partitioner_actor::behavior_type
partitioner(partitioner_actor::stateful_pointer<partitioner_state> self, partitioner_config cfg,
            ledger_actor ledger) {
  return state_of(self).make_behavior(std::move(cfg), std::move(ledger));
}

} // namespace gitstar
