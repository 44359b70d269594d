// The tables of metadata. The functions take a node and what it hangs on: `repoId`, `number`,
// `reviewId`, `sha`, `position`, as far as there are such.

import { plain, textArray } from "./store.mjs";

/** `stateReason` or `author.login`: the value, or null on the way. */
function at(path) {
  const steps = path.split(".");
  return (node) => steps.reduce((value, step) => value?.[step], node);
}

const bigint = (name, path) => [name, "bigint", at(path)];
const boolean = (name, path) => [name, "boolean", at(path)];
const integer = (name, path) => [name, "integer", at(path)];
const text = (name, path) => [name, "text", (node) => plain(at(path)(node))];
const texts = (name, connection, field) => [
  name,
  "text[]",
  (node) => textArray((node[connection]?.nodes ?? []).map((element) => element[field]).sort()),
];
const time = (name, path) => [name, "timestamptz", at(path)];

const repoId = ["repo_id", "bigint", (_, { repoId }) => repoId];
const number = ["number", "integer", (_, { number }) => number];
const association = text("author_association", "authorAssociation");
const author = text("author", "author.login");
const createdAndUpdated = [time("created_at", "createdAt"), time("updated_at", "updatedAt")];

function table(name, key, columns) {
  return { name: `octokit.${name}`, key: ["repo_id", ...key], columns };
}

export const issues = table("issues", ["issue_id"], [
  bigint("issue_id", "fullDatabaseId"),
  repoId,
  integer("number", "number"),
  text("title", "title"),
  text("body", "body"),
  text("state", "state"),
  text("state_reason", "stateReason"),
  author,
  association,
  boolean("is_locked", "locked"),
  texts("labels", "labels", "name"),
  texts("assignees", "assignees", "login"),
  integer("comment_count", "comments.totalCount"),
  integer("reaction_count", "reactions.totalCount"),
  text("milestone", "milestone.title"),
  ...createdAndUpdated,
  time("closed_at", "closedAt"),
]);

export const pullRequests = table("pull_requests", ["pull_request_id"], [
  bigint("pull_request_id", "fullDatabaseId"),
  repoId,
  integer("number", "number"),
  text("title", "title"),
  text("body", "body"),
  text("state", "state"),
  boolean("is_draft", "isDraft"),
  author,
  association,
  boolean("is_locked", "locked"),
  text("base_ref", "baseRefName"),
  text("head_ref", "headRefName"),
  text("head_sha", "headRefOid"),
  integer("additions", "additions"),
  integer("deletions", "deletions"),
  integer("changed_file_count", "changedFiles"),
  texts("labels", "labels", "name"),
  texts("assignees", "assignees", "login"),
  integer("comment_count", "comments.totalCount"),
  integer("review_count", "reviews.totalCount"),
  integer("commit_count", "commits.totalCount"),
  text("review_decision", "reviewDecision"),
  text("merged_by", "mergedBy.login"),
  text("merge_sha", "mergeCommit.oid"),
  ...createdAndUpdated,
  time("closed_at", "closedAt"),
  time("merged_at", "mergedAt"),
]);

export const issueComments = table("issue_comments", ["comment_id"], [
  bigint("comment_id", "fullDatabaseId"),
  repoId,
  number,
  author,
  association,
  text("body", "body"),
  ...createdAndUpdated,
]);

export const reviews = table("reviews", ["review_id"], [
  bigint("review_id", "fullDatabaseId"),
  repoId,
  number,
  author,
  association,
  text("state", "state"),
  text("body", "body"),
  text("commit_sha", "commit.oid"),
  integer("comment_count", "comments.totalCount"),
  ...createdAndUpdated,
  time("submitted_at", "submittedAt"),
]);

export const reviewComments = table("review_comments", ["comment_id"], [
  bigint("comment_id", "fullDatabaseId"),
  repoId,
  number,
  ["review_id", "bigint", (_, { reviewId }) => reviewId],
  author,
  association,
  text("path", "path"),
  integer("line", "line"),
  text("body", "body"),
  text("commit_sha", "originalCommit.oid"),
  bigint("reply_to_id", "replyTo.fullDatabaseId"),
  ...createdAndUpdated,
]);

export const commits = table("commits", ["sha"], [
  repoId,
  text("sha", "commit.oid"),
  text("message", "commit.message"),
  text("author", "commit.author.user.login"),
  text("author_name", "commit.author.name"),
  time("authored_at", "commit.authoredDate"),
  time("committed_at", "commit.committedDate"),
  integer("additions", "commit.additions"),
  integer("deletions", "commit.deletions"),
  integer("changed_file_count", "commit.changedFilesIfAvailable"),
  integer("parent_count", "commit.parents.totalCount"),
]);

export const pullRequestCommits = table("pull_request_commits", ["number", "sha"], [
  repoId,
  number,
  text("sha", "commit.oid"),
  ["position", "integer", (_, { position }) => position],
]);

/** A check run or a status context, of which each has names of its own. */
export const ciChecks = table("ci_checks", ["sha", "check_key"], [
  repoId,
  ["sha", "text", (_, { sha }) => sha],
  ["check_key", "text", (x) => plain(x.context ? `status:${x.context}` : `run:${x.databaseId}`)],
  number,
  ["name", "text", (x) => plain(x.name ?? x.context)],
  text("status", "status"),
  ["conclusion", "text", (x) => x.conclusion ?? x.state],
  text("app", "checkSuite.app.slug"),
  ["url", "text", (x) => plain(x.detailsUrl ?? x.targetUrl)],
  ["started_at", "timestamptz", (x) => x.startedAt ?? x.createdAt],
  time("completed_at", "completedAt"),
]);

export const releases = table("releases", ["release_id"], [
  bigint("release_id", "databaseId"),
  repoId,
  text("tag", "tagName"),
  text("name", "name"),
  author,
  boolean("is_draft", "isDraft"),
  boolean("is_prerelease", "isPrerelease"),
  text("description", "description"),
  time("created_at", "createdAt"),
  time("published_at", "publishedAt"),
  time("updated_at", "updatedAt"),
]);

export const discussions = table("discussions", ["discussion_id"], [
  bigint("discussion_id", "databaseId"),
  repoId,
  integer("number", "number"),
  text("title", "title"),
  text("body", "body"),
  author,
  association,
  text("category", "category.name"),
  boolean("is_answered", "isAnswered"),
  boolean("is_locked", "locked"),
  integer("comment_count", "comments.totalCount"),
  integer("upvote_count", "upvoteCount"),
  ...createdAndUpdated,
  time("closed_at", "closedAt"),
]);

export const tables = [
  ...[issues, pullRequests, issueComments, reviews, reviewComments, commits, pullRequestCommits],
  ...[ciChecks, releases, discussions],
];
