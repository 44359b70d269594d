#include "tests/sim/fixture.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim;
using test::at;
using test::kind;
using test::make_data;
using test::message;
namespace json = boost::json;

namespace {

dataset two() {
  auto data = make_data({
      {1296269, "octocat/Hello-World", 2500, at("2011-01-26T19:01:12Z"), "C", 0},
      {412741557, "tModLoader/FAudio", 7, at("2021-10-02T08:00:00Z"), "", is_archived},
  });
  data.add_former_name("octocat/old", 0);
  return data;
}

std::string pages(int count, const std::string& fields) {
  std::string out{"{"};
  for (auto i = 0; i < count; ++i)
    out += "p" + std::to_string(i) +
           ":search(query:\"stars:>=0 sort:stars\",type:REPOSITORY,first:100,after:\"" +
           base64_encode("cursor:" + std::to_string(i % 10 * 100)) + "\"){repositoryCount nodes{" +
           "...on Repository{" + fields + "}}} ";
  return out + "}";
}

constexpr const char* crawled_fields =
    "databaseId nameWithOwner stargazerCount forkCount issues(states:OPEN){totalCount} "
    "watchers{totalCount} primaryLanguage{name} licenseInfo{key} description isFork isArchived "
    "isDisabled visibility diskUsage createdAt updatedAt pushedAt";

} // namespace

TEST_CASE("a query gets exactly what it asks for", "[sim]") {
  test::site sim{two()};
  auto answer = sim.ask("{r:repository(owner:\"Octocat\",name:\"hello-world\"){databaseId id "
                        "nameWithOwner stargazerCount primaryLanguage{name} licenseInfo{key} "
                        "createdAt pushedAt visibility owner{login ...on User{databaseId}} "
                        "defaultBranchRef{name} isArchived archivedAt diskUsage __typename}}");
  CHECK(json::serialize(answer) ==
        R"({"data":{"r":{"databaseId":1296269,"id":"MDEwOlJlcG9zaXRvcnkxMjk2MjY5",)"
        R"("nameWithOwner":"octocat/Hello-World","stargazerCount":2500,)"
        R"("primaryLanguage":{"name":"C"},"licenseInfo":null,)"
        R"("createdAt":"2011-01-26T19:01:12Z","pushedAt":"2011-01-26T19:01:17Z",)"
        R"("visibility":"PUBLIC","owner":{"login":"octocat","databaseId":1000},)"
        R"("defaultBranchRef":{"name":"master"},"isArchived":false,"archivedAt":null,)"
        R"("diskUsage":null,"__typename":"Repository"}}})");
}

TEST_CASE("every field of a repository answers", "[sim]") {
  test::site sim{make_synthetic(300, 1), false};
  std::string fields;
  for (const auto& field : schema::instance().find("Repository")->fields) {
    if (field.name == "stargazers" || field.find_argument("number") != nullptr)
      continue;
    fields += field.name;
    if (field.is_connection())
      fields += "(first:3){totalCount} ";
    else if (field.result->name == "RepositoryOwner")
      fields += "{login id url avatarUrl} ";
    else if (field.result->name == "Repository")
      fields += "{id} ";
    else if (field.result->name == "Ref")
      fields += "{name prefix} ";
    else if (field.result->name == "Language")
      fields += "{name color} ";
    else if (field.result->name == "License")
      fields += "{key name spdxId pseudoLicense} ";
    else
      fields += ' ';
  }
  auto more = "l:languages(first:2){totalSize nodes{name} edges{size node{color}}} "
              "t:repositoryTopics(first:2){nodes{topic{name}}}";
  auto answer = sim.ask("{search(query:\"fork:true sort:stars\",type:REPOSITORY,first:100)"
                        "{userCount edges{cursor node{...on Repository{" +
                        fields + more + "}}}}}");
  INFO(json::serialize(answer).substr(0, 600));
  CHECK(message(answer).empty());
  const auto& edges = answer.at("data").at("search").at("edges").as_array();
  REQUIRE(edges.size() == 100);
  CHECK(edges[9].at("cursor") == "Y3Vyc29yOjEw");
}

TEST_CASE("aliases, fragments and conditions are honoured", "[sim]") {
  test::site sim{two()};
  auto document = "query($yes:Boolean!,$no:Boolean=false){node(id:\"R_kgDOGJnvtQ\"){...F id "
                  "...on Repository @include(if:$no){forkCount} ...on User{login}}}"
                  "fragment F on Repository{a:name b:name @skip(if:$yes) c:name @include(if:$yes) "
                  "owner{login} owner{id}}";
  CHECK(json::serialize(sim.ask(document, {{"yes", true}})) ==
        R"({"data":{"node":{"a":"FAudio","c":"FAudio","owner":{"login":"tModLoader",)"
        R"("id":"MDQ6VXNlcjEwOTc="},"id":"R_kgDOGJnvtQ"}}})");
}

TEST_CASE("a search tells its rank in cursors", "[sim]") {
  test::site sim{2'000};
  auto document =
      "query($a:String,$b:String,$f:Int,$l:Int){search(query:\"stars:>=1 sort:stars\","
      "type:REPOSITORY,first:$f,last:$l,after:$a,before:$b){repositoryCount pageInfo{"
      "startCursor endCursor hasNextPage hasPreviousPage} nodes{...on Repository{id}}}}";
  auto cursor = [](int rank) { return base64_encode("cursor:" + std::to_string(rank)); };
  auto info = [&](const json::object& variables) {
    auto answer = sim.ask(document, variables);
    REQUIRE(message(answer).empty());
    return json::serialize(answer.at("data").at("search").at("pageInfo"));
  };
  auto shown = [&](int first, int last, const char* next, const char* previous) {
    return "{\"startCursor\":\"" + cursor(first) + "\",\"endCursor\":\"" + cursor(last) +
           "\",\"hasNextPage\":" + next + ",\"hasPreviousPage\":" + previous + "}";
  };
  CHECK(info({{"f", 10}}) == shown(1, 10, "true", "false"));
  CHECK(info({{"f", 100}, {"a", cursor(900)}}) == shown(901, 1000, "false", "true"));
  CHECK(info({{"f", 100}, {"a", "Y3Vyc29yOjEwMA=="}}) == shown(101, 200, "true", "true"));
  CHECK(info({{"l", 10}, {"b", cursor(31)}}) == shown(21, 30, "true", "true"));
  CHECK(info({{"l", 10}}) == shown(991, 1000, "false", "true"));
  CHECK(info({{"f", 10}, {"a", cursor(1000)}}) ==
        R"({"startCursor":null,"endCursor":null,"hasNextPage":false,"hasPreviousPage":true})");
  CHECK(sim.ask(document, {{"f", 1}}).at("data").at("search").at("repositoryCount").as_int64() >
        1'000);
  auto bad = sim.ask(document, {{"f", 1}, {"a", "nonsense"}});
  CHECK(kind(bad) == "INVALID_CURSOR_ARGUMENTS");
  CHECK(bad.at("data").is_null());
}

TEST_CASE("a search text of more than 256 characters is refused", "[sim]") {
  test::site sim{two()};
  auto document = "query($q:String!){search(query:$q,type:REPOSITORY,first:1){repositoryCount}}";
  CHECK(message(sim.ask(document, {{"q", std::string(256, 'x')}})).empty());
  CHECK(message(sim.ask(document, {{"q", std::string(257, 'x')}})) ==
        "The search is longer than 256 characters.");
}

TEST_CASE("what does not exist is null with an error for its path", "[sim]") {
  test::site sim{two()};
  auto answer = sim.ask("{nodes(ids:[\"R_kgDOGJnvtQ\",\"MDEwOlJlcG9zaXRvcnkxMjM=\",\"x\"]){id}}");
  CHECK(json::serialize(answer.at("data")) == R"({"nodes":[{"id":"R_kgDOGJnvtQ"},null,null]})");
  CHECK(json::serialize(answer.at("errors").at(0)) ==
        R"({"type":"NOT_FOUND","path":["nodes",1],"message":"Could not resolve to a node with )"
        R"(the global id of 'MDEwOlJlcG9zaXRvcnkxMjM='","locations":[{"line":1,"column":2}]})");
  CHECK(answer.at("errors").as_array().size() == 2);
  auto gone = sim.ask("{repository(owner:\"old\",name:\"name\"){id}}");
  CHECK(json::serialize(gone) ==
        R"({"data":{"repository":null},"errors":[{"type":"NOT_FOUND","path":["repository"],)"
        R"("message":"Could not resolve to a Repository with the name 'old/name'.",)"
        R"("locations":[{"line":1,"column":2}]}]})");
}

TEST_CASE("legacy ids work and are warned about", "[sim]") {
  test::site sim{two()};
  auto request = sim.request("POST", "/graphql");
  request.body = R"({"query":"{node(id:\"MDEwOlJlcG9zaXRvcnkxMjk2MjY5\"){id}}"})";
  auto answer = json::parse(sim.send(request).body);
  CHECK(answer.at("data").at("node").at("id") == "MDEwOlJlcG9zaXRvcnkxMjk2MjY5");
  const auto& warning = answer.at("extensions").at("warnings").at(0);
  CHECK(warning.at("type") == "DEPRECATION");
  CHECK(warning.at("data").at("next_global_id") == "R_kgDOABPHjQ");
  request.next_global_ids = true;
  answer = json::parse(sim.send(request).body);
  CHECK(answer.at("data").at("node").at("id") == "R_kgDOABPHjQ");
}

TEST_CASE("renamed repositories are found by their former name", "[sim]") {
  test::site sim{two()};
  auto answer = sim.ask("{repository(owner:\"octocat\",name:\"OLD\"){nameWithOwner}}");
  CHECK(answer.at("data").at("repository").at("nameWithOwner") == "octocat/Hello-World");
  auto strict =
      sim.ask("{repository(owner:\"octocat\",name:\"old\",followRenames:false){nameWithOwner}}");
  CHECK(kind(strict) == "NOT_FOUND");
}

TEST_CASE("the stargazers connection is closed", "[sim]") {
  test::site sim{two()};
  auto answer = sim.ask("{nodes(ids:[\"R_kgDOGJnvtQ\"]){...on Repository{name "
                        "stargazers{totalCount}}}}");
  CHECK(kind(answer) == "FORBIDDEN");
  CHECK(json::serialize(answer.at("data")) == R"({"nodes":[null]})");
  CHECK(json::serialize(answer.at("errors").at(0).at("path")) == R"(["nodes",0,"stargazers"])");
}

TEST_CASE("ten pages or a hundred counts in one query pass", "[sim]") {
  test::site sim{3'000};
  auto ten = sim.ask(pages(10, crawled_fields));
  CHECK(message(ten).empty());
  CHECK(ten.at("data").at("p9").at("nodes").as_array().size() == 100);
  std::string counts{"{"};
  for (auto i = 0; i < 100; ++i)
    counts += "c" + std::to_string(i) + ":search(query:\"stars:" + std::to_string(i) +
              "\",type:REPOSITORY,first:1){repositoryCount} ";
  CHECK(message(sim.ask(counts + "}")).empty());
  CHECK(sim.stats().at("search_pages") == 10);
  CHECK(sim.stats().at("search_counts") == 100);
}

TEST_CASE("too much work is answered in part, with an error for every null", "[sim]") {
  test::site sim{3'000};
  auto answer = sim.ask(pages(24, crawled_fields));
  size_t nulls = 0;
  for (const auto& [alias, search] : answer.at("data").as_object()) {
    if (search.at("nodes").is_null())
      ++nulls;
    else
      for (const auto& node : search.at("nodes").as_array())
        nulls += node.is_null() ? 1 : 0;
  }
  CHECK(nulls > 0);
  CHECK(answer.at("errors").as_array().size() == nulls);
  CHECK(kind(answer) == "RESOURCE_LIMITS_EXCEEDED");
  CHECK(message(answer) == "Resource limits for this query exceeded.");
  CHECK(sim.stats().at("resource_limits") == 1);
  CHECK(sim.stats().at("search_pages").as_int64() < 24);
}

TEST_CASE("far too much work times out and costs extra", "[sim]") {
  test::site sim{3'000};
  std::set<int> statuses;
  std::set<std::string> types;
  for (auto i = 0; i < 20; ++i) {
    auto answer = sim.post(pages(60, crawled_fields));
    statuses.insert(answer.status);
    types.insert(answer.content_type);
    CHECK(answer.headers.find("X-RateLimit") == std::string::npos);
  }
  CHECK(statuses == std::set<int>{502, 504});
  CHECK(types.size() == 2);
  CHECK(sim.stats().at("timeouts") == 20);
  CHECK(sim.stats().at("search_pages") == 0);
  auto left = sim.ask("{rateLimit{remaining}}").at("data").at("rateLimit").at("remaining");
  CHECK(left.as_int64() < 5'000 - 20 * 2);
  test::site unlimited{make_synthetic(3'000, 1), false};
  CHECK(message(unlimited.ask(pages(60, crawled_fields))).empty());
}

TEST_CASE("a page that was answered twice is counted", "[sim]") {
  test::site sim{3'000};
  sim.ask(pages(3, "id"));
  CHECK(sim.stats().at("repeated_pages") == 0);
  sim.ask(pages(2, "id"));
  CHECK(sim.stats().at("repeated_pages") == 2);
  CHECK(sim.get("/_sim/pages.csv").body == "query,after,answered\r\n"
                                           "stars:>=0 sort:stars,Y3Vyc29yOjA=,2\r\n"
                                           "stars:>=0 sort:stars,Y3Vyc29yOjEwMA==,2\r\n"
                                           "stars:>=0 sort:stars,Y3Vyc29yOjIwMA==,1\r\n");
}

TEST_CASE("what somebody owns comes in pages, in the order of creation", "[sim]") {
  test::site sim{3'000};
  auto best = sim.ask("{search(query:\"stars:>0 sort:stars\",type:REPOSITORY,first:1){nodes{"
                      "...on Repository{owner{login}}}}}");
  auto login = json::value_to<std::string>(
      best.at("data").at("search").at("nodes").at(0).at("owner").at("login"));
  int64_t last = 0;
  int64_t seen = 0;
  int64_t count = -1;
  std::string after = "null";
  while (after != "") {
    auto answer =
        sim.ask("{repositoryOwner(login:\"" + login + "\"){repositories(first:2,after:" + after +
                ",ownerAffiliations:[OWNER],orderBy:{field:CREATED_AT,"
                "direction:ASC}){totalCount pageInfo{endCursor hasNextPage} nodes{"
                "databaseId nameWithOwner}}} rateLimit{cost}}");
    CHECK(answer.at("data").at("rateLimit").at("cost") == 1);
    auto& page = answer.at("data").at("repositoryOwner").at("repositories");
    count = page.at("totalCount").as_int64();
    for (auto& node : page.at("nodes").as_array()) {
      ++seen;
      CHECK(node.at("databaseId").as_int64() > last);
      last = node.at("databaseId").as_int64();
      CHECK(json::value_to<std::string>(node.at("nameWithOwner")).starts_with(login + "/"));
    }
    REQUIRE(seen <= count);
    after = page.at("pageInfo").at("hasNextPage").as_bool()
                ? json::serialize(page.at("pageInfo").at("endCursor"))
                : "";
  }
  CHECK(seen > 0);
  CHECK(seen == count);
}

TEST_CASE("somebody who does not exist owns nothing", "[sim]") {
  test::site sim{3'000};
  auto answer =
      sim.ask("{repositoryOwner(login:\"nobody-at-all\"){repositories(first:2){totalCount}}}");
  CHECK(kind(answer) == "NOT_FOUND");
}
