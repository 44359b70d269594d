#include "messages/metadata/pull_requests.hpp"

namespace gitstar::metadata {

const kind& pull_requests() {
  using enum column_type;
  static const kind described{
      .name = "pull_requests",
      .node_type = "PullRequest",
      .key = {"pull_request_id"},
      .columns = {field("pull_request_id", bigint, "fullDatabaseId"), repository_column(),
                  field("number", integer, "number"), field("title", text, "title"),
                  field("body", text, "body"), field("state", text, "state"),
                  field("is_draft", boolean, "isDraft"), nullable("author", text, "author.login"),
                  field("author_association", text, "authorAssociation"),
                  field("is_locked", boolean, "locked"), field("base_ref", text, "baseRefName"),
                  field("head_ref", text, "headRefName"), field("head_sha", text, "headRefOid"),
                  field("additions", integer, "additions"),
                  field("deletions", integer, "deletions"),
                  field("changed_file_count", integer, "changedFiles"),
                  field("labels", text_array, "labels(first:100).nodes.name"),
                  field("assignees", text_array, "assignees(first:100).nodes.login"),
                  field("comment_count", integer, "comments.totalCount"),
                  // The schema lets this connection alone be null.
                  nullable("review_count", integer, "reviews.totalCount"),
                  field("commit_count", integer, "commits.totalCount"),
                  nullable("review_decision", text, "reviewDecision"),
                  nullable("merged_by", text, "mergedBy.login"),
                  nullable("merge_sha", text, "mergeCommit.oid"),
                  field("created_at", timestamptz, "createdAt"),
                  field("updated_at", timestamptz, "updatedAt"),
                  nullable("closed_at", timestamptz, "closedAt"),
                  nullable("merged_at", timestamptz, "mergedAt")},
      .lists = {{.parent = "",
                 .parent_type = "Repository",
                 .holder_type = "Repository",
                 .connection = "pullRequests",
                 .arguments = "orderBy:{field:UPDATED_AT,direction:DESC}",
                 .link = {"repo_id"}}},
      .kept = freshness::newest_first,
      .moved_at = "updated_at",
      .open_state = "OPEN"};
  return described;
}

} // namespace gitstar::metadata
