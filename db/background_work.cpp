#include "db/background_work.hpp"

#include "db/connection.hpp"

#include <algorithm>
#include <condition_variable>
#include <functional>
#include <mutex>

namespace gitstar::db {

namespace {

using std::chrono::milliseconds;
using clock = std::chrono::steady_clock;

// Held by the one process that does a step. Any constant will do; it only has to be ours.
constexpr auto only_one = "select pg_try_advisory_xact_lock(4811203417790263518)";

constexpr std::string_view lock_not_available = "55P03";

/// What the first batch of a call has at most.
constexpr int64_t first_batch = 500;
constexpr int64_t largest_batch = 100'000;

enum class step_end : uint8_t { nothing_left, busy, committed, finished };

/// The oldest work that is not finished: what comes later may build on it.
step_end do_step(pqxx::work& work, const background_pace& pace, int64_t most_rows,
                 background_report& report) {
  if (!work.exec1(only_one)[0].as<bool>())
    return step_end::busy;
  auto found = work.exec("select id, statement, batch_size, position from background_work "
                         "where finished_at is null order by id limit 1");
  if (found.empty())
    return step_end::nothing_left;
  auto id = found[0][0].as<int64_t>();
  auto statement = found[0][1].as<std::string>();
  auto batch_size = std::min(found[0][2].as<int64_t>(), most_rows);
  work.exec0("set local lock_timeout = " + std::to_string(pace.lock_timeout.count()));
  if (batch_size == 0) {
    work.exec(statement);
    work.exec_params0("update background_work set batches = 1, last_error = null, "
                      "updated_at = clock_timestamp(), finished_at = clock_timestamp() "
                      "where id = $1",
                      id);
    return step_end::finished;
  }
  auto done = work.exec_params1(statement, found[0][3].as<int64_t>(), batch_size);
  auto finished = done[0].is_null();
  auto rows = done[1].is_null() ? 0 : done[1].as<int64_t>();
  work.exec_params0("update background_work set batches = batches + 1, row_count = row_count + $2, "
                    "position = greatest(position, coalesce($3::bigint, position)), "
                    "last_error = null, updated_at = clock_timestamp(), "
                    "finished_at = case when $4 then clock_timestamp() end where id = $1",
                    id, rows, done[0].is_null() ? nullptr : done[0].c_str(), finished);
  report.row_count += rows;
  return finished ? step_end::finished : step_end::committed;
}

/// Ends the step under way when a stop is asked for: a check of a large table may take minutes.
class interruption {
public:
  explicit interruption(const std::stop_token& stop) : callback_(stop, [this] { cancel(); }) {}

  /// For as long as `body` runs on this connection.
  template <class Body>
  auto around(pqxx::connection_base& link, Body body) {
    struct guard {
      interruption& owner;
      ~guard() { owner.set(nullptr); }
    } at_end{*this};
    set(&link);
    return body();
  }

private:
  void set(pqxx::connection_base* link) {
    std::lock_guard lock{mutex_};
    running_ = link;
  }

  void cancel() {
    std::lock_guard lock{mutex_};
    try {
      if (running_ != nullptr)
        running_->cancel_query();
    } catch (const std::exception&) { // it ends by itself, then
    }
  }

  std::mutex mutex_;
  pqxx::connection_base* running_ = nullptr;
  std::stop_callback<std::function<void()>> callback_;
};

void note_failure(connection& database, const store_error& failure) {
  database.transaction([&](pqxx::work& work) {
    work.exec_params0("update background_work set last_error = $1, updated_at = clock_timestamp() "
                      "where id = (select min(id) from background_work where finished_at is null)",
                      std::string{failure.what()});
  });
}

} // namespace

background_report do_background_work(const std::string& connection_string,
                                     const std::stop_token& stop, const background_pace& pace) {
  connection database{connection_string, frozen_after};
  background_report report;
  auto most_rows = first_batch;
  interruption interrupted{stop};
  while (!stop.stop_requested()) {
    auto start = clock::now();
    auto pause = pace.pause;
    try {
      auto so_far = report;
      auto end = database.transaction([&](pqxx::work& work) {
        return interrupted.around(work.conn(),
                                  [&] { return do_step(work, pace, most_rows, so_far); });
      });
      if (end == step_end::nothing_left || end == step_end::busy)
        break;
      report = so_far;
      ++report.batches;
      report.finished += end == step_end::finished ? 1 : 0;
      auto took = std::chrono::duration_cast<milliseconds>(clock::now() - start);
      pause = std::max(pause, took);
      if (took > pace.step)
        most_rows = std::max<int64_t>(most_rows / 2, 1);
      else if (took < pace.step / 2)
        most_rows = std::min(most_rows * 2, largest_batch);
    } catch (const store_error& failure) {
      if (stop.stop_requested())
        break;
      if (failure.sqlstate() != lock_not_available) {
        if (!failure.transient())
          note_failure(database, failure);
        throw;
      }
      pause = std::max(pause, pace.lock_timeout); // those who waited behind us go first
    }
    if (!wait(stop, pause))
      break;
  }
  report.left = database.transaction([](pqxx::work& work) {
    return work.exec1("select count(*) from background_work where finished_at is null")[0]
        .as<int64_t>();
  });
  return report;
}

bool wait(const std::stop_token& stop, milliseconds time) {
  std::mutex mutex;
  std::unique_lock lock{mutex};
  std::condition_variable_any asked;
  asked.wait_for(lock, stop, time, [] { return false; });
  return !stop.stop_requested();
}

} // namespace gitstar::db
