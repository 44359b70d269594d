#include "actors/search_source.hpp"
#include "messages/errors.hpp"
#include "messages/fwd.hpp"
#include "tests/actors/parsed_query.hpp"

#include <catch2/catch.hpp>

#include <random>
#include <set>

using namespace gitstar;
using gitstar::test::day_2024;
using gitstar::test::parsed;

namespace {

crawl run_of(int64_t id = 1) {
  crawl x;
  x.id = id;
  x.started_at = timestamp{std::chrono::seconds{day_2024}};
  return x;
}

/// Answers the questions of all rounds with what `count` gives.
template <class Count>
count_outcome count_to_the_end(search_source& source, partition part, Count count) {
  for (;;) {
    std::vector<int64_t> counts;
    for (auto& question : source.questions(part, {1, 10})) {
      static_cast<void>(question);
      counts.push_back(static_cast<int64_t>(count()));
    }
    auto outcome = source.counted(run_of(), part, counts);
    REQUIRE(outcome);
    if (outcome->part.state != partition_state::open || outcome->part.expected <= 900)
      return *outcome;
  }
}

} // namespace

TEST_CASE("a partition's id depends on the crawl and the description alone", "[search_source]") {
  CHECK(partition_id(1, "stars:>=1") == partition_id(1, "stars:>=1"));
  std::set<int64_t> ids;
  for (int64_t run = 1; run <= 100; ++run)
    for (auto stars = 0; stars < 500; ++stars)
      ids.insert(partition_id(run, "stars:>=" + std::to_string(stars)));
  CHECK(ids.size() == 50'000);
  CHECK(*ids.begin() > 0);
  // Ledgers of other versions hold it.
  CHECK(partition_id(7, "stars:>=10") == partition_id(7, std::string{"stars:"} + ">=10"));
}

TEST_CASE("cursors are those of the fact sheet", "[search_source]") {
  CHECK(search_cursor(1) == "Y3Vyc29yOjE=");
  CHECK(search_cursor(10) == "Y3Vyc29yOjEw");
  CHECK(search_cursor(100) == "Y3Vyc29yOjEwMA==");
  CHECK(search_cursor(900) == "Y3Vyc29yOjkwMA==");
}

TEST_CASE("a crawl begins with what existed when it began", "[search_source]") {
  search_source source{parsed("stars:>=5"), 0};
  auto roots = source.roots(run_of());
  REQUIRE(roots.size() == 1);
  CHECK(roots[0].description == "stars:>=5 created:2007-01-01T00:00:00Z..2024-01-01T00:00:00Z");
  CHECK(roots[0].expected == -1);
  CHECK(source.text() == "search: stars:>=5");
  CHECK(search_source{parsed("stars:>=5"), 10}.text() == "search top 10: stars:>=5");
}

TEST_CASE("counts that fit one window after all leave the partition whole", "[search_source]") {
  search_source source{parsed("stars:>=5"), 0};
  auto part = source.roots(run_of())[0];
  part.expected = 950;
  auto questions = source.questions(part, {1, 100});
  REQUIRE(questions.size() >= 2);
  std::vector<int64_t> counts(questions.size(), 0);
  counts[0] = 90;
  auto outcome = source.counted(run_of(), part, counts);
  REQUIRE(outcome);
  CHECK(outcome->part.state == partition_state::open);
  CHECK(outcome->part.expected == 90);
  CHECK(outcome->children.empty());
}

TEST_CASE("a partition and its children never share an id", "[search_source]") {
  std::mt19937 random{6};
  for (auto i = 0; i < 500; ++i) {
    search_source source{parsed("stars:>=5"), 0};
    auto part = source.roots(run_of())[0];
    part.expected = 901 + static_cast<int64_t>(random() % 3000);
    auto outcome =
        count_to_the_end(source, part, [&] { return random() % 3 ? random() % 500 : 0; });
    for (auto& child : outcome.children) {
      REQUIRE(child.id != part.id);
      REQUIRE(child.parent_id == part.id);
      REQUIRE(child.expected > 0);
    }
  }
}

TEST_CASE("a search without a match is done once it is counted", "[search_source]") {
  search_source source{parsed("stars:>=5"), 0};
  auto part = source.roots(run_of())[0];
  REQUIRE(source.questions(part, {1, 10}) == std::vector<std::string>{part.description});
  auto outcome = source.counted(run_of(), part, {0});
  REQUIRE(outcome);
  CHECK(outcome->part.state == partition_state::done);
}

TEST_CASE("a top beyond the matches is a mistake in the config", "[search_source]") {
  search_source source{parsed("stars:>=5"), 100};
  auto part = source.roots(run_of())[0];
  auto questions = source.questions(part, {1, 10});
  auto outcome = source.counted(run_of(), part, std::vector<int64_t>(questions.size(), 99));
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error() == errc::bad_config);
  CHECK(describe(outcome.error()) ==
        "top asks for 100 repositories, but 'stars:>=5' matches only 99");
}

TEST_CASE("where too few turned up, the band below the threshold is next", "[search_source]") {
  search_source source{parsed("stars:>=5"), 100};
  auto run = run_of();
  run.threshold = 20;
  certificate totals;
  totals.seen = 90;
  auto more = source.rest(run, totals);
  REQUIRE(more.size() == 1);
  CHECK(more[0].description == "top:10 stars:5..19");
  totals.seen = 100;
  CHECK(source.rest(run, totals).empty());
  totals.seen = 90;
  totals.dead = 1; // that is why they are missing
  CHECK(source.rest(run, totals).empty());
  totals.dead = 0;
  run.threshold = 5;
  CHECK(source.rest(run, totals).empty());
}

TEST_CASE("a band with fewer than are missing is crawled whole", "[search_source]") {
  search_source source{parsed("stars:>=5"), 100};
  auto run = run_of();
  run.threshold = 20;
  certificate totals;
  totals.seen = 90;
  auto band = source.rest(run, totals)[0];
  auto questions = source.questions(band, {1, 10});
  auto outcome = source.counted(run, band, std::vector<int64_t>(questions.size(), 4));
  REQUIRE(outcome);
  CHECK(outcome->part.state == partition_state::split);
  REQUIRE(outcome->children.size() == 1);
  CHECK(outcome->threshold == int64_t{5});
  CHECK(outcome->children[0].expected == 4);
}

TEST_CASE("only what can be cut counts as splittable", "[search_source]") {
  search_source source{parsed("stars:>=5"), 0};
  partition part;
  part.description = "stars:>=5 created:2024-01-01T00:00:00Z..2024-01-01T00:00:01Z";
  CHECK(source.splittable(part));
  part.description = "language:C++ stars:5 created:2024-01-01T00:00:00Z size:7";
  CHECK_FALSE(source.splittable(part));
  part.description = "top:10 stars:5..19";
  CHECK_FALSE(source.splittable(part));
}

TEST_CASE("a damaged description is an error that names it", "[search_source]") {
  search_source source{parsed("stars:>=5"), 0};
  partition part;
  part.description = "stars:x";
  part.expected = 5000;
  CHECK_THROWS_WITH(source.questions(part, {1, 10}), Catch::Contains("stars:x"));
}
