#pragma once

#include <chrono>
#include <future>
#include <stop_token>
#include <string>
#include <vector>

namespace gitstar::tool {

/// Does on threads of its own, one for each database, what migrations have left to be done
/// (`db::do_background_work`), while a crawl runs. What fails for good is told once, in the log.
class background_worker {
public:
  explicit background_worker(const std::vector<std::string>& shards);
  background_worker(const background_worker&) = delete;
  background_worker& operator=(const background_worker&) = delete;
  /// Leaves behind what does not end within a second.
  ~background_worker();

  /// Asks it to end and waits; false where a call to PostgreSQL is left behind.
  bool end(std::chrono::milliseconds patience);

private:
  std::stop_source stop_;
  std::vector<std::future<void>> ended_;
};

} // namespace gitstar::tool
