#include "messages/metadata/pull_request_commits.hpp"

namespace gitstar::metadata {

const kind& pull_request_commits() {
  using enum column_type;
  static const kind described{.name = "pull_request_commits",
                              .node_type = "PullRequestCommit",
                              .key = {"repo_id", "number", "sha"},
                              .columns = {repository_column(),
                                          parent_column("number", integer),
                                          field("sha", text, "commit.oid"),
                                          {"position", integer, origin::position}},
                              .lists = {{.parent = "pull_requests",
                                         .parent_type = "PullRequest",
                                         .holder_type = "PullRequest",
                                         .connection = "commits",
                                         .link = {"repo_id", "number"},
                                         .count = "commit_count"}},
                              .kept = freshness::with_parent};
  return described;
}

} // namespace gitstar::metadata
