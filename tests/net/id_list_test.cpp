#include "net/id_list.hpp"

#include "net/classify.hpp"
#include "tests/net/fake_github.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::net;
using namespace gitstar::test;
using namespace std::chrono;

namespace {

constexpr timestamp listed_at{sys_days{2026y / 11 / 20} + 12h};

/// The beginning of api.github.com/repositories?since=367 (fact sheet 7: which fields are served).
const std::string two_repositories =
    R"([{"id":368,"node_id":"MDEwOlJlcG9zaXRvcnkzNjg=","name":"matzwork","full_name":"o/matzwork",)"
    R"("private":false,"owner":{"login":"o","id":166,"type":"User"},"description":null,)"
    R"("fork":false,"url":"https://api.github.com/repos/o/matzwork"},null,)"
    R"({"id":1377241024,"node_id":"R_kgDOUhcHwA","name":"VaIMod","full_name":"VaIMod/VaIMod",)"
    R"("private":false,"owner":{"login":"VaIMod","id":1},"description":"\ud83d\ude80",)"
    R"("fork":true}])";

const std::string next_page =
    R"(<https://api.github.com/repositories?since=1377241024>; rel="next", )"
    R"(<https://api.github.com/repositories{?since}>; rel="first")";

const http_headers core_limits{{"X-RateLimit-Limit", "5000"},
                               {"X-RateLimit-Remaining", "4875"},
                               {"X-RateLimit-Reset", "1795179600"},
                               {"X-RateLimit-Resource", "core"}};

api_request listing(const std::string& since = "367") {
  return {query_shape::id_list, "token-1", {{"", since}}};
}

api_response judged(int32_t status, std::string body, http_headers headers = core_limits) {
  http_response response;
  response.status = status;
  response.headers = std::move(headers);
  response.body = std::move(body);
  return classify(listing(), std::move(response), listed_at).answer;
}

} // namespace

TEST_CASE("a listing tells ids, nulls and whether there are more", "[id_list]") {
  auto headers = core_limits;
  headers.emplace_back("Link", next_page);
  auto got = judged(200, two_repositories, headers);
  CHECK(got.result == outcome::ok);
  REQUIRE(got.fields.size() == 1);
  CHECK(got.fields[0].error == field_error::none);
  CHECK(got.fields[0].ids == std::vector<repo_id>{368, 0, 1'377'241'024});
  CHECK(got.fields[0].has_next_page);
  CHECK(got.limits == rate_limit{true, true, 5000, 4875, -1, timestamp{1795179600s}});
}

TEST_CASE("the last listing names no next one", "[id_list]") {
  auto headers = core_limits;
  headers.emplace_back("Link", R"(<https://api.github.com/repositories{?since}>; rel="first")");
  CHECK_FALSE(judged(200, two_repositories, headers).fields.at(0).has_next_page);
  auto empty = judged(200, "[]");
  CHECK(empty.result == outcome::ok);
  CHECK(empty.fields.at(0).ids.empty());
  CHECK_FALSE(empty.fields[0].has_next_page);
}

TEST_CASE("what is no list of repositories is not taken for an empty one", "[id_list]") {
  auto body =
      GENERATE(as<std::string>{}, "", "{}", "[1]", "[{}]", R"([{"id":"368"}])", R"([{"id":null}])",
               R"([{"id":367}])", R"([{"id":-1}])", R"([{"id":369},{"id":368}])", R"([{"id":368})",
               "<html></html>", R"([{"id":99999999999999999999}])");
  CAPTURE(body);
  auto got = judged(200, body);
  CHECK(got.result == outcome::malformed);
  CHECK(got.fields.empty());
}

TEST_CASE("REST's ways to say no are known where ids are listed", "[id_list]") {
  // Fact sheet 2.4: recorded 2026-02.
  auto spent = judged(
      403,
      R"({"message":"API rate limit exceeded for user ID 90196448. If you reach out to GitHub )"
      R"(Support for help, please include the request ID BB68:18C382:B72714:A6C9AF:699339ED )"
      R"(and timestamp 2026-02-16 15:38:21 UTC.","documentation_url":"https://docs.github.com)"
      R"(/en/rest/using-the-rest-api/getting-started-with-the-rest-api#rate-limiting"})",
      {{"x-ratelimit-limit", "5000"},
       {"x-ratelimit-remaining", "0"},
       {"x-ratelimit-reset", "1795179600"}});
  CHECK(spent.result == outcome::primary_limit);
  CHECK(spent.limits.remaining == 0);
  // Fact sheet 4.
  auto secondary =
      R"({"documentation_url":"https://docs.github.com/free-pro-team@latest/rest/overview/)"
      R"(rate-limits-for-the-rest-api#about-secondary-rate-limits","message":"You have exceeded a )"
      R"(secondary rate limit. Please wait a few minutes before you try again."})";
  CHECK(judged(403, secondary).result == outcome::secondary_limit);
  CHECK(judged(429, secondary).result == outcome::secondary_limit);
  auto retry = judged(403, "{}", {{"Retry-After", "60"}});
  CHECK(retry.result == outcome::secondary_limit);
  CHECK(retry.retry_after == 60s);
  CHECK(judged(401, R"({"message":"Bad credentials","documentation_url":"https://docs.github.com/)"
                    R"(rest","status":"401"})")
            .result == outcome::unauthorized);
  CHECK(judged(403, "Request forbidden by administrative rules.").result == outcome::forbidden);
  CHECK(judged(502, "<html>\r\n<head><title>502 Bad Gateway</title></head>", {}).result ==
        outcome::timeout);
  CHECK(judged(503, "", {}).result == outcome::server_error);
  CHECK(judged(422, R"({"message":"Validation Failed"})").result == outcome::rejected);
  http_response lost;
  lost.failure = http_failure::lost;
  CHECK(classify(listing(), std::move(lost), listed_at).answer.result == outcome::network);
}

TEST_CASE("a server that cannot list says so for the one field", "[id_list]") {
  auto got = judged(404, R"({"message":"Not Found","documentation_url":"https://docs.github.com/)"
                         R"(rest","status":"404"})");
  CHECK(got.result == outcome::partial);
  REQUIRE(got.fields.size() == 1);
  CHECK(got.fields[0].error == field_error::not_found);
  CHECK(got.limits.remaining == 4875);
}

TEST_CASE("a listing is a GET below the root of REST", "[id_list]") {
  test::fake_github github;
  github.query({{200, two_repositories,
                 "Link: " + next_page +
                     "\r\nX-RateLimit-Limit: 5000\r\n"
                     "X-RateLimit-Remaining: 4999\r\nX-RateLimit-Reset: 1800000600\r\n"}});
  net::github_client client{github.options()};
  auto request = listing();
  request.identify = true; // REST cannot tell, and is not asked
  auto got = ask(client, request);
  CHECK(got.result == outcome::ok);
  CHECK(got.fields.at(0).ids.size() == 3);
  CHECK(got.limits.remaining == 4999);
  auto seen = github.queries();
  REQUIRE(seen.size() == 1);
  CHECK(seen[0].method == "GET");
  CHECK(seen[0].target == "/api/v3/repositories?since=367");
  CHECK(seen[0].body.empty());
  CHECK(seen[0].header("Authorization") == "Bearer ghp_0123456789abcdefghij");
  CHECK(seen[0].header("User-Agent") == "gitstar");
  CHECK(seen[0].header("X-GitHub-Api-Version") == "2022-11-28");
}

TEST_CASE("listings are answered when the client stops", "[id_list]") {
  scripted_server server{[](session& peer, int) { peer.wait_for_close(); }};
  net::github_client_options options;
  options.graphql_url = server.url("/graphql");
  options.rest_url = server.url("/api/v3");
  options.tokens = {{"token-1", "ghp_0123456789abcdefghij"}};
  net::github_client client{options};
  std::atomic<int> answers = 0;
  for (int i = 0; i < 3; ++i)
    client.async_query(listing(), [&](const api_response& got) {
      CHECK(got.result == outcome::network);
      ++answers;
    });
  client.stop();
  CHECK(answers == 3);
}
