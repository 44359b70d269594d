#include "tools/gitstar/background_worker.hpp"

#include "db/background_work.hpp"
#include "db/crawl_store.hpp"

#include <spdlog/spdlog.h>

#include <thread>

namespace gitstar::tool {

namespace {

using namespace std::chrono_literals;

/// Until the next attempt where PostgreSQL is away or another process is at it.
constexpr auto between_attempts = 5s;

void work_off(const std::string& shard, const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    try {
      auto done = db::do_background_work(shard, stop);
      if (done.finished > 0)
        spdlog::info("in the background {} steps of migrations were finished, {} rows written",
                     done.finished, done.row_count);
      if (done.left == 0)
        return;
    } catch (const db::store_error& failure) {
      if (!failure.transient()) {
        spdlog::warn("work that a migration has left to be done fails: {}", failure.what());
        return;
      }
    }
    db::wait(stop, between_attempts);
  }
}

} // namespace

background_worker::background_worker(const std::vector<std::string>& shards) {
  for (const auto& shard : shards) {
    std::packaged_task<void()> task{[shard, stop = stop_.get_token()] { work_off(shard, stop); }};
    ended_.push_back(task.get_future());
    std::thread{std::move(task)}.detach();
  }
}

background_worker::~background_worker() { end(1s); }

bool background_worker::end(std::chrono::milliseconds patience) {
  stop_.request_stop();
  auto until = std::chrono::steady_clock::now() + patience;
  auto all = true;
  for (auto& x : ended_)
    all = x.wait_until(until) == std::future_status::ready && all;
  return all;
}

} // namespace gitstar::tool
