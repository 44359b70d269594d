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

import { parseArgs } from "node:util";

import { createClient } from "./github.mjs";
import { crawl, findThreshold } from "./search.mjs";
import { openStore } from "./store.mjs";

const started = performance.now();
const options = readOptions();
const github = createClient(options);
const store = await openStore(options.database);

const threshold = options.threshold ?? (await findThreshold(github, options.top));
const incomplete = await crawl(github, threshold, options.inFlight, (page) => store.add(page));
await store.close();

const cpu = process.cpuUsage();
console.log(
  JSON.stringify({
    repositories: store.repositories,
    requests: github.requests,
    incomplete,
    wall_seconds: (performance.now() - started) / 1e3,
    cpu_seconds: (cpu.user + cpu.system) / 1e6,
    peak_rss_bytes: process.resourceUsage().maxRSS * 1024,
  }),
);

function readOptions() {
  const text = (value) => ({ type: "string", default: value });
  const { values } = parseArgs({
    options: {
      "graphql-url": text("https://api.github.com/graphql"),
      database: text(),
      top: text(),
      threshold: text(),
      "in-flight": text("32"),
      throttle: text("tuned"),
    },
  });
  if (!values.database) usage("--database is missing");
  if (!values.top === !values.threshold) usage("expected one of --top and --threshold");
  if (!["tuned", "default"].includes(values.throttle)) usage("--throttle is tuned or default");
  if (!process.env.GITHUB_TOKEN) usage("GITHUB_TOKEN is not set");
  return {
    graphqlUrl: values["graphql-url"],
    database: values.database,
    top: number("top", values.top),
    threshold: number("threshold", values.threshold),
    inFlight: number("in-flight", values["in-flight"]),
    throttle: values.throttle,
    token: process.env.GITHUB_TOKEN,
  };
}

function number(name, text) {
  if (text === undefined) return undefined;
  if (!/^[1-9][0-9]*$/.test(text)) usage(`--${name} takes a whole number from 1`);
  return Number(text);
}

function usage(message) {
  console.error(`crawl.mjs: ${message}`);
  process.exit(2);
}
