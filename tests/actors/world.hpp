/// Everything a crawl needs, small and in one thread: a GitHub, a store, and the actors between.
#pragma once

#include "actors/fetcher.hpp"
#include "actors/ledger.hpp"
#include "actors/partitioner.hpp"
#include "actors/search_source.hpp"
#include "actors/token_bucket.hpp"
#include "actors/writer.hpp"
#include "net/metrics.hpp"
#include "tests/actors/fake_github.hpp"
#include "tests/actors/memory_store.hpp"
#include "tests/virtual_time.hpp"

#include <optional>
#include <set>

namespace gitstar::test {

class world : public virtual_time {
public:
  /// The actors of one process.
  struct process {
    ledger_actor ledger;
    writer_actor writer;
    partitioner_actor partitioner;
    token_bucket_actor bucket;
    std::vector<fetcher_actor> fetchers;
  };

  world();

  /// Starts all actors of a process. Nothing has run yet when it returns.
  process start(uint32_t fetchers);
  fetcher_actor start_fetcher(const process& x);
  /// Ends them all as a crash does: without a last word.
  void crash(const process& x);
  /// Lets a process crawl until it says that it has finished.
  crawl_progress crawl_to_end(uint32_t fetchers);
  /// Moves the clock until the crawl has finished; fails the test after `limit`.
  crawl_progress wait_for_end(caf::timespan limit = std::chrono::hours{24});

  crawl_progress progress(const process& x) {
    return *ask<crawl_progress>(x.partitioner, status_atom_v);
  }

  /// `plan` with what a test sets beside it.
  partitioner_config plan_settings() const;
  ledger_actor spawn_ledger();
  ledger_config ledger_settings() const;
  writer_config writer_settings(uint32_t batch_rows) const;
  token_bucket_config bucket_settings() const;
  /// Of a fetcher that asks `api`.
  fetcher_config fetcher_settings(std::shared_ptr<net::query_sender> api) const;

  std::shared_ptr<fake_github> github = std::make_shared<fake_github>(std::vector<repository>{});
  std::shared_ptr<memory_database> database = std::make_shared<memory_database>();
  std::shared_ptr<net::metrics> metrics = std::make_shared<net::metrics>();
  std::shared_ptr<crawl_session> session;
  wall_clock clock;
  std::string query = "stars:>=1";
  int64_t top = 0;
  config::github_section settings;
  partitioner_config plan;
  search_plan cuts;
  /// The source of the crawl; unless set the search for `query` and `top`.
  source_factory source;
  caf::timespan batch_delay = std::chrono::milliseconds{50};
  std::optional<crawl_progress> finished;

private:
  caf::actor observer_;
};

/// What the ledger says must not be asked for again: the search text with its sort, and the cursor.
std::set<std::pair<std::string, std::string>> committed_pages(const memory_database& database,
                                                              int64_t crawl_id);

} // namespace gitstar::test
