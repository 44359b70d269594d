#pragma once

#include "messages/interfaces.hpp"
#include "tests/actors/memory_store.hpp"
#include "tests/simulation/model_github.hpp"

#include <memory>
#include <set>

namespace gitstar::simulation {

/// Sees what crosses the crawler's borders and compares it with the invariants of DESIGN 4. The
/// limits of GitHub are `model_github`'s own to watch.
class witness {
public:
  witness(const scenario& plan, stage& on, model_github& github,
          std::shared_ptr<test::memory_database> data)
      : plan_(plan), stage_(on), github_(github), data_(std::move(data)) {}

  // -- while it runs --------------------------------------------------------------

  void asked(const api_request& request, const process_life& from);
  void delivered(const api_request& request, const api_response& response);
  void committed(const batch& work);
  /// What so many fetchers have in flight or not committed may be lost, and is asked for again.
  void lost(uint32_t fetchers);
  /// Work was taken from somebody whose last batches may still be on their way: a partition can be
  /// read twice, and its progress be stored twice.
  void overlap() { overlap_ = true; }
  /// No process is alive: from now on nothing that is stored may be asked for again.
  void crashed();
  void saw(const crawl_progress& progress);

  // -- at the end -----------------------------------------------------------------

  void finished(const crawl_progress& end);
  /// All that was under way then has ended, and every actor with it.
  void closed();

  // -- when the same config runs again ----------------------------------------------

  /// From now on the next crawl is looked at. Before it the repositories `changed` at GitHub.
  void next_crawl(std::set<repo_id> changed);
  void finished_again(const crawl_progress& end);

private:
  using page = std::pair<std::string, std::string>; // search text and cursor

  std::set<repo_id> wanted() const;
  void check_row_writes(const batch& work);
  void check_progress(const partition& before, const partition& now);
  void check_leaf(const partition& leaf);
  void check_duplicates(const partition& leaf);
  void check_coverage();
  void check_sums(const crawl_progress& end);
  int64_t stored_matches(const std::string& description) const;
  bool stored(repo_id id) const { return data_->repositories.contains(id); }
  const crawl& run() const { return data_->crawls.back(); }
  const std::map<int64_t, partition>& ledger() const;

  const scenario& plan_;
  stage& stage_;
  model_github& github_;
  std::shared_ptr<test::memory_database> data_;
  std::map<int64_t, partition> known_;            // the ledger after the last commit
  std::set<page> committed_;                      // when the last process was killed
  std::set<page> delivered_;                      // that came without error
  std::vector<std::vector<repo_id>> uncommitted_; // rows of each answer
  std::map<repo_id, uint32_t> row_writes_;        // that versions of the repository explain
  std::set<repo_id> read_;                        // in this crawl
  std::map<int64_t, partition> at_end_;           // the ledger when the crawl ended
  bool overlap_ = false;
  uint64_t repeated_ = 0; // pages that had been delivered before
  uint64_t allowed_ = 0;  // of them, what losses explain
};

} // namespace gitstar::simulation
