// Validates GraphQL documents against GitHub's official schema with graphql-js.
//
//   node validate.mjs PROGRAM    PROGRAM prints a JSON array of {name, query}
//   node validate.mjs < FILE     the same array from standard input
//
// Exit: 0 all valid, 1 not, 77 (CTest: skipped) where `npm ci` has not been run here.

import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

const skipped = 77;

const { graphql, github } = await load();
// GitHub's schema defines two fields twice, which graphql-js would refuse.
const schema = graphql.buildSchema(github.schema.idl, { assumeValidSDL: true });

// A validator that accepts everything would prove nothing.
if (complaints("query { noSuchField }").length === 0)
  fail("the validator accepts a field that does not exist");

const documents = readDocuments(process.argv[2]);
if (!Array.isArray(documents) || documents.length === 0) fail("no query texts were given");

let refused = 0;
for (const { name, query } of documents) {
  const problems = complaints(query);
  console.log(`${problems.length === 0 ? "valid  " : "REFUSED"} ${name}`);
  for (const problem of problems) console.log(`        ${problem}`);
  if (problems.length > 0) refused += 1;
}
console.log(`${documents.length - refused} of ${documents.length} query texts are valid`);
process.exit(refused === 0 ? 0 : 1);

async function load() {
  try {
    return {
      graphql: await import("graphql"),
      github: await import("@octokit/graphql-schema"),
    };
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    console.log("skipped: run `npm ci` in tests/graphql first");
    process.exit(skipped);
  }
}

function readDocuments(program) {
  const json = program ? execFileSync(program, { maxBuffer: 1 << 30 }) : readFileSync(0);
  return JSON.parse(json);
}

/** What graphql-js has against a query text, one line each. */
function complaints(text) {
  let document;
  try {
    document = graphql.parse(text);
  } catch (error) {
    return [describe(error)];
  }
  return graphql.validate(schema, document).map(describe);
}

function describe(error) {
  const at = error.locations?.[0];
  return at ? `${at.line}:${at.column}: ${error.message}` : error.message;
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
