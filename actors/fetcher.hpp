#pragma once

#include "actors/lease_reader.hpp"
#include "actors/wall_clock.hpp"
#include "config/config.hpp"
#include "messages/interfaces.hpp"
#include "net/query_sender.hpp"

#include <map>
#include <memory>
#include <optional>
#include <random>

namespace gitstar {

namespace net {
class metrics;
}

struct fetcher_config {
  std::shared_ptr<net::query_sender> api;
  config::retries_section retries;
  wall_clock clock;
  caf::timespan renew_interval = std::chrono::seconds{100};
  std::shared_ptr<net::metrics> metrics;
  uint32_t seed = std::random_device{}(); ///< of the jitter; a test that repeats a run sets it
};

/// The actors that a fetcher works with.
struct fetcher_partners {
  partitioner_actor partitioner;
  token_bucket_actor bucket;
  writer_actor writer;
};

/// Turns leases and permits into batches: one query at a time, at most two batches that the WRITER
/// has not committed. Holds as many leases as fill one query, so that queries come out full.
class fetcher_state {
public:
  explicit fetcher_state(fetcher_actor::pointer self) : self_(self) {}
  fetcher_actor::behavior_type make_behavior(fetcher_config cfg, fetcher_partners partners);
  static inline constexpr const char* name = "gitstar.fetcher";

private:
  /// Several leases of one partition may be counted, each a portion of its round.
  struct lease_key {
    int64_t partition_id;
    int64_t lease;
    auto operator<=>(const lease_key&) const = default;
  };

  /// A lease for counting and what has been counted.
  struct counting {
    lease work;
    std::vector<int64_t> counts; // -1: not answered
    std::vector<bool> asked;
    uint32_t available() const;
  };

  /// A partition that the PARTITIONER has to get back, and why.
  struct refusal {
    partition part;
    std::string reason;
    uint64_t after; // so many batches are committed
  };

  /// One field of a query: a page, or a count, of a lease.
  struct task {
    lease_key of;
    uint32_t index;
  };

  struct query {
    uint64_t id;
    uint64_t permit_id;
    query_shape shape;
    std::vector<task> tasks;
    timestamp sent_at;
  };

  // The loop: lease until a query is full, acquire a permit, send, absorb, store, again.
  void go_on();
  query_shape next_shape();
  void lease_more(query_shape wanted, bool wait);
  void take(std::vector<lease>& work);
  void take(lease work, const std::vector<metadata_watermark>& marks);
  bool may_lease(query_shape wanted) const;
  void look_up_known(lease_key which, id_range ids);
  void acquire(query_shape shape);
  void send(const permit& right, query_shape shape);
  void answered(api_response& response);

  // What an answer means for its tasks.
  void absorb(const query& sent, api_response& response);
  void absorb_count(const task& x, const field_answer& answer);
  bool ask_less(const task& x, const std::string& why, findings& found);
  void put_back(const task& x);
  void give_back(lease_key which, const std::string& reason);
  void return_given_back();
  void retry(const query& sent, const api_response& response);
  void pause();
  void store(findings found, const std::vector<lease_key>& touched);
  void finish_drain();

  lease_reader* reader_of(const lease_key& which) const;
  uint32_t available(query_shape shape) const;
  uint32_t& width(query_shape shape);
  uint64_t id() const { return self_->id(); }

  fetcher_actor::pointer self_;
  fetcher_config cfg_;
  fetcher_partners partners_;
  int64_t crawl_id_ = 0;
  int64_t epoch_ = 0;
  std::map<query_shape, uint32_t> widths_; // of the newest permit; 0: none yet
  std::map<lease_key, std::unique_ptr<lease_reader>> readers_;
  std::map<lease_key, counting> countings_;
  std::vector<refusal> given_back_;               // until what they have stored is committed
  cursor_mode cursors_ = cursor_mode::unverified; // what our own pages have shown
  std::optional<query> in_flight_;
  uint64_t next_query_ = 1;
  uint32_t outstanding_ = 0; // batches not committed yet
  uint64_t batches_ = 0;     // sent to the writer
  uint32_t failures_ = 0;    // in a row
  uint32_t looking_up_ = 0;  // readers that wait for what the store knows
  bool busy_ = false;        // waits for a lease, a permit or a delay
  bool dry_ = false;         // nothing more to lease at the moment
  bool stopping_ = false;
  std::vector<caf::response_promise> drained_;
  std::minstd_rand random_;
};

/// Spawn with `sys.spawn(fetcher, cfg, partners)`.
inline fetcher_actor::behavior_type fetcher(fetcher_actor::stateful_pointer<fetcher_state> self,
                                            fetcher_config cfg, fetcher_partners partners) {
  return state_of(self).make_behavior(std::move(cfg), std::move(partners));
}

} // namespace gitstar
