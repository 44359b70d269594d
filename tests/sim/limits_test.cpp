#include "tests/sim/fixture.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim;
using namespace std::chrono_literals;
using test::header;
using test::kind;
using test::message;
namespace json = boost::json;

namespace {

constexpr const char* cheap = "{rateLimit{cost remaining used limit nodeCount resetAt}}";

/// Uses up the points of a credential, without breaking a secondary limit.
void exhaust(test::site& sim) {
  for (auto i = 0; i < 5'000; ++i) {
    sim.post(cheap);
    sim.advance(50ms);
  }
}

} // namespace

TEST_CASE("points are counted in a window that the first query opens", "[sim]") {
  test::site sim{100};
  auto answer = sim.post(cheap);
  CHECK(header(answer, "X-RateLimit-Limit") == "5000");
  CHECK(header(answer, "X-RateLimit-Remaining") == "4999");
  CHECK(header(answer, "X-RateLimit-Used") == "1");
  CHECK(header(answer, "X-RateLimit-Resource") == "graphql");
  CHECK(header(answer, "X-RateLimit-Reset") == "1800003600");
  CHECK(answer.body == R"({"data":{"rateLimit":{"cost":1,"remaining":4999,"used":1,"limit":5000,)"
                       R"("nodeCount":0,"resetAt":"2027-01-15T09:00:00Z"}}})");
  sim.advance(59min);
  CHECK(header(sim.post(cheap), "X-RateLimit-Remaining") == "4998");
  sim.advance(1min);
  CHECK(header(sim.post(cheap), "X-RateLimit-Remaining") == "4999");
  sim.token = "another";
  CHECK(header(sim.post(cheap), "X-RateLimit-Remaining") == "4999");
  CHECK(header(sim.get("/repositories"), "X-RateLimit-Resource") == "core");
}

TEST_CASE("a dry run tells the price and costs nothing", "[sim]") {
  test::site sim{100};
  auto answer = sim.ask("{rateLimit(dryRun:true){cost remaining} search(query:\"x\","
                        "type:REPOSITORY,first:100){nodes{...on Repository{"
                        "languages(first:2){totalCount} releases(first:9){totalCount}}}}}");
  CHECK(json::serialize(answer) == R"({"data":{"rateLimit":{"cost":2,"remaining":5000}}})");
  CHECK(sim.stats().at("points") == 0);
}

TEST_CASE("an exhausted credential is told so with status 200", "[sim]") {
  test::site sim{100};
  exhaust(sim);
  CHECK(sim.violation("exhausted") == 0);
  sim.advance(1s); // until then the client could not know
  std::set<std::string> kinds;
  for (auto i = 0; i < 2; ++i) {
    auto answer = sim.post(cheap);
    CHECK(answer.status == 200);
    CHECK(header(answer, "X-RateLimit-Remaining") == "0");
    auto body = json::parse(answer.body);
    CHECK_FALSE(body.as_object().contains("data"));
    CHECK(message(body).find("exceeded for user ID") != std::string::npos);
    kinds.insert(kind(body));
  }
  CHECK(kinds == std::set<std::string>{"RATE_LIMIT", "RATE_LIMITED"});
  CHECK(sim.violation("exhausted") == 2);
  CHECK(sim.stats().at("rate_limited") == 2);
  sim.advance(1h);
  CHECK(message(json::parse(sim.post(cheap).body)).empty());
}

TEST_CASE("a query that costs more than is left is refused, which is no violation", "[sim]") {
  test::site sim{100};
  for (auto i = 0; i < 4'999; ++i) {
    sim.post(cheap);
    sim.advance(50ms);
  }
  auto answer = sim.post("{search(query:\"x\",type:REPOSITORY,first:100){nodes{...on Repository{"
                         "languages(first:2){totalCount} releases(first:9){totalCount}}}}}");
  CHECK(message(json::parse(answer.body)).find("exceeded for user ID") != std::string::npos);
  CHECK(header(answer, "X-RateLimit-Remaining") == "1");
  CHECK(sim.violation("exhausted") == 0);
}

TEST_CASE("more than 100 requests under way are banned for a minute", "[sim]") {
  test::site sim{100};
  std::vector<http_answer> under_way;
  auto request = sim.request("POST", "/graphql");
  request.body = R"({"query":"{viewer{login}}"})";
  for (auto i = 0; i < 100; ++i) {
    under_way.push_back(sim.hub().answer(request));
    CHECK(under_way.back().status == 200);
  }
  auto refused = sim.send(request);
  CHECK(refused.status == 403);
  CHECK(message(json::parse(R"({"errors":[)" + refused.body + "]}"))
            .starts_with("You have exceeded a secondary rate limit."));
  CHECK(header(refused, "Retry-After") == "60");
  CHECK(header(refused, "X-RateLimit-Remaining") == "4900");
  for (auto& answer : under_way)
    sim.hub().sent(answer);
  CHECK(sim.violation("secondary") == 1);
  CHECK(sim.stats().at("peak_concurrency") == 101);
  CHECK(sim.stats().at("in_flight") == 0);
  sim.advance(59s);
  CHECK(sim.send(request).status == 403);
  CHECK(sim.violation("ban") == 1);
  sim.advance(1s);
  CHECK(sim.send(request).status == 200);
}

TEST_CASE("more than 2,000 queries in a minute are too many", "[sim]") {
  test::site sim{100};
  for (auto i = 0; i < 2'000; ++i)
    REQUIRE(sim.post(cheap).status == 200);
  auto refused = sim.post(cheap);
  CHECK(refused.status == 403);
  CHECK(sim.violation("secondary") == 1);
  CHECK(sim.stats().at("peak_points_per_minute") == 2'001);
  sim.advance(60s);
  for (auto i = 0; i < 2'000; ++i)
    REQUIRE(sim.post(cheap).status == 200);
  // Every other ban does not say how long it lasts.
  CHECK(header(refused, "Retry-After") == "60");
  CHECK(header(sim.post(cheap), "Retry-After").empty());
}

TEST_CASE("more than 60 response seconds in a minute are too many", "[sim]") {
  test::site sim{100};
  auto request = sim.request("POST", "/graphql");
  request.body = R"({"query":"{viewer{login}}"})";
  for (auto round = 0; round < 2; ++round) {
    std::vector<http_answer> under_way;
    for (auto i = 0; i < 10; ++i)
      under_way.push_back(sim.hub().answer(request));
    sim.advance(round == 0 ? 5s : 2s);
    for (auto& answer : under_way)
      sim.hub().sent(answer);
  }
  CHECK(sim.stats().at("response_seconds") == 70.0);
  CHECK(sim.send(request).status == 403);
  CHECK(sim.violation("secondary") == 1);
}

TEST_CASE("with limits off there are none", "[sim]") {
  test::site sim{make_synthetic(100, 1), false};
  for (auto i = 0; i < 6'000; ++i)
    sim.post("{viewer{login}}");
  auto answer = sim.post(cheap);
  CHECK(answer.body == R"({"data":{"rateLimit":null}})");
  CHECK(answer.headers.find("X-RateLimit") == std::string::npos);
  CHECK(sim.stats().at("violations").at("total") == 0);
  CHECK(sim.get("/rate_limit").status == 404);
}

TEST_CASE("who may not ask is told why", "[sim]") {
  test::site sim{make_synthetic(100, 1), true, {"good"}};
  auto refused = sim.post(cheap);
  CHECK(refused.status == 401);
  CHECK(json::parse(refused.body).at("message") == "Bad credentials");
  CHECK(header(refused, "X-RateLimit-Limit") == "0");
  CHECK(header(refused, "X-RateLimit-Remaining") == "0");
  sim.token = "good";
  CHECK(sim.post(cheap).status == 200);
  auto request = sim.request("POST", "/graphql");
  request.body = R"({"query":"{viewer{login}}"})";
  request.authorization = "token good";
  CHECK(sim.send(request).status == 200);
  request.authorization = "Bearer ";
  CHECK(sim.send(request).status == 401);
  request.authorization = "";
  auto anonymous = sim.send(request);
  CHECK(anonymous.status == 401);
  CHECK(json::parse(anonymous.body).at("message") ==
        "This endpoint requires you to be authenticated.");
  request.authorization = "Bearer good";
  request.user_agent = "";
  auto nameless = sim.send(request);
  CHECK(nameless.status == 403);
  CHECK(nameless.content_type == "text/html");
  CHECK(nameless.close);
  CHECK(nameless.body.find("User-Agent") != std::string::npos);
  request.user_agent = "x";
  request.body = "{";
  auto broken = sim.send(request);
  CHECK(broken.status == 400);
  CHECK(json::parse(broken.body).at("message") == "Problems parsing JSON");
  request.body = "{}";
  CHECK(sim.send(request).status == 400);
}
