#pragma once

#include "messages/store.hpp"

#include <stdexcept>
#include <string>
#include <vector>

namespace gitstar::db {

/// PostgreSQL could not be reached or refused a statement. `what()` is one line for the user.
class store_error : public std::runtime_error {
public:
  explicit store_error(const std::string& text, bool transient = false)
      : std::runtime_error(text), transient_(transient) {}

  /// Can the same call succeed later without anybody changing something? (Connection lost, server
  /// restarting, deadlock, out of resources.)
  bool transient() const { return transient_; }

private:
  bool transient_;
};

/// Another process has raised the crawl's epoch: this one must stop writing.
class fenced_error : public store_error {
public:
  using store_error::store_error;
};

/// How a crawl is looked up or begun.
struct crawl_request {
  std::string name;   ///< crawl.name
  std::string source; ///< canonical text of the source
  bool fresh = false; ///< start anew even where an unfinished crawl of this source exists
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

  /// The sums over all partitions of the crawl.
  virtual certificate certify(int64_t crawl_id) = 0;

  /// Stores the crawl's state; a finished one (complete, incomplete, failed) also its end time.
  virtual void set_state(int64_t crawl_id, int64_t epoch, const std::string& state) = 0;

  virtual std::vector<budget_record> load_budgets() = 0;
  virtual void save_budgets(const std::vector<budget_record>& budgets) = 0;
};

} // namespace gitstar::db
