// Reads the lists of repositories page by page, and what hangs on their elements to its end.

import { drain } from "./jobs.mjs";
import { countsQuery, lists, moreQueries, pageQuery, pageSizes } from "./metadata_queries.mjs";
import * as tables from "./metadata_tables.mjs";

const countsPerQuery = 100; // more aliases than that GitHub may refuse

/**
 * Stores all metadata of `repositories` (`repo_id`, `owner`, `name`), the first of them first, with
 * at most `inFlight` queries at once. With `counted` it asks for the lengths of their lists before,
 * so that no page is paid for that stays empty.
 */
export async function readMetadata(github, repositories, { inFlight, counted }, store) {
  const queue = [];

  async function countLists(some) {
    const variables = Object.fromEntries(
      some.flatMap(({ owner, name }, i) => [[`owner${i}`, owner], [`name${i}`, name]]),
    );
    const data = await github.query(countsQuery(some.length), variables);
    const begin = some.map((repository, i) => {
      const left = lists.map((list) => [list, data[`r${i}`][list].totalCount]);
      return () => readPage(repository, Object.fromEntries(left), {});
    });
    queue.push(...begin.reverse());
  }

  /** `left`: how many elements of each list are still to come; `after`: their cursors. */
  async function readPage(repository, left, after) {
    const wanted = lists.filter((list) => left[list] > 0);
    if (wanted.length === 0) return;
    const variables = { owner: repository.owner, name: repository.name };
    for (const list of lists) {
      variables[list] = wanted.includes(list);
      variables[`${list}First`] = Math.max(1, Math.min(left[list], pageSizes[list]));
      variables[`${list}After`] = after[list];
    }
    const data = await github.query(pageQuery, variables);
    const next = { left: { ...left }, after: { ...after } };
    for (const list of wanted) {
      const { nodes, pageInfo } = data.repository[list];
      // There may be more by now than was counted.
      next.left[list] = pageInfo.hasNextPage ? Math.max(1, left[list] - nodes.length) : 0;
      next.after[list] = pageInfo.endCursor;
    }
    queue.push(() => readPage(repository, next.left, next.after));
    for (const list of wanted)
      for (const node of data.repository[list].nodes)
        take[list](node, { repoId: repository.repo_id });
    await store.room();
  }

  /** Takes a page of what hangs on the node `id`, and has the next one read. */
  function takeList(kind, id, { nodes, pageInfo }, of, read = 0) {
    nodes.forEach((node, i) => take[kind](node, { ...of, position: read + i + 1 }));
    if (!pageInfo.hasNextPage) return;
    queue.push(async () => {
      const variables = { id, after: pageInfo.endCursor };
      const { node } = await github.query(moreQueries[kind], variables);
      const { list } = node.statusCheckRollup ?? node;
      takeList(kind, id, list, of, read + nodes.length);
      await store.room();
    });
  }

  const take = {
    issues(node, of) {
      store.add(tables.issues, node, of);
      takeList("comments", node.id, node.comments, { ...of, number: node.number });
    },
    pullRequests(node, repository) {
      const of = { ...repository, number: node.number };
      store.add(tables.pullRequests, node, repository);
      takeList("comments", node.id, node.comments, of);
      takeList("reviews", node.id, node.reviews, of);
      takeList("commits", node.id, node.commits, of);
      const [{ commit }] = node.head.nodes;
      const checks = commit.statusCheckRollup?.contexts;
      if (checks) takeList("checks", commit.id, checks, { ...of, sha: commit.oid });
    },
    releases: (node, of) => store.add(tables.releases, node, of),
    discussions: (node, of) => store.add(tables.discussions, node, of),
    comments: (node, of) => store.add(tables.issueComments, node, of),
    reviews(node, of) {
      store.add(tables.reviews, node, of);
      const within = { ...of, reviewId: node.fullDatabaseId };
      takeList("reviewComments", node.id, node.comments, within);
    },
    reviewComments: (node, of) => store.add(tables.reviewComments, node, of),
    commits(node, of) {
      store.add(tables.commits, node, of);
      store.add(tables.pullRequestCommits, node, of);
    },
    checks: (node, of) => store.add(tables.ciChecks, node, of),
  };

  // What was added last is done first.
  if (counted)
    for (let i = 0; i < repositories.length; i += countsPerQuery)
      queue.unshift(() => countLists(repositories.slice(i, i + countsPerQuery)));
  else
    for (const repository of repositories)
      queue.unshift(() =>
        readPage(repository, Object.fromEntries(lists.map((list) => [list, Infinity])), {}),
      );
  await drain(queue, inFlight);
}
