#pragma once

#include "messages/bucket.hpp"
#include "messages/progress.hpp"

#include <chrono>
#include <deque>
#include <optional>
#include <string>

namespace gitstar::tool {

/// One look at a running crawl.
struct snapshot {
  std::chrono::steady_clock::time_point at;
  timestamp wall;
  crawl_progress crawl;
  bucket_status bucket;
  std::string store_waits_for{}; ///< why PostgreSQL is waited for; empty: it is not
};

/// How long the rest takes: at the present rate, and where the points run out before the end also
/// the waits for their resets. Empty while nothing is known.
std::optional<std::chrono::seconds> remaining_time(const snapshot& now, double repositories_per_s);

/// Shows progress on stderr: a line that is rewritten on a terminal, plain lines otherwise.
class progress_display {
public:
  progress_display(bool terminal, std::chrono::milliseconds interval);

  /// How often `show` wants to be called.
  std::chrono::milliseconds interval() const { return interval_; }

  void show(const snapshot& now);
  /// Ends a rewritten line.
  void finish();

  /// The line without decoration.
  std::string line(const snapshot& now);

private:
  double rate(const snapshot& now);

  struct point {
    std::chrono::steady_clock::time_point at;
    int64_t seen;
  };

  bool terminal_;
  std::chrono::milliseconds interval_;
  std::deque<point> recent_; // the last half minute, for the rate
};

} // namespace gitstar::tool
