#pragma once

#include "tools/sim/graphql_error.hpp"
#include "tools/sim/schema.hpp"
#include "tools/sim/text.hpp"

#include <map>

namespace gitstar::sim {

/// `@include` or `@skip` of a field.
struct condition {
  graphql::value when; ///< a boolean or a variable
  bool skip = false;
};

struct planned_field;

/// The fields asked of an object, for each type that the object may have.
struct selection_plan {
  std::vector<std::pair<const type_def*, std::vector<planned_field>>> by_type;

  const std::vector<planned_field>& of(const type_def& object) const;
};

inline constexpr size_t no_slot = static_cast<size_t>(-1);

struct planned_field {
  std::string key;
  std::string prefix; ///< `,"key":`
  const field_def* def = nullptr;
  graphql::location where;
  std::vector<std::pair<const argument_def*, graphql::value>> arguments;
  size_t slot = no_slot; ///< of its arguments in a prepared query; none if it takes none
  /// The field is answered if all conditions of one of these hold, or if there are none.
  std::vector<std::vector<condition>> conditions;
  selection_plan selection;
};

/// A validated operation, ready to be executed many times with different variables.
struct plan {
  std::vector<graphql::variable_definition> variables;
  std::vector<planned_field> root;
  size_t slots = 0;
};

/// A plan, or why there is none.
struct compilation {
  std::optional<sim::plan> plan;
  std::vector<graphql_error> errors;
};

/// Parses, validates and plans a document. `operation_name` is empty where the request gave none.
compilation compile(std::string_view document, std::string_view operation_name);

/// Variables by name.
using variable_map = std::map<std::string, graphql::value, std::less<>>;

/// What the arguments of a field mean in one request.
struct field_arguments {
  std::optional<int64_t> first;
  std::optional<int64_t> last;
  std::optional<std::string> after;
  std::optional<std::string> before;
  std::string name; ///< query, id, login, or the name of a repository
  std::string owner;
  std::vector<std::string> ids;
  std::vector<std::string> states; ///< empty: all
  std::vector<std::string> labels; ///< any of them; empty: all
  std::string base_ref;
  std::string head_ref;
  int64_t number = 0;
  std::string order_field; ///< empty: the connection's own order
  bool ascending = true;
  unix_seconds since = 0; ///< `filterBy`, as the next three
  std::vector<std::string> filter_states;
  std::vector<std::string> filter_labels;
  std::string created_by;
  bool enable_duplicate = false;
  bool is_repository_search = true;
  bool is_issue_search = false;
  bool follow_renames = true;
  bool dry_run = false;

  bool is_paged() const { return first || last; }
  /// How many items the page may have.
  int64_t page_size() const { return first ? *first : last.value_or(0); }
};

/// A plan together with the variables of one request, checked against the limits that GitHub
/// checks before it executes anything (fact sheet, section 3) and priced (section 2.2).
struct prepared_query {
  const sim::plan* plan = nullptr;
  variable_map variables;
  std::vector<field_arguments> arguments; ///< by slot
  int64_t cost = 1;                       ///< points
  int64_t node_count = 0;
  bool dry_run = false;
  std::vector<graphql_error> errors; ///< not empty: rejected

  const field_arguments& of(const planned_field& field) const;
  bool includes(const planned_field& field) const;
};

/// Checks and prices a plan. `given` are the variables of the request.
prepared_query prepare(const plan& plan, const variable_map& given);

} // namespace gitstar::sim
