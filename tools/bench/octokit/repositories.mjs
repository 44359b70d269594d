// The table of the crawl.

import { plain } from "./store.mjs";

export const repositories = {
  name: "repositories",
  key: ["repo_id"],
  columns: [
    ["repo_id", "bigint", (r) => r.databaseId],
    ["owner", "text", (r) => r.nameWithOwner.split("/")[0]],
    ["name", "text", (r) => r.nameWithOwner.split("/")[1]],
    ["full_name", "text", (r) => r.nameWithOwner],
    ["star_count", "integer", (r) => r.stargazerCount],
    ["fork_count", "integer", (r) => r.forkCount],
    ["open_issue_count", "integer", (r) => r.issues.totalCount],
    ["watcher_count", "integer", (r) => r.watchers.totalCount],
    ["language", "text", (r) => r.primaryLanguage?.name],
    ["license", "text", (r) => r.licenseInfo?.key],
    ["description", "text", (r) => plain(r.description)],
    ["is_fork", "boolean", (r) => r.isFork],
    ["is_archived", "boolean", (r) => r.isArchived],
    ["is_disabled", "boolean", (r) => r.isDisabled],
    ["visibility", "text", (r) => r.visibility.toLowerCase()],
    ["disk_usage_kb", "integer", (r) => r.diskUsage],
    ["created_at", "timestamptz", (r) => r.createdAt],
    ["updated_at", "timestamptz", (r) => r.updatedAt],
    ["pushed_at", "timestamptz", (r) => r.pushedAt],
  ],
};
