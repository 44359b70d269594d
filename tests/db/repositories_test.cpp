#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <thread>

using namespace gitstar;
using namespace gitstar::test;

namespace {

constexpr int64_t midday = 1'795'176'000; // 2026-11-20 12:00:00 UTC

class with_batches : public with_store {
public:
  batch make_batch(std::vector<repository> rows, int64_t seconds = midday) const {
    batch result;
    result.crawl_id = current.id;
    result.epoch = current.epoch;
    result.observed_at = at(seconds);
    result.rows = std::move(rows);
    return result;
  }

  batch_receipt write(std::vector<repository> rows, int64_t seconds = midday) {
    return store.write(make_batch(std::move(rows), seconds));
  }

  std::vector<repository> stored() {
    std::vector<repository> result;
    for (const auto& row :
         ask("select repo_id, full_name, star_count, fork_count, open_issue_count, watcher_count, "
             "language, license, description, is_fork, is_archived, is_disabled, visibility, "
             "disk_usage_kb, extract(epoch from created_at)::bigint, "
             "extract(epoch from updated_at)::bigint, extract(epoch from pushed_at)::bigint "
             "from repositories order by repo_id"))
      result.push_back(repository_from(row));
    return result;
  }

  std::string versions() {
    return value<std::string>(
        "select string_agg(concat_ws(' ', xmin, xmax, ctid), ',' order by repo_id) "
        "from repositories");
  }

private:
  template <class T>
  static void read(optional<T>& value, const pqxx::field& field) {
    if (!field.is_null())
      value = field.as<T>();
  }

  static repository repository_from(const pqxx::row& row) {
    repository x;
    x.repo_id = row[0].as<int64_t>();
    x.full_name = row[1].as<std::string>();
    x.star_count = row[2].as<int32_t>();
    x.fork_count = row[3].as<int32_t>();
    read(x.open_issue_count, row[4]);
    read(x.watcher_count, row[5]);
    read(x.language, row[6]);
    read(x.license, row[7]);
    read(x.description, row[8]);
    x.is_fork = row[9].as<bool>();
    x.is_archived = row[10].as<bool>();
    x.is_disabled = row[11].as<bool>();
    x.visibility = row[12].as<std::string>();
    read(x.disk_usage_kb, row[13]);
    x.created_at = at(row[14].as<int64_t>());
    x.updated_at = at(row[15].as<int64_t>());
    if (!row[16].is_null())
      x.pushed_at = at(row[16].as<int64_t>());
    return x;
  }
};

std::vector<repository> make_repositories(repo_id first, repo_id last) {
  std::vector<repository> result;
  for (auto id = first; id <= last; ++id)
    result.push_back(make_repository(id));
  return result;
}

} // namespace

TEST_CASE_METHOD(with_batches, "every value of a repository comes back as it was written", "[db]") {
  std::vector<repository> rows = make_repositories(1, 12);
  rows[1].language = caf::none;
  rows[1].license = caf::none;
  rows[1].description = caf::none;
  rows[1].disk_usage_kb = caf::none;
  rows[1].pushed_at = caf::none;
  rows[2].description = std::string{};
  rows[3].description = std::string{"🚀 naïve e\u0301 漢字 👩‍👩‍👧"};
  rows[4].description = std::string{R"(it's "quoted" \back\slash\ {braces}, commas, NULL $1 \N)"};
  rows[5].description = std::string{"tab\there\r\nnew line"};
  rows[6].description = std::string(350, 'x');
  rows[7].is_fork = rows[7].is_archived = rows[7].is_disabled = true;
  rows[7].visibility = "internal";
  rows[8].star_count = std::numeric_limits<int32_t>::max();
  rows[8].fork_count = std::numeric_limits<int32_t>::min();
  rows[8].disk_usage_kb = -1;
  rows[9].created_at = at(0);
  rows[9].updated_at = at(-62'135'596'800); // the year 1
  rows[9].pushed_at = at(253'402'300'799);  // the last second of 9999
  rows[10].language = std::string{"NULL"};
  rows[11].repo_id = std::numeric_limits<repo_id>::max();

  auto receipt = write(rows);

  CHECK(receipt.rows == 12);
  CHECK(receipt.inserted == 12);
  CHECK(receipt.updated == 0);
  CHECK(receipt.history == 12);
  CHECK(stored() == rows);
}

TEST_CASE_METHOD(with_batches, "owner and name are the two parts of the full name", "[db]") {
  auto row = make_repository(1);
  row.full_name = "some-owner/a.name";
  write({row});
  CHECK(value<std::string>("select owner || ' ' || name from repositories") == "some-owner a.name");
}

TEST_CASE_METHOD(with_batches, "of a repository that a batch repeats the last one counts", "[db]") {
  auto first = make_repository(5);
  auto last = first;
  last.star_count = 77;
  auto receipt = write({first, make_repository(3), last});
  CHECK(receipt.rows == 2);
  CHECK(receipt.inserted == 2);
  CHECK(receipt.history == 2);
  CHECK(stored() == std::vector<repository>{make_repository(3), last});
}

TEST_CASE_METHOD(with_batches, "writing the same batch again changes nothing", "[db]") {
  auto rows = make_repositories(1, 50);
  write(rows);
  auto before = versions();
  auto receipt = write(rows, midday + 60);
  CHECK(receipt.rows == 50);
  CHECK(receipt.inserted == 0);
  CHECK(receipt.updated == 0);
  CHECK(receipt.history == 0);
  CHECK(versions() == before);
}

TEST_CASE_METHOD(with_batches, "unchanged repositories cost neither row versions, locks nor log",
                 "[db]") {
  auto rows = make_repositories(1, 2000);
  write(rows);
  ask("checkpoint");
  auto before = versions();
  auto log_before = value<std::string>("select pg_current_wal_insert_lsn()");
  write(rows, midday + 60);
  // Only the ledger's row lock and the commit: with a page image each far below the rows' 400 kB.
  CHECK(value<int64_t>("select pg_current_wal_insert_lsn() - '" + log_before + "'::pg_lsn") <
        64 * 1024);
  CHECK(versions() == before);
}

TEST_CASE_METHOD(with_batches, "any column that differs updates the row and its crawled_at",
                 "[db]") {
  const std::vector<void (*)(repository&)> changes{
      [](repository& x) { x.full_name = "new/name"; },
      [](repository& x) { ++x.star_count; },
      [](repository& x) { ++x.fork_count; },
      [](repository& x) { ++*x.open_issue_count; },
      [](repository& x) { ++*x.watcher_count; },
      [](repository& x) { x.open_issue_count = caf::none; },
      [](repository& x) { x.watcher_count = caf::none; },
      [](repository& x) { x.language = caf::none; },
      [](repository& x) { x.license = std::string{"apache-2.0"}; },
      [](repository& x) { x.description = std::string{}; },
      [](repository& x) { x.is_fork = true; },
      [](repository& x) { x.is_archived = true; },
      [](repository& x) { x.is_disabled = true; },
      [](repository& x) { x.visibility = "private"; },
      [](repository& x) { x.disk_usage_kb = 7; },
      [](repository& x) { x.created_at += std::chrono::seconds{1}; },
      [](repository& x) { x.updated_at += std::chrono::seconds{1}; },
      [](repository& x) { x.pushed_at = at(1); },
  };
  auto row = make_repository(1);
  write({row});
  auto now = midday;
  for (auto change : changes) {
    change(row);
    auto receipt = write({row}, ++now);
    CHECK(receipt.inserted == 0);
    CHECK(receipt.updated == 1);
    CHECK(stored() == std::vector<repository>{row});
    CHECK(value<int64_t>("select extract(epoch from crawled_at)::bigint from repositories") == now);
  }
  CHECK(value<int64_t>("select extract(epoch from first_seen_at)::bigint from repositories") ==
        midday);
}

TEST_CASE_METHOD(with_batches, "star history has the first sight and every change", "[db]") {
  auto row = make_repository(1);
  row.star_count = 10;
  write({row}, midday);
  row.fork_count = 99;
  CHECK(write({row}, midday + 1).history == 0);
  row.star_count = 11;
  CHECK(write({row}, midday + 2).history == 1);
  row.star_count = 10;
  CHECK(write({row}, midday + 3).history == 1);
  CHECK(value<std::string>("select string_agg(concat(extract(epoch from observed_at)::bigint - " +
                           std::to_string(midday) +
                           ", ':', star_count), ' ' order by observed_at) from star_history") ==
        "0:10 2:11 3:10");
}

TEST_CASE_METHOD(with_batches, "star history gets a partition for whatever month is observed",
                 "[db]") {
  write({make_repository(1)}, 1'230'768'000); // 2009-01-01
  write({make_repository(2)}, 1'233'446'399); // the last second of that month
  write({make_repository(3)}, 1'233'446'400); // the next one
  CHECK(value<int>("select count(*) from star_history_2009_01") == 2);
  CHECK(value<int>("select count(*) from star_history_2009_02") == 1);
}

TEST_CASE_METHOD(with_batches, "opening a crawl creates the coming months of star history",
                 "[db]") {
  CHECK(value<bool>("select bool_and(to_regclass('star_history_' || to_char((now() at time zone "
                    "'UTC') + make_interval(months => i), 'YYYY_MM')) is not null) "
                    "from generate_series(0, 2) as i"));
}

TEST_CASE_METHOD(with_batches, "a time that PostgreSQL cannot hold is one clear error", "[db]") {
  auto row = make_repository(1);
  row.created_at = at(std::numeric_limits<int64_t>::max());
  CHECK_THROWS_WITH(write({row}), Catch::Contains("timestamptz"));
  CHECK(stored().empty());
}

TEST_CASE_METHOD(with_batches, "a batch that fails leaves nothing behind", "[db]") {
  auto work = make_batch(make_repositories(1, 3));
  work.partitions.resize(1);
  work.partitions[0].description = std::string{"a\0b", 3};
  CHECK_THROWS_AS(store.write(work), db::store_error);
  CHECK(stored().empty());
  CHECK(value<int>("select count(*) from star_history") == 0);
}

TEST_CASE_METHOD(with_batches, "writers of the same rows neither deadlock nor lose any", "[db]") {
  constexpr int writers = 3;
  constexpr int rounds = 15;
  std::vector<batch_receipt> sums(writers);
  std::vector<std::string> errors(writers);
  std::vector<std::thread> threads;
  for (int writer = 0; writer < writers; ++writer)
    threads.emplace_back([&, writer] {
      try {
        db::postgres_store own{connection_string()};
        for (int round = 0; round < rounds; ++round) {
          auto rows = make_repositories(100 * round + 1, 100 * round + 150);
          if (writer % 2 == 1)
            std::reverse(rows.begin(), rows.end());
          auto receipt = own.write(make_batch(std::move(rows)));
          sums[writer].inserted += receipt.inserted;
          sums[writer].updated += receipt.updated;
          sums[writer].history += receipt.history;
        }
      } catch (const std::exception& error) {
        errors[writer] = error.what();
      }
    });
  for (auto& x : threads)
    x.join();
  CHECK(errors == std::vector<std::string>(writers));
  CHECK(stored() == make_repositories(1, 100 * (rounds - 1) + 150));
  auto count = value<int64_t>("select count(*) from repositories");
  CHECK(sums[0].inserted + sums[1].inserted + sums[2].inserted == count);
  CHECK(sums[0].updated + sums[1].updated + sums[2].updated == 0);
  CHECK(sums[0].history + sums[1].history + sums[2].history == count);
  CHECK(value<int64_t>("select count(*) from star_history") == count);
}
