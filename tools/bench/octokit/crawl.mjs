// The yardstick of tools/bench: the crawl that a good engineer would write with Octokit and pg.
//
//   GITHUB_TOKEN=... node crawl.mjs --graphql-url URL --database postgresql://... --top 100000
//
//   --graphql-url URL     default https://api.github.com/graphql
//   --database URI        PostgreSQL to write to
//   --top N               the N most starred repositories: finds the threshold first
//   --threshold T         instead of --top: every repository with at least T stars
//   --in-flight N         queries at once, default 32
//   --throttle KIND       tuned (default): one throttle group per token, opened up to --in-flight;
//                         default: the groups that plugin-throttling comes with
//
// Prints one line of JSON: repositories, requests, incomplete, wall_seconds, cpu_seconds,
// peak_rss_bytes.

import { createClient } from "./github.mjs";
import { readOptions, text } from "./options.mjs";
import { printReport } from "./report.mjs";
import { repositories } from "./repositories.mjs";
import { crawl, findThreshold } from "./search.mjs";
import { openStore } from "./store.mjs";

const options = readOptions("crawl.mjs", { top: text(), threshold: text() });
if (!options.values.top === !options.values.threshold)
  options.usage("expected one of --top and --threshold");
const top = options.number("top");
const given = options.number("threshold");
const github = createClient(options);
const store = await openStore(options.database, [repositories]);

const seen = new Set();
const isNew = ({ databaseId }) => !seen.has(databaseId) && seen.add(databaseId);

const threshold = given ?? (await findThreshold(github, top));
const incomplete = await crawl(github, threshold, options.inFlight, async (page) => {
  for (const repository of page.filter(isNew)) store.add(repositories, repository);
  await store.room();
});
await store.close();
printReport({ repositories: seen.size, requests: github.requests, incomplete });
