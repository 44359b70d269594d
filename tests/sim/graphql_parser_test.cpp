#include "tools/sim/graphql_parser.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim::graphql;

TEST_CASE("a document with everything in it is parsed", "[sim]") {
  auto doc = parse_document(R"(
    # a comment
    query Q($ids: [ID!]! = ["a", "b"], $n: Int = -3, $on: Boolean!) @include(if: true) {
      a: nodes(ids: $ids) { ...F, ... on Repository @skip(if: $on) { name } ... { id } }
      search(query: "stars:>1 \"x\" \u00e9", type: REPOSITORY, first: 10) { repositoryCount }
      issues(filterBy: {states: [OPEN, CLOSED], since: null}, ratio: 1.5e3)
    }
    fragment F on Node { id }
  )");
  REQUIRE(doc.operations.size() == 1);
  const auto& op = doc.operations[0];
  CHECK(op.name == "Q");
  REQUIRE(op.variables.size() == 3);
  CHECK(to_string(op.variables[0].type) == "[ID!]!");
  CHECK(to_string(*op.variables[0].default_value) == R"(["a", "b"])");
  CHECK(op.variables[1].default_value->integer == -3);
  REQUIRE(op.selections.size() == 3);
  const auto& nodes = op.selections[0];
  CHECK(nodes.alias == "a");
  CHECK(nodes.name == "nodes");
  REQUIRE(nodes.selections.size() == 3);
  CHECK(nodes.selections[0].type == selection::kind::spread);
  CHECK(nodes.selections[1].name == "Repository");
  CHECK(nodes.selections[1].directives.at(0).name == "skip");
  CHECK(nodes.selections[2].name.empty());
  CHECK(op.selections[1].arguments.at(0).value.text == "stars:>1 \"x\" \u00e9");
  CHECK(to_string(op.selections[2].arguments.at(0).value) ==
        "{states: [OPEN, CLOSED], since: null}");
  CHECK(op.selections[2].arguments.at(1).value.text == "1.5e3");
  CHECK(op.selections[1].where.line == 5);
  CHECK(op.selections[1].where.column == 7);
  REQUIRE(doc.fragments.size() == 1);
  CHECK(doc.fragments[0].on == "Node");
}

TEST_CASE("block strings lose their indentation", "[sim]") {
  auto doc = parse_document("{a(x: \"\"\"\n    one\n      two \\\"\"\" three\n  \"\"\")}");
  CHECK(doc.operations.at(0).selections.at(0).arguments.at(0).value.text ==
        "one\n  two \"\"\" three");
}

TEST_CASE("escaped characters beyond the first plane are joined", "[sim]") {
  auto doc = parse_document(R"({a(x: "\ud83d\ude80 \u00e9")})");
  CHECK(doc.operations.at(0).selections.at(0).arguments.at(0).value.text == "\U0001f680 \u00e9");
}

TEST_CASE("what is no document is refused with its place", "[sim]") {
  for (auto bad : {"",
                   "{",
                   "{}",
                   "{a(}",
                   "{a(x:)}",
                   "query {a",
                   "{a} }",
                   "{a(x: \"b)}",
                   "{a(x: 1x)}",
                   "{...}",
                   "fragment on on X {a}",
                   "query ($x) {a}",
                   "{a ? b}",
                   "\"text\"",
                   "{a(x: \"\\q\")}",
                   "{a(x: \"\\u12\")}",
                   "{a(x: \"\\ud83d\")}",
                   "{a(x: \"\\ude80\")}",
                   "{a(x: \"\"\"b)}",
                   "{a(x: 99999999999999999999)}"})
    CHECK_THROWS_AS(parse_document(bad), syntax_error);
  try {
    parse_document("{\n  a(x: %)\n}");
    FAIL("parsed");
  } catch (const syntax_error& error) {
    CHECK(error.where.line == 2);
    CHECK(error.where.column == 8);
    CHECK(std::string{error.what()} == "Parse error on \"%\" at [2, 8]");
  }
  CHECK_THROWS_WITH(parse_document("{\u00e9}"), "Parse error on \"\u00e9\" at [1, 2]");
  CHECK_THROWS_AS(parse_document(std::string(100'000, '{')), syntax_error);
}
