/// Changes of the schema under a running crawl: expand, backfill, contract.
#include "db/background_work.hpp"
#include "db/migrations.hpp"
#include "messages/metadata/registry.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <atomic>
#include <future>
#include <thread>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;
using Catch::Contains;

namespace {

constexpr db::background_pace hasty{0ms, 1h, 100ms};

class with_old_database {
public:
  with_old_database() { empty_the_database(); }

  static const std::string& where() { return shared_server().connection_string(); }

  static pqxx::result ask(const std::string& sql) {
    pqxx::connection link{where()};
    pqxx::work work{link};
    auto result = work.exec(sql);
    work.commit();
    return result;
  }

  static std::string value(const std::string& sql) { return ask(sql).at(0).at(0).c_str(); }

  static void queue(const std::string& name, const std::string& statement, int batch_size = 0) {
    pqxx::connection link{where()};
    pqxx::work work{link};
    work.exec_params0("insert into background_work (name, statement, batch_size) "
                      "values ($1, $2, $3)",
                      name, statement, batch_size);
    work.commit();
  }

  static db::background_report work_off() {
    return db::do_background_work(where(), std::stop_token{}, hasty);
  }

  /// A backfill of `numbers.square`.
  static constexpr auto fill_squares = R"(
    with batch as (select n from numbers where n > $1 order by n limit $2 for no key update),
    written as (update numbers x set square = x.n * x.n from batch
                where x.n = batch.n and x.square is null returning 1)
    select (select max(n) from batch), (select count(*) from written))";
};

} // namespace

TEST_CASE_METHOD(with_old_database, "migrations leave the checking of constraints to later",
                 "[metadata]") {
  db::migrate(where());
  auto unchecked = "select count(*) from pg_constraint where not convalidated";
  // Of each kind's table, and of the watermarks.
  auto tables = static_cast<int64_t>(metadata::all_kinds().size()) + 1;
  CHECK(value(unchecked) == std::to_string(tables));
  auto report = work_off();
  CHECK(report.finished == tables);
  CHECK(report.batches == tables);
  CHECK(report.left == 0);
  CHECK(value(unchecked) == "0");
  CHECK(work_off().batches == 0);
}

TEST_CASE_METHOD(with_old_database, "a backfill goes on where it was stopped", "[metadata]") {
  db::migrate(where());
  work_off();
  ask("create table numbers as select n::bigint, null::bigint as square "
      "from generate_series(1, 1000) n");
  queue("squares", fill_squares, 100);
  queue("then", "alter table numbers alter column square set not null");
  std::stop_source stop;
  stop.request_stop();
  CHECK(db::do_background_work(where(), stop.get_token(), hasty).left == 2);
  // The lock makes the second batch fail; a restart finds the first one done.
  pqxx::connection other{where()};
  {
    pqxx::work holder{other};
    holder.exec("select * from numbers where n = 150 for update");
    std::jthread worker{
        [](const std::stop_token& asked) { db::do_background_work(where(), asked, hasty); }};
    while (value("select position from background_work where name = 'squares'") != "100")
      std::this_thread::sleep_for(1ms);
    worker.request_stop();
  }
  CHECK(value("select count(square) from numbers") == "100");
  auto report = work_off();
  CHECK(report.row_count == 900);
  CHECK(report.batches == 11); // the last one finds nothing more; and the constraint
  CHECK(report.left == 0);
  CHECK(value("select count(*) from numbers where square = n * n") == "1000");
  CHECK(value("select batches || ' ' || row_count || ' ' || position from background_work "
              "where name = 'squares'") == "11 1000 1000");
}

TEST_CASE_METHOD(with_old_database, "a step that fails says why, and nothing after it is done",
                 "[metadata]") {
  db::migrate(where());
  work_off();
  queue("broken", "select 1 / 0");
  queue("next", "create table next_one ()");
  CHECK_THROWS_WITH(work_off(), Contains("division by zero"));
  CHECK_THAT(value("select last_error from background_work where name = 'broken'"),
             Contains("division by zero"));
  CHECK(value("select to_regclass('next_one') is null") == "t");
  ask("update background_work set statement = 'select 1' where name = 'broken'");
  CHECK(work_off().finished == 2);
  CHECK(value("select to_regclass('next_one') is null") == "f");
}

TEST_CASE_METHOD(with_old_database, "two processes do not do the same work twice", "[metadata]") {
  db::migrate(where());
  work_off();
  ask("create table numbers as select n::bigint, null::bigint as square "
      "from generate_series(1, 500) n");
  queue("squares", fill_squares, 10);
  std::atomic<int64_t> rows{0};
  {
    std::vector<std::jthread> workers(3);
    for (auto& x : workers)
      x = std::jthread{[&] {
        while (value("select count(*) from background_work where finished_at is null") != "0")
          rows += work_off().row_count;
      }};
  }
  CHECK(rows == 500);
  CHECK(value("select batches from background_work where name = 'squares'") == "51");
}

namespace {

constexpr int repositories = 1'000'000;

/// A crawl that writes without a break, and how long PostgreSQL let it wait.
class busy_crawl {
public:
  explicit busy_crawl(const std::string& where) : where_(where), thread_([this] { run(); }) {}

  void stop() {
    stopped_ = true;
    thread_.join();
  }

  int64_t batches() const { return batches_; }
  std::string failure; ///< empty: none

  /// The slowest write since the last time.
  milliseconds slowest() { return milliseconds{slowest_.exchange(0)}; }

private:
  void run() {
    try {
      db::postgres_store store{where_ + " application_name=busy"};
      auto current = store.open_crawl({"stars", "search stars:>=10"});
      for (int32_t round = 0; !stopped_; ++round) {
        batch work;
        work.crawl_id = current.id;
        work.epoch = current.epoch;
        work.observed_at = at(1'795'176'000 + round);
        for (int i = 0; i < 100; ++i) {
          work.rows.push_back(make_repository(1 + (round * 100LL + i) * 7919 % repositories));
          work.rows.back().star_count += 1 + round;
        }
        auto receipt = store.write(work);
        slowest_ = std::max<int64_t>(slowest_, receipt.elapsed.count());
        ++batches_;
      }
    } catch (const std::exception& error) {
      failure = error.what();
    }
  }

  std::string where_;
  std::atomic<bool> stopped_{false};
  std::atomic<int64_t> batches_{0};
  std::atomic<int64_t> slowest_{0};
  std::thread thread_;
};

/// Looks how long the busy crawl has been waiting for a lock, again and again.
class lock_watch {
public:
  explicit lock_watch(const std::string& where)
      : thread_([this, where] {
          pqxx::connection link{where};
          pqxx::nontransaction work{link};
          while (!stopped_)
            longest_ = std::max(
                longest_.load(),
                work.exec1("select coalesce(max(1000 * extract(epoch from clock_timestamp() - "
                           "l.waitstart)), 0) from pg_locks l join pg_stat_activity a using (pid) "
                           "where not l.granted and a.application_name = 'busy'")[0]
                    .as<double>());
        }) {}

  ~lock_watch() {
    stopped_ = true;
    thread_.join();
  }

  /// In milliseconds, since the last time.
  double longest() { return longest_.exchange(0); }

private:
  std::atomic<bool> stopped_{false};
  std::atomic<double> longest_{0};
  std::thread thread_;
};

} // namespace

TEST_CASE_METHOD(with_old_database, "a database of a million rows is migrated under a crawl",
                 "[metadata]") {
  auto all = db::built_in_migrations();
  db::migrate(where(), {all.begin(), all.begin() + 10});
  ask("insert into repositories select n, 'owner', 'name' || n, 'owner/name' || n, n % 1000, 0, 0, "
      "0, 'C++', 'mit', 'Repository number ' || n, false, false, false, 'public', 1, now(), now(), "
      "now(), now(), now() from generate_series(1, " +
      std::to_string(repositories) + ") n");
  ask("select ensure_star_history_months(to_timestamp(1795176000), 2)");
  ask("analyze repositories");

  busy_crawl crawl{where()};
  auto wait_for = [&](int64_t batches) {
    auto until = crawl.batches() + batches;
    while (crawl.batches() < until && crawl.failure.empty())
      std::this_thread::sleep_for(1ms);
  };
  wait_for(100);
  auto before = crawl.slowest();
  lock_watch watch{where()};

  // An export is under way: nobody may queue behind it.
  pqxx::connection exporter{where()};
  auto reading = std::make_unique<pqxx::work>(exporter);
  reading->exec("select count(*) from repositories where repo_id < 1000");
  auto next = all.back();
  next.version += 1;
  next.name = "owner_length";
  next.checksum = "checksum";
  next.sql = R"(
    alter table repositories add column owner_length integer not null default 0;
    insert into background_work (name, statement, batch_size) values ('owner_length', $$
      with batch as (select repo_id from repositories where repo_id > $1 order by repo_id limit $2
                     for no key update),
      written as (update repositories r set owner_length = length(r.owner) from batch
                  where r.repo_id = batch.repo_id and r.owner_length = 0 returning 1)
      select (select max(repo_id) from batch), (select count(*) from written)$$, 5000);
    insert into background_work (name, statement) values
      ('check owner_length', 'alter table repositories add constraint owner_length_check '
                             'check (owner_length >= 0) not valid'),
      ('validate owner_length', 'alter table repositories validate constraint owner_length_check');)";
  all.push_back(next);
  auto migration = std::async(std::launch::async, [&] { db::migrate(where(), all); });
  wait_for(50); // the crawl goes on although the migration cannot
  reading.reset();
  migration.get();
  auto migrating = crawl.slowest();
  auto wait_for_migration = watch.longest();

  auto report = db::do_background_work(where(), std::stop_token{}, {1ms, 50ms, 100ms});
  wait_for(10);
  auto backfilling = crawl.slowest();
  auto wait_for_backfill = watch.longest();
  crawl.stop();
  WARN("A crawl under migration of 1,000,000 rows: the longest lock wait was "
       << wait_for_migration << " ms while tables and columns were added, " << wait_for_backfill
       << " ms during " << report.batches << " steps in the background; the slowest batch of 100 "
       << "rows took " << before.count() << " ms before, " << migrating.count() << " ms and "
       << backfilling.count() << " ms meanwhile; " << crawl.batches() << " batches written");
  CHECK(crawl.failure == "");
  CHECK(report.left == 0);
  CHECK(report.row_count == repositories);
  CHECK(value("select count(*) from repositories where owner_length = 0") == "0");
  CHECK(value("select count(*) from pg_constraint where not convalidated") == "0");
  CHECK(value("select count(*) from schema_migrations") == std::to_string(all.size()));
}
