#include "db/crawl_store.hpp"
#include "db/embedded_postgres.hpp"
#include "db/examine_store.hpp"
#include "db/migrations.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

#include <thread>

using namespace gitstar;
using namespace gitstar::test;
using Catch::Contains;

namespace {

class with_empty_database {
public:
  with_empty_database() { empty_the_database(); }

  db::migration_report migrate() { return db::migrate(shared_server().connection_string()); }

  db::migration_report migrate(const std::vector<db::migration>& wanted) {
    return db::migrate(shared_server().connection_string(), wanted);
  }

  std::string value(const std::string& sql) {
    pqxx::connection link{shared_server().connection_string()};
    return pqxx::work{link}.exec1(sql)[0].c_str();
  }

  const int newest = db::built_in_migrations().back().version;
  const int all = static_cast<int>(db::built_in_migrations().size());
};

} // namespace

TEST_CASE("migrations are numbered without gaps and have checksums", "[db]") {
  int version = 0;
  for (const auto& x : db::built_in_migrations()) {
    CHECK(x.version == ++version);
    CHECK(x.checksum.size() == 64);
    CHECK_FALSE(x.name.empty());
    CHECK_FALSE(x.sql.empty());
  }
  CHECK(version > 0);
}

TEST_CASE_METHOD(with_empty_database, "migrating twice applies every file once", "[db]") {
  auto first = migrate();
  CHECK(first.applied == all);
  CHECK(first.version == newest);
  auto second = migrate();
  CHECK(second.applied == 0);
  CHECK(second.version == newest);
  CHECK(value("select count(*) from schema_migrations") == std::to_string(all));
}

TEST_CASE_METHOD(with_empty_database, "the indexes for queries are built once, after loading",
                 "[db]") {
  migrate();
  std::string indexes = "select count(*) from pg_indexes where indexname in "
                        "('repositories_full_name', 'repositories_star_count', "
                        "'repositories_open_issue_count', 'star_history_repo_id')";
  CHECK(value(indexes) == "0");
  db::build_query_indexes(shared_server().connection_string());
  CHECK(value(indexes) == "4");
  CHECK_NOTHROW(db::build_query_indexes(shared_server().connection_string()));
}

TEST_CASE_METHOD(with_empty_database, "an older database gets only what is missing", "[db]") {
  auto wanted = db::built_in_migrations();
  migrate(wanted);
  wanted.push_back({newest + 1, "more", "checksum", "create table more (x integer)"});
  CHECK(migrate(wanted).applied == 1);
  CHECK(value("select count(*) from more") == "0");
}

TEST_CASE_METHOD(with_empty_database, "processes that migrate at once do not disturb each other",
                 "[db]") {
  std::vector<int> applied(4);
  std::vector<std::thread> threads;
  for (auto& x : applied)
    threads.emplace_back([this, &x] { x = migrate().applied; });
  for (auto& x : threads)
    x.join();
  std::sort(applied.begin(), applied.end());
  CHECK(applied == std::vector<int>{0, 0, 0, all});
}

TEST_CASE_METHOD(with_empty_database, "a landed migration that changed is an error", "[db]") {
  migrate();
  auto wanted = db::built_in_migrations();
  wanted.front().checksum[0] ^= 1;
  CHECK_THROWS_WITH(migrate(wanted), Contains("migration 1 (" + wanted.front().name +
                                              ") has changed since it was applied"));
}

TEST_CASE_METHOD(with_empty_database, "a database newer than the program is an error", "[db]") {
  auto newer = db::built_in_migrations();
  newer.push_back({newest + 1, "future", "checksum", "create table future (x integer)"});
  migrate(newer);
  CHECK_THROWS_WITH(migrate(), Contains("use a newer gitstar"));
}

TEST_CASE_METHOD(with_empty_database, "a migration that fails leaves nothing behind", "[db]") {
  auto wanted = db::built_in_migrations();
  wanted.push_back({newest + 1, "broken", "checksum", "create table t (x integer); select 1 / 0"});
  CHECK_THROWS_AS(migrate(wanted), db::store_error);
  CHECK(value("select count(*) from information_schema.tables where table_schema = 'public'") ==
        "0");
}

TEST_CASE_METHOD(with_empty_database, "looking at a store changes nothing in it", "[db]") {
  auto where = shared_server().connection_string();
  auto empty = db::examine_store(where);
  CHECK(empty.schema_version == 0);
  CHECK(empty.pending() == newest);
  CHECK(value("select to_regclass('schema_migrations') is null") == "t");
  migrate();
  auto ready = db::examine_store(where);
  CHECK(ready.schema_version == newest);
  CHECK(ready.pending() == 0);
  CHECK(ready.server_version == value("show server_version"));
  // The server of these tests is an embedded one.
  CHECK(ready.server_version.starts_with(std::to_string(db::embedded_postgres_version())));
}

TEST_CASE("a directory without PostgreSQL has no version of it", "[db]") {
  CHECK_THROWS_WITH(db::embedded_postgres_version("/nonexistent"),
                    "no PostgreSQL server is installed in /nonexistent");
}
