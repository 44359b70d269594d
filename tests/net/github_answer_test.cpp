#include "net/github_answer.hpp"

#include "tests/net/sample_answers.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::net;
using namespace gitstar::test;
using namespace std::chrono;

namespace {

github_answer parse_page(const std::string& nodes) {
  return parse_github_answer(R"({"data":{"f0":)" + sample_page(nodes) + "}}", 1);
}

/// A sample node with one piece of text exchanged.
std::string changed_node(const std::string& from, const std::string& to) {
  auto text = sample_node();
  auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

repository only_repository(const std::string& node) {
  auto answer = parse_page(node);
  CHECK(answer.problem == "");
  REQUIRE(answer.fields[0].answer.repositories.size() == 1);
  return answer.fields[0].answer.repositories[0];
}

} // namespace

TEST_CASE("every field of a repository is read", "[github_answer]") {
  repository expected;
  expected.repo_id = 28457823;
  expected.full_name = "freeCodeCamp/freeCodeCamp";
  expected.star_count = 412345;
  expected.fork_count = 39000;
  expected.open_issue_count = 181;
  expected.watcher_count = 8480;
  expected.language = std::string{"TypeScript"};
  expected.license = std::string{"bsd-3-clause"};
  expected.description = std::string{"Learn to code for free \xF0\x9F\x9A\x80."};
  expected.is_archived = true;
  expected.visibility = "public";
  expected.disk_usage_kb = 433210;
  expected.created_at = sys_days{2014y / 12 / 24} + 17h + 49min + 19s;
  expected.updated_at = sys_days{2026y / 10 / 1} + 1s;
  expected.pushed_at = timestamp{sys_days{2026y / 9 / 30} + 23h + 59min + 59s};
  CHECK(only_repository(sample_node()) == expected);
}

TEST_CASE("pages, counts and budget are read", "[github_answer]") {
  auto answer =
      parse_github_answer(R"({"data":{"f0":)" + sample_page(sample_node(), "12345678901") +
                              R"(,"f1":{"repositoryCount":0,"pageInfo":{"endCursor":null,)"
                              R"("hasNextPage":false},"nodes":[]},"rateLimit":)" +
                              sample_rate_limit + "}}",
                          2);
  CHECK(answer.problem == "");
  CHECK(answer.has_data);
  CHECK(answer.errors.empty());
  REQUIRE(answer.fields.size() == 2);
  CHECK(answer.fields[0].answer.match_count == 12345678901);
  CHECK(answer.fields[0].answer.end_cursor == "Y3Vyc29yOjEwMA==");
  CHECK(answer.fields[0].answer.has_next_page);
  CHECK(answer.fields[1].present);
  CHECK(answer.fields[1].has_nodes);
  CHECK(answer.fields[1].answer == field_answer{});
  CHECK(answer.rate_limit_state == github_answer::limit_state::present);
  CHECK(answer.limits.cost == 1);
  CHECK(answer.limits.limit == 5000);
  CHECK(answer.limits.remaining == 4984);
  CHECK(answer.limits.reset_at == sys_days{2020y / 11 / 29} + 14h + 26min + 15s);
}

TEST_CASE("what GitHub may leave out may be null", "[github_answer]") {
  for (auto [from, to] : std::vector<std::pair<std::string, std::string>>{
           {R"({"name":"TypeScript"})", "null"},
           {R"({"key":"bsd-3-clause"})", "null"},
           {R"({"totalCount":181})", "null"},
           {R"({"totalCount":181})", "{}"},
           {R"("issues":{"totalCount":181},)", ""},
           {R"({"totalCount":8480})", "null"},
           {R"("Learn to code for free \ud83d\ude80.")", "null"},
           {"433210", "null"},
           {R"("2026-09-30T23:59:59Z")", "null"}}) {
    CAPTURE(from);
    auto repo = only_repository(changed_node(from, to));
    CHECK((!repo.language || !repo.license || !repo.description || !repo.disk_usage_kb ||
           !repo.pushed_at || !repo.open_issue_count || !repo.watcher_count));
  }
}

TEST_CASE("the viewer is read where GitHub tells it", "[github_answer]") {
  auto identity = [](const std::string& viewer_text) {
    auto answer = parse_github_answer(
        R"({"data":{"f0":{"repositoryCount":1},"viewer":)" + viewer_text + "}}", 1);
    CHECK(answer.problem == "");
    return answer.identity;
  };
  CHECK(identity(R"({"databaseId":583231,"login":"octocat"})") == viewer{583231, "octocat"});
  CHECK_FALSE(identity("null"));
  CHECK_FALSE(identity(R"({"databaseId":null,"login":"octocat"})"));
  CHECK_FALSE(parse_page(sample_node()).identity);
}

TEST_CASE("null elements and those without a database id are counted, not kept",
          "[github_answer]") {
  auto answer = parse_page("null," + sample_node("7") + ",{}," + sample_node("null") + ",null," +
                           sample_node("8"));
  CHECK(answer.problem == "");
  CHECK(answer.fields[0].null_nodes == std::vector<uint32_t>{0, 2, 3, 4});
  REQUIRE(answer.fields[0].answer.repositories.size() == 2);
  CHECK(answer.fields[0].answer.repositories[1].repo_id == 8);
}

TEST_CASE("database ids have 64 bits", "[github_answer]") {
  CHECK(only_repository(sample_node("9007199254740993")).repo_id == 9007199254740993);
}

TEST_CASE("U+0000 is dropped, other control characters stay", "[github_answer]") {
  auto repo = only_repository(changed_node(R"(Learn to code)", R"(\u0000L\u0000earn\tto\u0001)"));
  CHECK(*repo.description == "Learn\tto\x01 for free \xF0\x9F\x9A\x80.");
  CHECK(*only_repository(changed_node("TypeScript", R"(\u0000)")).language == "");
}

TEST_CASE("text that is no text costs one character, not the page", "[github_answer]") {
  auto [bad, good] = GENERATE(table<std::string, std::string>({
      {"a\xFF", "a\xEF\xBF\xBD"},
      {"a\xC0\xAF", "a\xEF\xBF\xBD\xEF\xBF\xBD"},
      {"\xED\xA0\x80", "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD"},
      {R"(\ud83d.)", "\xEF\xBF\xBD."},
      {R"(\ude00\ud83d)", "\xEF\xBF\xBD\xEF\xBF\xBD"},
      {R"(\ud83d\ude00\\ud83d \")"
       "\xFF",
       "\xF0\x9F\x98\x80\\ud83d \"\xEF\xBF\xBD"},
      {"a\x01"
       "b",
       "a b"},
      {"\xE2\x82", "\xEF\xBF\xBD\xEF\xBF\xBD"},
  }));
  CAPTURE(bad);
  CHECK(
      *only_repository(changed_node(R"(Learn to code for free \ud83d\ude80.)", bad)).description ==
      good);
}

TEST_CASE("unknown keys are skipped with all that is in them", "[github_answer]") {
  auto answer = parse_github_answer(
      R"({"extensions":{"warnings":[{"type":"DEPRECATION","data":{"f0":null,"nodes":[1,[2]]}}]},)"
      R"("data":{"x":[{"f0":1}],"f9":7,"f":1,"f0x":2,"f0":{"new":{"nodes":[{}]},"nodes":[],)"
      R"("repositoryCount":5,"edges":[1.5,true,null,"x",18446744073709551615]}}})",
      1);
  CHECK(answer.problem == "");
  CHECK(answer.fields[0].answer.match_count == 5);
}

TEST_CASE("errors are read wherever they stand", "[github_answer]") {
  std::string errors =
      R"("errors":[{"type":"NOT_FOUND","path":["f0","nodes",3,"x"],)"
      R"("locations":[{"line":1,"column":3}],"message":"gone"},)"
      R"({"message":"bad","extensions":{"code":"undefinedField","more":{"code":1}}},)"
      R"({"type":null,"path":null,"message":"odd","code":"graphql_rate_limit"}])";
  std::string data = R"("data":{"f0":{"repositoryCount":1}})";
  auto text = GENERATE_REF("{" + data + "," + errors + "}", "{" + errors + "," + data + "}");
  auto answer = parse_github_answer(text, 1);
  CHECK(answer.problem == "");
  CHECK(answer.fields[0].has_count);
  REQUIRE(answer.errors.size() == 3);
  CHECK(answer.errors[0] ==
        graphql_error{"NOT_FOUND", "", "gone", {"f0", "nodes", "3", "x"}, true, ""});
  CHECK(answer.errors[1] == graphql_error{"", "undefinedField", "bad", {}, false, ""});
  CHECK(answer.errors[2] == graphql_error{"", "graphql_rate_limit", "odd", {}, false, ""});
}

TEST_CASE("data may be null, \"null\" or missing", "[github_answer]") {
  for (auto body : {R"({"data":null})", R"({"data":"null"})", R"({"message":"Bad credentials"})",
                    R"({"data":{"f0":null,"rateLimit":null}})", "{}"}) {
    CAPTURE(body);
    auto answer = parse_github_answer(body, 1);
    CHECK(answer.problem == "");
    CHECK(answer.is_json);
    CHECK_FALSE(answer.fields[0].present);
  }
  CHECK(parse_github_answer(R"({"data":{"rateLimit":null}})", 0).rate_limit_state ==
        github_answer::limit_state::null);
}

TEST_CASE("a wrong type is named with its place", "[github_answer]") {
  auto [body, problem] = GENERATE(table<std::string, std::string>({
      {R"({"data":5})", "data must not be a number"},
      {R"({"data":[]})", "data must not be an array"},
      {R"({"data":"x"})", "data must not be a text"},
      {R"({"data":{"f0":true}})", "data.f0 must not be a boolean"},
      {R"({"data":{"f0":{"repositoryCount":"5"}}})", "data.f0.repositoryCount must not be a text"},
      {R"({"data":{"f0":{"repositoryCount":1.5}}})",
       "data.f0.repositoryCount must not be a fraction"},
      {R"({"data":{"f0":{"repositoryCount":-1}}})", "data.f0.repositoryCount is out of range"},
      {R"({"data":{"f0":{"nodes":[{"databaseId":-1}]}}})",
       "data.f0.nodes[0].databaseId is out of range"},
      {R"({"data":{"f0":{"nodes":[{"nameWithOwner":"name"}]}}})",
       "data.f0.nodes[0].nameWithOwner is no name like owner/name"},
      {R"({"data":{"f0":{"nodes":[{"nameWithOwner":"owner/"}]}}})",
       "data.f0.nodes[0].nameWithOwner is no name like owner/name"},
      {R"({"data":{"f0":{"nodes":[{"nameWithOwner":"/name"}]}}})",
       "data.f0.nodes[0].nameWithOwner is no name like owner/name"},
      {R"({"data":{"f0":{"repositoryCount":null}}})", "data.f0.repositoryCount must not be null"},
      {R"({"data":{"f0":{"pageInfo":{"hasNextPage":1}}}})",
       "data.f0.pageInfo.hasNextPage must not be a number"},
      {R"({"data":{"f0":{"nodes":{}}}})", "data.f0.nodes must not be an object"},
      {R"({"data":{"f0":{"nodes":[null,7]}}})", "data.f0.nodes[1] must not be a number"},
      {R"({"data":{"rateLimit":{"resetAt":"soon"}}})",
       "data.rateLimit.resetAt is no time like 2014-03-09T05:10:10Z"},
      {R"({"errors":"x"})", "errors must not be a text"},
      {R"({"errors":[{"message":{}}]})", "errors.message must not be an object"},
  }));
  auto answer = parse_github_answer(body, 1);
  CHECK(answer.is_json);
  CHECK(answer.problem == problem);
}

TEST_CASE("a wrong value in a repository is named with its place", "[github_answer]") {
  auto [from, to, problem] = GENERATE(table<std::string, std::string, std::string>({
      {"412345", "\"412345\"", "stargazerCount must not be a text"},
      {"412345", "2147483648", "stargazerCount is out of range"},
      {"412345", "-1", "stargazerCount is out of range"},
      {"412345", "99999999999999999999", "stargazerCount must not be a fraction"},
      {"39000", "null", "forkCount must not be null"},
      {R"({"totalCount":181})", "181", "issues must not be a number"},
      {R"("stargazerCount":412345,)", "", "stargazerCount is missing"},
      {R"("isFork":false)", R"("isFork":"no")", "isFork must not be a text"},
      {R"({"name":"TypeScript"})", R"({"name":1})", "primaryLanguage.name must not be a number"},
      {"2014-12-24T17:49:19Z", "2014-12-24T17:49:19", "createdAt is no time like"},
      {"2014-12-24T17:49:19Z", "2014-12-24T17:49:19+01:00", "createdAt is no time like"},
      {"2014-12-24T17:49:19Z", "2014-13-24T17:49:19Z", "createdAt is no time like"},
      {"2014-12-24T17:49:19Z", "", "createdAt is no time like"},
  }));
  CAPTURE(from, to);
  auto answer = parse_page(sample_node() + "," + changed_node(from, to));
  CHECK(answer.is_json);
  CHECK_THAT(answer.problem, Catch::StartsWith("data.f0.nodes[1]." + problem));
}

TEST_CASE("what is no JSON object is said to be none", "[github_answer]") {
  for (std::string body : {"", " ", "<html>", "{", R"({"data":{"f0":{)", "[]", "null", "7", "{} {}",
                           "\xFF\xFE", R"({"a":"\)"}) {
    CAPTURE(body);
    auto answer = parse_github_answer(body, 1);
    CHECK_FALSE(answer.is_json);
    CHECK(answer.problem != "");
  }
  CHECK(parse_github_answer(" {\"data\":null}\r\n ", 1).is_json);
}

TEST_CASE("a body cut anywhere is no JSON and breaks nothing", "[github_answer]") {
  auto body = R"({"data":{"f0":)" + sample_page(sample_node() + ",null," + sample_node("9")) +
              R"(},"errors":[{"path":["f0","nodes",1],"message":"x"}]})";
  REQUIRE(parse_github_answer(body, 1).problem == "");
  for (size_t length = 0; length < body.size(); ++length)
    CHECK_FALSE(parse_github_answer(body.substr(0, length), 1).is_json);
}

TEST_CASE("keys with escapes are keys", "[github_answer]") {
  CHECK(parse_github_answer(R"({"d\u0061ta":{"\u0066\u0030":{"repositoryCount":3}}})", 1)
            .fields[0]
            .answer.match_count == 3);
}
