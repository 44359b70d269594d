/// Repositories over several databases, all on the one server of the tests.
#include "db/bucket_map.hpp"
#include "db/queries.hpp"
#include "db/sharded_store.hpp"
#include "db/shards.hpp"
#include "tests/db/test_shards.hpp"

#include <catch2/catch.hpp>

#include <future>
#include <thread>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;
using Catch::Contains;

TEST_CASE_METHOD(with_shards, "PostgreSQL and we agree about buckets", "[db][shards]") {
  make(1);
  for (repo_id id : {repo_id{0}, repo_id{1}, repo_id{255}, repo_id{256}, repo_id{262'143},
                     repo_id{262'144}, repo_id{1'234'567'890}, repo_id{9'000'000'000'000}})
    CHECK(value(0, "select bucket_of(" + std::to_string(id) + ")") ==
          std::to_string(db::bucket_of(id)));
}

TEST_CASE_METHOD(with_shards, "a new store spreads its buckets evenly", "[db][shards]") {
  make(3);
  CHECK(value(0, "select string_agg(n::text, ' ' order by n) from "
                 "(select count(*) as n from buckets group by shard) t") == "341 341 342");
}

TEST_CASE_METHOD(with_shards, "each shard holds the rows of its buckets", "[db][shards]") {
  make(3);
  auto receipt = write(1, 5000);
  CHECK(receipt.rows == 5000);
  CHECK(receipt.inserted == 5000);
  CHECK(receipt.history == 5000);
  CHECK(stored() == 5000);
  for (size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    auto wanted = 0;
    for (repo_id id = 1; id <= 5000; ++id)
      wanted += db::bucket_of(id) % 3 == static_cast<int>(i);
    CHECK(value(i, "select count(*) from repositories") == std::to_string(wanted));
    CHECK(value(i, "select count(*) from star_history") == std::to_string(wanted));
  }
  auto again = write(1, 5000);
  CHECK(again.inserted + again.updated + again.history == 0);
}

TEST_CASE_METHOD(with_shards, "a batch's progress lies in the first database", "[db][shards]") {
  make(2);
  auto work = make_batch(1, 10);
  partition part;
  part.id = 7;
  part.description = "created:2020-01-01..2020-01-02";
  part.seen = 10;
  part.expected = 10;
  part.state = partition_state::done;
  work.partitions.push_back(part);
  store().write(work);
  CHECK(store().certify(current().id).seen == 10);
  CHECK(value(0, "select count(*) from partitions") == "1");
  CHECK(value(1, "select count(*) from partitions") == "0");
}

TEST_CASE_METHOD(with_shards, "rows commit before the progress they complete", "[db][shards]") {
  make(2);
  auto work = make_batch(1, 1000);
  partition part;
  part.id = 7;
  work.partitions.push_back(part);
  // The ledger refuses: as good as a crash between the two commits.
  ask(0, "alter table partitions add constraint never check (id <> 7)");
  CHECK_THROWS_AS(store().write(work), db::store_error);
  CHECK(value(0, "select count(*) from partitions") == "0");
  CHECK(value(0, "select count(*) from repositories") == "0");
  auto elsewhere = value(1, "select count(*) from repositories");
  CHECK(elsewhere != "0");
  ask(0, "alter table partitions drop constraint never");
  store().write(work);
  CHECK(stored() == 1000);
  CHECK(value(1, "select count(*) from repositories") == elsewhere);
  CHECK(value(1, "select count(*) from star_history") == elsewhere);
  CHECK(value(0, "select count(*) from partitions") == "1");
}

TEST_CASE_METHOD(with_shards, "repositories that fit a condition are found in every shard",
                 "[db][shards][metadata]") {
  make(3);
  write(1, 5000);
  known_selection which;
  which.condition = "repo_id % 2 = 0";
  CHECK(store().select_known(current(), which) == 2500);
  std::vector<repo_id> chosen;
  for (auto& part : store().open_partitions(current().id, 0, 100)) {
    CHECK(part.expected == 100);
    chosen.insert(chosen.end(), part.seen_ids.begin(), part.seen_ids.end());
  }
  REQUIRE(chosen.size() == 2500);
  for (size_t i = 0; i < chosen.size(); ++i)
    CHECK(chosen[i] == static_cast<repo_id>(2 * (i + 1)));
}

TEST_CASE_METHOD(with_shards, "metadata and watermarks are where their repository is",
                 "[db][shards][metadata]") {
  make(2);
  auto work = make_batch(1, 1000);
  for (repo_id id = 1; id <= 1000; ++id)
    work.watermarks.push_back({id, "issues", caf::none, "{}"});
  store().write(work);
  auto other = "select count(*) from metadata_watermarks w join repositories using (repo_id)";
  CHECK(std::stoi(value(0, other)) + std::stoi(value(1, other)) == 1000);
  CHECK(std::stoi(value(1, other)) > 0);
  CHECK(store().watermarks({1, 300, 600}, {"issues"}).size() == 3);
}

TEST_CASE_METHOD(with_shards, "a crawl that was taken over writes to no shard", "[db][shards]") {
  make(2);
  auto work = make_batch(1, 1000);
  store().open_crawl({"stars", "search stars:>=10"});
  CHECK_THROWS_AS(store().write(work), db::fenced_error);
  CHECK(stored() == 0);
}

TEST_CASE_METHOD(with_shards, "a shard that fails is named", "[db][shards]") {
  make(2);
  ask(1, "drop table star_history");
  try {
    write(1, 1000);
    FAIL("it should not have worked");
  } catch (const db::store_error& failure) {
    CHECK_THAT(failure.what(), Contains("shard 1: "));
    CHECK(failure.sqlstate() == "42P01");
    CHECK_FALSE(failure.transient());
  }
}

TEST_CASE_METHOD(with_shards, "databases keep their places", "[db][shards]") {
  make(3);
  auto& all = connection_strings();
  CHECK_THROWS_WITH(db::migrate_shards({all[0], all[2], all[1]}),
                    "shard 1: this database is shard 2 of its store: list the databases of "
                    "store.postgres in the old order");
  CHECK_THROWS_WITH(db::migrate_shards({all[1], all[0]}),
                    Contains("this database is shard 1 of its store"));
  CHECK_THROWS_WITH(db::migrate_shards({all[0], all[1]}), Contains("bucket 2 is on shard 2"));
}

TEST_CASE_METHOD(with_shards, "a database with repositories does not become a shard",
                 "[db][shards]") {
  make(1);
  write(1, 10);
  auto used = connection_strings()[0];
  auto fresh = add_database();
  CHECK_THROWS_WITH(db::migrate_shards({fresh, used}),
                    "shard 1: this database holds the repositories of another store");
}

TEST_CASE_METHOD(with_shards, "a listed database gets nothing before it is given buckets",
                 "[db][shards]") {
  make(1);
  write(1, 2000);
  connection_strings().push_back(add_database());
  open();
  write(2001, 4000);
  CHECK(value(0, "select count(*) from repositories") == "4000");
  CHECK(value(1, "select count(*) from repositories") == "0");
}

TEST_CASE_METHOD(with_shards, "the summary is that of all shards", "[db][shards]") {
  make(1);
  write(1, 6000);
  auto wanted = db::summarize_repositories(connection_strings(), 100);
  make(3);
  write(1, 6000);
  auto found = db::summarize_repositories(connection_strings(), 100);
  CHECK(found.repositories == wanted.repositories);
  REQUIRE(found.most_starred.size() == 10);
  for (size_t i = 0; i < 10; ++i)
    CHECK(found.most_starred[i].full_name == wanted.most_starred[i].full_name);
  REQUIRE(found.languages.size() == wanted.languages.size());
  CHECK(found.languages[0].repositories == wanted.languages[0].repositories);
  REQUIRE(found.stars.size() == 6);
  for (size_t i = 0; i < 6; ++i)
    CHECK(found.stars[i].star_count == wanted.stars[i].star_count);
}

TEST_CASE_METHOD(with_shards, "a refresh of several databases reads what it would of one",
                 "[db][shards]") {
  auto prepare = [this](size_t databases) {
    make(databases);
    write(1, 45'000);
    auto later = make_batch(300, 9000, 3);
    later.observed_at += std::chrono::hours{24};
    later.gone = {17, 18, 44'444};
    store().write(later);
  };
  auto select = [this](int64_t limit) {
    auto run = current();
    run.started_at = at(1'795'976'000);
    ask(0, "delete from partitions");
    auto chosen = store().select_known(run, {0, limit, 0, 1'000'000});
    std::vector<repo_id> result;
    for (auto& part : store().open_partitions(run.id, 0, 1000)) {
      CHECK(part.id == static_cast<int64_t>(1 + result.size() / 1000));
      result.insert(result.end(), part.seen_ids.begin(), part.seen_ids.end());
    }
    CHECK(chosen == static_cast<int64_t>(result.size()));
    return result;
  };
  known_selection old{1, 0, 0, 1'000'000};
  prepare(1);
  auto all = select(0);
  auto few = select(12'345);
  auto count = db::count_known(connection_strings(), old);
  CHECK(all.size() == 44'997);
  CHECK(few.size() == 12'345);
  CHECK(count == 44'997);
  prepare(3);
  CHECK(select(0) == all);
  CHECK(select(12'345) == few);
  CHECK(db::count_known(connection_strings(), old) == count);
  CHECK(db::staleness(connection_strings(), old).size() == 4);
  // Copies, as while a bucket is moved: they are not the shard's.
  db::postgres_store{connection_strings()[1]}.write_rows(make_batch(1, 255), 1000);
  CHECK(value(1, "select count(*) from repositories where repo_id = 1") == "1");
  CHECK(select(0) == all);
  ask(2, "drop table star_history");
  CHECK_THROWS_WITH(select(0), Contains("shard 2: "));
}

TEST_CASE_METHOD(with_shards, "a refresh selects in all databases at once", "[db][shards]") {
  make(2);
  write(1, 3000);
  ask(0, "delete from partitions");
  auto run = current();
  run.started_at = at(1'795'976'000);
  pqxx::connection database{connection_strings()[0]};
  pqxx::work first{database};
  first.exec("lock table repositories");
  auto selection = std::async(std::launch::async, [&] {
    return store().select_known(run, {0, 0, 0, 1'000'000});
  });
  auto has_selected = [&] {
    return value(1, "select count(*) from pg_stat_activity "
                    "where datname = current_database() and state = 'idle in transaction'") == "1";
  };
  auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  auto seen = has_selected();
  while (!seen && std::chrono::steady_clock::now() < give_up) {
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
    seen = has_selected();
  }
  CHECK(seen); // although the first is held up
  first.commit();
  CHECK(selection.get() == 3000);
}
