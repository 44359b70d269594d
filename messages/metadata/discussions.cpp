#include "messages/metadata/discussions.hpp"

namespace gitstar::metadata {

const kind& discussions() {
  using enum column_type;
  static const kind described{
      .name = "discussions",
      .node_type = "Discussion",
      .key = {"discussion_id"},
      .columns = {field("discussion_id", bigint, "databaseId"), repository_column(),
                  field("number", integer, "number"), field("title", text, "title"),
                  field("body", text, "body"), nullable("author", text, "author.login"),
                  field("author_association", text, "authorAssociation"),
                  field("category", text, "category.name"),
                  // Null in categories that take no answers.
                  nullable("is_answered", boolean, "isAnswered"),
                  field("is_locked", boolean, "locked"),
                  field("comment_count", integer, "comments.totalCount"),
                  field("upvote_count", integer, "upvoteCount"),
                  field("created_at", timestamptz, "createdAt"),
                  field("updated_at", timestamptz, "updatedAt"),
                  nullable("closed_at", timestamptz, "closedAt")},
      .lists = {{.parent = "",
                 .parent_type = "Repository",
                 .holder_type = "Repository",
                 .connection = "discussions",
                 .arguments = "orderBy:{field:UPDATED_AT,direction:DESC}",
                 .enabled = "hasDiscussionsEnabled",
                 .link = {"repo_id"}}},
      .kept = freshness::newest_first,
      .moved_at = "updated_at"};
  return described;
}

} // namespace gitstar::metadata
