// One `unnest` upsert per 1,000 rows that leaves unchanged rows alone.

import pg from "pg";

const rowsPerStatement = 1000;
const connections = 4;
const statementsWaiting = 8; // then the crawl waits for PostgreSQL

/** Text without what PostgreSQL cannot store. */
export function plain(text) {
  return text?.replaceAll("\0", "");
}

/** A value of a column of type `text[]`. */
export function textArray(texts) {
  return `{${texts.map((text) => `"${plain(text).replaceAll(/["\\]/g, "\\$&")}"`).join()}}`;
}

/** What a query of the store answers. */
export async function select(database, query) {
  const client = new pg.Client({ connectionString: database });
  await client.connect();
  const { rows } = await client.query(query);
  await client.end();
  return rows;
}

function createTable({ name, key, columns }) {
  return `CREATE TABLE IF NOT EXISTS ${name} (
    ${columns.map(([column, type]) => `${column} ${type}`).join(",\n    ")},
    crawled_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (${key.join(", ")}))`;
}

function upsertInto({ name, key, columns }) {
  const names = columns.map(([column]) => column);
  const changing = names.filter((column) => !key.includes(column));
  // An array of arrays would be unnested to its innermost elements.
  const sent = columns.map(([, type]) => (type === "text[]" ? "text" : type));
  const rows = columns.map(([column, type]) => `${column}::${type}`).join(", ");
  const update = changing.length === 0 ? "NOTHING" : `UPDATE
    SET ${changing.map((column) => `${column} = excluded.${column}`).join(", ")}, crawled_at = now()
    WHERE (${changing.map((column) => `stored.${column}`).join(", ")})
      IS DISTINCT FROM (${changing.map((column) => `excluded.${column}`).join(", ")})`;
  const arrays = sent.map((type, i) => `$${i + 1}::${type}[]`).join(", ");
  return `INSERT INTO ${name} AS stored (${names.join(", ")})
    SELECT ${rows} FROM unnest(${arrays}) AS t (${names.join(", ")})
    ON CONFLICT (${key.join(", ")}) DO ${update}`;
}

/**
 * Makes tables: `name`, `key` (columns), and `columns`, each with its type and a function of what
 * `add` was given. `add(table, ...)` takes a row, `room()` waits while PostgreSQL has enough to do,
 * `close()` ends when all rows are committed; `written` counts those that were new or different.
 */
export async function openStore(database, tables) {
  const pool = new pg.Pool({ connectionString: database, max: connections });
  const pending = new Map();
  const writing = new Set();
  for (const table of tables) {
    await pool.query(createTable(table));
    pending.set(table, {
      upsert: upsertInto(table),
      key: table.key.map((name) => table.columns.findIndex(([column]) => column === name)),
      rows: new Map(),
    });
  }
  const store = { written: 0, add, room, close };

  function flush(table) {
    const of = pending.get(table);
    const rows = [...of.rows.values()];
    of.rows.clear();
    const values = table.columns.map((_, i) => rows.map((row) => row[i]));
    const write = pool
      .query({ name: table.name, text: of.upsert, values })
      .then(({ rowCount }) => (store.written += rowCount))
      .finally(() => writing.delete(write));
    writing.add(write);
  }

  function add(table, ...of) {
    const row = table.columns.map(([, , read]) => read(...of) ?? null);
    const { key, rows } = pending.get(table);
    // No statement may meet a row twice: the last one counts.
    rows.set(key.map((i) => row[i]).join("\n"), row);
    if (rows.size >= rowsPerStatement) flush(table);
  }

  async function room() {
    if (writing.size >= statementsWaiting) await Promise.race(writing);
  }

  async function close() {
    for (const table of tables) if (pending.get(table).rows.size > 0) flush(table);
    await Promise.all(writing);
    await pool.end();
  }

  return store;
}
