#include "tools/gitstar/rehearsal.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::tool;

TEST_CASE("the truth is read whatever its descriptions hold", "[rehearsal]") {
  auto truth = read_truth("repo_id,owner,name,full_name,star_count,description\r\n"
                          "1,a,b,a/b,10,plain\r\n"
                          "2,a,c,a/c,20,\"a comma, \"\"quotes\"\"\nand a line end\"\r\n");
  CHECK(truth == star_counts{{1, 10}, {2, 20}});
}

TEST_CASE("a truth that is none is an error", "[rehearsal]") {
  CHECK_THROWS_WITH(read_truth("repo_id\r\nx,a,b,a/b,10\r\n"), Catch::Contains("column 1"));
  CHECK_THROWS_WITH(read_truth("repo_id\r\n1,a\r\n"), Catch::Contains("column 5"));
}

TEST_CASE("what changed during the crawl may differ, and nothing else", "[rehearsal]") {
  star_counts truth{{1, 10}, {2, 20}, {3, 30}, {4, 40}};
  star_counts stored{{1, 10}, {2, 21}, {3, 31}, {5, 50}, {6, 60}};
  CHECK(compare(stored, truth, {}) == comparison{1, 0, 1, 4});
  CHECK(compare(stored, truth, {2, 4, 5}) == comparison{1, 3, 0, 2});
  CHECK(compare(truth, truth, {1}) == comparison{4, 0, 0, 0});
}

TEST_CASE("the changed repositories are those of the third column", "[rehearsal]") {
  CHECK(read_changes("request,kind,repo_id,old,new\r\n7,stars,12,1,2\r\n9,delete,13,a/b,\r\n") ==
        std::set<gitstar::repo_id>{12, 13});
}

TEST_CASE("a rehearsal says what would have happened", "[rehearsal]") {
  auto text = rehearsal_text(
      {1999, 3, 1, 0}, R"({"faults":{"timeout_502_json":4},"violations":{"total":0,"ban":0}})",
      R"({"state":"incomplete","requests":50,"points":48,"retries":5})");
  CHECK_THAT(text, Catch::Contains("ended incomplete"));
  CHECK_THAT(text, Catch::Contains("1,999 are stored as they are, 1 are missing, 0 are wrong, "
                                   "3 changed while the crawl ran"));
  CHECK_THAT(text, Catch::Contains("50 queries, 48 points; 5 queries (10.0 %)"));
  CHECK_THAT(text, Catch::Contains("4 timeout_502_json"));
  CHECK_THAT(text, Catch::Contains("violations of GitHub's limits: 0"));
}
