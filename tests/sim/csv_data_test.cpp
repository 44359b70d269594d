#include "tools/sim/csv_data.hpp"

#include "tests/sim/fixture.hpp"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <iostream>

using namespace gitstar::sim;

namespace {

std::string failure(const std::string& text) {
  try {
    parse_csv_data(text, "file.csv", 1);
  } catch (const std::exception& error) {
    return error.what();
  }
  return "no error";
}

} // namespace

TEST_CASE("a CSV file becomes repositories and gaps are filled", "[sim]") {
  auto text = "database_id,owner,name,stars,language,license,created_at,pushed_at,is_archived,"
              "description,extra\r\n"
              "1296269,octocat,Hello-World,2500,null,mit,2011-01-26T19:01:12Z,2024-08,true,"
              "\"My \"\"first\"\", repository\",x\r\n"
              ",a,b,,C++,,,,,,\n"
              "1296269,again,same-id,1,,,,,,,\n"
              ",OCTOCAT,hello-world,7,,,,,,,";
  auto data = parse_csv_data(text, "file.csv", 1);
  REQUIRE(data.size() == 2);
  auto row = data.find_name("octocat/hello-world");
  REQUIRE(row != no_row);
  const auto& repo = data[row];
  CHECK(repo.id == 1296269);
  CHECK(repo.stars == 2500);
  CHECK(repo.language == 0);
  CHECK(data.licenses()[repo.license].key == "mit");
  CHECK(repo.created_at == test::at("2011-01-26T19:01:12Z"));
  CHECK(repo.pushed_at == test::at("2024-08-01"));
  CHECK((repo.flags & is_archived) != 0);
  CHECK(data.description(repo) == "My \\\"first\\\", repository");
  const auto& filled = data[data.find_name("a/b")];
  CHECK(filled.id > 0);
  CHECK(filled.created_at > test::at("2008-01-01"));
  CHECK(data.languages()[filled.language] == "C++");
  auto again = parse_csv_data(text, "file.csv", 1);
  CHECK(again[again.find_name("a/b")].stars == filled.stars);
  CHECK(again[again.find_name("a/b")].id == filled.id);
}

TEST_CASE("a bad row is named with file, line and column", "[sim]") {
  CHECK(failure("owner,name,stars\na,b,1\na,c,many\n") ==
        "file.csv:3: column stars: 'many' is not a number from 0 to 2147483647");
  CHECK(failure("owner,name,created_at\na,b,soon\n") ==
        "file.csv:2: column created_at: 'soon' is not a time");
  CHECK(failure("owner,name,is_fork\na,b,maybe\n") ==
        "file.csv:2: column is_fork: 'maybe' is not true or false");
  CHECK(failure("owner,name\n,b\n") == "file.csv:2: column owner: '' is not a name");
  CHECK(failure("owner,name\n\"x\ny\",b\na,b,c\n") == "file.csv:4: has 3 fields, not 2");
  CHECK(failure("owner,name\na,\"b\n") == "file.csv:2: a quoted field does not end");
  CHECK(failure("owner,stars\na,1\n") == "file.csv:1: there is no column name");
  CHECK(failure("") == "file.csv:1: the file is empty");
}

TEST_CASE("made ids lie between those of the neighbours in time", "[sim]") {
  auto data = parse_csv_data("database_id,owner,name,created_at\n"
                             "500,a,zero,2014-01-01\n"
                             "1000,a,one,2015-01-01\n"
                             ",a,two,2015-01-03\n"
                             "9,a,outlier,2015-01-04\n"
                             ",a,three,2015-01-04\n"
                             "2000,a,four,2015-01-05\n"
                             "3000,a,five,2015-01-06\n",
                             "file.csv", 1);
  auto id = [&](const char* name) { return data[data.find_name(name)].id; };
  CHECK(id("a/two") == 1500);
  CHECK(id("a/three") > 1500);
  CHECK(id("a/three") < 2000);
  CHECK(id("a/outlier") == 9);
}

TEST_CASE("a repository of the future is not pushed to before it was created", "[sim]") {
  auto data = parse_csv_data("owner,name,created_at\na,b,2037-01-01\na,c,2037-01-02\n", "f", 1);
  for (row_index row = 0; row < data.size(); ++row)
    CHECK(
        (data[row].pushed_at == repository::never || data[row].pushed_at >= data[row].created_at));
}

TEST_CASE("a missing file is an error that names it", "[sim]") {
  CHECK_THROWS_WITH(read_csv_data("/nonexistent/x.csv.gz", 1),
                    "/nonexistent/x.csv.gz: No such file or directory");
}

TEST_CASE("the real repositories are read where they are at hand", "[sim]") {
  auto folder = std::getenv("GITSTAR_DATA");
  auto path =
      std::filesystem::path{folder == nullptr ? "../shared/data" : folder} / "repositories.csv.gz";
  if (!std::filesystem::exists(path)) {
    std::cout << "skipped: there is no " << path << std::endl;
    return;
  }
  auto data = read_csv_data(path, 1);
  CHECK(data.size() > 225'000);
  std::set<int64_t> ids;
  uint32_t last = 0;
  for (row_index row = 0; row < data.size(); ++row) {
    ids.insert(data[row].id);
    CHECK(data[row].created_at >= last);
    last = data[row].created_at;
  }
  CHECK(ids.size() == data.size());
}
