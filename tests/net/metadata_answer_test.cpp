#include "messages/metadata/registry.hpp"
#include "net/classify.hpp"
#include "tests/net/sample_answers.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::net;
using namespace gitstar::test;
using namespace std::chrono;

namespace {

constexpr timestamp synced_at{sys_days{2026y / 11 / 20} + 12h};

search_field field(const std::string& parent, std::vector<std::string> kinds,
                   std::vector<std::string> nodes) {
  search_field result;
  result.metadata.parent = parent;
  result.metadata.kinds = std::move(kinds);
  result.metadata.nodes = std::move(nodes);
  return result;
}

search_field own(std::vector<std::string> kinds, std::vector<repo_id> ids) {
  search_field result;
  result.ids = std::move(ids);
  result.metadata.kinds = std::move(kinds);
  return result;
}

api_response judged(query_shape shape, std::vector<search_field> fields, std::string body) {
  api_request request;
  request.shape = shape;
  request.fields = std::move(fields);
  http_response response;
  response.status = 200;
  response.headers = {{"Content-Type", "application/json"}};
  response.body = std::move(body);
  return classify(request, std::move(response), synced_at).answer;
}

std::string body_of(const std::string& fields, const std::string& errors = "") {
  return R"({"data":{)" + fields + R"(,"rateLimit":)" + sample_rate_limit + "}" +
         (errors.empty() ? "" : ",\"errors\":[" + errors + "]") + "}";
}

std::string refusal_at(const std::string& type, const std::string& path) {
  return R"({"type":")" + type + R"(","path":)" + path + R"(,"message":"the words"})";
}

std::string answered(const std::string& nodes, const std::string& more = "") {
  return R"({"id":"X_1",)" + more +
         R"("list":{"totalCount":3,"pageInfo":{"endCursor":"c","hasNextPage":true},"nodes":[)" +
         nodes + "]}}";
}

const std::string comment =
    R"({"fullDatabaseId":"2200000001","author":null,"authorAssociation":"NONE",)"
    R"("body":"a \u0000b \ud83d\ude80","createdAt":"2024-01-31T12:00:00Z",)"
    R"("updatedAt":"2024-01-31T12:00:01Z"})";

std::string text_of(const metadata_row& row, const char* kind, const char* column) {
  auto index = metadata::column_index(*metadata::find_kind(kind), column);
  return row.values.at(*index).value_or("(null)");
}

const auto comments = [] { return field("issues", {"issue_comments"}, {"I_1"}); };

} // namespace

TEST_CASE("a page of comments becomes rows in PostgreSQL's text form", "[metadata_answer]") {
  auto x = judged(query_shape::metadata_list, {comments()},
                  body_of("\"f0\":" + answered(comment, "\"whole\":{\"totalCount\":9},")));
  REQUIRE(x.result == outcome::ok);
  CHECK(x.limits.cost == 1);
  REQUIRE(x.fields.size() == 1);
  REQUIRE(x.fields[0].pages.size() == 1);
  auto& page = x.fields[0].pages[0];
  CHECK(page.total == 3);
  CHECK(page.whole_total == 9);
  CHECK(page.end_cursor == "c");
  CHECK(page.has_next_page);
  CHECK(page.holder == "X_1");
  CHECK(page.null_count == 0);
  CHECK_FALSE(page.closed);
  REQUIRE(page.rows.size() == 1);
  REQUIRE(page.rows[0].rows.size() == 1);
  auto& row = page.rows[0].rows[0];
  CHECK(text_of(row, "issue_comments", "comment_id") == "2200000001");
  CHECK(text_of(row, "issue_comments", "author") == "(null)");
  CHECK(text_of(row, "issue_comments", "body") == "a b \xF0\x9F\x9A\x80");
  CHECK(text_of(row, "issue_comments", "updated_at") == "2024-01-31T12:00:01Z");
  CHECK(text_of(row, "issue_comments", "number") == "(null)"); // whoever asked knows
}

TEST_CASE("labels are sorted, and more of them than came are noticed", "[metadata_answer]") {
  auto [more, assignees, cut_short] = GENERATE(table<std::string, std::string, bool>({
      {"false", R"({"totalCount":0,"nodes":[]})", false},
      {"true", R"({"totalCount":0,"nodes":[]})", true},
      {"false", "null", true}, // refused is not empty
  }));
  auto issue =
      std::string{R"({"id":"I_7","fullDatabaseId":"1","number":7,"title":"t","body":"",)"
                  R"("state":"CLOSED","stateReason":"A_NEW_ONE","author":{"login":"octocat"},)"
                  R"("authorAssociation":"OWNER","locked":true,"labels":{"totalCount":2,)"
                  R"("pageInfo":{"endCursor":"c","hasNextPage":)"} +
      more + R"(},"nodes":[{"name":"b \"x\""},null,{"name":"a"}]},"assignees":)" + assignees +
      R"(,)"
      R"("comments":{"totalCount":0},"reactions":{"totalCount":5},"milestone":null,)"
      R"("createdAt":"2024-01-31T12:00:00Z","updatedAt":"2024-01-31T12:00:00Z",)"
      R"("closedAt":null})";
  auto x = judged(query_shape::metadata_list, {own({"issues"}, {123456})},
                  body_of("\"f0\":" + answered(issue)));
  REQUIRE(x.result == outcome::ok);
  auto& page = x.fields[0].pages[0];
  CHECK(page.cut_short == cut_short);
  CHECK(page.nodes == std::vector<std::string>{"I_7"});
  auto& row = page.rows[0].rows.at(0);
  CHECK(text_of(row, "issues", "labels") == R"({"a","b \"x\""})");
  CHECK(text_of(row, "issues", "assignees") == "{}");
  CHECK(text_of(row, "issues", "state_reason") == "A_NEW_ONE");
  CHECK(text_of(row, "issues", "is_locked") == "t");
  CHECK(text_of(row, "issues", "number") == "7");
  CHECK(text_of(row, "issues", "body").empty());
}

TEST_CASE("check runs and contexts stand in one list behind the head commit", "[metadata_answer]") {
  auto checks =
      R"({"__typename":"CheckRun","databaseId":5000000001,"name":"build","status":"COMPLETED",)"
      R"("conclusion":"SUCCESS","checkSuite":{"app":{"slug":"actions"}},"detailsUrl":"http://x",)"
      R"("startedAt":"2024-01-31T12:00:00Z","completedAt":null},)"
      R"({"__typename":"StatusContext","context":"ci/x","state":"PENDING","targetUrl":null,)"
      R"("createdAt":"2024-01-31T12:00:00Z"},{"__typename":"SomethingNew"})";
  auto holder = R"({"commits":{"nodes":[{"commit":{"id":"C_1","oid":"abc","statusCheckRollup":)" +
                answered(checks) + "}}]}}";
  auto x = judged(query_shape::metadata_list, {field("pull_requests", {"ci_checks"}, {"PR_1"})},
                  body_of("\"f0\":" + holder));
  REQUIRE(x.result == outcome::ok);
  auto& page = x.fields[0].pages[0];
  CHECK(page.holder == "C_1");
  CHECK(page.null_count == 1);
  REQUIRE(page.rows[0].rows.size() == 2);
  auto& run = page.rows[0].rows[0];
  CHECK(text_of(run, "ci_checks", "sha") == "abc");
  CHECK(text_of(run, "ci_checks", "check_key") == "run:5000000001");
  CHECK(text_of(run, "ci_checks", "app") == "actions");
  auto& context = page.rows[0].rows[1];
  CHECK(text_of(context, "ci_checks", "check_key") == "status:ci/x");
  CHECK(text_of(context, "ci_checks", "status") == "(null)");
  CHECK(text_of(context, "ci_checks", "conclusion") == "PENDING");
  CHECK(text_of(context, "ci_checks", "sha") == "abc");
}

TEST_CASE("the last page completes the first one where nothing lies between", "[metadata_answer]") {
  auto check = [](int number) {
    return R"({"__typename":"StatusContext","context":"c)" + std::to_string(number) +
           R"(","state":"PENDING","targetUrl":null,"createdAt":"2024-01-31T12:00:00Z"})";
  };
  auto all = GENERATE(3, 4, 5);
  auto lists = R"("list":{"totalCount":)" + std::to_string(all) +
               R"(,"pageInfo":{"endCursor":"c","hasNextPage":true},"nodes":[)" + check(1) + "," +
               check(2) + R"(]},"tail":{"nodes":[)" + check(all - 1) + "," + check(all) + "]}";
  auto asked = field("pull_requests", {"ci_checks"}, {"PR_1"});
  asked.metadata.both_ends = true;
  auto x = judged(query_shape::metadata_probe, {asked},
                  body_of(R"("f0":[{"commits":{"nodes":[{"commit":{"id":"C_1","oid":"a",)"
                          R"("statusCheckRollup":{)" +
                          lists + "}}}]}}]"));
  REQUIRE(x.result == outcome::ok);
  auto& page = x.fields[0].pages.at(0);
  CHECK(page.has_next_page == (all == 5));
  std::string keys;
  for (auto& row : page.rows.at(0).rows)
    keys += text_of(row, "ci_checks", "check_key") + ' ';
  CHECK(keys == std::string{"status:c1 status:c2 "} + (all == 3   ? "status:c3 "
                                                       : all == 4 ? "status:c3 status:c4 "
                                                                  : ""));
}

TEST_CASE("a head commit without checks is a list that is not there", "[metadata_answer]") {
  auto x = judged(
      query_shape::metadata_list, {field("pull_requests", {"ci_checks"}, {"PR_1"})},
      body_of(
          R"("f0":{"commits":{"nodes":[{"commit":{"id":"C_1","oid":"a","statusCheckRollup":null}}]}})"));
  REQUIRE(x.result == outcome::ok);
  CHECK(x.fields[0].pages[0].closed);
  CHECK(x.fields[0].pages[0].rows[0].rows.empty());
}

TEST_CASE("two kinds are read from one list of commits", "[metadata_answer]") {
  auto commit =
      R"({"commit":{"oid":"abc","message":"m","author":{"user":null,"name":"A U Thor"},)"
      R"("authoredDate":"1970-01-01T00:00:00Z","committedDate":"2024-01-31T12:00:00+01:00",)"
      R"("additions":1,"deletions":2,"changedFilesIfAvailable":null,"parents":{"totalCount":1}}})";
  auto x = judged(query_shape::metadata_list,
                  {field("pull_requests", {"commits", "pull_request_commits"}, {"PR_1"})},
                  body_of("\"f0\":" + answered(commit)));
  REQUIRE(x.result == outcome::ok);
  auto& page = x.fields[0].pages[0];
  REQUIRE(page.rows.size() == 2);
  CHECK(text_of(page.rows[0].rows.at(0), "commits", "author_name") == "A U Thor");
  CHECK(text_of(page.rows[0].rows.at(0), "commits", "committed_at") == "2024-01-31T11:00:00Z");
  CHECK(text_of(page.rows[1].rows.at(0), "pull_request_commits", "sha") == "abc");
}

TEST_CASE("a probe tells how far each list has come", "[metadata_answer]") {
  auto node = [](const std::string& at) {
    return R"({"issues_enabled":true,"issues":{"totalCount":3,"nodes":[{"updatedAt":")" + at +
           R"("}]},"pull_requests":{"totalCount":0,"nodes":[]}})";
  };
  auto off = R"({"issues_enabled":false,"issues":{"totalCount":0,"nodes":[]},)"
             R"("pull_requests":{"totalCount":0,"nodes":[]}})";
  auto x = judged(query_shape::metadata_probe,
                  {own({"issues", "pull_requests"}, {100001, 100002, 100003, 4})},
                  body_of("\"f0\":[" + node("2024-01-31T12:00:00Z") + "," + off + ",null,null]",
                          refusal_at("NOT_FOUND", R"(["f0",2])") + "," +
                              refusal_at("RESOURCE_LIMITS_EXCEEDED", R"(["f0",3])")));
  CHECK(x.result == outcome::partial);
  auto& answer = x.fields[0];
  CHECK(answer.error == field_error::none);
  REQUIRE(answer.pages.size() == 4);
  CHECK(answer.pages[0].kind == "issues");
  CHECK(answer.pages[0].total == 3);
  CHECK(answer.pages[0].newest == timestamp{sys_days{2024y / 1 / 31} + 12h});
  CHECK(answer.pages[1].kind == "pull_requests");
  CHECK_FALSE(answer.pages[1].newest);
  CHECK(answer.pages[2].node == 1);
  CHECK(answer.pages[2].closed);
  CHECK_FALSE(answer.pages[2].refused);
  CHECK(answer.lacking ==
        std::vector<lacking_node>{{2, field_error::not_found}, {3, field_error::resource_limit}});
}

TEST_CASE("a failure inside one repository takes that repository out of the probe",
          "[metadata_answer]") {
  auto node = R"({"issues_enabled":true,"issues":null})";
  auto good = R"({"issues_enabled":true,"issues":{"totalCount":1,"nodes":[]}})";
  auto body = [&](const std::string& type) {
    return body_of("\"f0\":[" + std::string{node} + "," + good + "]",
                   refusal_at(type, R"(["f0",0,"issues"])"));
  };
  auto fields = std::vector<search_field>{own({"issues"}, {100001, 100002})};
  auto limited = judged(query_shape::metadata_probe, fields, body("RESOURCE_LIMITS_EXCEEDED"));
  CHECK(limited.result == outcome::partial);
  REQUIRE(limited.fields[0].pages.size() == 1);
  CHECK(limited.fields[0].pages[0].node == 1);
  CHECK(limited.fields[0].lacking.size() == 1);
  // What is closed to us is not switched off.
  auto type = GENERATE("FORBIDDEN", "NOT_FOUND");
  auto refused = judged(query_shape::metadata_probe, fields, body(type));
  CHECK(refused.result == outcome::ok);
  REQUIRE(refused.fields[0].pages.size() == 2);
  CHECK(refused.fields[0].pages[0].refused);
  CHECK_FALSE(refused.fields[0].pages[0].closed);
  CHECK_FALSE(refused.fields[0].pages[1].refused);
}

TEST_CASE("an error spoils its own list, and the others are kept", "[metadata_answer]") {
  auto good = answered(comment);
  auto [error, path, data,
        means] = GENERATE(table<std::string, std::string, std::string, field_error>({
      {"NOT_FOUND", R"(["f1"])", "null", field_error::not_found},
      {"FORBIDDEN", R"(["f1","list"])", R"({"id":"I","list":null})", field_error::forbidden},
      {"RESOURCE_LIMITS_EXCEEDED", R"(["f1","list"])", R"({"id":"I","list":null})",
       field_error::resource_limit},
      {"RESOURCE_LIMITS_EXCEEDED", R"(["f1","list","nodes",0,"author"])", "",
       field_error::resource_limit},
      {"SOMETHING", R"(["f1","list","nodes",0])", "", field_error::transient},
      {"FORBIDDEN", R"(["f1","list","nodes",0,"author"])", "", field_error::none},
      {"NOT_FOUND", R"(["f1","list","nodes",1])", answered(comment + ",null"), field_error::none},
  }));
  auto x = judged(
      query_shape::metadata_list, {comments(), comments(), comments()},
      body_of("\"f0\":" + good + ",\"f1\":" + (data.empty() ? good : data) + ",\"f2\":" + good,
              refusal_at(error, path)));
  CAPTURE(error, path);
  CHECK(x.result == (means == field_error::none ? outcome::ok : outcome::partial));
  REQUIRE(x.fields.size() == 3);
  CHECK(x.fields[0].error == field_error::none);
  CHECK(x.fields[1].error == means);
  CHECK(x.fields[2].error == field_error::none);
  CHECK(x.fields[2].pages.at(0).rows[0].rows.size() == 1);
}

TEST_CASE("a null that no error explains is tried again", "[metadata_answer]") {
  auto x = judged(query_shape::metadata_list, {comments(), comments()},
                  body_of("\"f0\":null,\"f1\":" + answered(comment)));
  CHECK(x.result == outcome::partial);
  CHECK(x.fields[0].error == field_error::transient);
  CHECK(x.fields[1].error == field_error::none);
}

TEST_CASE("failures of whole queries mean what they mean for repositories", "[metadata_answer]") {
  auto one = [](const std::string& body) {
    return judged(query_shape::metadata_list, {comments(), comments()}, body).result;
  };
  CHECK(one(R"({"errors":[{"type":"RATE_LIMITED","message":"API rate limit exceeded"}]})") ==
        outcome::primary_limit);
  CHECK(one(R"({"message":"You have exceeded a secondary rate limit"})") ==
        outcome::secondary_limit);
  CHECK(
      one(R"({"data":null,"errors":[{"message":"Something went wrong while executing your query"}]})") ==
      outcome::timeout);
  CHECK(one(body_of("\"f0\":null,\"f1\":null",
                    refusal_at("RESOURCE_LIMITS_EXCEEDED", R"(["f0"])") + "," +
                        refusal_at("RESOURCE_LIMITS_EXCEEDED", R"(["f1"])"))) ==
        outcome::resource_limit);
  CHECK(
      one(R"({"errors":[{"message":"Field 'x' doesn't exist","extensions":{"code":"undefinedField"}}]})") ==
      outcome::rejected);
  CHECK(one("<html>") == outcome::malformed);
}

TEST_CASE("what our schema does not allow is malformed, and names the place", "[metadata_answer]") {
  auto broken = GENERATE(table<std::string, std::string>({
      {R"({"fullDatabaseId":true})", "comment_id must be a whole number"},
      {R"({"fullDatabaseId":"1","body":5.5})", "body must be a text"},
  }));
  auto x = judged(query_shape::metadata_list, {comments()},
                  body_of("\"f0\":" + answered(std::get<0>(broken))));
  CHECK(x.result == outcome::malformed);
  CHECK(x.message == "data.f0: " + std::get<1>(broken));
  CHECK(
      judged(query_shape::metadata_list, {comments()}, body_of(R"("f0":{"list":{"totalCount":1}})"))
          .message == "data.f0: a list has no nodes");
}

TEST_CASE("an element without what it must have is counted, not stored", "[metadata_answer]") {
  auto x = judged(query_shape::metadata_list, {comments()},
                  body_of("\"f0\":" + answered(R"({"fullDatabaseId":null},)" + comment)));
  CHECK(x.result == outcome::ok);
  CHECK(x.fields[0].pages[0].null_count == 1);
  CHECK(x.fields[0].pages[0].rows[0].rows.size() == 1);
}

TEST_CASE("invalid text in one element does not cost the page", "[metadata_answer]") {
  auto bad = comment;
  bad.replace(bad.find("\\u0000b"), 7, "\xff\\ud800");
  auto x = judged(query_shape::metadata_list, {comments()}, body_of("\"f0\":" + answered(bad)));
  REQUIRE(x.result == outcome::ok);
  CHECK(x.fields[0].pages[0].rows[0].rows.size() == 1);
}
