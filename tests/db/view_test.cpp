/// The views and what people ask of them: right, and by indexes, as are the writes.
#include "db/lookup.hpp"
#include "db/metadata_rows.hpp"
#include "db/migrations.hpp"
#include "messages/metadata/registry.hpp"
#include "messages/time_text.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

#include <fstream>
#include <iterator>
#include <sstream>

using namespace gitstar;
using namespace gitstar::test;
using Catch::Contains;

namespace {

std::string file_text(const std::string& file) {
  std::ifstream in{file};
  REQUIRE(in);
  return {std::istreambuf_iterator<char>{in}, {}};
}

struct documented_query {
  std::string what;
  std::vector<std::string> indexes;
  std::string text;
};

/// Blocks with an empty line between them; see the file.
std::vector<documented_query> documented_queries() {
  std::istringstream in{file_text("tools/bench/queries.sql")};
  std::vector<documented_query> result;
  std::string line;
  std::getline(in, line); // the file's own words
  while (std::getline(in, line)) {
    if (line.empty()) {
      result.emplace_back();
    } else if (line.starts_with("-- by ")) {
      std::istringstream names{line.substr(6)};
      for (std::string name; names >> name;)
        result.back().indexes.push_back(name.ends_with(',') ? name.substr(0, name.size() - 1)
                                                            : name);
    } else if (line.starts_with("-- ")) {
      result.back().what = line.substr(3);
    } else {
      result.back().text += line + '\n';
    }
  }
  return result;
}

class with_views : public with_store {
public:
  /// How PostgreSQL would write a batch of a kind.
  std::string upsert_plan(std::string_view name) {
    const auto* kind = metadata::find_kind(name);
    std::vector<std::string> columns(kind->columns.size(), "{1,2,3}");
    pqxx::connection link{connection_string()};
    pqxx::work work{link};
    std::string plan;
    for (const auto& row : work.exec_params("explain " + db::upsert_statement(*kind),
                                            pqxx::prepare::make_dynamic_params(columns), 0))
      plan += row[0].as<std::string>() + '\n';
    return plan;
  }

  void add_pull(int number, const std::string& state, const std::string& created,
                const std::string& updated, const std::string& gone = "null") {
    auto n = std::to_string(number);
    ask("insert into pull_requests select " + n + ", 1, " + n + ", 'title', '', '" + state +
        "', false, 'ada', 'NONE', false, 'main', 'x', 'sha', 1, 1, 1, '{}', '{}', 0, 0, 1, null, "
        "null, null, now() - interval '" +
        created + "', now() - interval '" + updated + "', null, null, now(), " + gone);
  }

  void add_review(int id, int number, const std::string& author, const std::string& submitted) {
    ask("insert into reviews select " + std::to_string(id) + ", 1, " + std::to_string(number) +
        ", '" + author + "', 'NONE', 'APPROVED', '', null, 0, now(), now(), now() - interval '" +
        submitted + "', now()");
  }

  void add_repository() {
    batch work;
    work.crawl_id = current.id;
    work.epoch = current.epoch;
    work.observed_at = at(1'795'176'000);
    work.rows = {make_repository(1)};
    store.write(work);
  }
};

} // namespace

TEST_CASE_METHOD(with_views, "the views count what is there", "[metadata]") {
  add_repository();
  add_pull(1, "OPEN", "3 days", "1 day");
  add_pull(2, "OPEN", "30 days", "20 days");
  add_pull(3, "MERGED", "5 days", "2 days");
  add_pull(4, "OPEN", "5 days", "2 days", "now()");
  CHECK(value<std::string>("select concat_ws(' ', full_name, issue_count, pull_request_count, "
                           "open_pull_request_count) from repository_overview") ==
        "owner1/name1 0 3 2");
  CHECK(value<std::string>("select string_agg(number::text, ' ' order by updated_at desc) "
                           "from open_pull_requests") == "1 2");
  CHECK(value<std::string>("select string_agg(number::text, ' ' order by updated_at desc) "
                           "from active_pull_requests") == "1 3");
  // Whose repository is gone is not open.
  ask("update repositories set gone_at = now()");
  CHECK(value<int64_t>("select count(*) from open_pull_requests") == 0);
  CHECK(value<int64_t>("select count(*) from active_pull_requests") == 0);
  ask("update repositories set gone_at = null");
  // The author's own review does not count, and the third one waits still.
  add_review(1, 1, "ada", "70 hours");
  add_review(2, 1, "bob", "48 hours");
  add_review(3, 1, "eve", "24 hours");
  add_review(4, 2, "bob", "25 days");
  CHECK(value<std::string>("select concat_ws(' ', pull_request_count, reviewed_count, "
                           "extract(epoch from median_wait)::bigint / 3600) "
                           "from review_latency") == "3 2 72");
  ask("insert into ci_checks select 1, 'sha', 'run:' || n, 1, 'build', 'COMPLETED', "
      "case n when 1 then 'FAILURE' when 2 then 'SKIPPED' when 3 then null else 'SUCCESS' end, "
      "null, null, now(), now() - n * interval '1 hour', now(), "
      "case n when 1 then now() end from generate_series(1, 6) n");
  CHECK(value<std::string>("select concat_ws(' ', name, check_count, failed_count, failure_rate) "
                           "from check_failure_rate") == "build 4 1 0.25000000000000000000");
}

TEST_CASE_METHOD(with_views, "growth is measured between two times", "[metadata]") {
  add_repository();
  ask("select ensure_star_history_months(now() - interval '2 months', 4)");
  ask("delete from star_history");
  ask("insert into star_history select 1, now() - d * interval '1 day', 100 - d "
      "from unnest('{40,20,5}'::int[]) d");
  auto gained = [&](const std::string& from) {
    return value<std::string>("select concat_ws(' ', stars_before, stars_after, gained) from " +
                              from);
  };
  CHECK(gained("star_growth_7d") == "80 95 15");
  CHECK(gained("star_growth_30d") == "60 95 35");
  CHECK(gained("star_growth(now() - interval '90 days')") == "60 95 35");
  CHECK(gained("star_growth(now() - interval '30 days', now() - interval '10 days')") ==
        "60 80 20");
  ask("update repositories set gone_at = now()");
  CHECK(value<int64_t>("select count(*) from star_growth_30d") == 0);
}

TEST_CASE_METHOD(with_views, "a repository is found with what is stored of each kind",
                 "[metadata]") {
  add_repository();
  CHECK(db::find_repository({connection_string()}, "owner1/name1")->metadata.empty());
  add_pull(1, "OPEN", "3 days", "1 day");
  add_pull(2, "MERGED", "3 days", "1 day");
  add_pull(3, "OPEN", "3 days", "1 day", "now()");
  ask("insert into metadata_watermarks values (1, 'pull_requests', to_timestamp(1795176000)), "
      "(1, 'issues', null)");
  auto found = db::find_repository({connection_string()}, "owner1/name1")->metadata;
  REQUIRE(found.size() == 2);
  CHECK(found[0].kind == "issues");
  CHECK(found[0].count == 0);
  CHECK_FALSE(found[0].watermark);
  CHECK(found[1].kind == "pull_requests");
  CHECK(found[1].count == 2);
  CHECK(found[1].gone == 1);
  CHECK(found[1].open == int64_t{1});
  CHECK(found[1].watermark == at(1'795'176'000));
  CHECK_FALSE(found[1].read_at);
}

TEST_CASE_METHOD(with_views, "of each kind it is known when it was read and what it lacks",
                 "[metadata]") {
  add_repository();
  add_pull(1, "OPEN", "3 days", "1 day");
  ask("insert into metadata_watermarks values "
      "(1, 'issues', null, '{\"with\": [\"issue_comments\"], \"cap\": 5, \"total\": 5}'), "
      "(1, 'pull_requests', to_timestamp(1795176000), "
      "'{\"with\": [\"issue_comments\", \"reviews\"], \"cap\": 5, \"total\": 7, "
      "\"from\": \"2026-01-01T00:00:00Z\", \"unfinished\": true, "
      "\"cut\": {\"commits of number 1\": \"only 250 of 300 came\"}}'), "
      "(1, 'repository', to_timestamp(1795180000), '{\"read\": "
      "{\"issues\": \"2026-11-20T10:00:00Z\", \"pull_requests\": \"2026-11-20T09:00:00Z\"}, "
      "\"lacking\": {\"releases\": [\"releases: closed to us\"]}}')");
  auto found = db::find_repository({connection_string()}, "owner1/name1")->metadata;
  REQUIRE(found.size() == 5);
  auto nine = parse_utc_text("2026-11-20T09:00:00Z");
  CHECK(found[0].kind == "issues");
  CHECK(found[0].read_at == parse_utc_text("2026-11-20T10:00:00Z"));
  CHECK(found[0].incomplete.empty());
  CHECK(found[1].kind == "pull_requests");
  CHECK(found[1].read_at == nine);
  CHECK(found[1].incomplete ==
        std::vector<std::string>{"commits of number 1: only 250 of 300 came",
                                 "pull_requests: a run reads at most 5 of 7",
                                 "pull_requests: reading was interrupted",
                                 "pull_requests: what has not moved since 2026-01-01T00:00:00Z is "
                                 "left out"});
  CHECK(found[2].kind == "issue_comments");
  CHECK(found[2].read_at == nine); // the older one
  CHECK(found[3].read_at == nine);
  CHECK(found[4].kind == "releases");
  CHECK_FALSE(found[4].read_at);
  CHECK(found[4].incomplete == std::vector<std::string>{"releases: closed to us"});
}

TEST_CASE_METHOD(with_views, "a row is looked up by its key where repositories have one each",
                 "[metadata]") {
  ask("alter table issues drop constraint issues_repo_id_fkey"); // only their number matters
  ask("insert into issues (issue_id, repo_id, number, title, body, state, author_association, "
      "is_locked, labels, assignees, comment_count, reaction_count, created_at, updated_at, "
      "crawled_at) select n + 1000000, n, 1, '', '', 'OPEN', 'NONE', false, '{}', '{}', 0, 0, "
      "now(), now(), now() from generate_series(1, 20000) n");
  ask("analyze issues");
  auto plan = upsert_plan("issues");
  INFO(plan);
  CHECK_THAT(plan, Contains("using issues_pkey"));
  CHECK_THAT(plan, !Contains("issues_number"));
}

TEST_CASE_METHOD(with_views, "what people ask is answered by indexes", "[metadata]") {
  ask(file_text("tools/bench/synthetic_metadata.sql"));
  ask("select fill_with_synthetic_metadata(60000, 300000)");
  db::build_query_indexes(connection_string());
  {
    pqxx::connection link{connection_string()};
    pqxx::nontransaction{link}.exec("vacuum analyze");
  }
  // Writing a batch looks up each of its rows as well, and nothing more.
  for (auto name : {"issues", "pull_requests", "reviews", "ci_checks"}) {
    auto plan = upsert_plan(name);
    INFO(plan);
    CHECK_THAT(plan, Contains("using " + std::string{name} + "_pkey"));
    CHECK_THAT(plan, !Contains("Seq Scan"));
  }
  auto queries = documented_queries();
  CHECK(queries.size() == 16);
  for (const auto& query : queries) {
    std::string plan;
    for (const auto& row : ask("explain " + query.text))
      plan += row[0].as<std::string>() + '\n';
    INFO(query.what << "\n" << plan);
    CHECK_FALSE(query.indexes.empty());
    for (const auto& index : query.indexes)
      CHECK_THAT(plan, Contains(index));
    for (auto table : {"repositories", "pull_requests", "issues", "reviews", "ci_checks"})
      CHECK_THAT(plan, !Contains("Seq Scan on " + std::string{table}));
    auto answer = ask(query.text);
    REQUIRE_FALSE(answer.empty());
    // The statement after it has this number in its text.
    if (query.what.starts_with("gitstar top --by growth: what the last line"))
      CHECK(answer[0][0].as<int64_t>() == 26);
  }
}
