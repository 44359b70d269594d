#include "net/examine_credential.hpp"

#include "tests/net/fake_github.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::test;
using net::github_client;

namespace {

bool asks(const seen_request& seen, const std::string& text) {
  return seen.body.find(text) != std::string::npos;
}

const std::string budget_text = R"("rateLimit":)" + sample_rate_limit;

/// GitHub's answer to a query for a field that it has closed, as it was for `stargazers`.
canned closed(const std::string& path, const std::string& field) {
  return {200, R"({"data":{)" + path + R"(:{"repositoryCount":1,"pageInfo":{"endCursor":null,)" +
                   R"("hasNextPage":false},"nodes":[null]},)" + budget_text +
                   R"(},"errors":[{"type":"FORBIDDEN","path":[)" + path + R"(,"nodes",0,")" +
                   field + R"("],"message":"Resource not accessible by personal access token"}]})"};
}

api_request first_page(bool identify = false) {
  return {query_shape::search_page, "token-1", {{"stars:>=10", ""}}, identify};
}

std::string page_answer(const std::string& node, const std::string& more = "") {
  return R"({"data":{"f0":)" + sample_page(node) + "," + more + budget_text + "}}";
}

std::string node_without_issues() {
  auto node = sample_node();
  auto from = node.find("\"issues\"");
  return node.erase(from, node.find("\"watchers\"") - from);
}

} // namespace

// -- what the crawl does about a refused field ----------------------------------------------------

TEST_CASE("a field that GitHub refuses is left out, and the rest of each repository kept",
          "[refused_fields]") {
  fake_github github;
  github.on_query([](const seen_request& seen) {
    return asks(seen, "issues(") ? closed(R"("f0")", "issues")
                                 : canned{200, page_answer(node_without_issues())};
  });
  std::vector<std::string> told;
  auto options = github.options();
  options.on_refused_field = [&](const std::string& field, const std::string& reason) {
    told.push_back(field + " " + reason);
  };
  github_client client{options};
  for (int i = 0; i < 2; ++i) {
    auto got = ask(client, first_page());
    REQUIRE(got.result == outcome::ok);
    REQUIRE(got.fields[0].repositories.size() == 1);
    CHECK(got.fields[0].repositories[0].full_name == "freeCodeCamp/freeCodeCamp");
    CHECK(got.fields[0].repositories[0].watcher_count == 8480);
    CHECK_FALSE(got.fields[0].repositories[0].open_issue_count);
    CHECK(got.fields[0].null_count == 0);
  }
  CHECK(github.queries().size() == 3);
  CHECK(told == std::vector<std::string>{
                    "issues FORBIDDEN: Resource not accessible by personal access token"});
}

TEST_CASE("who asks is asked once more without asking who where GitHub refuses it",
          "[refused_fields]") {
  auto refusal = GENERATE(R"({"data":null,"errors":[{"type":"FORBIDDEN","path":["viewer"],)"
                          R"("message":"Resource not accessible by integration"}]})",
                          R"({"errors":[{"path":["query","viewer"],"extensions":{"code":)"
                          R"("undefinedField","fieldName":"viewer"},"message":"no such field"}]})");
  fake_github github;
  github.on_query([&](const seen_request& seen) {
    return asks(seen, "viewer") ? canned{200, refusal} : canned{200, page_answer(sample_node())};
  });
  github_client client{github.options()};
  auto got = ask(client, first_page(true));
  CHECK(got.result == outcome::ok);
  CHECK_FALSE(got.identity);
  CHECK(got.fields[0].repositories.size() == 1);
  CHECK(github.queries().size() == 2);
}

TEST_CASE("a query that asks who asks tells it", "[refused_fields]") {
  fake_github github;
  github.query(
      {{200, page_answer(sample_node(), R"("viewer":{"databaseId":583231,"login":"octocat"},)")}});
  github_client client{github.options()};
  auto got = ask(client, first_page(true));
  CHECK(got.identity == viewer{583231, "octocat"});
  CHECK(github.queries().size() == 1);
}

TEST_CASE("a refusal that is not about who asks is not asked again", "[refused_fields]") {
  fake_github github;
  github.query({{403, R"({"message":"Must have admin rights"})"}});
  github_client client{github.options()};
  CHECK(ask(client, first_page(true)).result == outcome::forbidden);
  CHECK(github.queries().size() == 1);
}

// -- what `check` asks ----------------------------------------------------------------------------

TEST_CASE("an examination names the user, the budget and the refused fields", "[examine]") {
  fake_github github;
  github.on_query([](const seen_request& seen) {
    if (asks(seen, "viewer"))
      return canned{
          200,
          R"({"data":{"search":{"nodes":[{"databaseId":1}]},"viewer":{"databaseId":583231,)"
          R"("login":"octocat"},)" +
              budget_text + "}}",
          "Date: Fri, 15 Jan 2027 08:01:40 GMT\r\n"};
    if (asks(seen, "watchers"))
      return closed(R"("search")", "watchers");
    if (asks(seen, "diskUsage"))
      return canned{200, R"({"errors":[{"extensions":{"code":"undefinedField","fieldName":)"
                         R"("diskUsage"},"message":"Field 'diskUsage' doesn't exist"}]})"};
    if (asks(seen, "pushedAt"))
      return canned{502, ""};
    return canned{200, R"({"data":{"search":{"nodes":[{}]},)" + budget_text + "}}"};
  });
  github_client client{github.options()};
  auto got = net::examine_credential(client, "token-1", true);
  CHECK(got.answer.result == outcome::ok);
  CHECK(got.answer.identity == viewer{583231, "octocat"});
  CHECK(got.answer.limits.remaining == 4984);
  CHECK(got.answer.server_clock_skew == std::chrono::seconds{100});
  REQUIRE(got.refused.size() == 2);
  CHECK(got.refused[0].name == "watchers");
  CHECK(got.refused[0].reason == "FORBIDDEN: Resource not accessible by personal access token");
  CHECK(got.refused[1].name == "diskUsage");
  CHECK(github.queries().size() == 8);
  for (auto& query : github.queries())
    CHECK(query.header("Authorization") == "Bearer ghp_0123456789abcdefghij");
}

TEST_CASE("a credential that does not work is asked nothing else", "[examine]") {
  fake_github github;
  github.query({{401, R"({"message":"Bad credentials"})"}});
  github_client client{github.options()};
  auto got = net::examine_credential(client, "token-1", true);
  CHECK(got.answer.result == outcome::unauthorized);
  CHECK(got.refused.empty());
  CHECK(github.queries().size() == 1);
}
