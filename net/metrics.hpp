#pragma once

#include "messages/api.hpp"
#include "messages/cluster.hpp"
#include "messages/store.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace gitstar::net {

/// Elements of metadata since the process began: how many of them were read, and what that changed.
struct item_totals {
  int64_t read = 0; ///< and committed; those that several batches repeat count each time
  int64_t inserted = 0;
  int64_t updated = 0;
  int64_t gone = 0;
  bool operator==(const item_totals&) const = default;
};

/// What Prometheus reads of this process. All functions may be called from any thread.
class metrics {
public:
  metrics();
  ~metrics();
  metrics(const metrics&) = delete;
  metrics& operator=(const metrics&) = delete;

  /// One answer: `gitstar_api_requests_total{outcome}`, `gitstar_api_request_duration_seconds`,
  /// `gitstar_api_points_total` where the cost is known, and `gitstar_api_errors_total{kind}` for
  /// every outcome but ok and for every field with an error (kind `field_<error>`).
  void count_answer(const api_response& answer);

  /// One committed batch: `gitstar_rows_written_total{kind}`, `gitstar_batch_rows`,
  /// `gitstar_writer_latency_seconds`, `gitstar_items_written_total{kind}`.
  void count_batch(const batch_receipt& receipt);
  item_totals items() const;

  void count_repositories(uint64_t distinct);   ///< `gitstar_repositories_crawled_total`
  void count_retries(uint64_t queries);         ///< `gitstar_retries_total`
  void count_restart(const std::string& actor); ///< `gitstar_restarts_total{actor}`

  /// `gitstar_points_remaining{credential}`: by the credential's name, never its secret.
  void set_points_remaining(const std::string& credential, int64_t points);
  /// Of REST, where ids are listed: `gitstar_requests_remaining{credential}`.
  void set_requests_remaining(const std::string& credential, int64_t requests);
  /// Seconds until a credential may be used again, `gitstar_credential_ban_seconds{credential}`.
  void set_credential_ban(const std::string& credential, std::chrono::seconds left);
  /// `gitstar_credential_benched{credential}`: 1 once GitHub rejects it.
  void set_credential_benched(const std::string& credential, bool benched);
  /// Points that it spent this UTC day, `gitstar_credential_points_today{credential}`.
  void set_credential_points_today(const std::string& credential, int64_t points);
  void set_requests_in_flight(int64_t requests);                   ///< ..._in_flight
  void set_partitions(const std::string& state, int64_t count);    ///< ..._partitions{state}
  void set_queue_depth(const std::string& queue, int64_t entries); ///< ..._queue_depth{queue}
  void set_query_width(const width_record& learned); ///< ..._query_width{shape,credential_kind}

  /// `gitstar_store_waiting`: 1 while rows or the ledger wait for PostgreSQL.
  void set_store_waiting(bool waiting);

  /// `gitstar_store_errors_total{sqlstate}`: all so far.
  void set_store_errors(const std::string& sqlstate, uint64_t total);

  /// `gitstar_breaker_state{host}`: 0 closed, 1 half-open, 2 open. `state` is the word for it.
  void set_breaker_state(const std::string& host, const std::string& state);

  /// `gitstar_cluster_messages_total{direction}` of a coordinator: from (in) and to (out) workers.
  void count_cluster_message(const std::string& direction);
  /// `gitstar_cluster_workers`, and what is with them: `gitstar_cluster_out{kind}`, permits or
  /// leases.
  void set_cluster(const cluster_status& state);

  /// All of it in Prometheus' text format.
  std::string text() const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace gitstar::net
