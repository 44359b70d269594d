#include "messages/metadata/issues.hpp"

namespace gitstar::metadata {

const kind& issues() {
  using enum column_type;
  static const kind described{
      .name = "issues",
      .node_type = "Issue",
      .key = {"issue_id"},
      .columns = {field("issue_id", bigint, "fullDatabaseId"), repository_column(),
                  field("number", integer, "number"), field("title", text, "title"),
                  field("body", text, "body"), field("state", text, "state"),
                  // Without the argument duplicates say NOT_PLANNED.
                  nullable("state_reason", text, "stateReason(enableDuplicate:true)"),
                  nullable("author", text, "author.login"),
                  field("author_association", text, "authorAssociation"),
                  field("is_locked", boolean, "locked"),
                  field("labels", text_array, "labels(first:100).nodes.name"),
                  field("assignees", text_array, "assignees(first:100).nodes.login"),
                  field("comment_count", integer, "comments.totalCount"),
                  field("reaction_count", integer, "reactions.totalCount"),
                  nullable("milestone", text, "milestone.title"),
                  field("created_at", timestamptz, "createdAt"),
                  field("updated_at", timestamptz, "updatedAt"),
                  nullable("closed_at", timestamptz, "closedAt")},
      .lists = {{.parent = "",
                 .parent_type = "Repository",
                 .holder_type = "Repository",
                 .connection = "issues",
                 .arguments = "orderBy:{field:UPDATED_AT,direction:ASC}",
                 .since = "filterBy:{since:$since}",
                 .enabled = "hasIssuesEnabled",
                 .link = {"repo_id"}}},
      .kept = freshness::since,
      .moved_at = "updated_at",
      .open_state = "OPEN"};
  return described;
}

} // namespace gitstar::metadata
