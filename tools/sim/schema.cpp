#include "tools/sim/schema.hpp"

#include "tools/sim/graphql_parser.hpp"
#include "tools/sim/metadata_fields.hpp"

#include <algorithm>
#include <stdexcept>

namespace gitstar::sim {

namespace {

using graphql::lexer;

/// Names, arguments and nullability are those of GitHub's public schema.
constexpr std::string_view definition = R"(
scalar Int scalar Float scalar String scalar Boolean scalar ID scalar DateTime scalar URI
scalar BigInt scalar GitObjectID scalar GitTimestamp

enum SearchType { REPOSITORY USER ISSUE ISSUE_ADVANCED ISSUE_HYBRID ISSUE_SEMANTIC DISCUSSION }
enum RepositoryVisibility { INTERNAL PRIVATE PUBLIC }
enum RepositoryLockReason { BILLING MIGRATING MOVING RENAME TRADE_RESTRICTION TRANSFERRING_OWNERSHIP }
enum IssueState { CLOSED OPEN }
enum PullRequestState { CLOSED MERGED OPEN }
enum OrderDirection { ASC DESC }
enum LanguageOrderField { SIZE }
enum RepositoryAffiliation { COLLABORATOR ORGANIZATION_MEMBER OWNER }
enum RepositoryOrderField { CREATED_AT }
input RepositoryOrder { direction: OrderDirection! field: RepositoryOrderField! }
input LanguageOrder { direction: OrderDirection! field: LanguageOrderField! }
input IssueFilters { since: DateTime states: [IssueState!] labels: [String!] createdBy: String }
enum IssueStateReason { COMPLETED DUPLICATE NOT_PLANNED REOPENED }
enum IssueOrderField { COMMENTS CREATED_AT UPDATED_AT }
input IssueOrder { direction: OrderDirection! field: IssueOrderField! }
enum IssueCommentOrderField { UPDATED_AT }
input IssueCommentOrder { direction: OrderDirection! field: IssueCommentOrderField! }
enum ReleaseOrderField { CREATED_AT NAME }
input ReleaseOrder { direction: OrderDirection! field: ReleaseOrderField! }
enum DiscussionOrderField { CREATED_AT UPDATED_AT }
input DiscussionOrder { direction: OrderDirection! field: DiscussionOrderField! }
enum DiscussionState { CLOSED OPEN }
enum CommentAuthorAssociation {
  COLLABORATOR CONTRIBUTOR FIRST_TIMER FIRST_TIME_CONTRIBUTOR MANNEQUIN MEMBER NONE OWNER
}
enum PullRequestReviewState { APPROVED CHANGES_REQUESTED COMMENTED DISMISSED PENDING }
enum PullRequestReviewDecision { APPROVED CHANGES_REQUESTED REVIEW_REQUIRED }
enum CheckStatusState { COMPLETED IN_PROGRESS PENDING QUEUED REQUESTED WAITING }
enum CheckConclusionState {
  ACTION_REQUIRED CANCELLED FAILURE NEUTRAL SKIPPED STALE STARTUP_FAILURE SUCCESS TIMED_OUT
}
enum StatusState { ERROR EXPECTED FAILURE PENDING SUCCESS }

type Query {
  node(id: ID!): Node
  nodes(ids: [ID!]!): [Node]!
  repository(owner: String!, name: String!, followRenames: Boolean = true): Repository
  repositoryOwner(login: String!): RepositoryOwner
  search(query: String!, type: SearchType!, first: Int, last: Int, after: String, before: String):
    SearchResultItemConnection!
  rateLimit(dryRun: Boolean = false): RateLimit
  viewer: User!
}

interface Node { id: ID! }
interface Actor { login: String! url: URI! avatarUrl: URI! }
interface RepositoryOwner {
  id: ID!
  login: String!
  url: URI!
  avatarUrl: URI!
  repositories(ownerAffiliations: [RepositoryAffiliation], orderBy: RepositoryOrder, first: Int,
    last: Int, after: String, before: String): RepositoryConnection!
}
union SearchResultItem = Repository | User | Organization | Issue | PullRequest
union StatusCheckRollupContext = CheckRun | StatusContext

type SearchResultItemConnection {
  repositoryCount: Int!
  userCount: Int!
  issueCount: Int!
  codeCount: Int!
  discussionCount: Int!
  wikiCount: Int!
  nodes: [SearchResultItem]
  edges: [SearchResultItemEdge]
  pageInfo: PageInfo!
}
type SearchResultItemEdge { cursor: String! node: SearchResultItem }
type PageInfo {
  endCursor: String
  hasNextPage: Boolean!
  hasPreviousPage: Boolean!
  startCursor: String
}
type RateLimit {
  cost: Int!
  limit: Int!
  nodeCount: Int!
  remaining: Int!
  resetAt: DateTime!
  used: Int!
}

type User implements Node & Actor & RepositoryOwner {
  id: ID!
  databaseId: Int
  login: String!
  name: String
  url: URI!
  avatarUrl: URI!
  repositories(ownerAffiliations: [RepositoryAffiliation], orderBy: RepositoryOrder, first: Int,
    last: Int, after: String, before: String): RepositoryConnection!
}
type Organization implements Node & Actor & RepositoryOwner {
  id: ID!
  databaseId: Int
  login: String!
  name: String
  url: URI!
  avatarUrl: URI!
  repositories(ownerAffiliations: [RepositoryAffiliation], orderBy: RepositoryOrder, first: Int,
    last: Int, after: String, before: String): RepositoryConnection!
}

type Repository implements Node {
  id: ID!
  databaseId: Int
  name: String!
  nameWithOwner: String!
  owner: RepositoryOwner!
  stargazerCount: Int!
  stargazers(first: Int, last: Int, after: String, before: String): StargazerConnection!
  forkCount: Int!
  forks(first: Int, last: Int, after: String, before: String): RepositoryConnection!
  watchers(first: Int, last: Int, after: String, before: String): UserConnection!
  issue(number: Int!): Issue
  issues(states: [IssueState!], labels: [String!], filterBy: IssueFilters, orderBy: IssueOrder,
    first: Int, last: Int, after: String, before: String): IssueConnection!
  pullRequest(number: Int!): PullRequest
  pullRequests(states: [PullRequestState!], labels: [String!], baseRefName: String,
    headRefName: String, orderBy: IssueOrder, first: Int, last: Int, after: String, before: String):
    PullRequestConnection!
  releases(orderBy: ReleaseOrder, first: Int, last: Int, after: String, before: String):
    ReleaseConnection!
  discussion(number: Int!): Discussion
  discussions(states: [DiscussionState!], orderBy: DiscussionOrder, first: Int, last: Int,
    after: String, before: String): DiscussionConnection!
  createdAt: DateTime!
  updatedAt: DateTime!
  pushedAt: DateTime
  archivedAt: DateTime
  primaryLanguage: Language
  languages(orderBy: LanguageOrder, first: Int): LanguageConnection
  licenseInfo: License
  diskUsage: Int
  description: String
  homepageUrl: URI
  url: URI!
  mirrorUrl: URI
  visibility: RepositoryVisibility!
  isPrivate: Boolean!
  isFork: Boolean!
  isArchived: Boolean!
  isDisabled: Boolean!
  isLocked: Boolean!
  isEmpty: Boolean!
  isMirror: Boolean!
  isTemplate: Boolean!
  isInOrganization: Boolean!
  hasIssuesEnabled: Boolean!
  hasWikiEnabled: Boolean!
  hasProjectsEnabled: Boolean!
  hasDiscussionsEnabled: Boolean!
  lockReason: RepositoryLockReason
  parent: Repository
  templateRepository: Repository
  defaultBranchRef: Ref
  repositoryTopics(first: Int): RepositoryTopicConnection!
}

type StargazerConnection { totalCount: Int! }
type RepositoryConnection { totalCount: Int! nodes: [Repository] pageInfo: PageInfo! }
type UserConnection {
  totalCount: Int!
  nodes: [User]
  edges: [UserEdge]
  pageInfo: PageInfo!
}
type UserEdge { cursor: String! node: User }
type IssueConnection {
  totalCount: Int!
  nodes: [Issue]
  edges: [IssueEdge]
  pageInfo: PageInfo!
}
type IssueEdge { cursor: String! node: Issue }
type PullRequestConnection {
  totalCount: Int!
  nodes: [PullRequest]
  edges: [PullRequestEdge]
  pageInfo: PageInfo!
}
type PullRequestEdge { cursor: String! node: PullRequest }
type ReleaseConnection {
  totalCount: Int!
  nodes: [Release]
  edges: [ReleaseEdge]
  pageInfo: PageInfo!
}
type ReleaseEdge { cursor: String! node: Release }
type DiscussionConnection {
  totalCount: Int!
  nodes: [Discussion]
  edges: [DiscussionEdge]
  pageInfo: PageInfo!
}
type DiscussionEdge { cursor: String! node: Discussion }
type IssueCommentConnection {
  totalCount: Int!
  nodes: [IssueComment]
  edges: [IssueCommentEdge]
  pageInfo: PageInfo!
}
type IssueCommentEdge { cursor: String! node: IssueComment }
type PullRequestReviewConnection {
  totalCount: Int!
  nodes: [PullRequestReview]
  edges: [PullRequestReviewEdge]
  pageInfo: PageInfo!
}
type PullRequestReviewEdge { cursor: String! node: PullRequestReview }
type PullRequestReviewCommentConnection {
  totalCount: Int!
  nodes: [PullRequestReviewComment]
  edges: [PullRequestReviewCommentEdge]
  pageInfo: PageInfo!
}
type PullRequestReviewCommentEdge { cursor: String! node: PullRequestReviewComment }
type PullRequestCommitConnection {
  totalCount: Int!
  nodes: [PullRequestCommit]
  edges: [PullRequestCommitEdge]
  pageInfo: PageInfo!
}
type PullRequestCommitEdge { cursor: String! node: PullRequestCommit }
type StatusCheckRollupContextConnection {
  totalCount: Int!
  nodes: [StatusCheckRollupContext]
  edges: [StatusCheckRollupContextEdge]
  pageInfo: PageInfo!
}
type StatusCheckRollupContextEdge { cursor: String! node: StatusCheckRollupContext }
type LabelConnection {
  totalCount: Int!
  nodes: [Label]
  edges: [LabelEdge]
  pageInfo: PageInfo!
}
type LabelEdge { cursor: String! node: Label }
type CommitConnection { totalCount: Int! }
type ReactionConnection { totalCount: Int! }
type DiscussionCommentConnection { totalCount: Int! }

type Bot implements Actor { databaseId: Int login: String! url: URI! avatarUrl: URI! }
type Mannequin implements Actor { databaseId: Int login: String! url: URI! avatarUrl: URI! }
type EnterpriseUserAccount implements Actor { login: String! url: URI! avatarUrl: URI! }

type Issue implements Node {
  id: ID!
  databaseId: Int
  fullDatabaseId: BigInt
  number: Int!
  title: String!
  body: String!
  url: URI!
  state: IssueState!
  stateReason(enableDuplicate: Boolean = false): IssueStateReason
  closed: Boolean!
  closedAt: DateTime
  createdAt: DateTime!
  updatedAt: DateTime!
  author: Actor
  authorAssociation: CommentAuthorAssociation!
  locked: Boolean!
  milestone: Milestone
  labels(first: Int, last: Int, after: String, before: String): LabelConnection
  assignees(first: Int, last: Int, after: String, before: String): UserConnection!
  comments(orderBy: IssueCommentOrder, first: Int, last: Int, after: String, before: String):
    IssueCommentConnection!
  reactions(first: Int, last: Int, after: String, before: String): ReactionConnection!
}
type PullRequest implements Node {
  id: ID!
  databaseId: Int
  fullDatabaseId: BigInt
  number: Int!
  title: String!
  body: String!
  url: URI!
  state: PullRequestState!
  isDraft: Boolean!
  closed: Boolean!
  closedAt: DateTime
  merged: Boolean!
  mergedAt: DateTime
  mergedBy: Actor
  mergeCommit: Commit
  createdAt: DateTime!
  updatedAt: DateTime!
  author: Actor
  authorAssociation: CommentAuthorAssociation!
  locked: Boolean!
  milestone: Milestone
  additions: Int!
  deletions: Int!
  changedFiles: Int!
  baseRefName: String!
  headRefName: String!
  headRefOid: GitObjectID!
  reviewDecision: PullRequestReviewDecision
  labels(first: Int, last: Int, after: String, before: String): LabelConnection
  assignees(first: Int, last: Int, after: String, before: String): UserConnection!
  comments(orderBy: IssueCommentOrder, first: Int, last: Int, after: String, before: String):
    IssueCommentConnection!
  reactions(first: Int, last: Int, after: String, before: String): ReactionConnection!
  reviews(states: [PullRequestReviewState!], first: Int, last: Int, after: String, before: String):
    PullRequestReviewConnection
  commits(first: Int, last: Int, after: String, before: String): PullRequestCommitConnection!
}
type IssueComment {
  id: ID!
  databaseId: Int
  fullDatabaseId: BigInt
  body: String!
  createdAt: DateTime!
  updatedAt: DateTime!
  author: Actor
  authorAssociation: CommentAuthorAssociation!
}
type PullRequestReview implements Node {
  id: ID!
  databaseId: Int
  fullDatabaseId: BigInt
  state: PullRequestReviewState!
  body: String!
  createdAt: DateTime!
  updatedAt: DateTime!
  submittedAt: DateTime
  author: Actor
  authorAssociation: CommentAuthorAssociation!
  commit: Commit
  pullRequest: PullRequest!
  comments(first: Int, last: Int, after: String, before: String):
    PullRequestReviewCommentConnection!
}
type PullRequestReviewComment {
  id: ID!
  databaseId: Int
  fullDatabaseId: BigInt
  body: String!
  path: String!
  line: Int
  createdAt: DateTime!
  updatedAt: DateTime!
  author: Actor
  authorAssociation: CommentAuthorAssociation!
  commit: Commit
  originalCommit: Commit
  replyTo: PullRequestReviewComment
  pullRequestReview: PullRequestReview
}
type PullRequestCommit { commit: Commit! }
type Commit implements Node {
  id: ID!
  oid: GitObjectID!
  abbreviatedOid: String!
  message: String!
  messageHeadline: String!
  messageBody: String!
  authoredDate: DateTime!
  committedDate: DateTime!
  author: GitActor
  committer: GitActor
  additions: Int!
  deletions: Int!
  changedFilesIfAvailable: Int
  parents(first: Int, last: Int, after: String, before: String): CommitConnection!
  statusCheckRollup: StatusCheckRollup
}
type GitActor { name: String email: String date: GitTimestamp user: User }
type StatusCheckRollup {
  state: StatusState!
  commit: Commit
  contexts(first: Int, last: Int, after: String, before: String):
    StatusCheckRollupContextConnection!
}
type CheckRun {
  id: ID!
  databaseId: Int
  name: String!
  status: CheckStatusState!
  conclusion: CheckConclusionState
  startedAt: DateTime
  completedAt: DateTime
  detailsUrl: URI
  checkSuite: CheckSuite!
}
type CheckSuite { status: CheckStatusState! conclusion: CheckConclusionState app: App }
type App { name: String! slug: String! }
type StatusContext {
  id: ID!
  context: String!
  state: StatusState!
  description: String
  targetUrl: URI
  createdAt: DateTime!
}
type Label { name: String! color: String! description: String }
type Milestone { number: Int! title: String! }
type Release implements Node {
  id: ID!
  databaseId: Int
  tagName: String!
  name: String
  description: String
  author: User
  isDraft: Boolean!
  isPrerelease: Boolean!
  createdAt: DateTime!
  publishedAt: DateTime
  updatedAt: DateTime!
}
type Discussion implements Node {
  id: ID!
  databaseId: Int
  number: Int!
  title: String!
  body: String!
  url: URI!
  author: Actor
  authorAssociation: CommentAuthorAssociation!
  category: DiscussionCategory!
  isAnswered: Boolean
  locked: Boolean!
  closed: Boolean!
  closedAt: DateTime
  upvoteCount: Int!
  comments(first: Int, last: Int, after: String, before: String):
    DiscussionCommentConnection!
  createdAt: DateTime!
  updatedAt: DateTime!
}
type DiscussionCategory { name: String! }
type LanguageConnection {
  totalCount: Int!
  totalSize: Int!
  nodes: [Language]
  edges: [LanguageEdge]
}
type LanguageEdge { size: Int! node: Language! }
type Language { name: String! color: String }
type License { key: String! name: String! spdxId: String pseudoLicense: Boolean! }
type Ref { name: String! prefix: String! }
type RepositoryTopicConnection { totalCount: Int! nodes: [RepositoryTopic] }
type RepositoryTopic { topic: Topic! }
type Topic { name: String! }
)";

struct resolution {
  std::string_view field; ///< `Type.field`
  resolver resolve;
};

constexpr resolution resolutions[] = {
    {"Query.search", resolver::query_search},
    {"Query.nodes", resolver::query_nodes},
    {"Query.node", resolver::query_node},
    {"Query.repository", resolver::query_repository},
    {"Query.repositoryOwner", resolver::query_repository_owner},
    {"Query.rateLimit", resolver::query_rate_limit},
    {"Query.viewer", resolver::query_viewer},
    {"SearchResultItemConnection.repositoryCount", resolver::search_repository_count},
    {"SearchResultItemConnection.userCount", resolver::search_zero},
    {"SearchResultItemConnection.issueCount", resolver::search_issue_count},
    {"SearchResultItemConnection.codeCount", resolver::search_zero},
    {"SearchResultItemConnection.discussionCount", resolver::search_zero},
    {"SearchResultItemConnection.wikiCount", resolver::search_zero},
    {"SearchResultItemConnection.nodes", resolver::search_nodes},
    {"SearchResultItemConnection.edges", resolver::search_edges},
    {"SearchResultItemConnection.pageInfo", resolver::search_page_info},
    {"SearchResultItemEdge.cursor", resolver::edge_cursor},
    {"SearchResultItemEdge.node", resolver::edge_node},
    {"PageInfo.endCursor", resolver::page_end_cursor},
    {"PageInfo.startCursor", resolver::page_start_cursor},
    {"PageInfo.hasNextPage", resolver::page_has_next},
    {"PageInfo.hasPreviousPage", resolver::page_has_previous},
    {"RateLimit.cost", resolver::rate_cost},
    {"RateLimit.limit", resolver::rate_limit},
    {"RateLimit.nodeCount", resolver::rate_node_count},
    {"RateLimit.remaining", resolver::rate_remaining},
    {"RateLimit.resetAt", resolver::rate_reset_at},
    {"RateLimit.used", resolver::rate_used},
    {"Repository.id", resolver::repository_id},
    {"Repository.databaseId", resolver::repository_database_id},
    {"Repository.name", resolver::repository_name},
    {"Repository.nameWithOwner", resolver::repository_name_with_owner},
    {"Repository.owner", resolver::repository_owner},
    {"Repository.stargazerCount", resolver::repository_stargazer_count},
    {"Repository.stargazers", resolver::repository_stargazers},
    {"Repository.forkCount", resolver::repository_fork_count},
    {"Repository.forks", resolver::repository_forks},
    {"Repository.watchers", resolver::repository_watchers},
    {"Repository.issues", resolver::repository_issues},
    {"Repository.pullRequests", resolver::repository_pull_requests},
    {"Repository.releases", resolver::repository_releases},
    {"Repository.discussions", resolver::repository_discussions},
    {"Repository.createdAt", resolver::repository_created_at},
    {"Repository.updatedAt", resolver::repository_updated_at},
    {"Repository.pushedAt", resolver::repository_pushed_at},
    {"Repository.archivedAt", resolver::repository_archived_at},
    {"Repository.primaryLanguage", resolver::repository_primary_language},
    {"Repository.languages", resolver::repository_languages},
    {"Repository.licenseInfo", resolver::repository_license_info},
    {"Repository.diskUsage", resolver::repository_disk_usage},
    {"Repository.description", resolver::repository_description},
    {"Repository.homepageUrl", resolver::repository_homepage_url},
    {"Repository.url", resolver::repository_url},
    {"Repository.mirrorUrl", resolver::always_null},
    {"Repository.visibility", resolver::repository_visibility},
    {"Repository.isPrivate", resolver::always_false},
    {"Repository.isFork", resolver::repository_is_fork},
    {"Repository.isArchived", resolver::repository_is_archived},
    {"Repository.isDisabled", resolver::repository_is_disabled},
    {"Repository.isLocked", resolver::always_false},
    {"Repository.isEmpty", resolver::repository_is_empty},
    {"Repository.isMirror", resolver::repository_is_mirror},
    {"Repository.isTemplate", resolver::repository_is_template},
    {"Repository.isInOrganization", resolver::repository_is_in_organization},
    {"Repository.hasIssuesEnabled", resolver::repository_has_issues},
    {"Repository.hasWikiEnabled", resolver::always_true},
    {"Repository.hasProjectsEnabled", resolver::always_true},
    {"Repository.hasDiscussionsEnabled", resolver::repository_has_discussions},
    {"Repository.lockReason", resolver::always_null},
    {"Repository.parent", resolver::repository_parent},
    {"Repository.templateRepository", resolver::always_null},
    {"Repository.defaultBranchRef", resolver::repository_default_branch_ref},
    {"Repository.repositoryTopics", resolver::repository_topics},
    {"User.id", resolver::owner_id},
    {"User.databaseId", resolver::owner_database_id},
    {"User.login", resolver::owner_login},
    {"User.name", resolver::always_null},
    {"User.repositories", resolver::owner_repositories},
    {"User.url", resolver::owner_url},
    {"User.avatarUrl", resolver::owner_url},
    {"Organization.id", resolver::owner_id},
    {"Organization.databaseId", resolver::owner_database_id},
    {"Organization.login", resolver::owner_login},
    {"Organization.name", resolver::always_null},
    {"Organization.repositories", resolver::owner_repositories},
    {"Organization.url", resolver::owner_url},
    {"Organization.avatarUrl", resolver::owner_url},
    {"Bot.login", resolver::owner_login},
    {"Bot.url", resolver::owner_url},
    {"Bot.avatarUrl", resolver::owner_url},
    {"Bot.databaseId", resolver::owner_database_id},
    {"Mannequin.login", resolver::owner_login},
    {"Mannequin.url", resolver::owner_url},
    {"Mannequin.avatarUrl", resolver::owner_url},
    {"Mannequin.databaseId", resolver::owner_database_id},
    {"EnterpriseUserAccount.login", resolver::owner_login},
    {"EnterpriseUserAccount.url", resolver::owner_url},
    {"EnterpriseUserAccount.avatarUrl", resolver::owner_url},
    {"StargazerConnection.totalCount", resolver::total_count},
    {"RepositoryConnection.totalCount", resolver::total_count},
    {"RepositoryConnection.nodes", resolver::search_nodes},
    {"RepositoryConnection.pageInfo", resolver::search_page_info},
    {"LanguageConnection.totalCount", resolver::total_count},
    {"LanguageConnection.totalSize", resolver::languages_total_size},
    {"LanguageConnection.nodes", resolver::languages_nodes},
    {"LanguageConnection.edges", resolver::languages_edges},
    {"LanguageEdge.size", resolver::language_edge_size},
    {"LanguageEdge.node", resolver::language_edge_node},
    {"Language.name", resolver::language_name},
    {"Language.color", resolver::language_color},
    {"License.key", resolver::license_key},
    {"License.name", resolver::license_name},
    {"License.spdxId", resolver::license_spdx_id},
    {"License.pseudoLicense", resolver::license_pseudo},
    {"Ref.name", resolver::branch_name},
    {"Ref.prefix", resolver::branch_prefix},
    {"RepositoryTopicConnection.totalCount", resolver::total_count},
    {"RepositoryTopicConnection.nodes", resolver::topics_nodes},
    {"RepositoryTopic.topic", resolver::topic_of},
    {"Topic.name", resolver::topic_name},
};

/// What all lists of metadata have alike.
constexpr resolution list_resolutions[] = {
    {"Connection.totalCount", resolver::total_count},
    {"Connection.nodes", resolver::search_nodes},
    {"Connection.edges", resolver::search_edges},
    {"Connection.pageInfo", resolver::search_page_info},
    {"Edge.cursor", resolver::edge_cursor},
    {"Edge.node", resolver::edge_node},
};

void resolve(const std::string& name, field_def& field) {
  for (const auto& [known, resolver] : resolutions)
    if (known == name) {
      field.resolve = resolver;
      return;
    }
  for (const auto& [ending, resolver] : list_resolutions)
    if (name.ends_with(ending)) {
      field.resolve = resolver;
      return;
    }
  field.resolve = resolver::metadata;
  field.get = find_metadata_getter(name);
  if (field.get == nullptr)
    throw std::logic_error("no resolver for " + name);
}

/// Default values in the definition are booleans only.
graphql::value read_default(lexer& in) {
  graphql::value out;
  out.type = graphql::value::kind::boolean;
  out.boolean = in.expect_name() == "true";
  return out;
}

argument_def read_argument(lexer& in) {
  argument_def out;
  out.name = in.expect_name();
  in.expect(":");
  out.type = graphql::parse_type(in);
  if (in.take_if("="))
    out.default_value = read_default(in);
  return out;
}

field_def read_field(lexer& in) {
  field_def out;
  out.name = in.expect_name();
  if (in.take_if("("))
    while (!in.take_if(")"))
      out.arguments.push_back(read_argument(in));
  in.expect(":");
  out.type = graphql::parse_type(in);
  return out;
}

type_def read_type(lexer& in) {
  type_def out;
  auto keyword = in.expect_name();
  out.name = in.expect_name();
  if (keyword == "scalar")
    return out;
  if (keyword == "union") {
    out.what = type_def::kind::abstract;
    in.expect("=");
    do {
      out.related.push_back(in.expect_name());
    } while (in.take_if("|"));
    return out;
  }
  if (in.take_if("implements"))
    do {
      out.related.push_back(in.expect_name());
    } while (in.take_if("&"));
  in.expect("{");
  while (!in.take_if("}")) {
    if (keyword == "enum")
      out.values.push_back(in.expect_name());
    else if (keyword == "input")
      out.inputs.push_back(read_argument(in));
    else
      out.fields.push_back(read_field(in));
  }
  out.what = keyword == "enum"    ? type_def::kind::enumeration
             : keyword == "input" ? type_def::kind::input
             : keyword == "type"  ? type_def::kind::object
                                  : type_def::kind::abstract;
  return out;
}

} // namespace

bool field_def::is_connection() const {
  return result != nullptr && result->name.ends_with("Connection");
}

const argument_def* field_def::find_argument(std::string_view wanted) const {
  auto at = std::find_if(arguments.begin(), arguments.end(),
                         [&](const auto& x) { return x.name == wanted; });
  return at == arguments.end() ? nullptr : &*at;
}

const field_def* type_def::find_field(std::string_view wanted) const {
  auto at =
      std::find_if(fields.begin(), fields.end(), [&](const auto& x) { return x.name == wanted; });
  return at == fields.end() ? nullptr : &*at;
}

bool type_def::can_be(const type_def& object) const {
  return std::find(possible.begin(), possible.end(), &object) != possible.end();
}

schema::schema() {
  lexer in{definition};
  while (in.peek().kind != graphql::token_kind::end) {
    auto type = read_type(in);
    auto name = type.name;
    types_.emplace(std::move(name), std::move(type));
  }
  auto add_possible = [this](const std::string& abstract, const type_def& object) {
    types_.at(abstract).possible.push_back(&object);
  };
  for (auto& [name, type] : types_) {
    if (type.what == type_def::kind::object) {
      type.possible.push_back(&type);
      for (const auto& abstract : type.related)
        add_possible(abstract, type);
    } else if (type.what == type_def::kind::abstract) {
      for (const auto& member : type.related)
        type.possible.push_back(&types_.at(member));
    }
    for (auto& field : type.fields) {
      field.result = &types_.at(field.type.name);
      if (type.what == type_def::kind::object)
        resolve(name + "." + field.name, field);
    }
  }
  typename_.name = "__typename";
  typename_.type = {"String", false, false, true};
  typename_.resolve = resolver::typename_of;
  typename_.result = &types_.at("String");
}

std::string_view schema_text() { return definition; }

const schema& schema::instance() {
  static const schema the_schema;
  return the_schema;
}

const type_def* schema::find(std::string_view name) const {
  auto found = types_.find(std::string{name});
  return found == types_.end() ? nullptr : &found->second;
}

} // namespace gitstar::sim
