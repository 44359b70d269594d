// Compares the schema that gitstar-sim serves with GitHub's official one: it may lack things, but
// what it has must be GitHub's. A query that it accepts is then one that GitHub accepts.
//
//   node sim_schema.mjs GITSTAR_SIM
//
// Exit: 0 all the same, 1 not, 77 (CTest: skipped) where `npm ci` has not been run here.

import { execFileSync } from "node:child_process";

const skipped = 77;

// What GitHub has added since the official package was made (2026, github/docs).
const newer = new Set(
  ["ADVANCED", "HYBRID", "SEMANTIC"].map((kind) => `SearchType.ISSUE_${kind}`),
);
// Enums that the simulator only takes as arguments, and of which it may know less.
const inputEnums = new Set(["RepositoryOrderField", "LanguageOrderField"]);

const { graphql, github } = await load();
const official = graphql.buildSchema(github.schema.idl, { assumeValidSDL: true });
const printed = execFileSync(process.argv[2], ["--print-schema"], { encoding: "utf8" });
const served = graphql.buildSchema(printed, { assumeValidSDL: true });

const differences = [];
let compared = 0;
for (const type of Object.values(served.getTypeMap())) {
  if (type.name.startsWith("__")) continue;
  const real = official.getType(type.name);
  if (!real) differences.push(`${type.name} is none of GitHub's types`);
  else if (real.constructor !== type.constructor)
    differences.push(`${type.name} is of another kind`);
  else compare(type, real);
}
for (const difference of differences) console.log(difference);
console.log(`${compared} fields, arguments and values compared, ${differences.length} differ`);
process.exit(differences.length === 0 && compared > 300 ? 0 : 1);

function compare(type, real) {
  if (graphql.isEnumType(type)) compareEnums(type, real);
  else if (graphql.isUnionType(type))
    compareNames(type.name, names(type.getTypes()), names(real.getTypes()));
  else if (graphql.isInputObjectType(type)) compareFields(type, real);
  else if (graphql.isObjectType(type) || graphql.isInterfaceType(type)) {
    compareFields(type, real);
    compareNames(type.name, names(type.getInterfaces()), names(real.getInterfaces()));
  }
}

function compareEnums(type, real) {
  const known = names(type.getValues());
  const all = names(real.getValues());
  compareNames(type.name, known.filter((name) => !newer.has(`${type.name}.${name}`)), all);
  if (inputEnums.has(type.name)) return;
  for (const name of all)
    if (!known.includes(name)) differences.push(`${type.name} lacks ${name}`);
}

function compareFields(type, real) {
  for (const field of Object.values(type.getFields())) {
    const where = `${type.name}.${field.name}`;
    const other = real.getFields()[field.name];
    compared += 1;
    if (!other) {
      differences.push(`${where} does not exist`);
      continue;
    }
    if (String(field.type) !== String(other.type))
      differences.push(`${where} is ${field.type}, not ${other.type}`);
    for (const argument of field.args ?? []) {
      const wanted = other.args.find((x) => x.name === argument.name);
      compared += 1;
      if (!wanted) differences.push(`${where}(${argument.name}:) does not exist`);
      else if (String(wanted.type) !== String(argument.type))
        differences.push(`${where}(${argument.name}:) is ${argument.type}, not ${wanted.type}`);
    }
  }
}

function compareNames(where, some, all) {
  for (const name of some) {
    compared += 1;
    if (!all.includes(name)) differences.push(`${where}: GitHub knows no ${name}`);
  }
}

function names(of) {
  return of.map((x) => x.name);
}

async function load() {
  try {
    return { graphql: await import("graphql"), github: await import("@octokit/graphql-schema") };
  } catch (error) {
    if (error.code !== "ERR_MODULE_NOT_FOUND") throw error;
    console.log("skipped: run `npm ci` in tests/graphql first");
    process.exit(skipped);
  }
}
