#pragma once

#include "tools/sim/graphql_ast.hpp"

#include <string_view>
#include <unordered_map>

namespace gitstar::sim {

/// How a field gets its value. One per field of the schema that means something different.
enum class resolver : uint8_t {
  typename_of,
  // Query
  query_search,
  query_nodes,
  query_node,
  query_repository,
  query_repository_owner,
  query_rate_limit,
  query_viewer,
  // SearchResultItemConnection, its edges, PageInfo
  search_repository_count,
  search_zero,
  search_nodes,
  search_edges,
  search_page_info,
  edge_cursor,
  edge_node,
  page_end_cursor,
  page_start_cursor,
  page_has_next,
  page_has_previous,
  // RateLimit
  rate_cost,
  rate_limit,
  rate_node_count,
  rate_remaining,
  rate_reset_at,
  rate_used,
  // Repository
  repository_id,
  repository_database_id,
  repository_name,
  repository_name_with_owner,
  repository_owner,
  repository_stargazer_count,
  repository_stargazers,
  repository_fork_count,
  repository_forks,
  repository_watchers,
  repository_issues,
  repository_pull_requests,
  repository_releases,
  repository_created_at,
  repository_updated_at,
  repository_pushed_at,
  repository_archived_at,
  repository_primary_language,
  repository_languages,
  repository_license_info,
  repository_disk_usage,
  repository_description,
  repository_homepage_url,
  repository_url,
  repository_visibility,
  repository_is_fork,
  repository_is_archived,
  repository_is_disabled,
  repository_is_empty,
  repository_is_mirror,
  repository_is_template,
  repository_is_in_organization,
  repository_parent,
  repository_default_branch_ref,
  repository_topics,
  always_null,
  always_true,
  always_false,
  // Owners
  owner_login,
  owner_id,
  owner_database_id,
  owner_url,
  owner_repositories,
  // Small objects of a repository
  total_count,
  language_name,
  language_color,
  languages_total_size,
  languages_nodes,
  languages_edges,
  language_edge_size,
  language_edge_node,
  license_key,
  license_name,
  license_spdx_id,
  license_pseudo,
  branch_name,
  branch_prefix,
  topics_nodes,
  topic_of,
  topic_name,
  // Lists of metadata, and everything in them (`metadata_fields.hpp`)
  search_issue_count,
  repository_discussions,
  repository_has_issues,
  repository_has_discussions,
  metadata,
};

struct argument_def {
  std::string name;
  graphql::type_ref type;
  std::optional<graphql::value> default_value;
};

struct type_def;
struct metadata_object;
struct metadata_request;
struct metadata_value;

struct field_def {
  std::string name;
  graphql::type_ref type;
  std::vector<argument_def> arguments;
  resolver resolve = resolver::always_null;
  /// Of a field whose resolver is `metadata`.
  metadata_value (*get)(const metadata_object&, const metadata_request&) = nullptr;
  const type_def* result = nullptr;

  /// True for a connection that is paged with `first` or `last`.
  bool is_connection() const;
  const argument_def* find_argument(std::string_view wanted) const;
};

struct type_def {
  enum class kind : uint8_t { scalar, enumeration, input, object, abstract };

  kind what = kind::scalar;
  std::string name;
  std::vector<field_def> fields;         ///< of an object or an interface
  std::vector<argument_def> inputs;      ///< of an input object
  std::vector<std::string> values;       ///< of an enumeration
  std::vector<std::string> related;      ///< interfaces of an object, members of a union
  std::vector<const type_def*> possible; ///< the objects that this type can be

  const field_def* find_field(std::string_view wanted) const;
  bool is_composite() const { return what == kind::object || what == kind::abstract; }
  bool can_be(const type_def& object) const;
};

/// The part of GitHub's schema that the simulator implements (fact sheet, section 9). A field that
/// is missing here is rejected as GitHub rejects an unknown one.
class schema {
public:
  static const schema& instance();

  const type_def* find(std::string_view name) const;
  const type_def& query() const { return *find("Query"); }
  /// `__typename`, which every object has.
  const field_def& typename_field() const { return typename_; }

private:
  schema();

  std::unordered_map<std::string, type_def> types_;
  field_def typename_;
};

/// What the simulator implements, in GraphQL's schema language.
std::string_view schema_text();

} // namespace gitstar::sim
