#pragma once

#include "messages/store.hpp"

#include <concepts>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace gitstar::db {

/// PostgreSQL could not be reached or refused a statement. `what()` is one line for the user.
class store_error : public std::runtime_error {
public:
  explicit store_error(const std::string& text) : std::runtime_error(text) {}

  /// `same_as`: a text would turn into a bool before it becomes a `string_view`.
  store_error(const std::string& text, std::same_as<bool> auto transient)
      : std::runtime_error(text), transient_(transient) {}

  /// PostgreSQL's own code decides: see db/sqlstate.hpp.
  store_error(const std::string& text, std::string_view sqlstate);

  /// Can the same call succeed later without anybody changing something? (Connection lost, server
  /// restarting, deadlock, out of resources.)
  bool transient() const { return transient_; }

  /// PostgreSQL's error code; empty where it gave none.
  const std::string& sqlstate() const { return sqlstate_; }

  /// The cause in a few words with its code, such as `the disk is full (53100)`; without a code
  /// the whole text.
  std::string cause() const;

private:
  bool transient_ = false;
  std::string sqlstate_;
};

/// Another process has raised the crawl's epoch: this one must stop writing.
class fenced_error : public store_error {
public:
  using store_error::store_error;
};

/// Rows that a crawl's last errors may take, and bytes that a message of theirs may.
inline constexpr uint32_t max_error_kinds = 50;
inline constexpr uint32_t max_error_message = 500;

/// How a crawl is looked up or begun.
struct crawl_request {
  std::string name;   ///< crawl.name
  std::string source; ///< canonical text of the source
  bool fresh = false; ///< start anew even where an unfinished crawl of this source exists
  /// Take the newest crawl of this source over, finished or not, and open its incomplete and dead
  /// partitions again, to be read from their beginning. What they have stored stays.
  bool repair = false;
};

/// Blocking access to the ledger and the repositories. One object per detached actor; not
/// thread-safe. Every function throws `store_error`. A broken connection is re-established by the
/// next call.
class crawl_store {
public:
  virtual ~crawl_store() = default;

  /// Takes over the newest unfinished crawl of this name and source (its epoch grows), or begins a
  /// new one.
  virtual crawl open_crawl(const crawl_request& request) = 0;

  /// Commits rows and partition progress in one transaction. Throws `fenced_error` when the crawl
  /// has a newer epoch. Writing the same batch again changes nothing.
  virtual batch_receipt write(const batch& work) = 0;

  /// Open partitions with an id above `after_id`, ascending, at most `limit`.
  virtual std::vector<partition> open_partitions(int64_t crawl_id, int64_t after_id,
                                                 uint32_t limit) = 0;

  /// Makes partitions of the repositories in the store that are to be read again, those first that
  /// most likely have changed, and returns how many repositories these are. One transaction: after
  /// a crash there are all partitions or none.
  virtual int64_t select_known(const crawl& run, const known_selection& which) = 0;

  /// The ids from `first` to `last`, ascending, of repositories in the store that are not gone.
  virtual std::vector<repo_id> known_ids(repo_id first, repo_id last) = 0;

  /// The sums over all partitions of the crawl.
  virtual certificate certify(int64_t crawl_id) = 0;

  /// Stores the crawl's state; a finished one (complete, incomplete, failed) also its end time.
  virtual void set_state(int64_t crawl_id, int64_t epoch, const std::string& state) = 0;

  /// How far these kinds of metadata of these repositories are read; none where none was read yet.
  virtual std::vector<metadata_watermark> watermarks(const std::vector<repo_id>& repositories,
                                                     const std::vector<std::string>& kinds) = 0;

  virtual std::vector<budget_record> load_budgets() = 0;
  /// Throws `fenced_error` as `write` does: who has been replaced knows less of what was spent.
  virtual void save_budgets(int64_t crawl_id, int64_t epoch,
                            const std::vector<budget_record>& budgets) = 0;

  virtual std::vector<width_record> load_widths() = 0;
  virtual void save_widths(const std::vector<width_record>& widths) = 0;

  /// Adds to the crawl's last errors: one row per kind, the newest `max_error_kinds` of them.
  virtual void save_errors(int64_t crawl_id, const std::vector<error_record>& errors) = 0;
};

} // namespace gitstar::db
