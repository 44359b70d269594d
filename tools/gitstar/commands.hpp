/// The commands of the program. Each returns the exit code (DESIGN: 0 complete, 1 failed, 2 bad
/// usage or config, 3 finished below the completeness threshold, 130 stopped by a signal).
#pragma once

#include "config/config.hpp"
#include "db/lookup.hpp"
#include "db/row_export.hpp"

#include <cstdint>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

namespace gitstar::tool {

enum exit_code : int {
  exit_complete = 0,
  exit_failed = 1,
  exit_bad_config = 2,
  exit_incomplete = 3,
  exit_stopped = 130,
};

struct crawl_options {
  std::string report_file; ///< empty: no report
  bool fresh = false;      ///< begin anew where an unfinished crawl could be resumed
  bool repair = false;     ///< only what the newest crawl could not complete
  bool progress = true;
  std::string psql_hint; ///< the command that shows the result
};

/// A GitHub to rehearse against.
struct rehearse_options {
  std::string storm = "calm";
  std::string faults_file; ///< instead of a storm
  uint64_t repositories = 20'000;
  uint64_t seed = 1;
  uint64_t latency_ms = 0;
  bool limits = true; ///< GitHub's; false: as on a GitHub Enterprise Server
  bool progress = true;
};

int crawl_command(const config::settings& settings, const crawl_options& options);

/// The same below a command that watches the signals itself, see `signal_watch`.
int crawl_until(const std::stop_token& stop, const config::settings& settings,
                const crawl_options& options);

/// Plans, and hands out leases and permits to workers; stands by while another one does.
int coordinator_command(const config::settings& settings, const crawl_options& options);

/// Fetches and writes for a coordinator, until the crawl is finished.
int worker_command(const config::settings& settings);

struct plan_options {
  bool probe = false; ///< ask GitHub
  bool json = false;
  std::optional<int64_t> repositories; ///< to be assumed instead of what the source says
};

int plan_command(const config::settings& settings, const plan_options& options);

struct check_options {
  bool json = false;
};

/// `check --online`: asks GitHub and the store what is true of them now.
int check_command(const config::settings& settings, const check_options& options);

/// Runs the config against a private simulator and a private database, and says what would have
/// happened. Neither GitHub nor the configured database is touched.
int rehearse_command(config::settings settings, const rehearse_options& options);

int migrate_command(const config::settings& settings);

/// Spreads the repositories over all databases of `store.postgres`.
int reshard_command(const config::settings& settings);

int status_command(const config::settings& settings, bool json);

struct show_options {
  std::string full_name; ///< owner/name
  bool json = false;
};

/// All that is stored of one repository; `exit_failed` where it is not stored.
int show_command(const config::settings& settings, const show_options& options);

struct top_options {
  db::rank_by by = db::rank_by::stars;
  std::string language;     ///< empty: any
  std::string since = "7d"; ///< for `rank_by::growth`; see `parse_since`
  int64_t limit = 20;
  bool json = false;
};

int top_command(const config::settings& settings, const top_options& options);

struct export_options {
  db::export_format format = db::export_format::csv;
  std::string query = "select * from repositories order by repo_id";
  std::string file; ///< empty: standard output
};

int export_command(const config::settings& settings, const export_options& options);

/// Replaces this process by psql on one of the databases; with the embedded server it stays to stop
/// it afterwards.
int psql_command(const config::settings& settings, uint32_t shard,
                 const std::vector<std::string>& arguments);

} // namespace gitstar::tool
