#pragma once

#include "db/crawl_store.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace gitstar::db {

/// Who of several coordinators leads a crawl. They make one run together: whoever has waited or led
/// in it ends with it, and only who is started after its end begins the next. The leader holds an
/// advisory lock with a connection of its own and shows in the table `coordinators` that it is
/// alive. A standby leads when the leader has resigned, or has been silent for `takeover_after`:
/// not sooner, for a session may end without its process, which may count on its last sign of life
/// that long. A session that still holds the lock by then is ended. Needs a session of its own:
/// PgBouncer in transaction mode cannot stand before it. Blocking; not thread-safe. Every function
/// throws `store_error`.
class leadership {
public:
  /// Of the crawl with that name and source. `node`: ourselves, for people.
  leadership(const std::string& connection_string, std::string name, std::string source,
             std::string node, std::chrono::milliseconds takeover_after);
  ~leadership();
  leadership(const leadership&) = delete;
  leadership& operator=(const leadership&) = delete;

  enum class answer : uint8_t {
    leads,    ///< we do now
    waits,    ///< somebody else does
    finished, ///< somebody else did, and the crawl is finished: its result is to be reported
  };

  /// Tries to become the leader, at the cost of one that has been silent for too long. May be
  /// called again by a leader that another one has replaced.
  answer try_lead();

  /// Shows that we are alive. False: we do not lead any more.
  bool renew();

  /// We do nothing more as the leader: a standby need not wait. Nothing where we do not lead.
  void resign();

  /// The run's result has been reported: who is started from now on begins the next. Where nobody
  /// has said so, because the leader died, the next one that is started answers `finished`.
  void conclude();

  /// Who led when we looked last.
  const std::string& leader() const;

private:
  class implementation;
  std::unique_ptr<implementation> impl_;
};

/// Tells a worker whose coordinator is gone whether the crawl was finished meanwhile. Blocking; not
/// thread-safe. Every function throws `store_error`.
class run_watch {
public:
  /// Of the crawl with that name and source.
  run_watch(const std::string& connection_string, std::string name, std::string source);
  ~run_watch();
  run_watch(const run_watch&) = delete;
  run_watch& operator=(const run_watch&) = delete;

  /// Whether a crawl is finished that was not when this was called first, and no newer one is
  /// begun.
  bool is_over();

private:
  class implementation;
  std::unique_ptr<implementation> impl_;
};

} // namespace gitstar::db
