#include "messages/metadata/reviews.hpp"

namespace gitstar::metadata {

const kind& reviews() {
  using enum column_type;
  static const kind described{
      .name = "reviews",
      .node_type = "PullRequestReview",
      .key = {"review_id"},
      .columns = {field("review_id", bigint, "fullDatabaseId"), repository_column(),
                  parent_column("number", integer), nullable("author", text, "author.login"),
                  field("author_association", text, "authorAssociation"),
                  field("state", text, "state"), field("body", text, "body"),
                  nullable("commit_sha", text, "commit.oid"),
                  field("comment_count", integer, "comments.totalCount"),
                  field("created_at", timestamptz, "createdAt"),
                  field("updated_at", timestamptz, "updatedAt"),
                  nullable("submitted_at", timestamptz, "submittedAt")},
      .lists = {{.parent = "pull_requests",
                 .parent_type = "PullRequest",
                 .holder_type = "PullRequest",
                 .connection = "reviews",
                 .link = {"repo_id", "number"},
                 .count = "review_count"}},
      .kept = freshness::with_parent,
      .moved_at = "updated_at"};
  return described;
}

} // namespace gitstar::metadata
