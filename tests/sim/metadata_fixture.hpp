#pragma once

#include "tests/sim/fixture.hpp"

#include <algorithm>
#include <map>

/// Reads metadata as a client would, and the table of the truth, into rows that can be compared.
namespace gitstar::sim::test {

using cell = std::optional<std::string>; ///< nothing: null
using table_row = std::vector<cell>;
using rows_of_kind = std::map<std::string, std::vector<table_row>>;

inline constexpr const char* metadata_kinds[] = {
    "issues",  "pull_requests",        "issue_comments", "reviews",  "review_comments",
    "commits", "pull_request_commits", "ci_checks",      "releases", "discussions",
};

/// A CSV file with its header; an unquoted empty field is null.
inline std::vector<table_row> parse_csv(const std::string& text) {
  std::vector<table_row> out(1);
  for (size_t i = 0; i < text.size();) {
    cell field;
    if (text[i] == '"') {
      field.emplace();
      for (++i; text[i] != '"' || text[i + 1] == '"'; ++i) {
        i += text[i] == '"' ? 1 : 0;
        *field += text[i];
      }
      ++i;
    } else {
      auto end = text.find_first_of(",\r", i);
      if (end != i)
        field = text.substr(i, end - i);
      i = end;
    }
    out.back().push_back(std::move(field));
    if (text[i] == '\r') {
      out.emplace_back();
      ++i;
    }
    ++i;
  }
  out.pop_back();
  return out;
}

/// A site with metadata; clock and seed are those of `site`.
inline github_config with_metadata(double scale, size_t bytes = size_t{192} << 20) {
  github_config out;
  out.limits = false;
  out.metadata_scale = scale;
  out.metadata_bytes = bytes;
  return out;
}

/// The truth of one kind, without its header.
inline std::vector<table_row> truth(site& sim, const std::string& kind) {
  auto out = parse_csv(sim.text("/_sim/metadata.csv?kind=" + kind));
  out.erase(out.begin());
  return out;
}

/// The truth of all kinds.
inline rows_of_kind truth(site& sim) {
  rows_of_kind out;
  for (auto kind : metadata_kinds)
    out[kind] = truth(sim, kind);
  return out;
}

inline http_answer act(site& sim, const std::string& target) {
  return sim.send(sim.request("POST", target));
}

/// How a list is read: where it hangs, what is asked of its elements and where the cells of a row
/// are in them. A path that begins with `$` is a value of the parent's row, `#` the position.
struct list_shape {
  const char* kind;
  const char* parent_type;
  std::vector<std::string> way; ///< from the parent to the connection
  const char* arguments;
  const char* selection;
  std::vector<std::string> cells;
};

class reader {
public:
  reader(site& sim, int page_size) : sim_(sim), size_(page_size) {}

  /// Everything of all repositories.
  rows_of_kind read() {
    for (auto row : sim_.data().by_id()) {
      const auto& repo = sim_.data()[row];
      parent of{next_node_id(node_kind::repository, repo.id), {{"$repo", std::to_string(repo.id)}}};
      each(issues, of, [&](const json::object& node, parent& issue) {
        follow(node, issue, "$number");
        list(comments_of_issues, issue);
      });
      each(pull_requests, of, [&](const json::object& node, parent& pull_request) {
        follow(node, pull_request, "$number");
        list(comments_of_pull_requests, pull_request);
        list(commits, pull_request);
        list(pull_request_commits, pull_request);
        each(reviews, pull_request, [&](const json::object& review, parent& in) {
          in.cells["$number"] = pull_request.cells["$number"];
          follow(review, in, "$review");
          list(review_comments, in);
        });
        read_checks(pull_request);
      });
      list(releases, of);
      list(discussions, of);
    }
    return std::move(rows_);
  }

private:
  struct parent {
    std::string id;
    std::map<std::string, std::string> cells;
  };

  static void follow(const json::object& node, parent& of, const std::string& name) {
    of.id = json::value_to<std::string>(node.at("id"));
    of.cells[name] = name == "$number" ? std::to_string(node.at("number").as_int64())
                                       : json::value_to<std::string>(node.at("fullDatabaseId"));
  }

  void list(const list_shape& shape, const parent& of) {
    each(shape, of, [](const json::object&, parent&) {});
  }

  template <class Found>
  void each(const list_shape& shape, const parent& of, Found found) {
    json::object variables{{"id", of.id}, {"after", nullptr}};
    auto position = 0;
    for (;;) {
      auto answer = sim_.ask(query(shape), variables);
      if (!message(answer).empty())
        throw std::runtime_error(json::serialize(answer.at("errors")));
      auto connection = &answer.at("data").at("node");
      for (const auto& part : shape.way) {
        connection = &connection->at(part);
        if (connection->is_null())
          return;
      }
      for (const auto& node : connection->at("nodes").as_array()) {
        rows_[shape.kind].push_back(row(shape, of, node, ++position));
        auto next = of;
        found(node.as_object(), next);
      }
      if (!connection->at("pageInfo").at("hasNextPage").as_bool()) {
        if (connection->at("totalCount") != position)
          throw std::runtime_error("a list is not as long as it says");
        return;
      }
      variables["after"] = connection->at("pageInfo").at("endCursor");
    }
  }

  std::string query(const list_shape& shape) const {
    std::string out{"query($id:ID!,$after:String){node(id:$id){... on "};
    out += shape.parent_type;
    for (const auto& part : shape.way)
      out += "{" + part;
    out += "(first:" + std::to_string(size_) + ",after:$after" + shape.arguments +
           "){totalCount pageInfo{endCursor hasNextPage} nodes{" + shape.selection + "}}";
    return out + std::string(shape.way.size() + 2, '}');
  }

  void read_checks(const parent& of) {
    auto answer = sim_.ask("query($id:ID!){node(id:$id){... on PullRequest{headRefOid "
                           "commits(last:1){nodes{commit{id oid}}}}}}",
                           {{"id", of.id}});
    const auto& head = answer.at("data").at("node").at("commits").at("nodes").at(0).at("commit");
    parent commit = of;
    commit.id = json::value_to<std::string>(head.at("id"));
    commit.cells["$sha"] = json::value_to<std::string>(head.at("oid"));
    if (head.at("oid") != answer.at("data").at("node").at("headRefOid"))
      throw std::runtime_error("the last commit is not the head");
    list(checks, commit);
  }

  table_row row(const list_shape& shape, const parent& of, const json::value& node,
                int position) const {
    table_row out;
    for (const auto& path : shape.cells) {
      if (path[0] == '$')
        out.push_back(of.cells.at(path));
      else if (path == "#")
        out.push_back(std::to_string(position));
      else
        out.push_back(cell_of(node, path));
    }
    return out;
  }

  /// `a.b` with alternatives after `|`: the first that is there counts; `text+path` puts a text
  /// before the value.
  static cell cell_of(const json::value& node, const std::string& paths) {
    for (size_t begin = 0; begin <= paths.size();) {
      auto end = std::min(paths.find('|', begin), paths.size());
      auto path = paths.substr(begin, end - begin);
      begin = end + 1;
      std::string prefix;
      if (auto plus = path.find('+'); plus != std::string::npos) {
        prefix = path.substr(0, plus);
        path = path.substr(plus + 1);
      }
      if (auto found = value_at(node, path))
        return prefix + *found;
    }
    return std::nullopt;
  }

  static cell value_at(const json::value& node, const std::string& path) {
    if (node.is_null())
      return std::nullopt;
    auto dot = path.find('.');
    auto found = node.as_object().if_contains(path.substr(0, dot));
    if (found == nullptr || found->is_null())
      return std::nullopt;
    if (dot != std::string::npos && found->is_array())
      return array_of(found->as_array(), path.substr(dot + 1));
    if (dot != std::string::npos)
      return value_at(*found, path.substr(dot + 1));
    if (found->is_bool())
      return found->as_bool() ? "t" : "f";
    return found->is_string() ? json::value_to<std::string>(*found) : json::serialize(*found);
  }

  static std::string array_of(const json::array& nodes, const std::string& path) {
    std::vector<std::string> names;
    for (const auto& node : nodes)
      names.push_back(*value_at(node, path));
    std::sort(names.begin(), names.end());
    std::string out{"{"};
    for (const auto& name : names) {
      out += out.size() > 1 ? "," : "";
      auto plain = name.find_first_of("{},\"\\ ") == std::string::npos &&
                   lower_case(name) != "null" && !name.empty();
      if (!plain)
        out += '"';
      for (auto c : name)
        out += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
      if (!plain)
        out += '"';
    }
    return out + "}";
  }

  site& sim_;
  const int size_;
  rows_of_kind rows_;

  static inline const std::string thread_selection =
      "id fullDatabaseId number title body state author{login} authorAssociation locked "
      "labels(first:100){nodes{name}} assignees(first:100){nodes{login}} comments{totalCount} "
      "createdAt updatedAt closedAt ";
  static inline const std::string issue_selection =
      thread_selection + "stateReason(enableDuplicate:true) reactions{totalCount} milestone{title}";
  static inline const std::string pull_request_selection =
      thread_selection +
      "isDraft baseRefName headRefName headRefOid additions deletions changedFiles "
      "reviews{totalCount} commits{totalCount} reviewDecision mergedBy{login} mergeCommit{oid} "
      "mergedAt";

  static inline const list_shape issues{
      "issues",
      "Repository",
      {"issues"},
      ",orderBy:{field:UPDATED_AT,direction:ASC}",
      issue_selection.c_str(),
      {"fullDatabaseId", "$repo", "number", "title", "body", "state", "stateReason", "author.login",
       "authorAssociation", "locked", "labels.nodes.name", "assignees.nodes.login",
       "comments.totalCount", "reactions.totalCount", "milestone.title", "createdAt", "updatedAt",
       "closedAt"}};
  static inline const list_shape pull_requests{"pull_requests",
                                               "Repository",
                                               {"pullRequests"},
                                               ",orderBy:{field:UPDATED_AT,direction:DESC}",
                                               pull_request_selection.c_str(),
                                               {"fullDatabaseId",
                                                "$repo",
                                                "number",
                                                "title",
                                                "body",
                                                "state",
                                                "isDraft",
                                                "author.login",
                                                "authorAssociation",
                                                "locked",
                                                "baseRefName",
                                                "headRefName",
                                                "headRefOid",
                                                "additions",
                                                "deletions",
                                                "changedFiles",
                                                "labels.nodes.name",
                                                "assignees.nodes.login",
                                                "comments.totalCount",
                                                "reviews.totalCount",
                                                "commits.totalCount",
                                                "reviewDecision",
                                                "mergedBy.login",
                                                "mergeCommit.oid",
                                                "createdAt",
                                                "updatedAt",
                                                "closedAt",
                                                "mergedAt"}};
  static inline const std::vector<std::string> comment_cells{
      "fullDatabaseId",    "$repo", "$number",   "author.login",
      "authorAssociation", "body",  "createdAt", "updatedAt"};
  static constexpr const char* comment_selection =
      "fullDatabaseId author{login} authorAssociation body createdAt updatedAt";
  static inline const list_shape comments_of_issues{
      "issue_comments", "Issue", {"comments"}, "", comment_selection, comment_cells};
  static inline const list_shape comments_of_pull_requests{
      "issue_comments", "PullRequest", {"comments"}, "", comment_selection, comment_cells};
  static inline const list_shape reviews{
      "reviews",
      "PullRequest",
      {"reviews"},
      "",
      "id fullDatabaseId author{login} authorAssociation state body commit{oid} "
      "comments{totalCount} createdAt updatedAt submittedAt",
      {"fullDatabaseId", "$repo", "$number", "author.login", "authorAssociation", "state", "body",
       "commit.oid", "comments.totalCount", "createdAt", "updatedAt", "submittedAt"}};
  static inline const list_shape review_comments{
      "review_comments",
      "PullRequestReview",
      {"comments"},
      "",
      "fullDatabaseId author{login} authorAssociation path line body originalCommit{oid} "
      "replyTo{fullDatabaseId} createdAt updatedAt",
      {"fullDatabaseId", "$repo", "$number", "$review", "author.login", "authorAssociation", "path",
       "line", "body", "originalCommit.oid", "replyTo.fullDatabaseId", "createdAt", "updatedAt"}};
  static inline const list_shape commits{
      "commits",
      "PullRequest",
      {"commits"},
      "",
      "commit{oid message author{name user{login}} authoredDate committedDate additions deletions "
      "changedFilesIfAvailable parents{totalCount}}",
      {"$repo", "commit.oid", "commit.message", "commit.author.user.login", "commit.author.name",
       "commit.authoredDate", "commit.committedDate", "commit.additions", "commit.deletions",
       "commit.changedFilesIfAvailable", "commit.parents.totalCount"}};
  static inline const list_shape pull_request_commits{"pull_request_commits",
                                                      "PullRequest",
                                                      {"commits"},
                                                      "",
                                                      "commit{oid}",
                                                      {"$repo", "$number", "commit.oid", "#"}};
  static inline const list_shape checks{
      "ci_checks",
      "Commit",
      {"statusCheckRollup", "contexts"},
      "",
      "... on CheckRun{databaseId name status conclusion checkSuite{app{slug}} detailsUrl "
      "startedAt completedAt} ... on StatusContext{context state targetUrl createdAt}",
      {"$repo", "$sha", "run:+databaseId|status:+context", "$number", "name|context", "status",
       "conclusion|state", "checkSuite.app.slug", "detailsUrl|targetUrl", "startedAt|createdAt",
       "completedAt"}};
  static inline const list_shape releases{
      "releases",
      "Repository",
      {"releases"},
      ",orderBy:{field:CREATED_AT,direction:ASC}",
      "databaseId tagName name author{login} isDraft isPrerelease description createdAt "
      "publishedAt updatedAt",
      {"databaseId", "$repo", "tagName", "name", "author.login", "isDraft", "isPrerelease",
       "description", "createdAt", "publishedAt", "updatedAt"}};
  static inline const list_shape discussions{
      "discussions",
      "Repository",
      {"discussions"},
      ",orderBy:{field:UPDATED_AT,direction:DESC}",
      "databaseId number title body author{login} authorAssociation category{name} isAnswered "
      "locked comments{totalCount} upvoteCount createdAt updatedAt closedAt",
      {"databaseId", "$repo", "number", "title", "body", "author.login", "authorAssociation",
       "category.name", "isAnswered", "locked", "comments.totalCount", "upvoteCount", "createdAt",
       "updatedAt", "closedAt"}};
};

} // namespace gitstar::sim::test
