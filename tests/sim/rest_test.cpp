#include "tests/sim/fixture.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim;
namespace json = boost::json;

TEST_CASE("the listing walks over all repositories by id", "[sim]") {
  test::site sim{1'234};
  std::string target = "/repositories";
  int64_t last = 0;
  size_t listed = 0;
  for (auto pages = 0; !target.empty(); ++pages) {
    REQUIRE(pages < 20);
    auto answer = sim.get(target);
    CHECK(answer.status == 200);
    auto page = json::parse(answer.body);
    for (const auto& item : page.as_array()) {
      ++listed;
      if (item.is_null())
        continue;
      CHECK(item.at("id").as_int64() > last);
      last = item.at("id").as_int64();
      CHECK(item.at("full_name").is_string());
      CHECK_FALSE(item.as_object().contains("stargazers_count"));
    }
    auto begin = answer.headers.find("<http://sim");
    auto end = answer.headers.find(">; rel=\"next\"");
    target = end == std::string::npos ? "" : answer.headers.substr(begin + 11, end - begin - 11);
  }
  CHECK(listed == 1'234);
}

TEST_CASE("a repository is found by id and by name, and a renamed one has moved", "[sim]") {
  auto data = test::make_data({{7, "a/b", 3, test::at("2012-01-01"), "C", 0},
                               {8, "a/c", 3, test::at("2012-01-02"), "C", is_disabled}});
  data.add_former_name("a/old", 0);
  test::site sim{std::move(data)};
  auto answer = sim.get("/repositories/7");
  CHECK(answer.status == 200);
  CHECK(json::parse(answer.body).at("stargazers_count") == 3);
  CHECK(json::parse(sim.get("/repos/A/B").body).at("full_name") == "a/b");
  CHECK(sim.get("/api/v3/repos/a/b").status == 200);
  auto moved = sim.get("/repos/a/old");
  CHECK(moved.status == 301);
  CHECK(moved.headers.find("Location: http://sim/repositories/7\r\n") != std::string::npos);
  CHECK(json::parse(moved.body).at("message") == "Moved Permanently");
  CHECK(sim.get("/repos/a/nothing").status == 404);
  CHECK(sim.get("/repositories/9").status == 404);
  CHECK(sim.get("/nothing").status == 404);
  auto blocked = sim.get("/repos/a/c");
  CHECK(blocked.status == 451);
  CHECK(json::parse(blocked.body).at("block").at("reason") == "dmca");
}

TEST_CASE("asking for the rate limit is free", "[sim]") {
  test::site sim{100};
  sim.post("{viewer{login}}");
  sim.get("/repositories");
  auto body = json::parse(sim.get("/rate_limit").body);
  CHECK(body.at("resources").at("graphql").at("used") == 1);
  CHECK(body.at("resources").at("core").at("used") == 1);
  CHECK(body.at("resources").at("core").at("remaining") == 4'999);
  CHECK(body.at("resources").at("search").at("limit") == 30);
  CHECK(body.at("rate").at("limit") == 5'000);
}

TEST_CASE("REST says 403 when the requests are used up", "[sim]") {
  test::site sim{100};
  for (auto i = 0; i < 5'000; ++i) {
    sim.get("/user");
    sim.advance(std::chrono::milliseconds{100});
  }
  sim.advance(std::chrono::seconds{1}); // until then the client could not know
  auto answer = sim.get("/user");
  CHECK(answer.status == 403);
  CHECK(answer.headers.find("X-RateLimit-Remaining: 0\r\n") != std::string::npos);
  CHECK(sim.violation("exhausted") == 1);
}
