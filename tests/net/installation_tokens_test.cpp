#include "net/installation_tokens.hpp"

#include "messages/time_text.hpp"
#include "tests/net/fake_github.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

#include <map>

#include <openssl/evp.h>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;
using net::github_client;

namespace {

const std::string good_count = R"({"data":{"f0":{"repositoryCount":7}}})";
const std::string bad_credentials =
    R"({"message":"Bad credentials","documentation_url":"https://docs.github.com/graphql"})";

timestamp seconds_of(const manual_clock& clock) {
  return std::chrono::floor<std::chrono::seconds>(clock.now());
}

/// GitHub's answer to a request for a token that lives an hour.
canned minted(const fake_github& github, const std::string& token,
              std::chrono::minutes life = 60min) {
  return {201, R"({"token":")" + token + R"(","expires_at":")" +
                   to_utc_text(seconds_of(*github.clock) + life) +
                   R"(","permissions":{},"repository_selection":"all"})"};
}

/// A `Date` header that is off by `skew`.
std::string date_header(timestamp time) {
  auto clock = std::chrono::system_clock::to_time_t(time);
  char text[64];
  std::strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", std::gmtime(&clock));
  return text;
}

/// The claims of the JWT that a request carries.
boost::json::object claims_of(const seen_request& seen) {
  auto jwt = seen.header("Authorization").substr(std::string{"Bearer "}.size());
  auto text = jwt.substr(jwt.find('.') + 1);
  text.resize(text.find('.'));
  text.append((4 - text.size() % 4) % 4, '=');
  std::string bytes(text.size() / 4 * 3, '\0');
  EVP_DecodeBlock(reinterpret_cast<unsigned char*>(bytes.data()),
                  reinterpret_cast<const unsigned char*>(text.data()),
                  static_cast<int>(text.size()));
  bytes.resize(bytes.rfind('}') + 1);
  return boost::json::parse(bytes).as_object();
}

api_request count_of(const std::string& credential = "app-2") {
  return {query_shape::search_count, credential, {{"stars:>=10", ""}}};
}

std::string bearer(const seen_request& seen) { return seen.header("Authorization"); }

} // namespace

// -- minting --------------------------------------------------------------------------------------

TEST_CASE("a token is minted for the first query of an installation", "[app_tokens]") {
  fake_github github;
  std::string token = "ghs_1234_" + std::string(250, 'e') + "." + std::string(255, 'y') + "._-x";
  github.mint({minted(github, token)});
  github.query({{200, good_count}});
  github_client client{github.options()};
  CHECK(ask(client, count_of()).result == outcome::ok);
  CHECK(ask(client, count_of()).result == outcome::ok);
  auto mints = github.mints();
  REQUIRE(mints.size() == 1);
  CHECK(mints[0].method == "POST");
  CHECK(mints[0].target == "/api/v3/app/installations/5678/access_tokens");
  CHECK(mints[0].header("User-Agent") == "gitstar");
  CHECK(mints[0].header("Accept") == "application/vnd.github+json");
  CHECK(mints[0].header("X-GitHub-Api-Version") == "2022-11-28");
  auto claims = claims_of(mints[0]);
  auto issued_at = seconds_of(*github.clock).time_since_epoch().count() - 60;
  CHECK(claims["iss"] == "1234");
  CHECK(claims["iat"] == issued_at);
  CHECK(claims["exp"] == issued_at + 540);
  auto queries = github.queries();
  REQUIRE(queries.size() == 2);
  CHECK(bearer(queries[0]) == "Bearer " + token);
  CHECK(bearer(queries[1]) == "Bearer " + token);
}

TEST_CASE("a token is replaced five minutes before it expires", "[app_tokens]") {
  fake_github github;
  auto life = GENERATE(60min, 600min, 6min);
  auto use = std::min<std::chrono::minutes>(life > 10min ? life - 5min : life / 2, 55min);
  github.mint({minted(github, "ghs_first", life), minted(github, "ghs_second", 1200min)});
  github.query({{200, good_count}});
  github_client client{github.options()};
  ask(client, count_of());
  github.clock->advance(use - 1s);
  ask(client, count_of());
  CHECK(github.mints().size() == 1);
  github.clock->advance(1s);
  ask(client, count_of());
  CHECK(github.mints().size() == 2);
  CHECK(bearer(github.queries()[2]) == "Bearer ghs_second");
}

TEST_CASE("all queries that wait for a token are served by one request", "[app_tokens]") {
  fake_github github;
  github.mint({minted(github, "ghs_first")});
  github.query({{200, good_count}});
  std::promise<void> release;
  github.hold_mints(release.get_future().share());
  github_client client{github.options()};
  std::vector<std::promise<outcome>> answers(6);
  for (auto& answer : answers)
    client.async_query(count_of(),
                       [&answer](const api_response& got) { answer.set_value(got.result); });
  release.set_value();
  for (auto& answer : answers)
    CHECK(answer.get_future().get() == outcome::ok);
  CHECK(github.mints().size() == 1);
  CHECK(github.queries().size() == 6);
}

TEST_CASE("each installation has its own token", "[app_tokens]") {
  fake_github github;
  github.mint({minted(github, "ghs_first"), minted(github, "ghs_second")});
  github.query({{200, good_count}});
  auto options = github.options();
  options.apps["app-3"] = {"1234", 9999, config::secret{rsa_key_pem(key_form::pkcs8)}};
  github_client client{options};
  ask(client, count_of("app-2"));
  ask(client, count_of("app-3"));
  CHECK(github.mints()[1].target == "/api/v3/app/installations/9999/access_tokens");
  CHECK(bearer(github.queries()[1]) == "Bearer ghs_second");
}

// -- clocks ---------------------------------------------------------------------------------------

TEST_CASE("a clock that is off is corrected by GitHub's and remembered", "[app_tokens]") {
  fake_github github;
  auto skew = GENERATE(-600s, 600s);
  auto there = seconds_of(*github.clock) + skew;
  auto message = skew < 0s ? "'Issued at' claim ('iat') must be an Integer representing the time "
                             "that the assertion was issued"
                           : "'Expiration time' claim ('exp') must be a numeric value representing "
                             "the future time at which the assertion expires";
  auto token = [&](const std::string& name) {
    return canned{
        201, R"({"token":")" + name + R"(","expires_at":")" + to_utc_text(there + 60min) + R"("})",
        date_header(there)};
  };
  github.mint({{401, std::string{R"({"message":")"} + message + R"("})", date_header(there)},
               token("ghs_first"),
               token("ghs_second")});
  github.query({{200, good_count}});
  github_client client{github.options()};
  CHECK(ask(client, count_of()).result == outcome::ok);
  auto issued_at = [&](size_t i) { return claims_of(github.mints()[i])["iat"].as_int64(); };
  REQUIRE(github.mints().size() == 2);
  CHECK(issued_at(1) == there.time_since_epoch().count() - 60);
  // The hour counts from GitHub's now.
  github.clock->advance(55min - 1s);
  ask(client, count_of());
  CHECK(github.mints().size() == 2);
  github.clock->advance(1s);
  ask(client, count_of());
  REQUIRE(github.mints().size() == 3);
  CHECK(issued_at(2) == (there + 55min).time_since_epoch().count() - 60);
}

TEST_CASE("a JWT is signed again for its times only once", "[app_tokens]") {
  fake_github github;
  github.mint({{401, R"({"message":"'Expiration time' claim ('exp') is too far in the future"})",
                date_header(seconds_of(*github.clock))}});
  github_client client{github.options()};
  auto got = ask(client, count_of());
  CHECK(got.result == outcome::unauthorized);
  CHECK(got.message == "no token for app-2: GitHub does not accept the private key of App 1234: "
                       "HTTP 401: 'Expiration time' claim ('exp') is too far in the future");
  CHECK(github.mints().size() == 2);
  CHECK(github.queries().empty());
}

// -- tokens that GitHub refuses -------------------------------------------------------------------

TEST_CASE("a token that is not known everywhere yet is tried again", "[app_tokens]") {
  fake_github github;
  github.mint({minted(github, "ghs_first")});
  github.query(
      {{401, bad_credentials}, {401, bad_credentials}, {401, bad_credentials}, {200, good_count}});
  github_client client{github.options()};
  CHECK(ask(client, count_of()).result == outcome::ok);
  CHECK(github.clock->waits() == std::vector<std::chrono::milliseconds>{1s, 2s, 3s});
  CHECK(github.mints().size() == 1);
  for (auto& query : github.queries())
    CHECK(bearer(query) == "Bearer ghs_first");
}

TEST_CASE("an old token that is refused is replaced", "[app_tokens]") {
  fake_github github;
  github.mint({minted(github, "ghs_first"), minted(github, "ghs_second")});
  github.query({{200, good_count}, {401, bad_credentials}, {200, good_count}});
  github_client client{github.options()};
  ask(client, count_of());
  github.clock->advance(5s);
  CHECK(ask(client, count_of()).result == outcome::ok);
  CHECK(github.mints().size() == 2);
  auto queries = github.queries();
  REQUIRE(queries.size() == 3);
  CHECK(bearer(queries[1]) == "Bearer ghs_first");
  CHECK(bearer(queries[2]) == "Bearer ghs_second");
}

TEST_CASE("an installation whose tokens are all refused ends as unauthorized", "[app_tokens]") {
  fake_github github;
  github.mint({minted(github, "ghs_first"), minted(github, "ghs_second")});
  github.query({{401, bad_credentials}});
  github_client client{github.options()};
  auto got = ask(client, count_of());
  CHECK(got.result == outcome::unauthorized);
  CHECK(got.message == "HTTP 401: Bad credentials");
  CHECK(github.mints().size() == 2);
  CHECK(github.queries().size() == 8); // each token at once and after 1, 2 and 3 seconds
}

TEST_CASE("a personal token that is refused is not tried again", "[app_tokens]") {
  fake_github github;
  github.query({{401, bad_credentials}});
  github_client client{github.options()};
  CHECK(ask(client, count_of("token-1")).result == outcome::unauthorized);
  CHECK(github.queries().size() == 1);
  CHECK(github.mints().empty());
}

// -- GitHub mints nothing -------------------------------------------------------------------------

TEST_CASE("an installation that gets no token says whose fault it is", "[app_tokens]") {
  auto [answer, result, message] = GENERATE(table<canned, outcome, std::string>({
      {{401, R"({"message":"A JSON web token could not be decoded"})"},
       outcome::unauthorized,
       "GitHub does not accept the private key of App 1234: HTTP 401: A JSON web token could not "
       "be "
       "decoded"},
      {{403, R"({"message":"This installation has been suspended"})"},
       outcome::unauthorized,
       "installation 5678 may not be used: HTTP 403: This installation has been suspended"},
      {{403, R"({"message":"Resource not accessible by integration"})"},
       outcome::unauthorized,
       "installation 5678 may not be used: HTTP 403: Resource not accessible by integration"},
      {{404, R"({"message":"Not Found","status":"404"})"},
       outcome::unauthorized,
       "App 1234 has no installation 5678: HTTP 404: Not Found"},
      {{403, R"({"message":"You have exceeded a secondary rate limit."})", "Retry-After: 30\r\n"},
       outcome::secondary_limit,
       "HTTP 403: You have exceeded a secondary rate limit."},
      {{502, ""}, outcome::timeout, "HTTP 502"},
      {{500, ""}, outcome::server_error, "HTTP 500"},
      {{201, R"({"token":"ghs_secret"})"},
       outcome::malformed,
       "the answer has no token with a time of expiry"},
      {{201, "ghs_secret"}, outcome::malformed, "the answer has no token with a time of expiry"},
      {{200, good_count}, outcome::malformed, "the answer has no token with a time of expiry"},
  }));
  fake_github github;
  github.mint({answer});
  github_client client{github.options()};
  auto got = ask(client, count_of());
  CHECK(got.result == result);
  CHECK(got.message == "no token for app-2: " + message);
  CHECK(got.retry_after.value_or(0s) == (answer.headers.empty() ? 0s : 30s));
  CHECK_FALSE(got.limits.known);
  CHECK(github.queries().empty());
}

TEST_CASE("a spent budget of the REST API is waited for as its reset says", "[app_tokens]") {
  fake_github github;
  auto reset = (seconds_of(*github.clock) + 90s).time_since_epoch().count();
  github.mint({{403, R"({"message":"API rate limit exceeded for installation ID 5678."})",
                "X-RateLimit-Limit: 5000\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Reset: " +
                    std::to_string(reset) + "\r\n"}});
  github_client client{github.options()};
  auto got = ask(client, count_of());
  CHECK(got.result == outcome::secondary_limit); // the budget of queries is another one
  CHECK(got.retry_after == 90s);
  CHECK_FALSE(got.limits.known);
}

TEST_CASE("a host that mints no tokens because it is away is a network's failure", "[app_tokens]") {
  fake_github github;
  auto options = github.options();
  options.rest_url = "http://127.0.0.1:" + std::to_string(unused_port());
  github_client client{options};
  auto got = ask(client, count_of());
  CHECK(got.result == outcome::network);
  CHECK_THAT(got.message, Catch::StartsWith("no token for app-2: cannot connect to 127.0.0.1"));
}

TEST_CASE("while GitHub mints nothing an older token is used to its end", "[app_tokens]") {
  fake_github github;
  github.mint({minted(github, "ghs_first"), {503, ""}, {503, ""}, {503, ""}});
  github.query({{200, good_count}});
  github_client client{github.options()};
  ask(client, count_of());
  github.clock->advance(55min);
  CHECK(ask(client, count_of()).result == outcome::ok);
  CHECK(ask(client, count_of()).result == outcome::ok);
  CHECK(github.mints().size() == 2); // not asked for with every query
  github.clock->advance(30s);
  CHECK(ask(client, count_of()).result == outcome::ok);
  CHECK(github.mints().size() == 3);
  github.clock->advance(5min);
  CHECK(ask(client, count_of()).result == outcome::server_error);
}

TEST_CASE("a private key that cannot be read is refused at once", "[app_tokens]") {
  fake_github github;
  auto options = github.options();
  options.apps["app-2"].private_key = config::secret{"-----BEGIN RSA PRIVATE KEY-----"};
  CHECK_THROWS_WITH(github_client{options}, "the private key of app-2 cannot be read");
}

// -- secrets and ends -----------------------------------------------------------------------------

TEST_CASE("neither tokens nor JWTs nor keys come back in a text", "[app_tokens]") {
  fake_github github;
  std::string token = "ghs_1234_" + std::string(500, 'e');
  auto key_line = rsa_key_pem().substr(40, 100);
  github.mint({minted(github, token)});
  github.on_query([&](const seen_request& seen) {
    return canned{500, "you sent " + bearer(seen).substr(7, 350) + " and " + key_line};
  });
  github_client client{github.options()};
  auto got = ask(client, count_of());
  CHECK(got.result == outcome::server_error);
  CHECK(got.message.find("eeee") == std::string::npos);
  CHECK(got.message.find(rsa_key_pem().substr(70, 20)) == std::string::npos);
  CHECK_THAT(got.message, Catch::StartsWith("HTTP 500: you sent ***"));

  fake_github echo;
  echo.mint({{500, "x"}});
  github_client second{echo.options()};
  ask(second, count_of());
  auto jwt = bearer(echo.mints()[0]).substr(7);
  echo.mint({{403, R"({"message":"not )" + jwt + R"("})"}});
  auto refused = ask(second, count_of());
  CHECK_THAT(refused.message, Catch::EndsWith("HTTP 403: not ***"));
}

TEST_CASE("stopping answers what waits for a token", "[app_tokens]") {
  fake_github github;
  std::promise<void> release;
  github.hold_mints(release.get_future().share());
  github_client client{github.options()};
  std::promise<api_response> answer;
  client.async_query(count_of(), [&](api_response got) { answer.set_value(std::move(got)); });
  client.stop();
  auto got = answer.get_future().get();
  CHECK(got.result == outcome::network);
  CHECK(got.message == "no token for app-2: stopped");
  release.set_value();
}

TEST_CASE("stopping ends the wait for a young token", "[app_tokens]") {
  fake_github github;
  std::promise<void> refused;
  auto options = github.options();
  auto expiry = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()) + 60min;
  github.mint({{201, R"({"token":"ghs_first","expires_at":")" + to_utc_text(expiry) + R"("})"}});
  github.on_query([&](const seen_request&) {
    refused.set_value();
    return canned{401, bad_credentials};
  });
  options.time = nullptr; // the system's
  github_client client{options};
  std::promise<api_response> answer;
  client.async_query(count_of(), [&](api_response got) { answer.set_value(std::move(got)); });
  refused.get_future().wait();
  client.stop();
  CHECK(answer.get_future().get().result == outcome::network);
}
