#include "tools/gitstar/report.hpp"

#include <catch2/catch.hpp>

#include <boost/json/parse.hpp>

#include <filesystem>
#include <fstream>
#include <sstream>

using namespace gitstar;
using namespace gitstar::tool;

namespace {

run_report sample_report() {
  run_report result;
  result.crawl.run.id = 7;
  result.crawl.run.state = "incomplete";
  result.crawl.totals = {1000, 990, 5, 10, 0, 3, 20, 1, 1};
  result.bucket.requests = 42;
  result.bucket.points = 40;
  result.bucket.retries = 2;
  result.bucket.errors = {{"timeout", 2}};
  result.wall_seconds = 1.5;
  result.cpu_seconds = 0.25;
  result.peak_rss_bytes = 30'000'000;
  return result;
}

} // namespace

TEST_CASE("a report that cannot be written is noticed before there is one", "[report]") {
  CHECK_FALSE(gitstar::tool::can_write_report("/no/such/directory/report.json"));
  CHECK(gitstar::tool::can_write_report("report-that-can-be.json"));
  CHECK_FALSE(std::ifstream{"report-that-can-be.json.part"}.good());
}

TEST_CASE("a report holds every key of the contract", "[report]") {
  auto expected = boost::json::parse(R"({
    "crawl_id": 7, "state": "incomplete", "repositories": 990, "expected": 1000, "missing": 10,
    "duplicates": 5, "requests": 42, "points": 40, "retries": 2, "errors": {"timeout": 2},
    "partitions": {"done": 20, "split": 3, "incomplete": 2},
    "wall_seconds": 1.5, "cpu_seconds": 0.25, "peak_rss_bytes": 30000000})");
  CHECK(boost::json::parse(to_json(sample_report())) == expected);
}

TEST_CASE("a report of a crawl that listed ids says how many requests that took", "[report]") {
  auto report = sample_report();
  report.bucket.listings = 12;
  CHECK(boost::json::parse(to_json(report)).at("rest_requests") == 12);
}

TEST_CASE("a report of a refresh says how old what is known is", "[report]") {
  auto report = sample_report();
  report.staleness = {{0.5, 60}, {1.0, 3600}};
  auto shown = boost::json::parse(to_json(report)).at("staleness_seconds");
  CHECK(shown == boost::json::parse(R"({"50": 60, "100": 3600})"));
}

TEST_CASE("a report of metadata says what was read and what that changed", "[report]") {
  auto report = sample_report();
  report.items = {50, 20, 3, 1};
  auto shown = boost::json::parse(to_json(report)).at("metadata");
  CHECK(shown == boost::json::parse(R"({"read": 50, "inserted": 20, "updated": 3, "gone": 1})"));
}

TEST_CASE("a report is written whole or not at all", "[report]") {
  auto file = std::filesystem::temp_directory_path() /
              ("gitstar-report-" + std::to_string(getpid()) + ".json");
  write_report(sample_report(), file.string());
  std::ifstream in{file};
  std::stringstream text;
  text << in.rdbuf();
  CHECK(text.str() == to_json(sample_report()) + '\n');
  CHECK_FALSE(std::filesystem::exists(file.string() + ".part"));
  std::filesystem::remove(file);
  CHECK_THROWS_WITH(write_report(sample_report(), "/nowhere/report.json"),
                    "cannot write the report /nowhere/report.json");
}

TEST_CASE("a process measures its own CPU time and memory", "[report]") {
  run_report report;
  measure_process(report);
  CHECK(report.cpu_seconds > 0);
  CHECK(report.peak_rss_bytes > 1'000'000);
}
