#include "net/metadata_query.hpp"

#include "messages/metadata/registry.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::net;

namespace {

search_field list_of_repository(repo_id id, const std::string& kind) {
  search_field field;
  field.ids = {id};
  field.metadata.kinds = {kind};
  return field;
}

search_field list_of(const std::string& node, const std::string& parent,
                     std::vector<std::string> kinds) {
  search_field field;
  field.metadata.nodes = {node};
  field.metadata.parent = parent;
  field.metadata.kinds = std::move(kinds);
  return field;
}

query_document query(query_shape shape, std::vector<search_field> fields) {
  api_request request;
  request.shape = shape;
  request.fields = std::move(fields);
  return metadata_query(request);
}

bool contains(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

} // namespace

TEST_CASE("a probe asks a hundred repositories for the newest of each list", "[metadata_query]") {
  search_field field;
  field.ids = {412741557, 20580498};
  field.metadata.kinds = {"issues", "pull_requests"};
  auto [text, variables] = query(query_shape::metadata_probe, {field});
  CHECK(text ==
        "query($i0:[ID!]!){f0:nodes(ids:$i0){...s0} rateLimit{cost limit remaining used resetAt}}"
        "\nfragment s0 on Repository{issues_enabled:hasIssuesEnabled "
        "issues:issues(first:1,orderBy:{field:UPDATED_AT,direction:DESC}){totalCount "
        "nodes{updatedAt}} pull_requests:pullRequests(first:1,orderBy:{field:UPDATED_AT,"
        "direction:DESC}){totalCount nodes{updatedAt}}}");
  CHECK(boost::json::parse(variables) ==
        boost::json::parse(R"({"i0":["R_kgDOGJnvtQ","R_kgDOAToIkg"]})"));
}

TEST_CASE("what has moved since is asked for with the count of the whole list",
          "[metadata_query]") {
  auto field = list_of_repository(412741557, "issues");
  field.metadata.first = 7;
  field.metadata.after = "a \"cursor\"";
  field.metadata.since = timestamp{std::chrono::seconds{1717200000}};
  auto [text, variables] = query(query_shape::metadata_list, {field});
  CHECK(contains(text, "f0:node(id:$i0){...on Repository{id list:issues(first:7,after:$a0,"
                       "orderBy:{field:UPDATED_AT,direction:ASC},filterBy:{since:$t0})"
                       "{totalCount pageInfo{endCursor hasNextPage} nodes{...s0}} "
                       "whole:issues{totalCount}}}"));
  CHECK(contains(text, "fragment s0 on Issue{id fullDatabaseId number "));
  CHECK(text.starts_with("query($i0:ID!,$a0:String,$t0:DateTime!){"));
  CHECK(boost::json::parse(variables) ==
        boost::json::parse(
            R"({"i0":"R_kgDOGJnvtQ","a0":"a \"cursor\"","t0":"2024-06-01T00:00:00Z"})"));
  field.metadata.newest = true;
  CHECK(contains(query(query_shape::metadata_list, {field}).text, "direction:DESC"));
}

TEST_CASE("lists of many parents share their selections", "[metadata_query]") {
  auto text = query(query_shape::metadata_list,
                    {list_of("PR_1", "pull_requests", {"commits", "pull_request_commits"}),
                     list_of("PR_2", "pull_requests", {"commits", "pull_request_commits"}),
                     list_of("I_1", "issues", {"issue_comments"}),
                     list_of("PR_1", "pull_requests", {"issue_comments"})})
                  .text;
  CHECK(contains(text, "f1:node(id:$i1){...on PullRequest{id list:commits(first:100){totalCount "
                       "pageInfo{endCursor hasNextPage} nodes{...s0 ...s1}}}}"));
  CHECK(contains(text, "f2:node(id:$i2){...on Issue{id list:comments(first:100){"));
  CHECK(contains(text, "f3:node(id:$i3){...on PullRequest{id list:comments(first:100){"));
  CHECK(contains(text, "fragment s2 on IssueComment{"));
  CHECK_FALSE(contains(text, "fragment s3"));
}

TEST_CASE("a list behind a way is continued at its holder", "[metadata_query]") {
  auto field = list_of("PR_1", "pull_requests", {"ci_checks"});
  CHECK(contains(query(query_shape::metadata_list, {field}).text,
                 "f0:node(id:$i0){...on PullRequest{commits(last:1){nodes{commit{id oid "
                 "statusCheckRollup{list:contexts(first:100){totalCount "));
  field.metadata.nodes = {"C_1"};
  field.metadata.continues = true;
  field.metadata.after = "x";
  CHECK(contains(query(query_shape::metadata_list, {field}).text,
                 "f0:node(id:$i0){...on Commit{id oid statusCheckRollup{list:contexts(first:100,"
                 "after:$a0){totalCount "));
  field.metadata.nodes = {"PR_1", "PR_2"};
  field.metadata.continues = false;
  field.metadata.after.clear();
  CHECK(contains(query(query_shape::metadata_probe, {field}).text,
                 "f0:nodes(ids:$i0){...on PullRequest{commits(last:1){nodes{commit{id oid "));
  field.metadata.both_ends = true;
  CHECK(contains(query(query_shape::metadata_probe, {field}).text,
                 " tail:contexts(last:100){nodes{...s0}}}"));
}

TEST_CASE("a query knows how many elements it asks for", "[metadata_query]") {
  search_field probe;
  probe.ids = {1, 2, 3};
  probe.metadata.kinds = {"issues", "pull_requests"};
  CHECK(node_count(probe) >= 3 * (1 + 2));
  // Each issue has lists of a hundred labels and a hundred assignees.
  auto issues = list_of_repository(1, "issues");
  CHECK(node_count(issues) >= 1 + 100 + 100 * 200);
  issues.metadata.first = 1;
  CHECK(node_count(issues) >= 1 + 1 + 200);
  CHECK(node_count(issues) < 300);
}

TEST_CASE("every list of every kind has a text for the check against the schema",
          "[metadata_query]") {
  std::string names;
  for (auto& [name, text] : metadata_query_texts())
    names += name + ' ';
  for (const auto* kind : metadata::all_kinds())
    for (const auto& x : kind->lists) {
      auto parent = x.parent.empty() ? "repositories" : std::string{x.parent};
      CHECK(contains(names, std::string{kind->name} + "_of_" + parent + ' '));
    }
  CHECK(contains(names, "metadata_probe "));
}
