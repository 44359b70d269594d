#include "messages/metadata/commits.hpp"

namespace gitstar::metadata {

const kind& commits() {
  using enum column_type;
  static const kind described{
      .name = "commits",
      .node_type = "PullRequestCommit",
      .key = {"repo_id", "sha"},
      .columns = {repository_column(), field("sha", text, "commit.oid"),
                  field("message", text, "commit.message"),
                  nullable("author", text, "commit.author.user.login"),
                  nullable("author_name", text, "commit.author.name"),
                  field("authored_at", timestamptz, "commit.authoredDate"),
                  field("committed_at", timestamptz, "commit.committedDate"),
                  field("additions", integer, "commit.additions"),
                  field("deletions", integer, "commit.deletions"),
                  nullable("changed_file_count", integer, "commit.changedFilesIfAvailable"),
                  field("parent_count", integer, "commit.parents.totalCount")},
      .lists = {{.parent = "pull_requests",
                 .parent_type = "PullRequest",
                 .holder_type = "PullRequest",
                 .connection = "commits",
                 .link = {"repo_id", "number"},
                 .count = "commit_count"}},
      .kept = freshness::with_parent,
      .can_go = false};
  return described;
}

} // namespace gitstar::metadata
