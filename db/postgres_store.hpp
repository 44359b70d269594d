#pragma once

#include "db/crawl_store.hpp"

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gitstar::db {

struct bucket_map;
struct known_id;

/// The store in PostgreSQL. The schema must be there: call `migrate` once before. Keeps no session
/// state, so it works through PgBouncer in transaction mode.
///
/// Concurrent writers are safe: each takes its row locks in the order of the ids, and a takeover
/// of the crawl waits for the writes in flight.
class postgres_store final : public crawl_store {
public:
  /// Does not connect yet. Throws `store_error` if the connection string is none.
  explicit postgres_store(const std::string& connection_string);
  ~postgres_store() override;

  crawl open_crawl(const crawl_request& request) override;
  batch_receipt write(const batch& work) override;

  /// `write` where other databases hold repositories, too: `work` has this one's rows alone.
  /// `elsewhere`, if any, writes the others while the crawl cannot be taken over; what it throws
  /// undoes all. Throws `outdated_map` where a bucket has left this database since `map_version`.
  batch_receipt write_share(const batch& work, int64_t map_version,
                            const std::function<void()>& elsewhere);

  /// Writes what a batch says of repositories, without any progress, into a database that is not
  /// the ledger's. Throws `outdated_map` like `write_share`.
  batch_receipt write_rows(const batch& share, int64_t map_version);

  /// The ledger's map of the buckets, and what this shard has given away since: see
  /// db/bucket_map.hpp.
  bucket_map read_map(size_t shard_count);
  void follow_departures(bucket_map& map, size_t shard_count);

  /// The statement that writes the repositories of a batch. Tests look at its plan.
  static const char* upsert_statement();
  std::vector<partition> open_partitions(int64_t crawl_id, int64_t after_id,
                                         uint32_t limit) override;
  int64_t select_known(const crawl& run, const known_selection& which) override;

  /// `select_known` where other databases hold repositories, too: `fetch` gives the ids, in order,
  /// until it has no more.
  int64_t write_selection(const crawl& run, const std::function<std::vector<known_id>()>& fetch);
  std::vector<repo_id> known_ids(repo_id first, repo_id last) override;

  /// `select_known` by a condition where other databases hold repositories, too: `next` has at most
  /// so many of all that fit it, with ids above one, ascending.
  using ids_above = std::function<std::vector<repo_id>(repo_id after, uint32_t limit)>;
  int64_t select_known(const crawl& run, const ids_above& next);

  /// This database's repositories that fit a condition, as `metadata_store::repositories`.
  std::vector<repo_id> repositories(const std::string& condition, repo_id after, uint32_t limit);

  certificate certify(int64_t crawl_id) override;
  std::vector<metadata_watermark> watermarks(const std::vector<repo_id>& repositories,
                                             const std::vector<std::string>& kinds) override;
  void set_state(int64_t crawl_id, int64_t epoch, const std::string& state) override;
  std::vector<budget_record> load_budgets() override;
  void save_budgets(int64_t crawl_id, int64_t epoch,
                    const std::vector<budget_record>& budgets) override;
  void save_errors(int64_t crawl_id, const std::vector<error_record>& errors) override;
  std::vector<width_record> load_widths() override;
  void save_widths(const std::vector<width_record>& widths) override;

private:
  class implementation;
  std::unique_ptr<implementation> impl_;
};

} // namespace gitstar::db
