// The command line of the yardsticks.

import { parseArgs } from "node:util";

/** What all of them take; `text` makes more. */
const common = {
  "graphql-url": text("https://api.github.com/graphql"),
  database: text(),
  "in-flight": text("32"),
  throttle: text("tuned"),
};

export function text(value) {
  return { type: "string", default: value };
}

/**
 * Options for `createClient` and the store, and the texts of all options as `values`;
 * `number(name)` is one of them as a number, `usage(message)` ends the program.
 */
export function readOptions(program, more) {
  const usage = (message) => {
    console.error(`${program}: ${message}`);
    process.exit(2);
  };
  const { values } = parseArgs({ options: { ...common, ...more } });
  if (!values.database) usage("--database is missing");
  if (!["tuned", "default"].includes(values.throttle)) usage("--throttle is tuned or default");
  if (!process.env.GITHUB_TOKEN) usage("GITHUB_TOKEN is not set");
  const number = (name) => {
    if (values[name] === undefined) return undefined;
    if (!/^[1-9][0-9]*$/.test(values[name])) usage(`--${name} takes a whole number from 1`);
    return Number(values[name]);
  };
  return {
    graphqlUrl: values["graphql-url"],
    database: values.database,
    inFlight: number("in-flight"),
    throttle: values.throttle,
    token: process.env.GITHUB_TOKEN,
    values,
    number,
    usage,
  };
}
