#include "messages/metadata/issue_comments.hpp"

namespace gitstar::metadata {

const kind& issue_comments() {
  using enum column_type;
  static const kind described{
      .name = "issue_comments",
      .node_type = "IssueComment",
      .key = {"comment_id"},
      .columns = {field("comment_id", bigint, "fullDatabaseId"), repository_column(),
                  parent_column("number", integer), nullable("author", text, "author.login"),
                  field("author_association", text, "authorAssociation"),
                  field("body", text, "body"), field("created_at", timestamptz, "createdAt"),
                  field("updated_at", timestamptz, "updatedAt")},
      .lists = {{.parent = "issues",
                 .parent_type = "Issue",
                 .holder_type = "Issue",
                 .connection = "comments",
                 .link = {"repo_id", "number"},
                 .count = "comment_count"},
                {.parent = "pull_requests",
                 .parent_type = "PullRequest",
                 .holder_type = "PullRequest",
                 .connection = "comments",
                 .link = {"repo_id", "number"},
                 .count = "comment_count"}},
      .kept = freshness::with_parent,
      .moved_at = "updated_at"};
  return described;
}

} // namespace gitstar::metadata
