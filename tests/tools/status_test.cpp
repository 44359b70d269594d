#include "tools/gitstar/status.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::tool;
using namespace std::chrono_literals;

namespace {

timestamp at(std::chrono::seconds since_2024) { return timestamp{1704067200s} + since_2024; }

/// 40 of 100 repositories after a minute.
db::crawl_status running() {
  db::crawl_status result;
  auto& run = result.crawl;
  run.id = 7;
  run.name = "top";
  run.source = "search stars:>=10";
  run.state = "running";
  run.started_at = at(0s);
  result.asked_at = at(60s);
  result.updated_at = at(58s);
  result.certificate.expected = 100;
  result.certificate.seen = 40;
  result.certificate.missing = 60;
  result.certificate.open = 3;
  result.certificate.done = 2;
  result.per_second = 2;
  return result;
}

db::crawl_status troubled() {
  auto result = running();
  result.certificate.incomplete = 1;
  result.certificate.dead = 11;
  result.unfinished = {{"stars:10", "dead", "timeout", 9, 4}};
  budget_record free;
  free.credential = "ghes";
  free.enabled = false;
  budget_record banned;
  banned.credential = "token-1";
  banned.limit = 5000;
  banned.remaining = 4321;
  banned.reset_at = at(3600s);
  banned.banned_until = at(61s);
  budget_record benched;
  benched.credential = "token-2";
  benched.limit = 5000;
  benched.reset_at = at(60s);
  benched.banned_until = at(60s);
  benched.benched = true;
  result.budgets = {free, banned, benched};
  result.widths = {{query_shape::search_page, "classic", 9}};
  result.errors = {{"timeout", "502", 1234, at(59s)}};
  return result;
}

} // namespace

TEST_CASE("the status of a running crawl shows progress, rate and the time that is left",
          "[status]") {
  CHECK(status_text(running()) ==
        "Crawl 7 'top': running\n"
        "  search stars:>=10\n"
        "  begun 2024-01-01T00:00:00Z, last progress 2024-01-01T00:00:58Z\n"
        "  40 of 100 repositories (40 %), 2/s over the last minutes, ETA 0:30\n"
        "Certificate of crawl 7: running\n"
        "  expected 100, seen 40, missing 60, repeated by pages 0\n"
        "  partitions: 2 done, 0 split, 0 incomplete, 0 dead, 3 open\n");
}

TEST_CASE("a crawl that stands still says so", "[status]") {
  auto status = running();
  status.asked_at = status.updated_at + 10min;
  status.per_second = 0;
  auto text = status_text(status);
  CHECK_THAT(text, Catch::Contains("no progress for 10:00"));
  CHECK_THAT(text, !Catch::Contains("ETA"));
}

TEST_CASE("the status of a finished crawl shows its end", "[status]") {
  auto status = running();
  status.crawl.state = "complete";
  status.per_second = 0;
  status.asked_at = at(24h);
  status.finished_at = at(59s);
  auto text = status_text(status);
  CHECK_THAT(text, Catch::Contains("finished 2024-01-01T00:00:59Z"));
  CHECK_THAT(text, !Catch::Contains("/s") && !Catch::Contains("no progress"));
}

TEST_CASE("the status shows what failed, and what is left of the credentials", "[status]") {
  CHECK_THAT(status_text(troubled()),
             Catch::EndsWith(
                 "  dead 'stars:10': 4 of 9 seen; timeout\n"
                 "  and 11 more\n"
                 "  gitstar repair asks for them again\n"
                 "Budgets\n"
                 "  ghes: the server has rate limits switched off\n"
                 "  token-1: 4,321 of 5,000 points left, reset 2024-01-01T01:00:00Z, banned until "
                 "2024-01-01T00:01:01Z\n"
                 "  token-2: 0 of 5,000 points left, reset 2024-01-01T00:01:00Z (over: all are "
                 "there again), rejected by GitHub\n"
                 "Learned query widths\n"
                 "  9 fields of search_page with a classic credential\n"
                 "Last errors\n"
                 "  timeout: 1,234, last 2024-01-01T00:00:59Z: 502\n"));
}

TEST_CASE("the status as JSON has the same for programs", "[status]") {
  CHECK(boost::json::parse(status_json(troubled())) == boost::json::parse(R"({
    "crawl_id": 7, "name": "top", "source": "search stars:>=10", "state": "running",
    "threshold": null, "started_at": "2024-01-01T00:00:00Z", "updated_at": "2024-01-01T00:00:58Z",
    "finished_at": null, "repositories": 40, "expected": 100, "missing": 60, "duplicates": 0,
    "repositories_per_second": 2.0, "eta_seconds": 30,
    "partitions": {"open": 3, "split": 0, "done": 2, "incomplete": 1, "dead": 11},
    "unfinished": [{"description": "stars:10", "state": "dead", "expected": 9, "seen": 4,
                    "reason": "timeout"}],
    "budgets": [
      {"credential": "ghes", "resource": "graphql",
       "enabled": false, "limit": 0, "remaining": 0,
       "reset_at": "1970-01-01T00:00:00Z", "banned_until": null, "benched": false},
      {"credential": "token-1", "resource": "graphql",
       "enabled": true, "limit": 5000, "remaining": 4321,
       "reset_at": "2024-01-01T01:00:00Z", "banned_until": "2024-01-01T00:01:01Z",
       "benched": false},
      {"credential": "token-2", "resource": "graphql",
       "enabled": true, "limit": 5000, "remaining": 0,
       "reset_at": "2024-01-01T00:01:00Z", "banned_until": null, "benched": true}],
    "widths": [{"shape": "search_page", "credential_kind": "classic", "width": 9}],
    "errors": [{"kind": "timeout", "count": 1234, "at": "2024-01-01T00:00:59Z",
                "message": "502"}]})"));
  auto finished = running();
  finished.finished_at = at(59s);
  finished.crawl.threshold = 25;
  finished.per_second = 0;
  auto json = boost::json::parse(status_json(finished));
  CHECK(json.at("finished_at") == "2024-01-01T00:00:59Z");
  CHECK(json.at("threshold") == 25);
  CHECK(json.at("eta_seconds").is_null());
}

TEST_CASE("a repair says what it is going to ask again", "[status]") {
  CHECK(repair_text("top", caf::none) ==
        "Nothing to repair: no crawl 'top' of this source has been run yet.\n");
  CHECK(repair_text("top", running()) ==
        "Nothing to repair: crawl 7 'top' is running and none of its partitions is incomplete.\n");
  CHECK(repair_text("top", troubled()) ==
        "Repairing crawl 7 'top': 1 incomplete partitions and 11 dead letters, 60 repositories "
        "missing\n"
        "  dead 'stars:10': 4 of 9 seen; timeout\n"
        "  and 11 more\n");
  CHECK(repair_result_text(12, troubled().certificate) ==
        "Asked again for 12 partitions; 12 are incomplete now, 60 repositories are missing.\n");
}

TEST_CASE("the status shows the requests of REST beside the points", "[status]") {
  auto status = running();
  budget_record core;
  core.credential = "token-1";
  core.what = resource::core;
  core.limit = 5000;
  core.remaining = 1234;
  core.reset_at = at(1h);
  status.budgets = {core};
  CHECK_THAT(status_text(status),
             Catch::Contains("  token-1: 1,234 of 5,000 REST requests left, reset 2024-01-01T01"));
  CHECK_THAT(status_json(status), Catch::Contains(R"("resource":"core")"));
}
