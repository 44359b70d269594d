// The search: windows of `created` split until each holds no more than GitHub gives out.

import { drain } from "./jobs.mjs";

const searchCap = 1000;
const firstSecond = Date.UTC(2007, 9, 1) / 1e3;
const mostStars = 2 ** 24;
const mostKilobytes = 2 ** 31;
const comfortable = 900; // counts are estimates: stay below the cap
const mostParts = 32;
const countsPerQuery = 32;

const fields = `
  databaseId nameWithOwner stargazerCount forkCount
  issues(states: OPEN) { totalCount } watchers { totalCount }
  primaryLanguage { name } licenseInfo { key } description
  isFork isArchived isDisabled visibility diskUsage createdAt updatedAt pushedAt`;

const pageQuery = `query ($q: String!, $after: String) {
  search(type: REPOSITORY, query: $q, first: 100, after: $after) {
    repositoryCount
    pageInfo { endCursor hasNextPage }
    nodes { ... on Repository { ${fields} } }
  }
  rateLimit { cost remaining resetAt }
}`;

/** The largest number of stars that at least `top` repositories have. */
export async function findThreshold(github, top) {
  let low = 1; // at least `top` have so many, or all there are is too few
  let high = mostStars; // fewer than `top` have so many
  while (high - low > 1) {
    const ratio = (high / low) ** (1 / (countsPerQuery + 1));
    const candidates = new Set();
    for (let i = 1; i <= countsPerQuery; ++i) {
      const stars = Math.round(low * ratio ** i);
      if (stars > low && stars < high) candidates.add(stars);
    }
    if (candidates.size === 0) candidates.add(low + 1);
    const tried = [...candidates];
    const counts = await countAll(github, tried.map((stars) => `stars:>=${stars}`));
    const firstTooFew = counts.findIndex((count) => count < top);
    if (firstTooFew > 0) low = tried[firstTooFew - 1];
    if (firstTooFew < 0) low = tried.at(-1);
    else high = tried[firstTooFew];
  }
  return low;
}

/**
 * Hands every page of the repositories with at least `threshold` stars to `onPage`, with at most
 * `inFlight` queries at once. Answers how many parts could not be split far enough.
 */
export async function crawl(github, threshold, inFlight, onPage) {
  const now = Math.floor(Date.now() / 1e3);
  const all = {
    ...{ from: firstSecond, to: now },
    ...{ low: threshold, high: mostStars },
    ...{ smallest: 0, largest: mostKilobytes },
  };
  let incomplete = 0;

  /** Pages one part to its end; a part that holds more than expected is split. */
  async function fetchPart(part) {
    const q = `${textOf(part)} sort:stars-desc`;
    let after = null;
    do {
      const { search } = await github.query(pageQuery, { q, after });
      if (after === null && search.repositoryCount > searchCap)
        return splitPart(part, search.repositoryCount);
      await onPage(search.nodes.filter((node) => node?.databaseId != null));
      after = search.pageInfo.hasNextPage ? search.pageInfo.endCursor : null;
    } while (after !== null);
  }

  /** Counts the parts of a part, all in one query, and puts them to work. */
  async function splitPart(part, count) {
    const parts = split(part, Math.min(mostParts, Math.ceil(count / (comfortable / 2))));
    if (parts.length === 0) {
      incomplete += 1;
      return;
    }
    const counts = await countAll(github, parts.map(textOf));
    parts.forEach((child, i) => {
      if (counts[i] > comfortable) queue.push(() => splitPart(child, counts[i]));
      else if (counts[i] > 0) queue.push(() => fetchPart(child));
    });
  }

  const queue = [];
  queue.push(async () => splitPart(all, (await countAll(github, [textOf(all)]))[0]));
  await drain(queue, inFlight);
  return incomplete;
}

async function countAll(github, texts) {
  const names = texts.map((_, i) => `$q${i}: String!`).join(" ");
  const counts = texts
    .map((_, i) => `c${i}: search(type: REPOSITORY, query: $q${i}, first: 1) { repositoryCount }`)
    .join("\n");
  const variables = Object.fromEntries(texts.map((text, i) => [`q${i}`, text]));
  const data = await github.query(`query (${names}) {\n${counts}\n}`, variables);
  return texts.map((_, i) => data[`c${i}`].repositoryCount);
}

/** Cuts a part into at most `count` by creation time; one second by stars, then by size. */
function split(part, count) {
  if (part.to > part.from)
    return cut(part.from, part.to, count).map(([from, to]) => ({ ...part, from, to }));
  if (part.high > part.low) return halve(part, "low", "high");
  if (part.largest > part.smallest) return halve(part, "smallest", "largest");
  return [];
}

/** Two halves on a logarithmic scale: most repositories have few stars and little content. */
function halve(part, first, last) {
  const middle = Math.floor(Math.sqrt((part[first] + 1) * (part[last] + 1))) - 1;
  const end = Math.min(Math.max(middle, part[first]), part[last] - 1);
  return [
    { ...part, [last]: end },
    { ...part, [first]: end + 1 },
  ];
}

/** Cuts first..last into `count` neighbours that share no end. */
function cut(first, last, count) {
  const size = Math.ceil((last - first + 1) / Math.max(count, 2));
  const ranges = [];
  for (let from = first; from <= last; from += size)
    ranges.push([from, Math.min(from + size - 1, last)]);
  return ranges;
}

function textOf({ from, to, low, high, smallest, largest }) {
  const stars = high === mostStars ? `stars:>=${low}` : `stars:${low}..${high}`;
  const size = largest - smallest === mostKilobytes ? "" : ` size:${smallest}..${largest}`;
  return `${stars}${size} created:${time(from)}..${time(to)}`;
}

function time(seconds) {
  return new Date(seconds * 1e3).toISOString().replace(".000", "");
}
