#pragma once

#include "db/queries.hpp"
#include "messages/bucket.hpp"
#include "messages/progress.hpp"
#include "net/metrics.hpp"

#include <string>

namespace gitstar::tool {

/// What `--report` writes: how the run ended and what it cost this process.
struct run_report {
  crawl_progress crawl;
  bucket_status bucket;
  double wall_seconds = 0;
  double cpu_seconds = 0; ///< of this process; PostgreSQL is another
  int64_t peak_rss_bytes = 0;
  net::item_totals items;                        ///< of metadata; of this process
  std::vector<db::staleness_quantile> staleness; ///< of the repositories that a refresh is about
};

/// The report as JSON, with the keys of the contract (README, "The report").
std::string to_json(const run_report& report);

/// Whether `write_report` can write there.
bool can_write_report(const std::string& file);

/// Writes it next to `file` and renames, so that nobody reads half a report. Throws
/// `std::runtime_error` that names the file.
void write_report(const run_report& report, const std::string& file);

/// CPU time and peak memory of this process so far.
void measure_process(run_report& report);

} // namespace gitstar::tool
