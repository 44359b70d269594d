#pragma once

#include "tests/actors/memory_store.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/scenario.hpp"
#include "tests/simulation/stage.hpp"

namespace gitstar::simulation {

class witness;

/// What PostgreSQL's server goes through.
class store_server {
public:
  store_server(const scenario& plan, stage& on, std::shared_ptr<test::memory_database> data)
      : data(std::move(data)), plan_(plan), stage_(on), random_(plan.seed, 3) {}

  /// Who is told of every commit.
  void tell(witness& who) { witness_ = &who; }

  void go_away(caf::timespan length) { away_until_ = stage_.now + length; }
  /// The next call throws what no actor expects.
  void throw_once() { throws_ = true; }

  /// The next crawl of the same config is looked at.
  void next_crawl() { ++crawls_; }
  /// The ledger says that the crawl that is looked at is complete or incomplete.
  bool finished() const;

  /// Throws what the caller gets to see instead of an answer.
  void before_call(const process_life& from, const char* call);
  /// What is written into a table.
  template <class Rows>
  void look_at(const char* table, const Rows& rows) {
    stage_.search(table, caf::deep_to_string(rows));
  }
  void after_commit(const batch& work);

  std::shared_ptr<test::memory_database> data;

private:
  const scenario& plan_;
  stage& stage_;
  dice random_;
  witness* witness_ = nullptr;
  stage::time_point away_until_ = stage::time_point::min();
  bool throws_ = false;
  size_t crawls_ = 1;
};

/// One connection of one process.
class model_store : public test::memory_store {
public:
  model_store(std::shared_ptr<store_server> server, std::shared_ptr<const process_life> life)
      : memory_store(server->data), server_(std::move(server)), life_(std::move(life)) {}

  crawl open_crawl(const db::crawl_request& request) override;
  batch_receipt write(const batch& work) override;
  std::vector<partition> open_partitions(int64_t crawl_id, int64_t after_id,
                                         uint32_t limit) override;
  certificate certify(int64_t crawl_id) override;
  std::vector<metadata_watermark> watermarks(const std::vector<repo_id>& repositories,
                                             const std::vector<std::string>& kinds) override;
  void set_state(int64_t crawl_id, int64_t epoch, const std::string& state) override;
  std::vector<budget_record> load_budgets() override;
  void save_budgets(int64_t crawl_id, int64_t epoch,
                    const std::vector<budget_record>& budgets) override;
  std::vector<width_record> load_widths() override;
  void save_widths(const std::vector<width_record>& widths) override;
  void save_errors(int64_t crawl_id, const std::vector<error_record>& errors) override;

private:
  std::shared_ptr<store_server> server_;
  std::shared_ptr<const process_life> life_;
};

} // namespace gitstar::simulation
