#include "net/classify.hpp"

#include "tests/net/sample_answers.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::net;
using namespace gitstar::test;
using namespace std::chrono;

namespace {

constexpr timestamp now{sys_days{2026y / 11 / 20} + 12h};
const http_headers json_type{{"Content-Type", "application/json; charset=utf-8"}};
const http_headers html_type{{"Content-Type", "text/html"}};

api_request pages(size_t width = 1) {
  return {query_shape::search_page, "token-1", std::vector<search_field>(width)};
}

api_request counts(size_t width) {
  return {query_shape::search_count, "token-1", std::vector<search_field>(width)};
}

api_response judged(const api_request& request, int32_t status, std::string body,
                    http_headers headers = json_type) {
  http_response response;
  response.status = status;
  response.headers = std::move(headers);
  response.body = std::move(body);
  return classify(request, std::move(response), now).answer;
}

/// A page query's answer with `f0`, `f1`, ... and errors.
std::string answer_body(const std::vector<std::string>& fields, const std::string& errors) {
  std::string result = R"({"data":{)";
  for (size_t i = 0; i < fields.size(); ++i)
    result += "\"f" + std::to_string(i) + "\":" + fields[i] + ",";
  result += "\"rateLimit\":" + sample_rate_limit + "}";
  return result + (errors.empty() ? "}" : ",\"errors\":[" + errors + "]}");
}

std::string error_at(const std::string& type, const std::string& path) {
  return R"({"type":")" + type + R"(","path":)" + path + R"(,"message":"the words"})";
}

const std::string good_page = sample_page(sample_node());

} // namespace

// -- fact sheet 2.4: the budget is spent ----------------------------------------------------------

TEST_CASE("a spent budget is known by its error in both spellings", "[classify]") {
  auto body = GENERATE(
      R"({"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for user ID 123."}]})",
      R"({"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for installation ID 9306189."}]})",
      R"({"errors":[{"type":"RATE_LIMIT","code":"graphql_rate_limit","message":"API rate limit already exceeded for user ID 123."}]})",
      R"({"data":null,"errors":[{"message":"API rate limit already exceeded for user ID 123."}]})",
      R"({"errors":[{"type":"RATE_LIMITED"}]})",
      R"({"errors":[{"code":"graphql_rate_limit","message":"new words"}]})");
  CHECK(judged(pages(), 200, body).result == outcome::primary_limit);
}

TEST_CASE("the body decides about the budget, not the header", "[classify]") {
  http_headers headers{{"x-ratelimit-limit", "1000"},
                       {"x-ratelimit-remaining", "4"},
                       {"x-ratelimit-reset", "1642361738"}};
  auto spent = judged(pages(), 200,
                      R"({"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]})",
                      headers);
  CHECK(spent.result == outcome::primary_limit);
  CHECK(spent.limits.remaining == 4);
  CHECK(spent.limits.reset_at == timestamp{1642361738s});
  headers[1].second = "0";
  CHECK(judged(pages(), 200, answer_body({good_page}, ""), headers).result == outcome::ok);
}

TEST_CASE("REST's words for a spent budget are known at any status", "[classify]") {
  auto status = GENERATE(403, 429, 200);
  auto message = GENERATE(
      "API rate limit exceeded for user ID 90196448. If you reach out to GitHub Support for help, "
      "please include the request ID BB68:18C382:B72714:A6C9AF:699339ED and timestamp 2026-02-16 "
      "15:38:21 UTC.",
      "API rate limit exceeded for 0.0.0.0. (But here's the good news: Authenticated requests get "
      "a higher rate limit. Check out the documentation for more details.)");
  CHECK(judged(pages(), status, std::string{R"({"message":")"} + message + R"("})").result ==
        outcome::primary_limit);
}

TEST_CASE("a 429 without known words is judged by what the header says is left", "[classify]") {
  CHECK(judged(pages(), 429, "", {{"x-ratelimit-remaining", "0"}}).result ==
        outcome::primary_limit);
  CHECK(judged(pages(), 429, "", {{"x-ratelimit-remaining", "12"}}).result ==
        outcome::secondary_limit);
  CHECK(judged(pages(), 429, "").result == outcome::secondary_limit);
}

// -- fact sheet 4: too fast -----------------------------------------------------------------------

TEST_CASE("a secondary limit is known in each of its shapes", "[classify]") {
  auto status = GENERATE(200, 403, 429);
  auto body = GENERATE(
      R"({"documentation_url":"https://docs.github.com/free-pro-team@latest/rest/overview/rate-limits-for-the-rest-api#about-secondary-rate-limits","message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again. If you reach out to GitHub Support for help, please include the request ID 9C31:8954C:60104B:C1D441:688BE22C."})",
      R"({"message":"You have exceeded a secondary rate limit. Please wait a few minutes before you try again."})",
      R"({"message":"You have triggered an abuse detection mechanism. Please wait a few minutes before you try again."})",
      R"({"data":null,"errors":[{"message":"You have exceeded a secondary rate limit."}]})",
      R"({"errors":[{"type":"RATE_LIMITED","message":"You have exceeded a secondary rate limit."}]})",
      "<html><body>Whoa there! You have exceeded a secondary rate limit.</body></html>");
  http_headers headers{{"x-ratelimit-limit", "5000"},
                       {"x-ratelimit-remaining", "4000"},
                       {"x-ratelimit-reset", "1790000000"},
                       {"Retry-After", "60"}};
  auto got = judged(pages(), status, body, headers);
  CHECK(got.result == outcome::secondary_limit);
  CHECK(got.retry_after == seconds{60});
  CHECK(got.limits.remaining == 4000);
}

TEST_CASE("a 403 that names a time to wait is a limit, one with a spent budget is not",
          "[classify]") {
  CHECK(judged(pages(), 403, "", {{"retry-after", "30"}}).result == outcome::secondary_limit);
  CHECK(judged(pages(), 403, "", {{"x-ratelimit-remaining", "0"}}).result == outcome::forbidden);
}

TEST_CASE("after too many bad tokens GitHub refuses good ones for a while", "[classify]") {
  auto message = GENERATE("Max number of login attempt exceeded",
                          "Maximum number of login attempts exceeded. Please try again later.");
  CHECK(judged(pages(), 403, std::string{R"({"message":")"} + message + R"("})").result ==
        outcome::secondary_limit);
}

TEST_CASE("a name that sounds like a limit is no limit", "[classify]") {
  auto error = R"({"type":"NOT_FOUND","path":["f0"],"message":"Could not resolve to a Repository )"
               R"(with the name 'x/abuse-secondary rate limit'."})";
  auto got = judged(pages(), 200, answer_body({"null"}, error));
  CHECK(got.result == outcome::partial);
  CHECK(got.fields[0].error == field_error::not_found);
}

// -- fact sheet 1: who we are ---------------------------------------------------------------------

TEST_CASE("a 401 is never a rate limit", "[classify]") {
  http_headers zeros{{"x-ratelimit-limit", "0"},
                     {"x-ratelimit-remaining", "0"},
                     {"x-ratelimit-reset", "1790000000"},
                     {"x-ratelimit-resource", "graphql"},
                     {"retry-after", "60"}};
  auto body = GENERATE(
      R"({"message":"Bad credentials","documentation_url":"https://docs.github.com/graphql"})",
      R"({"message":"Bad credentials","documentation_url":"https://docs.github.com/graphql","status":"401"})",
      R"({"message":"This endpoint requires you to be authenticated.","documentation_url":"https://docs.github.com/graphql/guides/forming-calls-with-graphql#authenticating-with-graphql"})",
      R"({"message":"API rate limit exceeded"})", "");
  auto got = judged(pages(), 401, body, zeros);
  CHECK(got.result == outcome::unauthorized);
  CHECK_FALSE(got.limits.known);
}

TEST_CASE("a 403 speaks against the credential only where it says so", "[classify]") {
  auto message = GENERATE("Bad credentials", "Sorry. Your account was suspended.",
                          "This installation has been suspended");
  CHECK(judged(pages(), 403, std::string{R"({"message":")"} + message + R"("})").result ==
        outcome::unauthorized);
  // A word inside an answer to a query is not about the credential.
  auto error = R"({"type":"FORBIDDEN","path":["f0"],"message":"The owner is suspended"})";
  CHECK(judged(pages(), 200, answer_body({"null"}, error)).result == outcome::partial);
}

TEST_CASE("a 403 that is no limit is forbidden", "[classify]") {
  auto missing_agent = judged(
      pages(), 403,
      "Request forbidden by administrative rules. Please make sure your request has a User-Agent "
      "header (http://developer.github.com/v3/#user-agent-required). Check "
      "https://developer.github.com for other possible causes.",
      html_type);
  CHECK(missing_agent.result == outcome::forbidden);
  CHECK_THAT(missing_agent.message, Catch::Contains("User-Agent") && Catch::Contains("403") &&
                                        Catch::Contains("text/html"));
  CHECK(judged(pages(), 403, R"({"message":"Resource not accessible by integration"})").result ==
        outcome::forbidden);
  CHECK(judged(pages(), 403, R"({"message":"Must have admin rights to Repository."})").result ==
        outcome::forbidden);
}

TEST_CASE("what is blocked is blocked for every credential", "[classify]") {
  auto dmca = R"({"message":"Repository access blocked","block":{"reason":"dmca","created_at":)"
              R"("2021-04-22T17:53:56Z","html_url":"https://github.com/github/dmca/x.md"}})";
  CHECK(judged(pages(), 451, dmca).result == outcome::blocked);
  CHECK(judged(pages(), 451, "<html>", html_type).result == outcome::blocked);
  CHECK(judged(pages(), 451, "").result == outcome::blocked);
  auto tos = R"({"message":"Repository access blocked","block":{"reason":"tos"}})";
  CHECK(judged(pages(), 403, tos).result == outcome::blocked);
}

// -- fact sheet 3: time-outs and sizes ------------------------------------------------------------

TEST_CASE("GitHub's time-outs are known in each of their shapes", "[classify]") {
  std::string sorry =
      R"("errors":[{"message":"Something went wrong while executing your query. This may be the result of a timeout, or it could be a GitHub bug. Please include `89A2:06E1:2CCCAA:33870F:63E26554` when reporting this issue."}]})";
  auto status = GENERATE(200, 502, 504);
  CHECK(judged(pages(), status, R"({"data":null,)" + sorry).result == outcome::timeout);
  CHECK(judged(pages(), status, R"({"data":"null",)" + sorry).result == outcome::timeout);
  CHECK(judged(pages(), status, "{" + sorry).result == outcome::timeout);
  CHECK(judged(pages(), status,
               R"({"message":"We couldn't respond to your request in time. Sorry about that."})")
            .result == outcome::timeout);
}

TEST_CASE("a query that took too long to validate is a time-out, not a bad one", "[classify]") {
  CHECK(
      judged(pages(), 200, R"({"errors":[{"message":"Timeout on validation of query"}]})").result ==
      outcome::timeout);
  CHECK(judged(pages(), 200,
               R"({"errors":[{"message":"Timeout on validation of query","locations":[],)"
               R"("extensions":{"code":"validationTimeout"}}]})")
            .result == outcome::timeout);
}

TEST_CASE("an unknown error leaves it to the status", "[classify]") {
  auto body = R"({"errors":[{"message":"oops"}]})";
  CHECK(judged(pages(), 502, body).result == outcome::timeout);
  CHECK(judged(pages(), 503, body).result == outcome::server_error);
  CHECK(judged(pages(), 429, body).result == outcome::secondary_limit);
}

TEST_CASE("a bad gateway's page of HTML is a time-out", "[classify]") {
  auto got = judged(pages(), 502,
                    "<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center>"
                    "<h1>502 Bad Gateway</h1></center>\r\n<hr><center>nginx</center>\r\n</body>"
                    "\r\n</html>\r\n",
                    html_type);
  CHECK(got.result == outcome::timeout);
  CHECK_FALSE(got.limits.known);
  CHECK(judged(pages(), 504, "", html_type).result == outcome::timeout);
}

TEST_CASE("other statuses mean what HTTP says", "[classify]") {
  CHECK(judged(pages(), 500, "").result == outcome::server_error);
  CHECK(judged(pages(), 503, "<html>unicorn</html>", html_type).result == outcome::server_error);
  CHECK(judged(pages(), 400, R"({"message":"Problems parsing JSON"})").result == outcome::rejected);
  CHECK(judged(pages(), 404, R"({"message":"Not Found","status":"404"})").result ==
        outcome::rejected);
  auto moved = judged(pages(), 301, "", {{"Location", "https://elsewhere.example/"}});
  CHECK(moved.result == outcome::rejected);
  CHECK(moved.message == "HTTP 301 to https://elsewhere.example/");
}

TEST_CASE("a query that GitHub does not accept is rejected", "[classify]") {
  auto body = GENERATE(
      R"({"data":null,"errors":[{"message":"You may not provide more than 100 node ids; you provided 101.","type":"ARGUMENT_LIMIT","path":["nodes_101"],"locations":[{"line":1,"column":3}]}]})",
      R"({"errors":[{"type":"MAX_NODE_LIMIT_EXCEEDED","message":"This query requests up to 603,360 possible nodes which exceeds the maximum limit of 500,000."}]})",
      R"({"errors":[{"type":"EXCESSIVE_PAGINATION","message":"Requesting 1000 records on the `repositories` connection exceeds the `last` limit of 100 records."}]})",
      R"({"errors":[{"path":["query","search","x"],"extensions":{"code":"undefinedField","typeName":"Query","fieldName":"x"},"locations":[{"line":1,"column":3}],"message":"Field 'x' doesn't exist on type 'Query'"}]})",
      R"({"errors":[{"message":"Parse error on \"}\" (RCURLY) at [1, 9]","locations":[{"line":1,"column":9}]}]})");
  auto got = judged(pages(), 200, body);
  CHECK(got.result == outcome::rejected);
  CHECK(got.message != "");
}

TEST_CASE("an error that nobody knows is GitHub's failure and may be tried again", "[classify]") {
  CHECK(judged(pages(), 200, R"({"data":null,"errors":[{"type":"INTERNAL","message":"oops"}]})")
            .result == outcome::server_error);
  CHECK(judged(pages(), 200, R"({"data":null,"errors":[{"message":"oops"}]})").result ==
        outcome::server_error);
}

// -- fact sheet 3 and 10: partial answers ---------------------------------------------------------

TEST_CASE("a good answer is ok", "[classify]") {
  auto got = judged(pages(2), 200, answer_body({good_page, sample_page("", "0")}, ""));
  CHECK(got.result == outcome::ok);
  CHECK(got.message == "");
  REQUIRE(got.fields.size() == 2);
  CHECK(got.fields[0].repositories.size() == 1);
  CHECK(got.fields[1].match_count == 0);
}

TEST_CASE("warnings do not make an answer worse", "[classify]") {
  auto body = answer_body({good_page}, "");
  body.insert(1,
              R"("extensions":{"warnings":[{"type":"DEPRECATION","message":"The id is deprecated.)"
              R"( Update your cache","data":{"next_global_id":"U_kgDOADP9xw"},"link":"x"}]},)");
  CHECK(judged(pages(), 200, body).result == outcome::ok);
}

TEST_CASE("an exceeded resource limit marks its field alone", "[classify]") {
  auto path = GENERATE(R"(["f1"])", R"(["f1","nodes"])", R"(["f1","nodes",3,"issues"])");
  auto field = GENERATE("null", R"({"repositoryCount":3,"nodes":[null,null]})");
  auto body = answer_body({good_page, field}, error_at("RESOURCE_LIMITS_EXCEEDED", path));
  auto got = judged(pages(2), 200, body);
  CHECK(got.result == outcome::partial);
  CHECK(got.fields[0].error == field_error::none);
  CHECK(got.fields[1].error == field_error::resource_limit);
  CHECK(got.fields[1].message == "RESOURCE_LIMITS_EXCEEDED: the words");
  CHECK(got.message == "RESOURCE_LIMITS_EXCEEDED: the words");
}

TEST_CASE("a resource limit exceeded everywhere is one of the whole query", "[classify]") {
  auto both = error_at("RESOURCE_LIMITS_EXCEEDED", R"(["f0"])") + "," +
              error_at("RESOURCE_LIMITS_EXCEEDED", R"(["f1","nodes",0])");
  CHECK(judged(pages(2), 200, answer_body({"null", good_page}, both)).result ==
        outcome::resource_limit);
  auto general = R"({"type":"RESOURCE_LIMITS_EXCEEDED","message":"Resource limits for this query )"
                 R"(exceeded."})";
  CHECK(judged(pages(2), 200, answer_body({"null", "null"}, general)).result ==
        outcome::resource_limit);
  auto without_data = R"({"data":null,"errors":[)" + both + "]}";
  CHECK(judged(pages(2), 200, without_data).result == outcome::resource_limit);
}

TEST_CASE("an error about the whole query explains only the fields without data", "[classify]") {
  auto general = R"({"type":"RESOURCE_LIMITS_EXCEEDED","message":"enough"})";
  auto got = judged(pages(2), 200, answer_body({good_page, "null"}, general));
  CHECK(got.result == outcome::partial);
  CHECK(got.fields[0].error == field_error::none);
  CHECK(got.fields[1].error == field_error::resource_limit);
}

TEST_CASE("one repository that is gone or closed leaves its page good", "[classify]") {
  auto type = GENERATE("NOT_FOUND", "FORBIDDEN");
  auto page = sample_page(sample_node("1") + ",null," + sample_node("2"));
  auto errors = error_at(type, R"(["f0","nodes",1])") + "," +
                error_at(type, R"(["f0","nodes",2,"licenseInfo"])");
  auto got = judged(pages(), 200, answer_body({page}, errors));
  CHECK(got.result == outcome::ok);
  CHECK(got.fields[0].null_count == 1);
  CHECK(got.fields[0].repositories.size() == 2);
}

TEST_CASE("an error about a repository that is there, or about none, takes nothing away",
          "[classify]") {
  auto type = GENERATE("NOT_FOUND", "FORBIDDEN");
  auto page = sample_page(sample_node("1") + ",null");
  auto errors = error_at(type, R"(["f0","nodes",0])") + "," + error_at(type, R"(["f0","nodes",7])");
  auto got = judged(pages(), 200, answer_body({page}, errors));
  CHECK(got.result == outcome::ok);
  CHECK(got.fields[0].null_count == 1);
  CHECK(got.fields[0].repositories.size() == 1);
}

// -- fact sheet 3 and 6: repositories by id
// --------------------------------------------------------

namespace {

api_request nodes(size_t width = 1) {
  return {query_shape::nodes, "token-1", std::vector<search_field>(width)};
}

std::string list(const std::string& elements) { return "[" + elements + "]"; }

using lacking = std::vector<lacking_node>;

} // namespace

TEST_CASE("of a list of ids each has its own fate", "[classify]") {
  auto errors = error_at("NOT_FOUND", R"(["f0",1])") + "," + error_at("FORBIDDEN", R"(["f0",3])") +
                "," + error_at("RESOURCE_LIMITS_EXCEEDED", R"(["f0",4])");
  auto body =
      list(sample_node("1") + ",null," + sample_node("3") + ",null,null,null," + sample_node("7"));
  auto got = judged(nodes(), 200, answer_body({body}, errors));
  CHECK(got.result == outcome::partial);
  CHECK(got.message == "RESOURCE_LIMITS_EXCEEDED: the words"); // not the hole's
  CHECK(got.fields[0].error == field_error::none);
  REQUIRE(got.fields[0].repositories.size() == 3);
  CHECK(got.fields[0].repositories[2].repo_id == 7);
  // The last null came without a word.
  CHECK(got.fields[0].lacking == lacking{{1, field_error::not_found},
                                         {3, field_error::forbidden},
                                         {4, field_error::resource_limit},
                                         {5, field_error::transient}});
}

TEST_CASE("holes and closed repositories spoil no answer", "[classify]") {
  auto errors = error_at("NOT_FOUND", R"(["f0",0])") + "," + error_at("NOT_FOUND", R"(["f1",1])") +
                "," + error_at("FORBIDDEN", R"(["f1",0])");
  auto got = judged(nodes(2), 200, answer_body({list("null"), list("null,null")}, errors));
  CHECK(got.result == outcome::ok);
  CHECK(got.fields[0].lacking == lacking{{0, field_error::not_found}});
  CHECK(got.fields[1].lacking == lacking{{0, field_error::forbidden}, {1, field_error::not_found}});
}

TEST_CASE("what a failure hit in part is asked again, and the rest is kept", "[classify]") {
  auto errors = error_at("SOMETHING_NEW", R"(["f0",0,"issues"])") + "," +
                error_at("FORBIDDEN", R"(["f0",1,"licenseInfo"])") + "," +
                error_at("NOT_FOUND", R"(["f0",1,"primaryLanguage"])");
  auto got =
      judged(nodes(), 200, answer_body({list(sample_node("1") + "," + sample_node("2"))}, errors));
  CHECK(got.result == outcome::partial);
  REQUIRE(got.fields[0].repositories.size() == 1);
  CHECK(got.fields[0].repositories[0].repo_id == 2);
  CHECK(got.fields[0].lacking == lacking{{0, field_error::transient}});
}

TEST_CASE("a list in which every id failed is no failure of the host", "[classify]") {
  auto [type, error] = GENERATE(table<std::string, field_error>({
      {"RESOURCE_LIMITS_EXCEEDED", field_error::resource_limit},
      {"SOMETHING_NEW", field_error::transient},
  }));
  auto errors = error_at(type, R"(["f0",0])") + "," + error_at(type, R"(["f0",1])");
  auto got = judged(nodes(), 200, answer_body({list("null,null")}, errors));
  CHECK(got.result == outcome::partial);
  CHECK(got.fields[0].error == field_error::none);
  CHECK(got.fields[0].lacking == lacking{{0, error}, {1, error}});
  auto wordless = judged(nodes(), 200, answer_body({list("null")}, ""));
  CHECK(wordless.result == outcome::partial);
  CHECK(wordless.message == "repositories came as null without a reason");
}

TEST_CASE("a list that is missing is asked again", "[classify]") {
  auto got = judged(nodes(2), 200, answer_body({list(sample_node()), "null"}, ""));
  CHECK(got.result == outcome::partial);
  CHECK(got.fields[0].repositories.size() == 1);
  CHECK(got.fields[1].error == field_error::transient);
}

TEST_CASE("an owner's page is a page, and an owner without one is not found", "[classify]") {
  api_request request{query_shape::owner_page, "token-1", std::vector<search_field>(2)};
  auto page = R"({"repositories":{"totalCount":3,"pageInfo":{"endCursor":"Y3Vyc29yOnYyOg==",)"
              R"("hasNextPage":true},"nodes":[)" +
              sample_node("5") + ",null]}}";
  auto errors = error_at("FORBIDDEN", R"(["f0","repositories","nodes",1])") + "," +
                error_at("NOT_FOUND", R"(["f1"])");
  auto got = judged(request, 200, answer_body({page, "null"}, errors));
  CHECK(got.result == outcome::partial);
  CHECK(got.fields[0].error == field_error::none);
  CHECK(got.fields[0].match_count == 3);
  CHECK(got.fields[0].end_cursor == "Y3Vyc29yOnYyOg==");
  CHECK(got.fields[0].has_next_page);
  CHECK(got.fields[0].null_count == 1);
  CHECK(got.fields[0].repositories.size() == 1);
  CHECK(got.fields[1].error == field_error::not_found);
}

TEST_CASE("too many ids are refused as a whole", "[classify]") {
  auto body =
      R"({"data":null,"errors":[{"message":"You may not provide more than 100 node ids; you )"
      R"(provided 101.","type":"ARGUMENT_LIMIT","path":["f0"],"locations":[{"line":1,)"
      R"("column":3}]}]})";
  CHECK(judged(nodes(), 200, body).result == outcome::rejected);
}

TEST_CASE("warnings about old ids change nothing", "[classify]") {
  auto body = answer_body({list(sample_node())}, "");
  body.pop_back();
  body +=
      R"(,"extensions":{"warnings":[{"type":"DEPRECATION","message":"The id MDQ6 is deprecated. )"
      R"(Update your cache to use the next_global_id from the data payload.","data":)"
      R"({"next_global_id":"R_kgDO"},"link":"https://docs.github.com"}]}})";
  auto got = judged(nodes(), 200, body);
  CHECK(got.result == outcome::ok);
  CHECK(got.fields[0].repositories.size() == 1);
}

// -- fact sheet 0: fields that GitHub closes ------------------------------------------------------

namespace {

field_set refused_in(const std::string& body, const api_request& request = pages()) {
  http_response response;
  response.status = 200;
  response.body = body;
  return classify(request, std::move(response), now).refused;
}

std::string forbidden_at(size_t node, const std::string& field) {
  return error_at("FORBIDDEN", R"(["f0","nodes",)" + std::to_string(node) + ",\"" + field + "\"]");
}

} // namespace

TEST_CASE("a field that most repositories do not tell is a refused one", "[classify]") {
  auto nothing = sample_page("null,null,null");
  auto two = forbidden_at(0, "issues") + "," + forbidden_at(1, "issues");
  CHECK(to_string(refused_in(answer_body({nothing}, two))) == "issues");
  auto without = sample_page(sample_node("1") + "," + sample_node("2"));
  CHECK(to_string(refused_in(answer_body({without}, two + "," + forbidden_at(0, "watchers") + "," +
                                                        forbidden_at(1, "watchers")))) ==
        "issues, watchers");
}

TEST_CASE("a field that one repository does not tell may be asked of others", "[classify]") {
  auto page = sample_page("null," + sample_node("1") + "," + sample_node("2"));
  CHECK(refused_in(answer_body({page}, forbidden_at(0, "issues"))).none());
  CHECK(refused_in(answer_body({page}, error_at("NOT_FOUND", R"(["f0","nodes",0])"))).none());
}

TEST_CASE("what no repository can do without is never left out", "[classify]") {
  auto errors = forbidden_at(0, "stargazerCount") + "," + forbidden_at(1, "stargazerCount");
  CHECK(refused_in(answer_body({sample_page("null,null")}, errors)).none());
}

TEST_CASE("a field that the server's schema lacks is a refused one", "[classify]") {
  auto body = R"({"errors":[{"path":["fragment repository","diskUsage"],"extensions":{"code":)"
              R"("undefinedField","typeName":"Repository","fieldName":"diskUsage"},"locations":)"
              R"([{"line":2,"column":9}],"message":"Field 'diskUsage' doesn't exist"}]})";
  CHECK(to_string(refused_in(body)) == "diskUsage");
  CHECK(judged(pages(), 200, body).result == outcome::rejected);
}

TEST_CASE("a repository keeps what it tells besides a refused field", "[classify]") {
  auto node = sample_node("1");
  node.replace(node.find(R"({"totalCount":181})"), 18, "null");
  auto got = judged(pages(), 200, answer_body({sample_page(node)}, forbidden_at(0, "issues")));
  CHECK(got.result == outcome::ok);
  REQUIRE(got.fields[0].repositories.size() == 1);
  CHECK_FALSE(got.fields[0].repositories[0].open_issue_count);
  CHECK(got.fields[0].repositories[0].watcher_count == 8480);
  CHECK(got.fields[0].null_count == 0);
}

TEST_CASE("an answer that does not tell who asked is as good", "[classify]") {
  auto body = answer_body({good_page}, R"({"type":"FORBIDDEN","path":["viewer","databaseId"],)"
                                       R"("message":"Resource not accessible"})");
  body.insert(body.find("\"rateLimit\""), R"("viewer":null,)");
  auto got = judged(pages(), 200, body);
  CHECK(got.result == outcome::ok);
  CHECK(got.message == "");
  CHECK_FALSE(got.identity);
  body.replace(body.find("null", body.find("viewer")), 4, R"({"databaseId":5,"login":"me"})");
  CHECK(judged(pages(), 200, body).identity == viewer{5, "me"});
}

TEST_CASE("an unknown or transient error inside a page spoils the page", "[classify]") {
  auto error = GENERATE(error_at("INTERNAL", R"(["f0","nodes",1])"),
                        std::string{R"({"path":["f0","nodes",1],"message":"Something went wrong )"
                                    R"(while executing your query."})"});
  auto got = judged(pages(2), 200, answer_body({good_page, good_page}, error));
  CHECK(got.result == outcome::partial);
  CHECK(got.fields[0].error == field_error::transient);
  CHECK(got.fields[1].error == field_error::none);
}

TEST_CASE("a time-out stays one although a repository is gone, too", "[classify]") {
  auto errors = error_at("NOT_FOUND", R"(["f0","nodes",0])") +
                R"(,{"path":["f0"],"message":"Something went wrong while executing your query."})";
  auto got = judged(pages(), 200, answer_body({good_page}, errors));
  CHECK(got.result == outcome::timeout);
}

TEST_CASE("a field that is refused keeps GitHub's words", "[classify]") {
  auto [type, error] = GENERATE(table<std::string, field_error>({
      {"NOT_FOUND", field_error::not_found},
      {"FORBIDDEN", field_error::forbidden},
      {"UNPROCESSABLE", field_error::rejected},
      {"SOMETHING_NEW", field_error::transient},
  }));
  auto got = judged(pages(2), 200, answer_body({"null", good_page}, error_at(type, R"(["f0"])")));
  CHECK(got.result == outcome::partial);
  CHECK(got.fields[0].error == error);
  CHECK(got.fields[0].message == type + ": the words");
}

TEST_CASE("a field without data and without error is asked again", "[classify]") {
  auto got = judged(counts(2), 200, R"({"data":{"f0":{"repositoryCount":7}}})");
  CHECK(got.result == outcome::partial);
  CHECK(got.fields[0].match_count == 7);
  CHECK(got.fields[1].error == field_error::transient);
  auto half = judged(pages(2), 200, answer_body({R"({"repositoryCount":7})", good_page}, ""));
  CHECK(half.fields[0].error == field_error::transient);
  CHECK(judged(counts(1), 200, R"({"data":{}})").result == outcome::malformed);
}

// -- what is no answer ----------------------------------------------------------------------------

TEST_CASE("an answer of a wrong type is malformed and named", "[classify]") {
  auto got = judged(pages(), 200, R"({"data":{"f0":{"repositoryCount":"many"}}})");
  CHECK(got.result == outcome::malformed);
  CHECK(got.message == "data.f0.repositoryCount must not be a text");
  CHECK(got.fields.empty());
}

TEST_CASE("JSON is believed whatever its content type says", "[classify]") {
  CHECK(judged(pages(), 200, answer_body({good_page}, ""), html_type).result == outcome::ok);
  CHECK(judged(pages(), 403, R"({"message":"You have exceeded a secondary rate limit."})", {})
            .result == outcome::secondary_limit);
}

TEST_CASE("an answer that is no JSON is malformed and shows how it begins", "[classify]") {
  auto got = judged(pages(), 200, "<html>\nWelcome to the hotel's network", html_type);
  CHECK(got.result == outcome::malformed);
  CHECK(got.message == "HTTP 200 (text/html): <html> Welcome to the hotel's network");
  CHECK(judged(pages(), 200, "").result == outcome::malformed);
  CHECK(judged(pages(), 200, "{\"data\":{\"f0\":").message ==
        "HTTP 200: no valid JSON at byte 14: incomplete JSON");
  CHECK(judged(pages(), 200, "[]").result == outcome::malformed);
  CHECK(judged(pages(), 204, "").result == outcome::malformed);
}

TEST_CASE("an answer that breaks off or goes wrong anywhere is malformed as a whole",
          "[classify]") {
  auto body = answer_body({sample_page(sample_node("1") + "," + sample_node("2")), good_page}, "");
  REQUIRE(judged(pages(2), 200, body).result == outcome::ok);
  for (size_t size = 0; size < body.size(); ++size) {
    auto got = judged(pages(2), 200, body.substr(0, size));
    if (got.result != outcome::malformed || !got.fields.empty())
      FAIL("taken as an answer: " << body.substr(0, size));
  }
  for (auto more : {"}", "x", "{}", " 1"})
    CHECK(judged(pages(2), 200, body + more).result == outcome::malformed);
}

TEST_CASE("a refusal is known by its words even where its JSON breaks off", "[classify]") {
  auto body = R"({"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded for user)";
  CHECK(judged(pages(), 200, body).result == outcome::primary_limit);
}

TEST_CASE("without an answer the failure decides", "[classify]") {
  auto [failure, result] = GENERATE(table<http_failure, outcome>({
      {http_failure::connect, outcome::network},
      {http_failure::tls, outcome::network},
      {http_failure::proxy, outcome::network},
      {http_failure::lost, outcome::network},
      {http_failure::stopped, outcome::network},
      {http_failure::timeout, outcome::timeout},
      {http_failure::oversized, outcome::oversized},
      {http_failure::malformed, outcome::malformed},
  }));
  http_response response;
  response.failure = failure;
  response.detail = "why";
  auto got = classify(pages(), std::move(response), now).answer;
  CHECK(got.result == result);
  CHECK(got.message == "why");
}

// -- budget, headers ------------------------------------------------------------------------------

TEST_CASE("the body's budget wins over the headers'", "[classify]") {
  http_headers headers{{"X-RateLimit-Limit", "9"},
                       {"X-RateLimit-Remaining", "8"},
                       {"X-RateLimit-Reset", "1790000000"}};
  auto in_body = judged(pages(), 200, answer_body({good_page}, ""), headers).limits;
  CHECK(in_body.remaining == 4984);
  CHECK(in_body.cost == 1);
  auto in_headers = judged(pages(), 403, "{}", headers).limits;
  CHECK(in_headers.known);
  CHECK(in_headers.enabled);
  CHECK(in_headers.limit == 9);
  CHECK(in_headers.remaining == 8);
  CHECK(in_headers.cost == -1);
}

TEST_CASE("limits are off where the body says null and no header speaks", "[classify]") {
  auto body = R"({"data":{"f0":{"repositoryCount":1},"rateLimit":null}})";
  auto off = judged(counts(1), 200, body).limits;
  CHECK(off.known);
  CHECK_FALSE(off.enabled);
  auto on = judged(counts(1), 200, body,
                   {{"x-ratelimit-limit", "5000"},
                    {"x-ratelimit-remaining", "1"},
                    {"x-ratelimit-reset", "1790000000"}})
                .limits;
  CHECK(on.enabled);
  CHECK(on.remaining == 1);
  CHECK_FALSE(judged(counts(1), 200, R"({"data":{"f0":{"repositoryCount":1}}})").limits.known);
}

TEST_CASE("request id, clock skew and time to wait are read from headers", "[classify]") {
  auto got = judged(counts(1), 503, "",
                    {{"X-GitHub-Request-Id", "A:B:C"},
                     {"Date", "Fri, 20 Nov 2026 12:00:07 GMT"},
                     {"Retry-After", "Fri, 20 Nov 2026 12:01:00 GMT"}});
  CHECK(got.request_id == "A:B:C");
  CHECK(got.server_clock_skew == seconds{7});
  CHECK(got.retry_after == seconds{60});
  auto bad = judged(counts(1), 503, "", {{"Date", "now"}, {"Retry-After", "-5"}});
  CHECK_FALSE(bad.server_clock_skew);
  CHECK_FALSE(bad.retry_after);
}

TEST_CASE("times that no clock can take are not taken", "[classify]") {
  auto reset = GENERATE("9223372036854775807", "-9223372036854775808", "99999999999");
  auto got = judged(counts(1), 403, "{}",
                    {{"Date", "Sat, 01 Jan 0001 00:00:00 GMT"},
                     {"Retry-After", "9223372036854775807"},
                     {"X-RateLimit-Limit", "5000"},
                     {"X-RateLimit-Remaining", "0"},
                     {"X-RateLimit-Reset", reset}});
  CHECK_FALSE(got.server_clock_skew);
  CHECK(got.retry_after == seconds{24 * 3600});
  CHECK_FALSE(got.limits.known);
  auto body = R"({"data":{"f0":{"repositoryCount":1},"rateLimit":{"cost":1,"limit":5000,)"
              R"("remaining":1,"resetAt":"9999-12-31T23:59:59Z"}}})";
  CHECK_FALSE(judged(counts(1), 200, body).limits.known);
}

TEST_CASE("long and many-lined bodies become one short line", "[classify]") {
  auto got = judged(pages(), 500, "a\nb\tc" + std::string(10'000, 'x'), {});
  CHECK(got.message.size() < 400);
  CHECK_THAT(got.message, Catch::StartsWith("HTTP 500: a b c"));
  std::string emoji;
  for (int i = 0; i < 100; ++i)
    emoji += "\xF0\x9F\x9A\x80";
  auto message = judged(pages(), 500, "a" + emoji, {}).message;
  CHECK_THAT(message, Catch::EndsWith("\x9A\x80..."));
  CHECK(judged(pages(), 500, "a\xFF", {}).message == "HTTP 500: a\xEF\xBF\xBD");
}
