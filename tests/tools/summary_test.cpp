#include "tools/gitstar/summary.hpp"
#include "tools/gitstar/text.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::tool;
using namespace std::chrono_literals;

TEST_CASE("numbers are grouped by thousands", "[text]") {
  CHECK(thousands(0) == "0");
  CHECK(thousands(999) == "999");
  CHECK(thousands(1'000) == "1,000");
  CHECK(thousands(-1'234'567) == "-1,234,567");
}

TEST_CASE("durations read as a clock shows them", "[text]") {
  CHECK(duration_text(5s) == "0:05");
  CHECK(duration_text(3599s) == "59:59");
  CHECK(duration_text(3661s) == "1:01:01");
}

TEST_CASE("sizes are in decimal units", "[text]") {
  CHECK(bytes_text(1'499'999) == "1 MB");
  CHECK(bytes_text(999'000'000) == "999 MB");
  CHECK(bytes_text(1'250'000'000) == "1.2 GB");
}

TEST_CASE("a certificate says what is missing", "[summary]") {
  crawl run;
  run.id = 3;
  run.state = "incomplete";
  CHECK(certificate_text(run, {1000, 990, 5, 10, 0, 3, 20, 1, 0}) ==
        "Certificate of crawl 3: incomplete\n"
        "  expected 1,000, seen 990, missing 10, repeated by pages 5\n"
        "  partitions: 20 done, 3 split, 1 incomplete, 0 dead, 0 open\n");
}

TEST_CASE("only a complete crawl claims every repository above its threshold", "[summary]") {
  crawl run;
  run.threshold = 25;
  run.state = "complete";
  std::string claim = "it holds every repository with at least 25 stars";
  CHECK(certificate_text(run, {}).find(claim) != std::string::npos);
  run.state = "stopped";
  CHECK(certificate_text(run, {}).find(claim) == std::string::npos);
}

TEST_CASE("a summary shows the ranking, the languages, the cost and the way to look around",
          "[summary]") {
  db::repository_summary stored;
  stored.repositories = 2;
  stored.most_starred = {{"a/first", 2000, "C++"}, {"b/second", 10, ""}};
  stored.languages = {{"C++", 1}, {"", 1}};
  stored.stars = {{0.5, 10}, {1.0, 2000}};
  run_report report;
  report.crawl.run.state = "complete";
  report.bucket.requests = 3;
  report.bucket.errors = {{"timeout", 1}};
  CHECK_THAT(summary_text(report, stored, ""), !Catch::Contains("Metadata"));
  report.items = {1500, 20, 3, 1};
  auto text = summary_text(report, stored, "gitstar psql x.yaml");
  for (auto part : {"2,000  a/first", "(none)", "50 % have at most 10, most 2,000", "3 requests",
                    "1 timeout", "Metadata: 1,500 elements read, 20 new, 3 changed, 1 gone",
                    "Look around: gitstar psql x.yaml"})
    CHECK_THAT(text, Catch::Contains(part));
}
