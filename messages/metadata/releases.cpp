#include "messages/metadata/releases.hpp"

namespace gitstar::metadata {

const kind& releases() {
  using enum column_type;
  static const kind described{
      .name = "releases",
      .node_type = "Release",
      .key = {"release_id"},
      .columns = {field("release_id", bigint, "databaseId"), repository_column(),
                  field("tag", text, "tagName"), nullable("name", text, "name"),
                  nullable("author", text, "author.login"), field("is_draft", boolean, "isDraft"),
                  field("is_prerelease", boolean, "isPrerelease"),
                  nullable("description", text, "description"),
                  field("created_at", timestamptz, "createdAt"),
                  nullable("published_at", timestamptz, "publishedAt"),
                  field("updated_at", timestamptz, "updatedAt")},
      .lists = {{.parent = "",
                 .parent_type = "Repository",
                 .holder_type = "Repository",
                 .connection = "releases",
                 .arguments = "orderBy:{field:CREATED_AT,direction:DESC}",
                 .link = {"repo_id"}}},
      .kept = freshness::whole,
      .moved_at = "updated_at"};
  return described;
}

} // namespace gitstar::metadata
