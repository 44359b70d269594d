// The yardstick of tools/bench/metadata: what a good engineer would write with Octokit and pg to
// have all issues, pull requests, comments, reviews, review comments, commits, checks, releases and
// discussions of the repositories in a database.
//
//   GITHUB_TOKEN=... node metadata.mjs --graphql-url URL --database postgresql://...
//
//   --graphql-url URL     default https://api.github.com/graphql
//   --database URI        PostgreSQL with a table of repositories; what is read goes to the schema
//                         octokit
//   --in-flight N         queries at once, default 32
//   --throttle KIND       tuned (default): one throttle group per token, opened up to --in-flight;
//                         default: the groups that plugin-throttling comes with
//   --pages KIND          counted (default): first asks how long the lists are, a hundred
//                         repositories a query, and then for no more than there is; full: always
//                         for a page as large as GitHub bears
//
// Prints one line of JSON: items, requests, points (0 where GitHub's limits are switched off),
// wall_seconds, cpu_seconds, peak_rss_bytes.

import { createClient } from "./github.mjs";
import { readMetadata } from "./metadata_lists.mjs";
import { tables } from "./metadata_tables.mjs";
import { readOptions, text } from "./options.mjs";
import { printReport } from "./report.mjs";
import { openStore, select } from "./store.mjs";

const options = readOptions("metadata.mjs", { pages: text("counted") });
const { pages } = options.values;
if (!["counted", "full"].includes(pages)) options.usage("--pages is counted or full");

const github = createClient(options);
await select(options.database, "CREATE SCHEMA IF NOT EXISTS octokit");
const store = await openStore(options.database, tables);
// What takes longest begins first.
const repositories = await select(
  options.database,
  "SELECT repo_id, owner, name FROM repositories ORDER BY star_count DESC, repo_id",
);
const { inFlight } = options;
await readMetadata(github, repositories, { inFlight, counted: pages === "counted" }, store);
await store.close();
printReport({ items: store.written, requests: github.requests, points: github.points });
