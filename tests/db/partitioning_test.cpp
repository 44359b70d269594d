/// repositories divided by hash or range: it holds the same, and each row's lookup and write touch
/// one part.
#include "db/examine_store.hpp"
#include "db/migrations.hpp"
#include "db/postgres_store.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

#include <optional>
#include <sstream>

using namespace gitstar;
using namespace gitstar::test;
using Catch::Contains;
using method = config::partitioning::method;

namespace {

const config::partitioning by_hash{method::hash, 8};
const config::partitioning by_range{method::range, 1000};

class with_layout {
public:
  with_layout() { empty_the_database(); }

  void make(const config::partitioning& layout) {
    db::migrate(where(), db::built_in_migrations(), layout);
    store_.emplace(where());
    current_ = store_->open_crawl({"stars", "search stars:>=10"});
  }

  batch_receipt write(const std::vector<repo_id>& ids, int32_t more_stars = 0) {
    batch work;
    work.crawl_id = current_.id;
    work.epoch = current_.epoch;
    work.observed_at = at(1'795'176'000);
    for (auto id : ids) {
      work.rows.push_back(make_repository(id));
      work.rows.back().star_count += more_stars;
    }
    return store_->write(work);
  }

  pqxx::result ask(const std::string& sql) {
    pqxx::connection link{where()};
    pqxx::work work{link};
    auto result = work.exec(sql);
    work.commit();
    return result;
  }

  std::string value(const std::string& sql) { return ask(sql).at(0).at(0).c_str(); }

  /// The parts that hold rows, with their numbers of rows.
  std::string parts() {
    return value("select string_agg(part || '=' || count, ' ' order by part) from (select "
                 "tableoid::regclass::text as part, count(*) from repositories group by 1) t");
  }

  static const std::string& where() { return shared_server().connection_string(); }

private:
  std::optional<db::postgres_store> store_;
  crawl current_;
};

/// What PostgreSQL does to write `ids`, with how often it did each step.
std::string plan_of_a_write(with_layout& database, const std::vector<repo_id>& ids) {
  auto column = [&](auto value) {
    std::string text = "{";
    for (auto id : ids)
      text += (text.size() > 1 ? "," : "") + std::string{value(id)};
    return text + '}';
  };
  auto numbers = column([](repo_id id) { return std::to_string(id); });
  auto names = column([](repo_id id) { return "owner/name" + std::to_string(id); });
  auto flags = column([](repo_id) { return "f"; });
  auto times = column([](repo_id) { return "2020-01-01"; });
  pqxx::connection link{database.where()};
  pqxx::work work{link}; // never committed
  work.exec("set local timezone = 'UTC'");
  std::string text;
  for (const auto& line :
       work.exec_params(std::string{"explain (analyze, costs off, timing off, summary off) "} +
                            db::postgres_store::upsert_statement(),
                        numbers, names, numbers, numbers, numbers, numbers, names, names, names,
                        flags, flags, flags, names, numbers, times, times, times, 1'795'176'000))
    text += line[0].as<std::string>() + '\n';
  return text;
}

/// How often the plan looked a row up by the primary key, over all parts.
int lookups(const std::string& plan) {
  std::istringstream lines{plan};
  int result = 0;
  for (std::string line; std::getline(lines, line);) {
    if (line.find("Index Scan using repositories") == std::string::npos)
      continue;
    if (auto loops = line.find("loops="); loops != std::string::npos)
      result += std::stoi(line.substr(loops + 6));
  }
  return result;
}

} // namespace

TEST_CASE_METHOD(with_layout, "rows lie in the parts that their ids name", "[db][partitioning]") {
  make(by_range);
  auto first = write({1, 999, 1000, 5'000'000'500});
  CHECK(first.inserted == 4);
  CHECK(first.history == 4);
  CHECK(parts() == "repositories_0=2 repositories_1=1 repositories_5000000=1");
  make(by_range); // goes on with what is there
  CHECK(write({1, 999, 1001}).inserted == 1);
}

TEST_CASE_METHOD(with_layout, "a divided table keeps what the undivided one has",
                 "[db][partitioning]") {
  auto layout = GENERATE(config::partitioning{by_hash}, config::partitioning{by_range});
  make({});
  auto columns = "select string_agg(concat_ws(' ', column_name, data_type, is_nullable), ',' order "
                 "by ordinal_position) from information_schema.columns "
                 "where table_name = 'repositories'";
  auto comments = "select obj_description('repositories'::regclass) || "
                  "col_description('repositories'::regclass, 1)";
  auto key = "select pg_get_constraintdef(oid) from pg_constraint where conname = "
             "'repositories_pkey'";
  auto wanted = std::vector{value(columns), value(comments), value(key)};
  empty_the_database();
  make(layout);
  CHECK(std::vector{value(columns), value(comments), value(key)} == wanted);
}

TEST_CASE_METHOD(with_layout, "the size of a table is that of all its parts",
                 "[db][partitioning]") {
  make(GENERATE(config::partitioning{}, config::partitioning{by_hash}));
  write({1, 2, 3, 4});
  auto all_of = [&](const std::string& tables) {
    return value("select sum(pg_total_relation_size(oid)) from pg_class "
                 "where relkind = 'r' and relname like '" +
                 tables + "%'");
  };
  auto sizes = db::measure_tables(where());
  CHECK(sizes.repositories > 0);
  CHECK(std::to_string(sizes.repositories) == all_of("repositories"));
  CHECK(std::to_string(sizes.history) == all_of("star_history"));
}

TEST_CASE_METHOD(with_layout, "a divided store tells new, changed and unchanged rows apart",
                 "[db][partitioning]") {
  make(GENERATE(config::partitioning{}, config::partitioning{by_hash},
                config::partitioning{by_range}));
  std::vector<repo_id> ids;
  for (repo_id id = 1; id <= 3000; ++id)
    ids.push_back(id);
  auto first = write(ids);
  CHECK(first.inserted == 3000);
  CHECK(first.history == 3000);
  auto second = write(ids);
  CHECK(second.inserted + second.updated + second.history == 0);
  auto third = write({7, 2000}, 1); // within the second of the first
  CHECK(third.inserted == 0);
  CHECK(third.updated == 2);
  CHECK(third.history == 2);
  CHECK(value("select count(*) from star_history") == "3002");
}

TEST_CASE_METHOD(with_layout, "a write looks each row up once, in its part alone",
                 "[db][partitioning]") {
  make(GENERATE(config::partitioning{by_hash}, config::partitioning{by_range}));
  std::vector<repo_id> ids;
  for (repo_id id = 1; id < 8000; ++id)
    ids.push_back(id);
  write(ids);
  ask("analyze");
  auto plan = plan_of_a_write(*this, {1, 2, 3, 1500, 7999});
  CAPTURE(plan);
  CHECK(lookups(plan) == 5);
  CHECK_THAT(plan, Contains("(never executed)"));
  CHECK_THAT(plan, !Contains("Seq Scan on repositories"));
}

TEST_CASE_METHOD(with_layout, "a query by id reads one part", "[db][partitioning]") {
  make(GENERATE(config::partitioning{by_hash}, config::partitioning{by_range}));
  write({1, 1001, 2001, 3001, 4001, 5001, 6001, 7001});
  std::string plan;
  for (const auto& line : ask("explain select * from repositories where repo_id = 4001"))
    plan += line[0].as<std::string>() + '\n';
  CAPTURE(plan);
  auto first = plan.find("repositories_");
  REQUIRE(first != std::string::npos);
  CHECK_THAT(plan, !Contains("Append"));
}

TEST_CASE_METHOD(with_layout, "indexes for queries cover parts of before and after",
                 "[db][partitioning]") {
  make(by_range);
  write({1});
  db::build_query_indexes(where());
  write({1500});
  for (auto part : {"repositories_0", "repositories_1"}) {
    CAPTURE(part);
    CHECK(value("select count(*) from pg_index where indrelid = '" + std::string{part} +
                "'::regclass and indisvalid") == "4");
  }
}

TEST_CASE_METHOD(with_layout, "a store keeps its partitioning", "[db][partitioning]") {
  auto [made, asked] = GENERATE(std::pair{by_hash, by_range}, std::pair{by_range, by_hash},
                                std::pair{config::partitioning{}, by_hash},
                                std::pair{by_hash, config::partitioning{}},
                                std::pair{by_hash, config::partitioning{method::hash, 9}});
  make(made);
  CHECK_THROWS_WITH(make(asked), "the config says " + to_string(asked) +
                                     ", but the database was made with " + to_string(made) +
                                     " and keeps that");
  CHECK_NOTHROW(db::migrate(where()));
}

TEST_CASE_METHOD(with_layout, "parts are made while others write", "[db][partitioning]") {
  make(by_range);
  write({1});
  pqxx::connection link{where()};
  pqxx::work other{link};
  other.exec("update repositories set star_count = 5 where repo_id = 1");
  CHECK(write({1'000'000}).inserted == 1); // would wait for ever
  other.commit();
}
