#include "tools/sim/credentials.hpp"

#include "tests/sim/fixture.hpp"

#include <catch2/catch.hpp>

#include <openssl/evp.h>
#include <openssl/pem.h>

#include <filesystem>
#include <fstream>
#include <unistd.h>

using namespace gitstar::sim;
using namespace std::chrono_literals;
using test::header;
namespace json = boost::json;

namespace {

constexpr const char* viewer_query = "{viewer{databaseId login}}";
constexpr const char* budget_query = "{rateLimit{remaining}}";

/// The key of an App; one for all tests, because they take long to make.
EVP_PKEY* app_key() {
  static auto key = EVP_RSA_gen(2048);
  return key;
}

std::string public_pem() {
  auto bio = BIO_new(BIO_s_mem());
  PEM_write_bio_PUBKEY(bio, app_key());
  char* text = nullptr;
  auto size = BIO_get_mem_data(bio, &text);
  std::string out{text, static_cast<size_t>(size)};
  BIO_free(bio);
  return out;
}

std::string sign(const std::string& text, EVP_PKEY* key) {
  auto context = EVP_MD_CTX_new();
  EVP_DigestSignInit(context, nullptr, EVP_sha256(), nullptr, key);
  size_t size = 0;
  auto bytes = reinterpret_cast<const unsigned char*>(text.data());
  EVP_DigestSign(context, nullptr, &size, bytes, text.size());
  std::string out(size, '\0');
  EVP_DigestSign(context, reinterpret_cast<unsigned char*>(out.data()), &size, bytes, text.size());
  EVP_MD_CTX_free(context);
  return out;
}

std::string jwt(const json::value& claims, const char* algorithm = "RS256",
                EVP_PKEY* key = app_key()) {
  auto text = base64url_encode(json::serialize(json::object{{"alg", algorithm}, {"typ", "JWT"}})) +
              "." + base64url_encode(json::serialize(claims));
  return text + "." + base64url_encode(sign(text, key));
}

github_config with(credentials_config credentials) {
  github_config out;
  out.credentials = std::move(credentials);
  return out;
}

github_config one_app() {
  app_config app;
  app.id = 1234;
  app.client_id = "Iv1.abc";
  app.slug = "my-app";
  app.public_key_pem = public_pem();
  app.replication_ms = 500;
  app.installations.push_back({5678, "", 12'500, 300, 60, false});
  app.installations.push_back({9999, "away", {}, {}, {}, true});
  credentials_config out;
  out.apps.push_back(std::move(app));
  return with(std::move(out));
}

http_answer ask_app(test::site& sim, const char* method, const std::string& target,
                    const std::string& token) {
  auto request = sim.request(method, target);
  request.authorization = "Bearer " + token;
  return sim.send(request);
}

constexpr const char* mint = "/app/installations/5678/access_tokens";

/// Claims as a careful client makes them.
json::object claims(int64_t issued = -60, int64_t expires = 540) {
  return {{"iss", "1234"}, {"iat", 1'800'000'000 + issued}, {"exp", 1'800'000'000 + expires}};
}

std::string error_message(const http_answer& answer) {
  return json::value_to<std::string>(json::parse(answer.body).at("message"));
}

} // namespace

TEST_CASE("tokens of one user share one budget", "[sim]") {
  credentials_config known;
  known.tokens.push_back({"a", "ghp_a", account_identity{7, "ada"}, {}, 100, 50, 60, {}});
  known.tokens.push_back({"b", "ghp_b", account_identity{7, "ada"}, {}, {}, {}, {}, {}});
  known.tokens.push_back({"c", "ghp_c", account_identity{8, "bob"}, {}, {}, {}, {}, {}});
  test::site sim{make_synthetic(100, 1), with(known)};
  auto remaining = [&](const char* token) {
    sim.token = token;
    return header(sim.post(budget_query), "X-RateLimit-Remaining");
  };
  CHECK(remaining("ghp_a") == "49");
  CHECK(remaining("ghp_b") == "48");
  CHECK(remaining("ghp_c") == "4999");
  CHECK(header(sim.post(budget_query), "X-RateLimit-Limit") == "5000");
  sim.advance(60s);
  CHECK(remaining("ghp_a") == "99"); // a window of a minute
  sim.token = "ghp_b";
  CHECK(sim.post(viewer_query).body == R"({"data":{"viewer":{"databaseId":7,"login":"ada"}}})");
  CHECK(json::serialize(sim.stats().at("credentials").at(0)) ==
        R"({"name":"a","requests":2,"points":2,"violations":{"total":0,"ban":0,"exhausted":0,)"
        R"("secondary":0,"invalid_document":0}})");
  sim.token = "ghp_stranger";
  CHECK(sim.post(viewer_query).status == 401);
}

TEST_CASE("a ban concerns all tokens of the user and nobody else", "[sim]") {
  credentials_config known;
  known.tokens.push_back({"a", "ghp_a", account_identity{7, "ada"}, {}, {}, {}, {}, {}});
  known.tokens.push_back({"b", "ghp_b", account_identity{7, "ada"}, {}, {}, {}, {}, {}});
  known.tokens.push_back({"c", "ghp_c", account_identity{8, "bob"}, {}, {}, {}, {}, {}});
  test::site sim{make_synthetic(100, 1), with(known)};
  sim.set_faults("  - { fault: secondary_limit_403, credential: a, times: 1, retry_after: 5 }\n");
  auto status = [&](const char* token) {
    sim.token = token;
    return sim.post(viewer_query).status;
  };
  CHECK(status("ghp_a") == 403);
  sim.advance(1s);
  CHECK(status("ghp_b") == 403);
  CHECK(status("ghp_c") == 200);
  CHECK(sim.stats().at("credentials").at(1).at("violations").at("ban") == 1);
  CHECK(sim.violation("total") == 1);
}

TEST_CASE("a token is revoked after so many requests", "[sim]") {
  credentials_config known;
  known.tokens.push_back({"", "ghp_a", {}, {}, {}, {}, {}, 3});
  test::site sim{make_synthetic(100, 1), with(known)};
  sim.token = "ghp_a";
  for (auto i = 0; i < 3; ++i)
    CHECK(sim.post(viewer_query).status == 200);
  CHECK(sim.post(viewer_query).status == 401);
  CHECK(sim.stats().at("unauthorized") == 1);
}

TEST_CASE("the window of the points can be shortened for all", "[sim]") {
  github_config config;
  config.window_seconds = 10;
  test::site sim{make_synthetic(100, 1), config};
  CHECK(header(sim.post(budget_query), "X-RateLimit-Reset") == "1800000010");
  sim.advance(10s);
  CHECK(header(sim.post(budget_query), "X-RateLimit-Remaining") == "4999");
}

TEST_CASE("no statistics name a token", "[sim]") {
  test::site sim{100};
  sim.token = "ghp_secret";
  sim.post(viewer_query);
  sim.set_faults("  - { fault: bad_credentials }\n");
  sim.post(viewer_query);
  for (auto page : {"/_sim/stats", "/_sim/pages.csv", "/_sim/changes.csv"})
    CHECK(sim.text(page).find("ghp_secret") == std::string::npos);
}

TEST_CASE("a JWT buys a token of an installation", "[sim]") {
  test::site sim{make_synthetic(100, 1), one_app()};
  for (auto issuer : {"\"1234\"", "1234", "\"Iv1.abc\""}) {
    auto signed_claims = claims();
    signed_claims["iss"] = json::parse(issuer);
    CHECK(ask_app(sim, "POST", mint, jwt(signed_claims)).status == 201);
  }
  auto answer = ask_app(sim, "POST", mint, jwt(claims()));
  REQUIRE(answer.status == 201);
  CHECK(header(answer, "Date") == "Fri, 15 Jan 2027 08:00:00 GMT");
  auto body = json::parse(answer.body);
  CHECK(body.at("expires_at") == "2027-01-15T09:00:00Z");
  sim.token = json::value_to<std::string>(body.at("token"));
  CHECK(sim.token.starts_with("ghs_1234_"));
  CHECK(sim.token.size() > 480);
  CHECK(sim.token.size() < 560);
  for (auto sign : {'.', '-', '_'})
    CHECK(sim.token.find(sign) != std::string::npos);
  CHECK(sim.post(viewer_query).status == 401); // not everywhere yet
  sim.advance(500ms);
  auto first = sim.post(viewer_query);
  CHECK(json::parse(first.body).at("data").at("viewer").at("login") == "my-app[bot]");
  CHECK(header(first, "X-RateLimit-Limit") == "12500");
  CHECK(header(first, "X-RateLimit-Remaining") == "299");
  sim.advance(1h);
  CHECK(sim.post(viewer_query).status == 401); // expired
  CHECK(sim.stats().at("credentials").at(0).at("name") == "installation-5678");
}

TEST_CASE("a JWT is refused as GitHub refuses it", "[sim]") {
  test::site sim{make_synthetic(100, 1), one_app()};
  constexpr auto far = "'Expiration time' claim ('exp') is too far in the future";
  constexpr auto future = "'Expiration time' claim ('exp') must be a numeric value representing "
                          "the future time at which the assertion expires";
  constexpr auto issued = "'Issued at' claim ('iat') must be an Integer representing the time that "
                          "the assertion was issued";
  constexpr auto decoded = "A JSON web token could not be decoded";
  auto text_exp = claims();
  text_exp["exp"] = "soon";
  auto no_exp = claims();
  no_exp.erase("exp");
  auto no_iat = claims();
  no_iat.erase("iat");
  auto stranger = claims();
  stranger["iss"] = "4321";
  static auto other_key = EVP_RSA_gen(2048);
  struct refusal {
    std::string token;
    int status;
    std::string why;
  };
  const refusal table[] = {
      {jwt(claims(-60, 601)), 401, far},
      {jwt(claims(-60, 0)), 401, future},
      {jwt(text_exp), 401, future},
      {jwt(no_exp), 401, future},
      {jwt(claims(61, 540)), 401, issued},
      {jwt(no_iat), 401, issued},
      {jwt(claims(), "HS256"), 401, decoded},
      {jwt(claims(), "RS256", other_key), 401, decoded},
      {"nonsense", 401, decoded},
      {"a.b.c", 401, decoded},
      {jwt(stranger), 404, "Integration not found"},
  };
  for (const auto& [token, status, why] : table) {
    INFO(why);
    auto answer = ask_app(sim, "POST", mint, token);
    CHECK(answer.status == status);
    CHECK(error_message(answer) == why);
    CHECK_FALSE(header(answer, "Date").empty());
  }
  CHECK(ask_app(sim, "POST", mint, jwt(claims(60, 600))).status == 201);
  auto with_scheme = sim.request("POST", mint);
  with_scheme.authorization = "token " + jwt(claims());
  CHECK(sim.send(with_scheme).status == 401); // a JWT needs Bearer
}

TEST_CASE("a JWT is judged by the server's clock", "[sim]") {
  auto config = one_app();
  config.faults.clock_offset = 300;
  test::site sim{make_synthetic(100, 1), config};
  CHECK(ask_app(sim, "POST", mint, jwt(claims(-60, 300))).status == 401);
  CHECK(ask_app(sim, "POST", mint, jwt(claims(240, 840))).status == 201);
}

TEST_CASE("an installation may be unknown or suspended", "[sim]") {
  test::site sim{make_synthetic(100, 1), one_app()};
  auto token = jwt(claims());
  CHECK(ask_app(sim, "POST", "/app/installations/1/access_tokens", token).status == 404);
  CHECK(ask_app(sim, "POST", "/app/installations/9999/access_tokens", token).status == 403);
  CHECK(ask_app(sim, "GET", mint, token).status == 404);
  auto known = ask_app(sim, "GET", "/app/installations/5678", token);
  CHECK(json::parse(known.body).at("suspended_at").is_null());
  auto away = ask_app(sim, "GET", "/api/v3/app/installations/9999", token);
  CHECK(json::parse(away.body).at("suspended_at").is_string());
}

TEST_CASE("tokens and Apps are read from a file", "[sim]") {
  auto folder = std::filesystem::temp_directory_path() /
                ("gitstar-sim-credentials-" + std::to_string(getpid()));
  std::filesystem::create_directories(folder);
  auto path = folder / "tokens.yaml";
  auto read = [&](const std::string& yaml) {
    std::ofstream{path} << yaml;
    return read_credentials(path);
  };
  std::ofstream{folder / "app.pem"} << public_pem();
  auto got = read("tokens:\n"
                  "  - { token: ghp_a, name: a, user: { id: 7, login: ada }, limit: 100,\n"
                  "      remaining: 4, window_seconds: 60, revoked_after: 9 }\n"
                  "  - { token: x, kind: fine_grained }\n"
                  "apps:\n"
                  "  - id: 1\n"
                  "    client_id: Iv1.x\n"
                  "    slug: my-app\n"
                  "    public_key: app.pem\n"
                  "    token_seconds: 5\n"
                  "    replication_ms: 20\n"
                  "    installations: [{ id: 2, limit: 12500, suspended: true }]\n");
  REQUIRE(got.tokens.size() == 2);
  CHECK(got.tokens[0].name == "a");
  CHECK(got.tokens[0].user->login == "ada");
  CHECK(got.tokens[0].remaining == 4);
  CHECK(got.tokens[0].window_seconds == 60);
  CHECK(got.tokens[0].revoked_after == 9);
  CHECK(got.tokens[1].kind == credential_kind::fine_grained);
  REQUIRE(got.apps.size() == 1);
  CHECK(got.apps[0].public_key_pem == public_pem());
  CHECK(got.apps[0].token_seconds == 5);
  CHECK(got.apps[0].installations.at(0).limit == 12'500);
  CHECK(got.apps[0].installations.at(0).suspended);
  struct bad {
    const char* yaml;
    const char* why;
  };
  const bad table[] = {
      {"tokens: [{name: a}]", "tokens.yaml:1: 'token' is missing"},
      {"tokens:\n- {token: a, what: 1}", "tokens.yaml:2: 'what' is not known here"},
      {"tokens: [{token: a, kind: x}]", "'kind' must be classic"},
      {"apps: [{id: 1}]", "'public_key' is missing"},
      {"apps: [{id: 1, public_key: gone.pem}]", "gone.pem: No such file"},
      {"tokens: {}", "'tokens' must be a list"},
      {"", "neither 'tokens' nor 'apps'"},
      {"[", "tokens.yaml"},
  };
  for (const auto& [yaml, why] : table) {
    INFO(yaml);
    CHECK_THROWS_WITH(read(yaml), Catch::Contains(why));
  }
  std::filesystem::remove_all(folder);
}
