// What is asked of repositories. A repository's four lists share a query as long as each has pages
// left, and what hangs on their elements comes along; where that has more than came, a query of its
// own goes on.
//
// What is paid for is lists, not elements, so the first page of a list within a list is as large as
// can be, but for reviews: each has a list again, and few pull requests have more than five.

const page = "totalCount pageInfo { endCursor hasNextPage }";
const written = "author { login } authorAssociation body createdAt updatedAt";

// GitHub allows no more labels and assignees than these pages hold.
const labeled = "labels(first: 100) { nodes { name } } assignees(first: 100) { nodes { login } }";

const fragments = {
  issues: `on IssueConnection { ${page} nodes {
    id fullDatabaseId number title ${written} state stateReason(enableDuplicate: true) locked
    ${labeled} reactions { totalCount } milestone { title } closedAt
    comments(first: 100) { ...comments }
  } }`,
  pullRequests: `on PullRequestConnection { ${page} nodes {
    id fullDatabaseId number title ${written} state isDraft locked
    baseRefName headRefName headRefOid additions deletions changedFiles ${labeled}
    reviewDecision mergedBy { login } mergeCommit { oid } closedAt mergedAt
    comments(first: 100) { ...comments }
    reviews(first: 5) { ...reviews }
    commits(first: 100) { ...commits }
    head: commits(last: 1) { nodes { commit {
      id oid statusCheckRollup { contexts(first: 100) { ...checks } }
    } } }
  } }`,
  releases: `on ReleaseConnection { ${page} nodes {
    databaseId tagName name author { login } isDraft isPrerelease description
    createdAt publishedAt updatedAt
  } }`,
  discussions: `on DiscussionConnection { ${page} nodes {
    databaseId number title ${written} category { name } isAnswered locked
    comments { totalCount } upvoteCount closedAt
  } }`,
  comments: `on IssueCommentConnection { ${page} nodes { fullDatabaseId ${written} } }`,
  reviews: `on PullRequestReviewConnection { ${page} nodes {
    id fullDatabaseId ${written} state commit { oid } submittedAt
    comments(first: 100) { ...reviewComments }
  } }`,
  reviewComments: `on PullRequestReviewCommentConnection { ${page} nodes {
    fullDatabaseId ${written} path line originalCommit { oid } replyTo { fullDatabaseId }
  } }`,
  commits: `on PullRequestCommitConnection { ${page} nodes { commit {
    oid message author { name user { login } } authoredDate committedDate
    additions deletions changedFilesIfAvailable parents { totalCount }
  } } }`,
  checks: `on StatusCheckRollupContextConnection { ${page} nodes {
    ... on CheckRun {
      databaseId name status conclusion startedAt completedAt detailsUrl
      checkSuite { app { slug } }
    }
    ... on StatusContext { context state targetUrl createdAt }
  } }`,
};

/** A query with the fragments that it uses, and with what it costs. */
function query(variables, fields) {
  const used = new Set();
  const use = (text) => {
    for (const [, name] of text.matchAll(/\.\.\.(\w+)/g))
      if (!used.has(name) && used.add(name)) use(fragments[name]);
  };
  use(fields);
  const texts = [...used].map((name) => `fragment ${name} ${fragments[name]}`);
  return `query (${variables}) { ${fields} rateLimit { cost } }\n${texts.join("\n")}`;
}

/**
 * The lists of a repository, with how many elements a page has at most: GitHub cuts off what takes
 * it too long. All of them ask for 41,000 nodes of the 500,000 that it allows.
 */
export const pageSizes = { issues: 50, pullRequests: 25, releases: 100, discussions: 100 };
export const lists = Object.keys(pageSizes);

/** How long the lists of `count` repositories are: `r0`, `r1`, ... with a `totalCount` per list. */
export function countsQuery(count) {
  const numbers = Array.from({ length: count }, (_, i) => i);
  return query(
    numbers.map((i) => `$owner${i}: String!, $name${i}: String!`).join(", "),
    numbers
      .map((i) => {
        const counts = lists.map((list) => `${list} { totalCount }`).join(" ");
        return `r${i}: repository(owner: $owner${i}, name: $name${i}) { ${counts} }`;
      })
      .join("\n"),
  );
}

/** A page of each list that is wanted: `issues: true`, `issuesFirst`, `issuesAfter`. */
export const pageQuery = query(
  `$owner: String!, $name: String!, ${lists
    .map((list) => `$${list}: Boolean!, $${list}First: Int!, $${list}After: String`)
    .join(", ")}`,
  `repository(owner: $owner, name: $name) { ${lists
    .map(
      (list) => `${list}(
        first: $${list}First, after: $${list}After, orderBy: { field: CREATED_AT, direction: ASC }
      ) @include(if: $${list}) { ...${list} }`,
    )
    .join("\n")} }`,
);

const more = (fields) => query("$id: ID!, $after: String", `node(id: $id) { ${fields} }`);
const next = "(first: 100, after: $after)";

/** Another page of what hangs on the node `id`, as its `list`. */
export const moreQueries = {
  comments: more(`
    ... on Issue { list: comments${next} { ...comments } }
    ... on PullRequest { list: comments${next} { ...comments } }`),
  reviews: more(`... on PullRequest { list: reviews${next} { ...reviews } }`),
  reviewComments: more(`... on PullRequestReview { list: comments${next} { ...reviewComments } }`),
  commits: more(`... on PullRequest { list: commits${next} { ...commits } }`),
  checks: more(`... on Commit { statusCheckRollup { list: contexts${next} { ...checks } } }`),
};
