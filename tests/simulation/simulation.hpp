#pragma once

#include "actors/crawl_tree.hpp"
#include "tests/simulation/model_github.hpp"
#include "tests/simulation/model_store.hpp"
#include "tests/simulation/witness.hpp"
#include "tests/virtual_time.hpp"

#include <map>
#include <memory>
#include <optional>

namespace spdlog {
class logger;
}

namespace gitstar::simulation {

/// What one run came to.
struct outcome_of_run {
  std::string problem; ///< empty: every invariant held
  uint64_t digest = 0; ///< of who ran when: equal for equal runs
  uint64_t steps = 0;
  uint64_t queries = 0;
  uint32_t processes = 0;
  caf::timespan virtual_time{0};
  std::map<std::string, uint32_t> mishaps; ///< how often each happened, kills by actor
};

/// One crawl with all its actors and everything that happens to it, decided by one seed: processes
/// are started until one of them finishes the crawl. Then some repositories change, and the same
/// config runs once more, undisturbed.
class simulation : public test::virtual_time {
public:
  simulation(const scenario& plan, bool traced, std::shared_ptr<net::metrics> metrics);
  ~simulation();

  outcome_of_run run();

private:
  /// Looks for secrets in what actors log.
  class searched_log;

  /// An actor that runs, with the name that its supervisor gave it.
  struct member {
    std::string name;
    caf::actor handle;
  };

  struct process {
    std::shared_ptr<process_life> life = std::make_shared<process_life>();
    supervisor_actor root;
    caf::actor observer;
    partitioner_actor partitioner; ///< the newest
    std::vector<member> members;
    std::shared_ptr<crawl_session> session = std::make_shared<crawl_session>();
  };

  // Processes.
  void start_process();
  caf::actor spawn_observer(const std::shared_ptr<process>& x);
  crawl_tree_config config_of(const std::shared_ptr<process>& x);
  supervisor_config watched(supervisor_config cfg, const std::shared_ptr<process>& owner);
  void ended(const std::shared_ptr<process>& x, const caf::error& reason);
  void check_reason(const process& x, const caf::error& reason);
  void start_later();
  void finish_soon();
  void leave(process& x);

  // Time.
  void step();
  bool advance();
  void run_to_end();
  void let_late_work_end();
  void run_again();
  void search_message(caf::scheduled_actor& receiver);
  void search_status();
  std::string describe_job();
  std::string describe_waiting(const member& x);
  void stuck(const std::string& why);

  // Mishaps.
  void something_happens();
  void happen(mishap kind);
  void hit_actor(process& x, bool kill);
  void crash(process& x);
  uint32_t fetchers_hit(const std::string& name) const;

  void close_down();

  scenario plan_;
  stage stage_;
  std::shared_ptr<spdlog::logger> log_before_;
  dice random_;
  std::shared_ptr<net::metrics> metrics_;
  test::fake_github searches_;
  std::shared_ptr<test::memory_database> data_ = std::make_shared<test::memory_database>();
  model_github github_;
  std::shared_ptr<store_server> store_;
  witness witness_;
  std::vector<std::shared_ptr<process>> processes_;
  std::vector<caf::actor_addr> started_; // everybody who ever ran
  std::optional<crawl_progress> finished_;
  std::shared_ptr<process> finisher_;
  bool start_planned_ = false;
  bool finishing_ = false;
  uint32_t mishaps_ = 0;
  uint32_t crawl_ = 1; // that is looked at
  std::vector<char> message_;
  size_t others_ = sys.registry().running(); // actors that are not ours
  outcome_of_run result_;
};

} // namespace gitstar::simulation
