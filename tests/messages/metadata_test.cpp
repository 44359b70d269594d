#include "messages/metadata/registry.hpp"
#include "messages/metadata/rows.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace gitstar;
using namespace gitstar::metadata;

TEST_CASE("the kinds of metadata are sound descriptions", "[metadata]") {
  std::set<std::string_view> before;
  for (const auto* kind : all_kinds()) {
    INFO(kind->name);
    CHECK(find_kind(kind->name) == kind);
    CHECK(before.count(kind->name) == 0);
    std::set<std::string_view> names;
    for (const auto& x : kind->columns) {
      INFO(x.name);
      CHECK(names.insert(x.name).second);
      CHECK((x.from == origin::node || x.from == origin::holder) == !x.sources.empty());
    }
    CHECK(column_index(*kind, "repo_id"));
    REQUIRE_FALSE(kind->key.empty());
    for (auto i : key_indexes(*kind))
      CHECK_FALSE(kind->columns[i].nullable);
    CHECK((kind->moved_at.empty() || column_index(*kind, kind->moved_at)));
    CHECK((kind->open_state.empty() || column_index(*kind, "state")));
    REQUIRE_FALSE(kind->lists.empty());
    for (const auto& x : kind->lists) {
      INFO(x.connection);
      CHECK_FALSE(x.link.empty());
      CHECK((kind->kept == freshness::since) == !x.since.empty());
      if (x.parent.empty())
        continue;
      // Parents stand before what is read from them, and have what the list takes from them.
      REQUIRE(before.count(x.parent) == 1);
      const auto* parent = find_kind(x.parent);
      CHECK(x.parent_type == parent->node_type);
      for (auto name : x.link) {
        CHECK((column_index(*parent, name)));
        // Commits do not name the pull requests that have them.
        CHECK((column_index(*kind, name) || !kind->can_go));
      }
      CHECK((x.count.empty() || column_index(*parent, x.count)));
      for (const auto& own : kind->columns)
        if (own.from == origin::parent)
          CHECK(column_index(*parent, own.name));
    }
    before.insert(kind->name);
  }
  CHECK(find_kind("stargazers") == nullptr);
}

TEST_CASE("a selection asks for what the columns need", "[metadata]") {
  CHECK(selection(*find_kind("pull_request_commits")) == "commit{oid}");
  CHECK(selection(*find_kind("commits")) ==
        "commit{oid message author{user{login} name} authoredDate committedDate additions "
        "deletions changedFilesIfAvailable parents{totalCount}}");
  CHECK(selection(*find_kind("issues")) ==
        "fullDatabaseId number title body state stateReason(enableDuplicate:true) author{login} "
        "authorAssociation "
        "locked labels(first:100){totalCount pageInfo{endCursor hasNextPage} nodes{name}} "
        "assignees(first:100){totalCount pageInfo{endCursor hasNextPage} nodes{login}} "
        "comments{totalCount} reactions{totalCount} milestone{title} createdAt updatedAt "
        "closedAt");
  CHECK(holder_selection(*find_kind("issues")).empty());
}

TEST_CASE("a union is selected type by type", "[metadata]") {
  CHECK(selection(*find_kind("ci_checks")) ==
        "__typename ... on CheckRun{databaseId name status conclusion checkSuite{app{slug}} "
        "detailsUrl startedAt completedAt} ... on StatusContext{context state targetUrl "
        "createdAt}");
  CHECK(holder_selection(*find_kind("ci_checks")) == "oid");
}

TEST_CASE("two kinds may share a list", "[metadata]") {
  auto& commits = find_kind("commits")->lists[0];
  CHECK(same_list(commits, find_kind("pull_request_commits")->lists[0]));
  CHECK_FALSE(same_list(commits, find_kind("ci_checks")->lists[0]));
  CHECK_FALSE(
      same_list(find_kind("issue_comments")->lists[0], find_kind("issue_comments")->lists[1]));
}

TEST_CASE("array literals quote their elements", "[metadata]") {
  CHECK(to_array_literal({}) == "{}");
  CHECK(to_array_literal({"a", "", "b \"c\"", "d\\,e", "NULL"}) ==
        R"({"a","","b \"c\"","d\\,e","NULL"})");
}
