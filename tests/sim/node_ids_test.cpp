#include "tools/sim/node_ids.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim;

TEST_CASE("node ids are those that GitHub was seen to serve", "[sim]") {
  struct pair {
    int64_t database_id;
    const char* node_id;
  };
  constexpr pair seen[] = {
      {1296269, "R_kgDOABPHjQ"},    {412741557, "R_kgDOGJnvtQ"},  {459780477, "R_kgDOG2exfQ"},
      {506086433, "R_kgDOHipEIQ"},  {515435736, "R_kgDOHrjs2A"},  {772761887, "R_kgDOLg9pHw"},
      {893654786, "R_kgDONUQXAg"},  {1333065091, "R_kgDOT3T1gw"}, {1333859450, "R_kgDOT4EUeg"},
      {1377241024, "R_kgDOUhcHwA"},
  };
  for (const auto& [database_id, text] : seen) {
    CHECK(next_node_id(node_kind::repository, database_id) == text);
    auto parsed = parse_node_id(text);
    REQUIRE(parsed);
    CHECK(parsed->kind == node_kind::repository);
    CHECK(parsed->database_id == database_id);
    CHECK_FALSE(parsed->legacy);
  }
  CHECK(next_node_id(node_kind::user, 3407303) == "U_kgDOADP9xw");
  CHECK(next_node_id(node_kind::repository, 1) == "R_kgAB");
}

TEST_CASE("legacy node ids are understood and marked", "[sim]") {
  CHECK(legacy_node_id(node_kind::repository, 1296269) == "MDEwOlJlcG9zaXRvcnkxMjk2MjY5");
  CHECK(legacy_node_id(node_kind::user, 3407303) == "MDQ6VXNlcjM0MDczMDM=");
  auto parsed = parse_node_id("MDEwOlJlcG9zaXRvcnkxMjk2MjY5");
  REQUIRE(parsed);
  CHECK(parsed->kind == node_kind::repository);
  CHECK(parsed->database_id == 1296269);
  CHECK(parsed->legacy);
}

TEST_CASE("an object's age decides which id is served", "[sim]") {
  CHECK(served_node_id(node_kind::repository, 349125611, false) ==
        legacy_node_id(node_kind::repository, 349125611));
  CHECK(served_node_id(node_kind::repository, 412741557, false) == "R_kgDOGJnvtQ");
  CHECK(served_node_id(node_kind::repository, 1296269, true) == "R_kgDOABPHjQ");
}

TEST_CASE("what is no node id is not taken for one", "[sim]") {
  for (auto bad : {"", "x", "R_", "R_!!!!", "hello world", "_kgDOABPHjQ", "MDEw"})
    CHECK_FALSE(parse_node_id(bad));
  auto unknown = parse_node_id("ZZ_kwDOSWpaqs8AAAABIk9VAg");
  REQUIRE(unknown);
  CHECK(unknown->kind == node_kind::other);
}

TEST_CASE("what is in a repository has an id that tells the repository", "[sim]") {
  auto comment = parse_node_id("IC_kwDOSWpaqs8AAAABIk9VAg"); // seen on GitHub
  REQUIRE(comment);
  CHECK(comment->kind == node_kind::issue_comment);
  CHECK(comment->repository_id == 1231706794);
  CHECK(comment->database_id == 4870591746);
  CHECK(served_node_id(*comment, false, false) == "IC_kwDOSWpaqs8AAAABIk9VAg");
  for (auto kind : {node_kind::issue, node_kind::pull_request, node_kind::review,
                    node_kind::review_comment, node_kind::release, node_kind::discussion})
    for (auto is_old : {true, false}) {
      auto parsed =
          parse_node_id(served_node_id({kind, 7'000'000'000, false, 70'000}, is_old, false));
      REQUIRE(parsed);
      CHECK(parsed->kind == kind);
      CHECK(parsed->database_id == 7'000'000'000);
      CHECK(parsed->legacy == is_old);
      CHECK(parsed->repository_id == (is_old ? 0 : 70'000)); // the old form does not tell it
    }
}

TEST_CASE("a commit's id holds its sha", "[sim]") {
  node_id commit{node_kind::commit, 0, false, 1296269, "6dcb09b5b57875f334f61aebed695e2e4193db5e"};
  CHECK(served_node_id(commit, true, false) ==
        "MDY6Q29tbWl0MTI5NjI2OTo2ZGNiMDliNWI1Nzg3NWYzMzRmNjFhZWJlZDY5NWUyZTQxOTNkYjVl");
  for (auto next_form : {false, true}) {
    auto parsed = parse_node_id(served_node_id(commit, true, next_form));
    REQUIRE(parsed);
    CHECK(parsed->kind == node_kind::commit);
    CHECK(parsed->repository_id == 1296269);
    CHECK(parsed->sha == commit.sha);
  }
  CHECK(parse_node_id("C_kwDOABPHjQ")->kind == node_kind::other); // no sha in it
}
