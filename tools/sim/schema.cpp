#include "tools/sim/schema.hpp"

#include "tools/sim/graphql_parser.hpp"

#include <algorithm>
#include <stdexcept>

namespace gitstar::sim {

namespace {

using graphql::lexer;

/// Names, arguments and nullability are those of GitHub's public schema.
constexpr std::string_view definition = R"(
scalar Int scalar Float scalar String scalar Boolean scalar ID scalar DateTime scalar URI

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
interface RepositoryOwner {
  id: ID!
  login: String!
  url: URI!
  avatarUrl: URI!
  repositories(ownerAffiliations: [RepositoryAffiliation], orderBy: RepositoryOrder, first: Int,
    last: Int, after: String, before: String): RepositoryConnection!
}
union SearchResultItem = Repository | User | Organization

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

type User implements Node & RepositoryOwner {
  id: ID!
  databaseId: Int
  login: String!
  name: String
  url: URI!
  avatarUrl: URI!
  repositories(ownerAffiliations: [RepositoryAffiliation], orderBy: RepositoryOrder, first: Int,
    last: Int, after: String, before: String): RepositoryConnection!
}
type Organization implements Node & RepositoryOwner {
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
  issues(states: [IssueState!], labels: [String!], filterBy: IssueFilters,
    first: Int, last: Int, after: String, before: String): IssueConnection!
  pullRequests(states: [PullRequestState!], labels: [String!], baseRefName: String,
    headRefName: String, first: Int, last: Int, after: String, before: String):
    PullRequestConnection!
  releases(first: Int, last: Int, after: String, before: String): ReleaseConnection!
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
type UserConnection { totalCount: Int! }
type IssueConnection { totalCount: Int! }
type PullRequestConnection { totalCount: Int! }
type ReleaseConnection { totalCount: Int! }
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
    {"SearchResultItemConnection.issueCount", resolver::search_zero},
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
    {"Repository.hasIssuesEnabled", resolver::always_true},
    {"Repository.hasWikiEnabled", resolver::always_true},
    {"Repository.hasProjectsEnabled", resolver::always_true},
    {"Repository.hasDiscussionsEnabled", resolver::always_false},
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
    {"StargazerConnection.totalCount", resolver::total_count},
    {"RepositoryConnection.totalCount", resolver::total_count},
    {"RepositoryConnection.nodes", resolver::search_nodes},
    {"RepositoryConnection.pageInfo", resolver::search_page_info},
    {"UserConnection.totalCount", resolver::total_count},
    {"IssueConnection.totalCount", resolver::total_count},
    {"PullRequestConnection.totalCount", resolver::total_count},
    {"ReleaseConnection.totalCount", resolver::total_count},
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

resolver resolver_of(const std::string& field) {
  for (const auto& [name, resolve] : resolutions)
    if (name == field)
      return resolve;
  throw std::logic_error("no resolver for " + field);
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
        field.resolve = resolver_of(name + "." + field.name);
    }
  }
  typename_.name = "__typename";
  typename_.type = {"String", false, false, true};
  typename_.resolve = resolver::typename_of;
  typename_.result = &types_.at("String");
}

const schema& schema::instance() {
  static const schema the_schema;
  return the_schema;
}

const type_def* schema::find(std::string_view name) const {
  auto found = types_.find(std::string{name});
  return found == types_.end() ? nullptr : &found->second;
}

} // namespace gitstar::sim
