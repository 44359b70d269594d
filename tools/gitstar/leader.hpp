#pragma once

#include "config/config.hpp"
#include "db/leadership.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <mutex>
#include <thread>

namespace gitstar::tool {

/// Becomes the leader of a crawl and stays it, on a thread that shows PostgreSQL that this process
/// is alive. All functions may be called from any thread.
class leader {
public:
  leader(const std::string& connection_string, const std::string& name, const std::string& source,
         const config::cluster_section& settings);
  /// Resigns.
  ~leader();
  leader(const leader&) = delete;
  leader& operator=(const leader&) = delete;

  /// Waits until this process leads (`leads`), or the crawl is finished without it (`finished`).
  /// `waits`: `stopped` has ended the waiting. May be called again once deposed.
  db::leadership::answer wait(const std::function<bool()>& stopped);

  /// Whether it is certain that nobody else leads: PostgreSQL has confirmed it so lately that no
  /// standby can have taken over. A process that was frozen does not know that it still leads.
  bool leads() const;

  /// The crawl's result has been reported: who is started from now on begins the next.
  void conclude();

  /// Another coordinator has taken over, for certain.
  bool deposed() const { return deposed_; }

private:
  using clock = std::chrono::steady_clock;

  void stay(const std::stop_token& ended);
  void resign();

  config::cluster_section settings_;
  std::mutex mutex_; // of `place_`
  db::leadership place_;
  std::atomic<clock::time_point> confirmed_{clock::time_point::min()};
  std::atomic<bool> deposed_{false};
  std::jthread thread_;
};

/// Who this process is, for people: host and process id.
std::string node_name();

} // namespace gitstar::tool
