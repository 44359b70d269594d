#include "tests/sim/fixture.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim;
namespace json = boost::json;

namespace {

dataset three() {
  return test::make_data({
      {1, "a/one", 5, test::at("2012-01-01T00:00:01Z"), "C", 0},
      {2, "a/two", 50, test::at("2012-01-02"), "", is_archived},
      {3, "b/three", 500, test::at("2012-01-03"), "C", is_fork},
  });
}

http_answer mutate(test::site& sim, const std::string& body) {
  auto request = sim.request("POST", "/_sim/mutate");
  request.body = body;
  return sim.send(request);
}

} // namespace

TEST_CASE("the truth is told as a table", "[sim]") {
  test::site sim{three()};
  CHECK(sim.text("/_sim/truth.csv?query=stars:%3C10") ==
        "repo_id,owner,name,full_name,star_count,fork_count,open_issue_count,watcher_count,"
        "language,license,description,is_fork,is_archived,is_disabled,visibility,disk_usage_kb,"
        "created_at,updated_at,pushed_at\r\n"
        "1,a,one,a/one,5,0,0,0,C,,about a/one,false,false,false,public,,2012-01-01T00:00:01Z,"
        "2012-01-01T00:00:11Z,2012-01-01T00:00:06Z\r\n");
  auto all = sim.text("/_sim/truth.csv");
  CHECK(std::count(all.begin(), all.end(), '\n') == 4); // forks included
  auto found = sim.text("/_sim/truth.csv?query=stars%3A%3E%3D5");
  CHECK(std::count(found.begin(), found.end(), '\n') == 3);
}

TEST_CASE("the truth has no cap", "[sim]") {
  test::site sim{20'000};
  auto all = sim.text("/_sim/truth.csv");
  CHECK(std::count(all.begin(), all.end(), '\n') == 20'001);
}

TEST_CASE("repositories can change while somebody crawls", "[sim]") {
  test::site sim{three()};
  auto count = "{search(query:\"stars:>=100\",type:REPOSITORY,first:1){repositoryCount}}";
  auto counted = [&] {
    return sim.ask(count).at("data").at("search").at("repositoryCount").as_int64();
  };
  CHECK(counted() == 0);
  CHECK(mutate(sim, R"({"stars":[{"repo_id":1,"star_count":100},{"repo_id":2,"star_count":101}]})")
            .body == "{\"changed\":2}\n");
  CHECK(counted() == 2);
  CHECK(mutate(sim, R"({"delete":[2],"rename":[{"repo_id":1,"name":"new"}]})").status == 200);
  CHECK(counted() == 1);
  auto renamed = sim.ask("{repository(owner:\"a\",name:\"one\"){nameWithOwner description}}");
  CHECK(json::serialize(renamed.at("data").at("repository")) ==
        R"({"nameWithOwner":"a/new","description":"about a/one"})");
  CHECK(sim.get("/repos/a/one").status == 301);
  CHECK(sim.get("/repositories/2").status == 404);
  CHECK(mutate(sim, R"({"stars":[{"repo_id":2,"star_count":1}]})").status == 400);
  CHECK(mutate(sim, R"({"what":[1]})").status == 400);
  CHECK(mutate(sim, "nonsense").status == 400);
}

TEST_CASE("the statistics start over when asked to", "[sim]") {
  test::site sim{three()};
  sim.ask("{search(query:\"stars:1\",type:REPOSITORY,first:1){nodes{__typename}}}");
  sim.ask("{nothing}");
  CHECK(sim.stats().at("requests") == 2);
  CHECK(sim.stats().at("points") == 1);
  CHECK(sim.stats().at("search_pages") == 1);
  CHECK(sim.violation("invalid_document") == 1);
  sim.send(sim.request("POST", "/_sim/reset"));
  CHECK(sim.stats().at("requests") == 0);
  CHECK(sim.stats().at("violations").at("total") == 0);
  CHECK(sim.get("/_sim/pages.csv").body == "query,after,answered\r\n");
  CHECK(sim.get("/_sim/nothing").status == 404);
}
