#include "messages/metadata/review_comments.hpp"

namespace gitstar::metadata {

const kind& review_comments() {
  using enum column_type;
  static const kind described{
      .name = "review_comments",
      .node_type = "PullRequestReviewComment",
      .key = {"comment_id"},
      .columns = {field("comment_id", bigint, "fullDatabaseId"), repository_column(),
                  parent_column("number", integer), parent_column("review_id", bigint),
                  nullable("author", text, "author.login"),
                  field("author_association", text, "authorAssociation"),
                  field("path", text, "path"), nullable("line", integer, "line"),
                  field("body", text, "body"), nullable("commit_sha", text, "originalCommit.oid"),
                  nullable("reply_to_id", bigint, "replyTo.fullDatabaseId"),
                  field("created_at", timestamptz, "createdAt"),
                  field("updated_at", timestamptz, "updatedAt")},
      .lists = {{.parent = "reviews",
                 .parent_type = "PullRequestReview",
                 .holder_type = "PullRequestReview",
                 .connection = "comments",
                 .link = {"repo_id", "review_id"},
                 .count = "comment_count"}},
      .kept = freshness::with_parent,
      .moved_at = "updated_at"};
  return described;
}

} // namespace gitstar::metadata
