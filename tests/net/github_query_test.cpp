#include "net/github_query.hpp"

#include "net/metadata_query.hpp"

#include <boost/json/parse.hpp>
#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::net;

namespace {

boost::json::object parsed_body(const api_request& request) {
  return boost::json::parse(query_body(request)).as_object();
}

} // namespace

TEST_CASE("texts and cursors travel as variables, never in the document", "[github_query]") {
  std::string hostile = "stars:>=1 \"\\ \n } { \xF0\x9F\x9A\x80";
  auto body =
      parsed_body({query_shape::search_page, "", {{hostile, ""}, {"b", "Y3Vyc29yOjEwMA=="}}});
  CHECK(body["query"].as_string() == query_text(query_shape::search_page, 2).c_str());
  auto& variables = body["variables"].as_object();
  CHECK(variables.size() == 4);
  CHECK(variables["q0"].as_string() == hostile.c_str());
  CHECK(variables["a0"].is_null());
  CHECK(variables["q1"].as_string() == "b");
  CHECK(variables["a1"].as_string() == "Y3Vyc29yOjEwMA==");
}

TEST_CASE("a counting query asks for counts alone", "[github_query]") {
  auto body = parsed_body({query_shape::search_count, "", {{"a", ""}, {"b", ""}}});
  CHECK(body["query"].as_string() ==
        "query($q0:String!,$q1:String!){f0:search(type:REPOSITORY,query:$q0,first:1)"
        "{repositoryCount} f1:search(type:REPOSITORY,query:$q1,first:1){repositoryCount} "
        "rateLimit{cost limit remaining used resetAt}}");
  CHECK(body["variables"].as_object().size() == 2);
}

TEST_CASE("repositories are asked for by their node ids", "[github_query]") {
  api_request request{query_shape::nodes, "", {{"", "", {123, 1296269}}, {"", "", {412741557}}}};
  auto body = parsed_body(request);
  std::string document{body["query"].as_string()};
  CHECK(document.starts_with("query($i0:[ID!]!,$i1:[ID!]!){f0:nodes(ids:$i0){...repository} "
                             "f1:nodes(ids:$i1){...repository} rateLimit{"));
  CHECK(body["variables"] ==
        boost::json::parse(
            R"({"i0":["MDEwOlJlcG9zaXRvcnkxMjM=","R_kgDOABPHjQ"],"i1":["R_kgDOGJnvtQ"]})"));
}

TEST_CASE("an owner's repositories are paged in the order of their creation", "[github_query]") {
  auto body = parsed_body({query_shape::owner_page, "", {{"octocat", "Y3Vyc29yOnYyOg=="}}});
  std::string document{body["query"].as_string()};
  CHECK(document.find("f0:repositoryOwner(login:$q0){repositories(first:100,after:$a0,"
                      "ownerAffiliations:[OWNER],orderBy:{field:CREATED_AT,direction:ASC})"
                      "{...owned}}") != std::string::npos);
  CHECK(body["variables"] == boost::json::parse(R"({"q0":"octocat","a0":"Y3Vyc29yOnYyOg=="})"));
}

TEST_CASE("page fields share one fragment", "[github_query]") {
  auto one = query_text(query_shape::search_page, 1);
  auto hundred = query_text(query_shape::search_page, 100);
  CHECK(hundred.size() < one.size() + 100 * 120);
  CHECK(hundred.find("f99:search(type:REPOSITORY,query:$q99,first:100,after:$a99){...page}") !=
        std::string::npos);
}

TEST_CASE("who asks is asked only when wanted", "[github_query]") {
  api_request request{query_shape::search_count, "", {{"a", ""}}, true};
  CHECK(query_body(request).find("viewer{databaseId login}") != std::string::npos);
  request.identify = false;
  CHECK(query_body(request).find("viewer") == std::string::npos);
}

TEST_CASE("refused fields are left out of the document", "[github_query]") {
  api_request request{query_shape::search_page, "", {{"a", ""}}};
  CHECK(query_body(request).find("issues(states:OPEN){totalCount} watchers{totalCount}") !=
        std::string::npos);
  auto least = query_body(request, field_set{}.set(*optional_field("issues")));
  CHECK(least.find("issues") == std::string::npos);
  CHECK(least.find("forkCount watchers{totalCount} primaryLanguage{name}") != std::string::npos);
}

TEST_CASE("only fields that the table can do without are optional", "[github_query]") {
  field_set optional;
  for (size_t i = 0; i < optional.size(); ++i)
    if (optional_field(repository_fields[i].name))
      optional.set(i);
  CHECK(to_string(optional) ==
        "issues, watchers, primaryLanguage, licenseInfo, description, diskUsage, pushedAt");
  CHECK_FALSE(optional_field("stargazerCount"));
  CHECK_FALSE(optional_field("stargazers"));
}

TEST_CASE("every document that can be sent is listed with one field and with three",
          "[github_query]") {
  std::vector<std::string> names;
  for (const auto& each : all_query_texts())
    names.push_back(each.name);
  auto metadata = metadata_query_texts();
  REQUIRE(names.size() > metadata.size());
  auto first = names.end() - std::ssize(metadata);
  CHECK(std::equal(first, names.end(), metadata.begin(),
                   [](auto& name, auto& each) { return name == each.name; }));
  names.erase(first, names.end());
  CHECK(names == std::vector<std::string>{"search_count_1",
                                          "search_count_1_viewer",
                                          "search_count_3",
                                          "search_count_3_viewer",
                                          "search_page_1",
                                          "search_page_1_viewer",
                                          "search_page_3",
                                          "search_page_3_viewer",
                                          "nodes_1",
                                          "nodes_1_viewer",
                                          "nodes_3",
                                          "nodes_3_viewer",
                                          "owner_page_1",
                                          "owner_page_1_viewer",
                                          "owner_page_3",
                                          "owner_page_3_viewer",
                                          "search_page_1_least",
                                          "probe",
                                          "probe_issues",
                                          "probe_watchers",
                                          "probe_primaryLanguage",
                                          "probe_licenseInfo",
                                          "probe_description",
                                          "probe_diskUsage",
                                          "probe_pushedAt"});
}
