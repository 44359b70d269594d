#include "messages/metadata/ci_checks.hpp"

namespace gitstar::metadata {

const kind& ci_checks() {
  using enum column_type;
  constexpr auto run = "CheckRun";
  constexpr auto context = "StatusContext";
  static const kind described{
      .name = "ci_checks",
      .node_type = "StatusCheckRollupContext",
      .key = {"repo_id", "sha", "check_key"},
      .columns =
          {repository_column(),
           {"sha", text, origin::holder, {{"oid"}}},
           {"check_key",
            text,
            origin::node,
            {{"databaseId", run, "run:"}, {"context", context, "status:"}}},
           // Pull requests with the same head share its checks.
           {.name = "number", .type = integer, .from = origin::parent, .sticky = true},
           {"name", text, origin::node, {{"name", run}, {"context", context}}},
           {"status", text, origin::node, {{"status", run}}, true},
           {"conclusion", text, origin::node, {{"conclusion", run}, {"state", context}}, true},
           {"app", text, origin::node, {{"checkSuite.app.slug", run}}, true},
           {"url", text, origin::node, {{"detailsUrl", run}, {"targetUrl", context}}, true},
           {"started_at",
            timestamptz,
            origin::node,
            {{"startedAt", run}, {"createdAt", context}},
            true},
           {"completed_at", timestamptz, origin::node, {{"completedAt", run}}, true}},
      .lists = {{.parent = "pull_requests",
                 .parent_type = "PullRequest",
                 .way = "commits(last:1).nodes.commit",
                 .holder_type = "Commit",
                 .connection = "statusCheckRollup.contexts",
                 .link = {"repo_id", "number"}}},
      .kept = freshness::while_open};
  return described;
}

} // namespace gitstar::metadata
