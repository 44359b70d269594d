#include "tests/sim/fixture.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim;
using test::kind;
using test::message;

namespace {

prepared_query priced(const std::string& document) {
  static std::list<compilation> kept;
  auto& compiled = kept.emplace_back(compile(document, ""));
  REQUIRE(compiled.plan);
  return prepare(*compiled.plan, {});
}

std::string search_field(const std::string& alias, int first, const std::string& below) {
  return alias + ":search(query:\"stars:1\",type:REPOSITORY,first:" + std::to_string(first) +
         "){nodes{...on Repository{" + below + "}}}";
}

std::string aliases(int count, int first, const std::string& below) {
  std::string out{"{"};
  for (auto i = 0; i < count; ++i)
    out += search_field("a" + std::to_string(i), first, below) + " ";
  return out + "}";
}

} // namespace

TEST_CASE("a query costs what GitHub's formula says", "[sim]") {
  CHECK(priced("{viewer{login}}").cost == 1);
  CHECK(priced(aliases(1, 100, "id")).cost == 1);
  CHECK(priced(aliases(149, 100, "id")).cost == 1);
  CHECK(priced(aliases(150, 100, "id")).cost == 2);
  CHECK(priced(aliases(1, 100, "repositoryTopics(first:10){totalCount}")).cost == 1);
  CHECK(priced(aliases(2, 100, "repositoryTopics(first:10){totalCount}")).cost == 2);
  CHECK(priced(aliases(10, 100, "repositoryTopics(first:10){totalCount}")).cost == 10);
  // Connections without first or last are not counted.
  CHECK(priced(aliases(10, 100, "issues(states:OPEN){totalCount} watchers{totalCount}")).cost == 1);
}

TEST_CASE("the official example costs 51 points", "[sim]") {
  // 1 + 100 + 5,000 requests: three levels of 100, 50 and any number.
  auto query = priced("{search(query:\"x\",type:REPOSITORY,first:100){nodes{...on Repository{"
                      "issues(first:1){totalCount}}}} }");
  CHECK(query.cost == 1); // 101 requests
  auto ids = std::string{"nodes(ids:["};
  for (auto i = 0; i < 100; ++i)
    ids += "\"R_kgDOABPHjQ\" ";
  CHECK(priced("{" + ids + "]){...on Repository{languages(first:100){totalCount}}}}").cost == 1);
  std::string fifty_lists{"{"};
  for (auto i = 0; i < 51; ++i)
    fifty_lists += "a" + std::to_string(i) + ":" + ids +
                   "]){...on Repository{languages(first:60){totalCount}}} ";
  // 5,100 requests: the number of the official example (5,101) but for the root.
  CHECK(priced(fifty_lists + "viewer{login}}").cost == 51);
}

TEST_CASE("nodes are counted as GitHub counts them", "[sim]") {
  CHECK(priced(aliases(1, 100, "id")).node_count == 100);
  CHECK(priced(aliases(2, 50, "repositoryTopics(first:10){totalCount}")).node_count == 1'100);
}

TEST_CASE("alternatives of one object are not added up", "[sim]") {
  auto query = priced("{search(query:\"x\",type:REPOSITORY,first:100){nodes{__typename "
                      "...on Repository{releases(first:5){totalCount}} ...on User{login}}}}");
  CHECK(query.node_count == 600);
}

TEST_CASE("limits that are checked before execution have their own errors", "[sim]") {
  test::site sim;
  auto ids = [](int count) {
    test::json::array out;
    for (auto i = 0; i < count; ++i)
      out.push_back("R_kgDOABPHjQ");
    return test::json::object{{"ids", out}};
  };
  auto too_many = sim.ask("query($ids:[ID!]!){\n  nodes_101:nodes(ids:$ids){id}}", ids(101));
  CHECK(test::json::serialize(too_many) ==
        R"({"data":null,"errors":[{"type":"ARGUMENT_LIMIT","path":["nodes_101"],)"
        R"("message":"You may not provide more than 100 node ids; you provided 101.",)"
        R"("locations":[{"line":2,"column":3}]}]})");
  auto large = sim.ask("{" + search_field("a", 1000, "id") + "}");
  CHECK(kind(large) == "EXCESSIVE_PAGINATION");
  CHECK(message(large) ==
        "Requesting 1000 records on the `search` connection exceeds the `first` limit of 100 "
        "records.");
  CHECK(kind(sim.ask("{" + search_field("a", 0, "id") + "}")) == "EXCESSIVE_PAGINATION");
  auto unbounded = sim.ask("{search(query:\"x\",type:REPOSITORY){nodes{__typename}}}");
  CHECK(kind(unbounded) == "MISSING_PAGINATION_BOUNDARIES");
  auto nodes = sim.ask(aliases(51, 100, "repositoryTopics(first:100){totalCount}"));
  CHECK(kind(nodes) == "MAX_NODE_LIMIT_EXCEEDED");
  CHECK(message(nodes) ==
        "This query requests up to 515,100 possible nodes which exceeds the maximum limit of "
        "500,000.");
  CHECK(sim.violation("invalid_document") == 5);
  CHECK_FALSE(sim.ask("query($ids:[ID!]!){a:nodes(ids:$ids){id} b:nodes(ids:$ids){id}}", ids(99))
                  .at("data")
                  .is_null());
}

TEST_CASE("documents that do not fit the schema are refused as GitHub refuses them", "[sim]") {
  test::site sim;
  struct example {
    const char* document;
    const char* code;
    const char* text;
  };
  constexpr example examples[] = {
      {"{repository(owner:\"a\",name:\"b\"){stars}}", "undefinedField",
       "Field 'stars' doesn't exist on type 'Repository'"},
      {"{repository(owner:\"a\",name:\"b\",id:1){id}}", "argumentNotAccepted",
       "Field 'repository' doesn't accept argument 'id'"},
      {"{repository(owner:\"a\"){id}}", "missingRequiredArguments",
       "Field 'repository' is missing required arguments: name"},
      {"{repository(owner:\"a\",name:7){id}}", "argumentLiteralsIncompatible",
       "Argument 'name' on Field 'repository' has an invalid value (7). Expected type 'String!'."},
      {"{search(query:\"a\",type:NOTHING){repositoryCount}}", "argumentLiteralsIncompatible",
       "Argument 'type' on Field 'search' has an invalid value (NOTHING). Expected type "
       "'SearchType!'."},
      {"{viewer}", "selectionMismatch",
       "Field must have selections (field 'viewer' returns User but has no selections. Did you "
       "mean "
       "'viewer { ... }'?)"},
      {"{viewer{login{x}}}", "selectionMismatch",
       "Selections can't be made on scalars (field 'login' returns String but has selections)"},
      {"{viewer{...F}}", "useAndDefineFragment", "Fragment F was used, but not defined"},
      {"{viewer{login}} fragment F on User{id}", "useAndDefineFragment",
       "Fragment F was defined, but not used"},
      {"{viewer{...on Repository{id}}}", "cannotSpreadFragment",
       "Fragment on Repository can't be spread inside User"},
      {"{viewer{...on Nothing{id}}}", "undefinedType",
       "No such type Nothing, so it can't be a fragment condition"},
      {"{viewer{...F}} fragment F on User{...F}", "infiniteLoop",
       "Fragment F contains an infinite loop"},
      {"{viewer{login @stream}}", "undefinedDirective", "Directive @stream is not defined"},
      {"{viewer{login @skip}}", "missingRequiredArguments",
       "Directive 'skip' is missing required arguments: if"},
      {"{node(id:$id){id}}", "variableNotDefined",
       "Variable $id is used by anonymous query but not declared"},
      {"query Q($id:ID!){viewer{login}}", "variableNotUsed",
       "Variable $id is declared by Q but not used"},
      {"query($id:Int!){node(id:$id){id}}", "variableMismatch",
       "Type mismatch on variable $id and argument id (Int! / ID!)"},
      {"query($id:ID){node(id:$id){id}}", "variableMismatch",
       "Type mismatch on variable $id and argument id (ID / ID!)"},
      {"query($x:Thing){viewer{login @skip(if:$x)}}", "variableRequiresValidType",
       "`Thing` isn't a defined input type (on $x)"},
      {"{a:viewer{x:login x:id}}", "fieldConflict", "Field 'x' has a field conflict: login or id?"},
      {"mutation{x}", "missingOperationType", "Schema is not configured for mutations"},
  };
  for (const auto& [document, code, text] : examples) {
    INFO(document);
    auto posted = sim.post(document);
    CHECK(posted.status == 200);
    auto answer = test::json::parse(posted.body);
    CHECK(kind(answer) == code);
    CHECK(message(answer) == text);
    CHECK_FALSE(answer.as_object().contains("data"));
    CHECK(answer.at("errors").at(0).at("locations").at(0).at("line") == 1);
  }
  auto answer = sim.ask("{repository(owner:\"a\",name:\"b\"){stars}}");
  CHECK(test::json::serialize(answer.at("errors").at(0).at("path")) ==
        R"(["query","repository","stars"])");
  CHECK(test::json::serialize(answer.at("errors").at(0).at("extensions")) ==
        R"({"code":"undefinedField","typeName":"Repository","fieldName":"stars"})");
  CHECK(sim.violation("invalid_document") == static_cast<int64_t>(std::size(examples)) + 1);
}

TEST_CASE("variables are checked against their types", "[sim]") {
  test::site sim;
  auto document = "query($q:String!,$n:Int=1){search(query:$q,type:REPOSITORY,first:$n)"
                  "{repositoryCount}}";
  CHECK(message(sim.ask(document)) == "Variable $q of type String! was provided invalid value");
  CHECK(message(sim.ask(document, {{"q", 5}})) ==
        "Variable $q of type String! was provided invalid value");
  CHECK(message(sim.ask(document, {{"q", "x"}, {"n", "5"}})) ==
        "Variable $n of type Int was provided invalid value");
  CHECK(message(sim.ask(document, {{"q", "x"}})).empty());
  auto typed = "query($t:SearchType!){search(query:\"x\",type:$t,first:1){repositoryCount}}";
  CHECK(message(sim.ask(typed, {{"t", "REPOSITORY"}})).empty());
  CHECK_FALSE(message(sim.ask(typed, {{"t", "NOTHING"}})).empty());
}

TEST_CASE("the operation is chosen by its name", "[sim]") {
  auto document = "query A{viewer{login}} query B{viewer{id}}";
  CHECK(compile(document, "B").plan);
  CHECK(compile(document, "").errors.at(0).message == "An operation name is required");
  CHECK(compile(document, "C").errors.at(0).message == "No operation named \"C\"");
}
