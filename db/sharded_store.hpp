#pragma once

#include "db/postgres_store.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace gitstar::db {

struct bucket_map;

/// The store in one PostgreSQL or several: the first holds the ledger, and each holds the
/// repositories of some buckets. The databases must be there: call `migrate_shards` once before.
///
/// A batch takes a transaction per shard. Rows outside of the ledger's database commit first and
/// the progress they complete last, so a crash in between makes the batch be fetched and written
/// again, which changes nothing. All the while the ledger's transaction keeps the crawl from being
/// taken over. Buckets may move meanwhile: see db/bucket_map.hpp.
class sharded_store final : public crawl_store {
public:
  /// Does not connect yet. Throws `store_error` if one is no connection string.
  explicit sharded_store(const std::vector<std::string>& connection_strings);
  ~sharded_store() override;

  crawl open_crawl(const crawl_request& request) override;
  batch_receipt write(const batch& work) override;
  std::vector<partition> open_partitions(int64_t crawl_id, int64_t after_id,
                                         uint32_t limit) override;
  int64_t select_known(const crawl& run, const known_selection& which) override;
  std::vector<repo_id> known_ids(repo_id first, repo_id last) override;
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
  template <class Body>
  auto by_map(Body body);
  batch_receipt write_by(const bucket_map& map, const batch& work);
  int64_t select_by(const bucket_map& map, const crawl& run, const known_selection& which);
  void read_map(std::optional<size_t> departed_from);
  postgres_store& ledger() { return *shards_.front(); }

  std::vector<std::string> connection_strings_;
  std::vector<std::unique_ptr<postgres_store>> shards_;
  std::unique_ptr<bucket_map> map_;
};

} // namespace gitstar::db
