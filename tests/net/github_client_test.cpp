#include "net/github_client.hpp"

#include "tests/net/fake_github.hpp"

#include <catch2/catch.hpp>

#include <future>

using namespace gitstar;
using namespace gitstar::test;
using net::github_client;
using net::github_client_options;

namespace {

const std::string secret = "github_pat_0123456789abcdef";

github_client_options options_for(const std::string& url) {
  github_client_options result;
  result.graphql_url = url;
  result.tokens = {{"token-1", secret}};
  return result;
}

api_request page_request(const std::string& credential = "token-1") {
  return {query_shape::search_page, credential, {{"stars:>=10 sort:stars", ""}}};
}

} // namespace

TEST_CASE("a query goes out as GitHub wants it and comes back as repositories", "[github_client]") {
  seen_request seen;
  scripted_server server{[&](session& peer, int) {
    seen = peer.read_request();
    peer.answer(R"({"data":{"f0":)" + sample_page(sample_node()) + R"(,"rateLimit":)" +
                    sample_rate_limit + "}}",
                "Content-Type: application/json; charset=utf-8\r\nX-GitHub-Request-Id: 1:2\r\n");
  }};
  github_client client{options_for(server.url("/graphql"))};
  auto got = ask(client, page_request());
  CHECK(got.message == "");
  REQUIRE(got.result == outcome::ok);
  CHECK(got.http_status == 200);
  CHECK(got.request_id == "1:2");
  CHECK(got.limits.remaining == 4984);
  REQUIRE(got.fields.size() == 1);
  REQUIRE(got.fields[0].repositories.size() == 1);
  CHECK(got.fields[0].repositories[0].full_name == "freeCodeCamp/freeCodeCamp");
  CHECK(seen.method == "POST");
  CHECK(seen.target == "/graphql");
  CHECK(seen.header("Authorization") == "Bearer " + secret);
  CHECK(seen.header("User-Agent") == "gitstar");
  CHECK(seen.header("Content-Type") == "application/json");
  CHECK(seen.header("Host") == "127.0.0.1:" + std::to_string(server.port()));
  CHECK(seen.body.find("stars:>=10 sort:stars") != std::string::npos);
}

TEST_CASE("a token that the server sends back is not shown", "[github_client]") {
  scripted_server server{[&](session& peer, int) {
    peer.read_request();
    peer.answer(R"({"data":{"f0":null},"errors":[{"type":"FORBIDDEN","path":["f0"],"message":")" +
                secret + R"( may not"}]})");
  }};
  github_client client{options_for(server.url())};
  auto got = ask(client, page_request());
  REQUIRE(got.result == outcome::partial);
  CHECK(got.message.find(secret) == std::string::npos);
  CHECK(got.fields[0].message == "FORBIDDEN: *** may not");
}

TEST_CASE("an unknown credential is answered without asking GitHub", "[github_client]") {
  github_client client{options_for("http://127.0.0.1:" + std::to_string(unused_port()))};
  auto got = ask(client, page_request("token-7"));
  CHECK(got.result == outcome::unauthorized);
  CHECK(got.message == "no credential is called token-7");
}

TEST_CASE("a token that would break the header is refused at once", "[github_client]") {
  auto options = options_for("http://127.0.0.1:1");
  options.tokens["token-1"] = "abc\r\nX-Evil: 1";
  CHECK_THROWS_WITH(github_client{options}, Catch::Contains("token-1") && !Catch::Contains("abc"));
}

TEST_CASE("stopping has an end where the network thread hangs", "[github_client]") {
  using namespace std::chrono_literals;
  scripted_server server{[](session& peer, int) { peer.wait_for_close(); }};
  github_client client{options_for(server.url())};
  std::promise<void> released;
  client.async_query(page_request(), [&](const api_response&) { released.get_future().wait(); });
  CHECK_FALSE(client.stop(50ms));
  released.set_value();
  CHECK(client.stop(10s));
}

TEST_CASE("stopping answers every query exactly once", "[github_client]") {
  scripted_server server{[](session& peer, int) { peer.wait_for_close(); }};
  auto options = options_for(server.url());
  options.http.max_connections = 2;
  github_client client{options};
  std::atomic<int> answers = 0;
  for (int i = 0; i < 5; ++i)
    client.async_query(page_request(), [&](const api_response& got) {
      CHECK(got.result == outcome::network);
      ++answers;
    });
  client.stop();
  CHECK(answers == 5);
  CHECK(ask(client, page_request()).message == "stopped");
}
