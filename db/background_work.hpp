/// What migrations leave to be done in the background of crawls (0011_background_work.sql). A
/// change of the schema comes in three steps: expand adds tables and columns, which takes no long
/// lock; backfill fills them in batches; contract validates constraints that were added unchecked.
/// A migration does the first and queues the others.
#pragma once

#include <chrono>
#include <cstdint>
#include <stop_token>
#include <string>

namespace gitstar::db {

struct background_pace {
  /// Between two steps; as long as the last step took where that is longer, so that at most half
  /// of the time is spent.
  std::chrono::milliseconds pause{20};
  /// What a step may take: its rows are locked so long. Batches grow and shrink accordingly.
  std::chrono::milliseconds step{50};
  /// A step gives up after waiting so long for a lock, because others queue behind it; it is
  /// tried again.
  std::chrono::milliseconds lock_timeout{100};
};

/// What one call did.
struct background_report {
  int64_t finished = 0;  ///< pieces of work
  int64_t batches = 0;   ///< steps that were committed
  int64_t row_count = 0; ///< rows that they wrote
  int64_t left = 0;      ///< pieces of work: stopped, or another process is at them
};

/// Does what is left to be done, each step in a transaction of its own, and returns when nothing is
/// left, when `stop` is asked for, or when another process is at it. A kill loses at most one step.
/// Throws `store_error` where a step fails for another reason than a lock; `last_error` keeps it.
background_report do_background_work(const std::string& connection_string,
                                     const std::stop_token& stop, const background_pace& pace = {});

/// Waits for `time` at most; false: a stop was asked for.
bool wait(const std::stop_token& stop, std::chrono::milliseconds time);

} // namespace gitstar::db
