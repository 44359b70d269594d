#include "net/node_id.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::net;

TEST_CASE("node ids are those that GitHub was seen to serve", "[node_id]") {
  struct pair {
    repo_id id;
    const char* node_id;
  };
  // Fact sheet 6. The first is computed, the others were served.
  constexpr pair seen[] = {
      {1296269, "R_kgDOABPHjQ"},    {412741557, "R_kgDOGJnvtQ"},  {459780477, "R_kgDOG2exfQ"},
      {506086433, "R_kgDOHipEIQ"},  {515435736, "R_kgDOHrjs2A"},  {772761887, "R_kgDOLg9pHw"},
      {893654786, "R_kgDONUQXAg"},  {1333065091, "R_kgDOT3T1gw"}, {1333859450, "R_kgDOT4EUeg"},
      {1377241024, "R_kgDOUhcHwA"},
  };
  for (auto& [id, text] : seen)
    CHECK(repository_node_id(id) == text);
}

TEST_CASE("small ids take the legacy form, whose pairs are known", "[node_id]") {
  CHECK(repository_node_id(1) == "MDEwOlJlcG9zaXRvcnkx");
  CHECK(repository_node_id(123) == "MDEwOlJlcG9zaXRvcnkxMjM=");
  CHECK(repository_node_id(65'535) == "MDEwOlJlcG9zaXRvcnk2NTUzNQ==");
  CHECK(repository_node_id(65'536) == "R_kgDOAAEAAA");
}

TEST_CASE("ids beyond 32 bits keep all their digits", "[node_id]") {
  CHECK(repository_node_id(4'294'967'295) == "R_kgDO_____w");
  CHECK(repository_node_id(4'294'967'296) == "R_kgDPAAAAAQAAAAA");
}
