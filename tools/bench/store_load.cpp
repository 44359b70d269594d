// Writes synthetic repositories through the crawler's own store, without a crawler, and prints what
// the store is like after so many rows: one JSON object a line.
#include "db/examine_store.hpp"
#include "db/sharded_store.hpp"
#include "db/shards.hpp"

#include <CLI/CLI.hpp>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

namespace {

using namespace gitstar;
using clock_type = std::chrono::steady_clock;

/// Repositories as a crawl finds them: windows of creation time, that is runs of ids, in no order.
constexpr int64_t window_rows = 1000;

/// GitHub has given out some 1.2 billion ids.
constexpr int64_t last_id = 1'200'000'000;

uint64_t mixed(uint64_t x) { // splitmix64
  x += 0x9e3779b97f4a7c15u;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
  return x ^ (x >> 31);
}

repository synthetic(repo_id id) {
  static constexpr std::array languages{"Python", "JavaScript", "C++", "Go", "Rust", "Java"};
  auto random = mixed(static_cast<uint64_t>(id));
  auto number = [&](int shift, int32_t below) {
    return static_cast<int32_t>((random >> shift) % static_cast<uint64_t>(below));
  };
  repository x;
  x.repo_id = id;
  x.full_name =
      "owner-" + std::to_string(number(3, 4'000'000)) + "/repository-" + std::to_string(id);
  x.star_count = number(0, 1 << (4 + number(40, 14)));
  x.fork_count = number(7, 300);
  x.open_issue_count = number(11, 200);
  x.watcher_count = number(13, 100);
  if (number(17, 10) != 0)
    x.language = std::string{languages[static_cast<size_t>(number(19, 6))]};
  if (number(23, 2) != 0)
    x.license = std::string{"mit"};
  x.description = std::string(static_cast<size_t>(number(29, 140)), 'd') + std::to_string(id);
  x.is_fork = number(31, 20) == 0;
  x.visibility = "public";
  x.disk_usage_kb = number(37, 100'000);
  x.created_at = timestamp{std::chrono::seconds{1'200'000'000 + id / 2}};
  x.updated_at = timestamp{std::chrono::seconds{1'790'000'000 + number(41, 1'000'000)}};
  x.pushed_at = x.updated_at;
  return x;
}

struct options {
  std::vector<std::string> shards;
  int64_t rows = 10'000'000;
  int64_t batch_rows = 2000;
  int writers = 2;
  std::vector<int64_t> marks{1'000'000, 2'000'000, 5'000'000, 10'000'000};
};

/// How long the last batches took; all writers add to it.
class stopwatch {
public:
  void add(double milliseconds) {
    std::lock_guard guard{mutex_};
    times_.push_back(milliseconds);
  }

  std::vector<double> take() {
    std::lock_guard guard{mutex_};
    return std::exchange(times_, {});
  }

private:
  std::mutex mutex_;
  std::vector<double> times_;
};

batch make_batch(const crawl& run, const options& opt, int64_t first) {
  auto windows = opt.rows / window_rows;
  auto step = last_id / opt.rows;
  batch result;
  result.crawl_id = run.id;
  result.epoch = run.epoch;
  result.observed_at = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  for (auto row = first; row < std::min(first + opt.batch_rows, opt.rows); ++row) {
    auto window = row / window_rows * 7919 % windows; // 7919 is prime: every window once
    auto place = window * window_rows + row % window_rows;
    auto within =
        static_cast<int64_t>(mixed(static_cast<uint64_t>(place)) % static_cast<uint64_t>(step));
    result.rows.push_back(synthetic(place * step + within));
    if (row % window_rows != 0)
      continue;
    partition part;
    part.id = row + 1;
    part.description = "synthetic window " + std::to_string(window);
    part.state = partition_state::done;
    part.expected = part.seen = window_rows;
    result.partitions.push_back(part);
  }
  return result;
}

/// Writes rows until `mark` of them are there.
void load(const options& opt, const crawl& run, std::atomic<int64_t>& next, int64_t mark,
          stopwatch& times) {
  std::vector<std::thread> writers;
  for (int i = 0; i < opt.writers; ++i)
    writers.emplace_back([&] {
      try {
        db::sharded_store store{opt.shards};
        for (auto first = next.fetch_add(opt.batch_rows); first < mark;
             first = next.fetch_add(opt.batch_rows)) {
          auto work = make_batch(run, opt, first);
          auto begin = clock_type::now();
          store.write(work);
          times.add(std::chrono::duration<double, std::milli>(clock_type::now() - begin).count());
        }
      } catch (const db::store_error& failure) {
        std::fprintf(stderr, "gitstar-store-load: %s\n", failure.what());
        std::exit(1);
      }
    });
  for (auto& x : writers)
    x.join();
  next = mark;
}

void report(const options& opt, int64_t rows, double total, double rate, std::vector<double> ms) {
  std::sort(ms.begin(), ms.end());
  double sum = 0;
  for (auto x : ms)
    sum += x;
  db::table_sizes bytes;
  for (auto& where : opt.shards) {
    auto sizes = db::measure_tables(where);
    bytes.repositories += sizes.repositories;
    bytes.history += sizes.history;
  }
  std::printf("{\"rows\": %lld, \"seconds\": %.2f, \"rows_per_second\": %.0f, \"batch_ms\": %.2f, "
              "\"batch_ms_p95\": %.2f, \"repositories_bytes\": %lld, \"history_bytes\": %lld}\n",
              static_cast<long long>(rows), total, rate, sum / static_cast<double>(ms.size()),
              ms[ms.size() * 95 / 100], static_cast<long long>(bytes.repositories),
              static_cast<long long>(bytes.history));
  std::fflush(stdout);
}

int run(const options& opt) {
  db::migrate_shards(opt.shards);
  auto current = db::sharded_store{opt.shards}.open_crawl({"load", "synthetic", true});
  std::atomic<int64_t> next{0};
  double total = 0;
  auto timed = [&](int64_t until, stopwatch& times) {
    auto begin = clock_type::now();
    load(opt, current, next, until, times);
    auto seconds = std::chrono::duration<double>(clock_type::now() - begin).count();
    total += seconds;
    return seconds;
  };
  for (auto mark : opt.marks) {
    if (mark > opt.rows)
      break;
    // What is told of a mark is how its last rows went, so that marks can be compared.
    auto measured = std::min<int64_t>(500'000, mark - next);
    stopwatch times;
    timed(mark - measured, times);
    times.take();
    auto seconds = timed(mark, times);
    report(opt, mark, total, static_cast<double>(measured) / seconds, times.take());
  }
  return 0;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Writes synthetic repositories through the crawler's store", "gitstar-store-load"};
  options opt;
  app.add_option("databases", opt.shards, "Connection strings; the first holds the ledger")
      ->required();
  app.add_option("--rows", opt.rows, "Repositories in all")->capture_default_str();
  app.add_option("--batch-rows", opt.batch_rows, "Repositories a batch")->capture_default_str();
  app.add_option("--writers", opt.writers, "Connections at once")->capture_default_str();
  app.add_option("--marks", opt.marks, "Tell how it is after so many rows")
      ->delimiter(',')
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);
  try {
    return run(opt);
  } catch (const db::store_error& failure) {
    std::fprintf(stderr, "gitstar-store-load: %s\n", failure.what());
    return 1;
  }
}
