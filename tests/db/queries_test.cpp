#include "db/queries.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::test;

namespace {

batch batch_for(const crawl& current) {
  batch work;
  work.crawl_id = current.id;
  work.epoch = current.epoch;
  work.observed_at = at(1'795'176'000);
  return work;
}

} // namespace

TEST_CASE_METHOD(with_store, "the summary ranks repositories, languages and stars", "[db]") {
  auto work = batch_for(current);
  for (int32_t stars = 1; stars <= 100; ++stars) {
    auto row = make_repository(stars);
    row.star_count = stars;
    row.language = stars % 4 == 0 ? optional<std::string>{} : std::string{"C++"};
    if (stars == 99)
      row.language = std::string{"Rust"};
    work.rows.push_back(row);
  }
  auto below = make_repository(1000);
  below.star_count = 0;
  work.rows.push_back(below);
  store.write(work);

  auto summary = db::summarize_repositories({connection_string()}, 1);

  CHECK(summary.repositories == 100);
  REQUIRE(summary.most_starred.size() == 10);
  CHECK(summary.most_starred[0].full_name == "owner2/name100");
  CHECK(summary.most_starred[0].star_count == 100);
  CHECK(summary.most_starred[0].language.empty());
  CHECK(summary.most_starred[9].star_count == 91);
  REQUIRE(summary.languages.size() == 3);
  CHECK(summary.languages[0].language == "C++");
  CHECK(summary.languages[0].repositories == 74);
  CHECK(summary.languages[1].language.empty());
  CHECK(summary.languages[1].repositories == 25);
  CHECK(summary.languages[2].repositories == 1);
  REQUIRE(summary.stars.size() == 6);
  for (const auto& x : summary.stars)
    CHECK(static_cast<double>(x.star_count) == Approx(100 * x.fraction));
}

TEST_CASE_METHOD(with_store, "the summary of no repository is empty", "[db]") {
  auto summary = db::summarize_repositories({connection_string()}, 0);
  CHECK(summary.repositories == 0);
  CHECK(summary.most_starred.empty());
  CHECK(summary.languages.empty());
  CHECK(summary.stars.empty());
}

TEST_CASE_METHOD(with_store, "the status is that of the newest crawl of the name", "[db]") {
  store.set_state(current.id, current.epoch, "complete");
  auto next = store.open_crawl({"stars", "search stars:>=20", false});
  auto work = batch_for(next);
  work.partitions.resize(2);
  work.partitions[0].id = 1;
  work.partitions[0].state = partition_state::done;
  work.partitions[0].expected = work.partitions[0].seen = 5;
  work.partitions[1].id = 2;
  work.partitions[1].description = "stars:>=20 created:2020-01-01";
  work.partitions[1].state = partition_state::incomplete;
  work.partitions[1].expected = 9;
  work.partitions[1].seen = 7;
  work.partitions[1].reason = "short after every sort";
  store.write(work);
  budget_record budget;
  budget.credential = "token";
  store.save_budgets(next.id, next.epoch, {budget});

  auto status = db::newest_crawl(connection_string(), "stars");

  REQUIRE(status);
  CHECK(status->crawl == next);
  CHECK_FALSE(status->finished_at);
  CHECK(status->certificate.done == 1);
  CHECK(status->certificate.missing == 2);
  REQUIRE(status->unfinished.size() == 1);
  CHECK(status->unfinished[0].description == "stars:>=20 created:2020-01-01");
  CHECK(status->unfinished[0].reason == "short after every sort");
  CHECK(status->budgets == std::vector<budget_record>{budget});

  store.set_state(next.id, next.epoch, "incomplete");
  CHECK(db::newest_crawl(connection_string(), "stars")->finished_at);
  CHECK_FALSE(db::newest_crawl(connection_string(), "unknown"));
}
