#include "messages/time_text.hpp"
#include "tools/gitstar/lookup.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::tool;
using namespace std::chrono_literals;

namespace {

timestamp time_of(std::string_view text) { return *parse_utc_text(text); }

db::stored_repository sample_repository() {
  db::stored_repository result;
  auto& x = result.repository;
  x.repo_id = 17;
  x.full_name = "ada/engine";
  x.star_count = 1200;
  x.fork_count = 30;
  x.open_issue_count = 4;
  x.description = std::string{"It weaves"};
  x.is_archived = true;
  x.visibility = "public";
  x.created_at = time_of("2020-01-01T00:00:00Z");
  x.updated_at = time_of("2026-11-01T00:00:00Z");
  result.first_seen_at = time_of("2026-11-10T00:00:00Z");
  result.crawled_at = time_of("2026-11-18T00:00:00Z");
  result.asked_at = time_of("2026-11-20T00:00:00Z");
  result.stars = {{result.first_seen_at, 1000}, {result.crawled_at, 1200}};
  result.metadata = {{"issues", 0, 0, int64_t{0}, {}, {}, {"issues: closed to us"}},
                     {"pull_requests", 2100, 3, int64_t{40}, result.crawled_at, result.asked_at},
                     {"reviews", 7, 0, {}, result.crawled_at, {}},
                     {"pull_request_commits", 5, 0, {}, {}, {}}};
  for (auto number = 1; number <= 12; ++number)
    result.metadata[1].incomplete.push_back("commits of number " + std::to_string(number) +
                                            ": only 250 of 300 came");
  return result;
}

db::ranking_request ranking(db::rank_by by) {
  db::ranking_request result;
  result.by = by;
  result.since = time_of("2026-11-01T00:00:00Z");
  return result;
}

} // namespace

TEST_CASE("a repository is shown with its growth and how fresh that is", "[lookup]") {
  auto found = sample_repository();
  found.namesakes = {9};
  CHECK_THAT(repository_text(found), !Catch::Contains("gone:"));
  found.gone_at = found.crawled_at;
  auto text = repository_text(found);
  for (auto part : {"ada/engine (id 17)",
                    "gone: GitHub has known no such repository since 2026-11-18T00:00:00Z",
                    "It weaves", "1,200 stars, 30 forks, 4 open issues, unknown watchers",
                    "no language, no licence, public, archived", "pushed never",
                    "+200 since 2026-11-10T00:00:00Z, 20.0 a day, 2 observations",
                    "  0 issues (0 open)\n    incomplete: issues: closed to us\n",
                    "  2,100 pull requests (40 open, 3 gone, read 2026-11-20T00:00:00Z)\n"
                    "    incomplete: commits of number 1: only 250 of 300 came\n",
                    "number 10: only 250 of 300 came\n    incomplete: 2 more\n",
                    "  7 reviews (read up to 2026-11-18T00:00:00Z)\n", "  5 pull request commits\n",
                    "last difference seen 2026-11-18T00:00:00Z (2 d ago)",
                    "repository 9 had this name when it was last seen"})
    CHECK_THAT(text, Catch::Contains(part));
}

TEST_CASE("a repository as JSON has the columns of its table", "[lookup]") {
  auto text = repository_json(sample_repository());
  for (
      auto part :
      {R"("repo_id":17)", R"("owner":"ada")", R"("name":"engine")", R"("watcher_count":null)",
       R"("pushed_at":null)", R"("gone_at":null)",
       R"({"observed_at":"2026-11-10T00:00:00Z","star_count":1000})",
       R"("pull_requests":{"count":2100,"gone":3,"open":40,"watermark":"2026-11-18T00:00:00Z","read_at":"2026-11-20T00:00:00Z","incomplete":["commits of number 1: only 250 of 300 came",)"})
    CHECK_THAT(text, Catch::Contains(part));
}

TEST_CASE("a sparkline follows the counts over time", "[lookup]") {
  auto begin = time_of("2026-11-01T00:00:00Z");
  std::vector<db::star_observation> stars{{begin, 0}, {begin + 48h, 7}, {begin + 72h, 3}};
  CHECK(sparkline(stars, begin + 96h, 5) == "▁▁█▄▄");
  CHECK(sparkline({{begin, 5}, {begin + 1h, 5}}, begin + 2h, 3) == "▁▁▁");
  CHECK(sparkline({{begin, 5}}, begin + 2h).empty());
  // A clock that is behind the last observation does not lose it.
  CHECK(sparkline({{begin, 0}, {begin + 1h, 7}}, begin, 2) == "▁█");
}

TEST_CASE("a ranking names what it is by", "[lookup]") {
  std::vector<db::ranking_line> lines{{"a/b", 5000, "", 40, caf::none, 1}};
  CHECK(ranking_text(ranking(db::rank_by::issues), lines) ==
        "       open issues        stars  repository                                   language\n"
        "    1           40        5,000  a/b                                          (none)\n");
  CHECK(
      ranking_json(ranking(db::rank_by::issues), lines) ==
      "[{\"full_name\":\"a/b\",\"star_count\":5000,\"language\":null,\"open_issue_count\":40}]\n");
  CHECK_THAT(ranking_text(ranking(db::rank_by::growth), lines),
             Catch::Contains("Stars gained since 2026-11-01T00:00:00Z"));
}

TEST_CASE("growth begins on a day, at a time or so many days ago", "[lookup]") {
  auto now = time_of("2026-11-20T12:00:00Z");
  CHECK(parse_since("7d", now) == optional<timestamp>{time_of("2026-11-13T12:00:00Z")});
  CHECK(parse_since("2026-11-01", now) == optional<timestamp>{time_of("2026-11-01T00:00:00Z")});
  CHECK(parse_since("2026-11-01T01:00:00Z", now) ==
        optional<timestamp>{time_of("2026-11-01T01:00:00Z")});
  for (auto wrong : {"", "d", "-1d", "7", "x7d", "99999999999d", "yesterday", "2026-13-01"})
    CHECK_FALSE(parse_since(wrong, now));
}
