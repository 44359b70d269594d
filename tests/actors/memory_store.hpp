/// A store in memory that follows the rules of `db::crawl_store`.
#pragma once

#include "actors/writer.hpp"
#include "db/crawl_store.hpp"

#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace gitstar::test {

/// What outlives the actors, and what a test looks at.
struct memory_database {
  std::vector<crawl> crawls;                                  ///< id: index + 1
  std::map<int64_t, std::map<int64_t, partition>> partitions; ///< by crawl
  std::map<repo_id, repository> repositories;
  std::map<repo_id, uint32_t> row_writes; ///< how often each row was inserted or changed
  std::map<std::string, budget_record> budgets;
  std::map<int64_t, std::map<std::string, error_record>> errors;      ///< by crawl and kind
  std::map<std::pair<query_shape, std::string>, width_record> widths; ///< by shape and kind
  timestamp now{std::chrono::seconds{1717200000}};                    ///< 2024-06-01T00:00:00Z

  std::vector<batch> writes; ///< committed
  std::set<repo_id> gone;    ///< that GitHub did not know
  /// By kind and key: rows, and of those that are gone.
  std::map<std::string, std::map<std::string, metadata_row>> metadata;
  std::map<std::string, std::set<std::string>> metadata_gone;
  int64_t metadata_writes = 0; ///< rows inserted, changed, or marked gone
  std::map<std::pair<repo_id, std::string>, metadata_watermark> watermarks;
  std::vector<std::string> calls;
  /// Called before each call with its name; may throw a `store_error`.
  std::function<void(const std::string& call)> before;
};

class memory_store : public db::crawl_store {
public:
  explicit memory_store(std::shared_ptr<memory_database> data) : data_(std::move(data)) {}

  crawl open_crawl(const db::crawl_request& request) override;
  batch_receipt write(const batch& work) override;
  std::vector<partition> open_partitions(int64_t crawl_id, int64_t after_id,
                                         uint32_t limit) override;
  /// All repositories, the most starred first, in lists of 1,000.
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
  void begin(const std::string& call);
  void write_metadata(const batch& work, batch_receipt& receipt);
  void lose(const std::string& of, const std::vector<std::string>& link,
            const std::vector<std::string>& parent, const std::set<std::string>& there,
            batch_receipt& receipt);
  crawl& fenced(int64_t crawl_id, int64_t epoch);

  std::shared_ptr<memory_database> data_;
};

inline store_factory open_store(std::shared_ptr<memory_database> data) {
  return [data] { return std::make_unique<memory_store>(data); };
}

} // namespace gitstar::test
