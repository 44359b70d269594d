// One `unnest` upsert per 1,000 rows that leaves unchanged rows alone.

import pg from "pg";

const rowsPerStatement = 1000;
const connections = 4;
const statementsWaiting = 8; // then the crawl waits for PostgreSQL

const columns = [
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
  ["description", "text", (r) => r.description?.replaceAll("\0", "")],
  ["is_fork", "boolean", (r) => r.isFork],
  ["is_archived", "boolean", (r) => r.isArchived],
  ["is_disabled", "boolean", (r) => r.isDisabled],
  ["visibility", "text", (r) => r.visibility.toLowerCase()],
  ["disk_usage_kb", "integer", (r) => r.diskUsage],
  ["created_at", "timestamptz", (r) => r.createdAt],
  ["updated_at", "timestamptz", (r) => r.updatedAt],
  ["pushed_at", "timestamptz", (r) => r.pushedAt],
];
const names = columns.map(([name]) => name);
const changing = names.filter((name) => name !== "repo_id");

const createTable = `CREATE TABLE IF NOT EXISTS repositories (
  ${columns.map(([name, type]) => `${name} ${type}`).join(",\n  ")},
  crawled_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (repo_id))`;

const upsert = `INSERT INTO repositories (${names.join(", ")})
  SELECT * FROM unnest(${columns.map(([, type], i) => `$${i + 1}::${type}[]`).join(", ")})
  ON CONFLICT (repo_id) DO UPDATE
  SET ${changing.map((name) => `${name} = excluded.${name}`).join(", ")}, crawled_at = now()
  WHERE (${changing.map((name) => `repositories.${name}`).join(", ")})
    IS DISTINCT FROM (${changing.map((name) => `excluded.${name}`).join(", ")})`;

/** `add(page)` takes repositories, `close()` ends when all of them are committed. */
export async function openStore(database) {
  const pool = new pg.Pool({ connectionString: database, max: connections });
  await pool.query(createTable);
  const seen = new Set();
  const writing = new Set();
  let rows = [];

  function flush() {
    const values = columns.map(([, , read]) => rows.map((row) => read(row) ?? null));
    rows = [];
    const write = pool
      .query({ name: "upsert", text: upsert, values })
      .finally(() => writing.delete(write));
    writing.add(write);
  }

  return {
    get repositories() {
      return seen.size;
    },
    async add(page) {
      for (const repository of page) {
        if (seen.has(repository.databaseId)) continue;
        seen.add(repository.databaseId);
        rows.push(repository);
      }
      if (rows.length >= rowsPerStatement) flush();
      if (writing.size >= statementsWaiting) await Promise.race(writing);
    },
    async close() {
      if (rows.length > 0) flush();
      await Promise.all(writing);
      await pool.end();
    },
  };
}
