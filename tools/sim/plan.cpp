#include "tools/sim/plan.hpp"

#include "tools/sim/graphql_parser.hpp"
#include "tools/sim/text.hpp"
#include "tools/sim/validation.hpp"

#include <algorithm>

namespace gitstar::sim {

namespace {

using graphql::document;
using graphql::selection;
using graphql::value;

constexpr int64_t max_page = 100;
constexpr int64_t max_nodes = 500'000;
constexpr size_t max_ids = 100;

/// Selections that are merged into one object, each with the conditions around it.
struct scoped_selections {
  const std::vector<selection>* selections;
  std::vector<condition> conditions;
};

class planner {
public:
  explicit planner(const document& doc) : document_(doc) {}

  plan make(const graphql::operation& op) {
    plan out;
    out.variables = op.variables;
    out.root = plan_fields(schema::instance().query(), {{&op.selections, {}}});
    out.slots = slots_;
    return out;
  }

  std::vector<graphql_error>& errors() { return errors_; }

private:
  /// A field under one response key, and all selections below it.
  struct merged_field {
    planned_field field;
    std::vector<scoped_selections> below;
  };

  std::vector<planned_field> plan_fields(const type_def& object,
                                         const std::vector<scoped_selections>& scopes) {
    std::vector<merged_field> merged;
    for (const auto& scope : scopes)
      merge(object, *scope.selections, scope.conditions, merged);
    std::vector<planned_field> out;
    for (auto& [field, below] : merged) {
      for (auto type : field.def->result->possible)
        if (field.def->result->is_composite())
          field.selection.by_type.emplace_back(type, plan_fields(*type, below));
      if (!field.def->arguments.empty())
        field.slot = slots_++;
      out.push_back(std::move(field));
    }
    return out;
  }

  void merge(const type_def& object, const std::vector<selection>& selections,
             const std::vector<condition>& around, std::vector<merged_field>& out) {
    for (const auto& next : selections) {
      auto conditions = around;
      for (const auto& directive : next.directives)
        conditions.push_back({directive.arguments[0].value, directive.name == "skip"});
      if (next.type == selection::kind::field)
        merge_field(object, next, conditions, out);
      else if (next.type == selection::kind::inline_fragment)
        merge_if(object, next.name, next.selections, conditions, out);
      else
        for (const auto& fragment : document_.fragments)
          if (fragment.name == next.name)
            merge_if(object, fragment.on, fragment.selections, conditions, out);
    }
  }

  void merge_if(const type_def& object, const std::string& on,
                const std::vector<selection>& selections, const std::vector<condition>& conditions,
                std::vector<merged_field>& out) {
    if (on.empty() || schema::instance().find(on)->can_be(object))
      merge(object, selections, conditions, out);
  }

  void merge_field(const type_def& object, const selection& field,
                   const std::vector<condition>& conditions, std::vector<merged_field>& out) {
    auto next = start_field(object, field);
    auto same = std::find_if(out.begin(), out.end(),
                             [&](const auto& known) { return known.field.key == next.key; });
    if (same == out.end()) {
      if (!conditions.empty())
        next.conditions = {conditions};
      out.push_back({std::move(next), {{&field.selections, conditions}}});
      return;
    }
    if (same->field.def != next.def || !same_arguments(same->field, next))
      errors_.push_back({"Field '" + next.key + "' has a field conflict: " + same->field.def->name +
                             " or " + next.def->name + "?",
                         "",
                         "",
                         {same->field.where, next.where},
                         {{"code", "fieldConflict"}, {"fieldName", next.key}}});
    if (conditions.empty())
      same->field.conditions.clear();
    else if (!same->field.conditions.empty())
      same->field.conditions.push_back(conditions);
    same->below.push_back({&field.selections, conditions});
  }

  static planned_field start_field(const type_def& object, const selection& field) {
    planned_field out;
    out.key = field.response_key();
    out.prefix = ",";
    append_json_string(out.prefix, out.key);
    out.prefix += ':';
    out.where = field.where;
    out.def = field.name == "__typename" ? &schema::instance().typename_field()
                                         : object.find_field(field.name);
    for (const auto& given : field.arguments)
      out.arguments.emplace_back(out.def->find_argument(given.name), given.value);
    return out;
  }

  static bool same_arguments(const planned_field& a, const planned_field& b) {
    return std::equal(a.arguments.begin(), a.arguments.end(), b.arguments.begin(),
                      b.arguments.end(), [](const auto& x, const auto& y) {
                        return x.first == y.first && to_string(x.second) == to_string(y.second);
                      });
  }

  const document& document_;
  size_t slots_ = 0;
  std::vector<graphql_error> errors_;
};

graphql_error request_error(std::string message) { return {std::move(message), "", "", {}, {}}; }

/// The operation that the request asks for; nothing if it is not clear which.
const graphql::operation* choose(const document& doc, std::string_view name,
                                 std::vector<graphql_error>& errors) {
  for (const auto& op : doc.operations)
    if (op.name == name && !name.empty())
      return &op;
  if (name.empty() && doc.operations.size() == 1)
    return &doc.operations[0];
  errors.push_back(request_error(name.empty()
                                     ? "An operation name is required"
                                     : "No operation named \"" + std::string{name} + "\""));
  return nullptr;
}

class preparation {
public:
  preparation(const plan& plan, const variable_map& given) {
    query_.plan = &plan;
    query_.arguments.resize(plan.slots);
    coerce(given);
  }

  prepared_query run() {
    if (!query_.errors.empty())
      return std::move(query_);
    path_ = {};
    visit(query_.plan->root, 1);
    query_.cost = std::max<int64_t>(1, (requests_ + 50) / 100);
    if (query_.errors.empty() && query_.node_count > max_nodes)
      reject_nodes();
    return std::move(query_);
  }

private:
  void coerce(const variable_map& given) {
    for (const auto& variable : query_.plan->variables) {
      auto at = given.find(variable.name);
      if (at != given.end()) {
        coerce_one(variable, at->second);
      } else if (variable.default_value) {
        query_.variables.emplace(variable.name, *variable.default_value);
      } else if (variable.type.required) {
        reject_variable(variable, "null", "Expected value to not be null");
      }
    }
  }

  void coerce_one(const graphql::variable_definition& variable, const value& given) {
    if (auto why = value_mismatch(given, variable.type, value_source::json))
      reject_variable(variable, to_string(given), *why);
    else
      query_.variables.emplace(variable.name, given);
  }

  void reject_variable(const graphql::variable_definition& variable, const std::string& given,
                       const std::string& why) {
    query_.errors.push_back({"Variable $" + variable.name + " of type " + to_string(variable.type) +
                                 " was provided invalid value",
                             "",
                             "",
                             {variable.where},
                             {{"value", given}, {"problem", why}}});
  }

  /// Adds up the requests and nodes of these fields; `parents` is how many objects they hang on.
  void visit(const std::vector<planned_field>& fields, int64_t parents) {
    for (const auto& field : fields) {
      if (!query_.includes(field))
        continue;
      path_.push_back(field.key);
      if (field.slot != no_slot)
        read_arguments(field);
      visit_field(field, parents);
      path_.pop_back();
    }
  }

  void visit_field(const planned_field& field, int64_t parents) {
    auto below = parents;
    if (field.def->is_connection()) {
      const auto& arguments = query_.arguments[field.slot];
      check_bounds(field, arguments);
      if (arguments.is_paged()) {
        requests_ += parents;
        below = parents * std::clamp<int64_t>(arguments.page_size(), 0, max_page);
        query_.node_count += below;
      }
    } else if (field.def->resolve == resolver::query_nodes) {
      const auto& ids = query_.arguments[field.slot].ids;
      check_ids(field, ids.size());
      below = parents * static_cast<int64_t>(ids.size());
    } else if (field.def->resolve == resolver::query_rate_limit) {
      query_.dry_run = query_.dry_run || query_.arguments[field.slot].dry_run;
    }
    // An object has one type only: of the alternatives, the dearest counts.
    auto requests = requests_;
    auto nodes = query_.node_count;
    auto most_requests = requests;
    auto most_nodes = nodes;
    for (const auto& [type, fields] : field.selection.by_type) {
      requests_ = requests;
      query_.node_count = nodes;
      visit(fields, below);
      most_requests = std::max(most_requests, requests_);
      most_nodes = std::max(most_nodes, query_.node_count);
    }
    requests_ = most_requests;
    query_.node_count = most_nodes;
  }

  static bool lists_items(const planned_field& field) {
    for (const auto& [type, fields] : field.selection.by_type)
      for (const auto& below : fields)
        if (below.def->name == "nodes" || below.def->name == "edges")
          return true;
    return false;
  }

  void check_bounds(const planned_field& field, const field_arguments& arguments) {
    auto name = "`" + field.def->name + "` connection";
    if (!arguments.is_paged()) {
      if (lists_items(field))
        reject(field, "MISSING_PAGINATION_BOUNDARIES",
               "You must provide a `first` or `last` value to properly paginate the " + name + ".");
      return;
    }
    if (arguments.first && arguments.last)
      return reject(field, "EXCESSIVE_PAGINATION",
                    "Passing both `first` and `last` to paginate the " + name +
                        " is not supported.");
    auto size = arguments.page_size();
    std::string which = arguments.first ? "first" : "last";
    if (size > max_page)
      reject(field, "EXCESSIVE_PAGINATION",
             "Requesting " + std::to_string(size) + " records on the " + name + " exceeds the `" +
                 which + "` limit of 100 records.");
    else if (size < 1)
      reject(field, "EXCESSIVE_PAGINATION",
             "`" + which + "` on the " + name + " cannot be less than 1.");
  }

  void check_ids(const planned_field& field, size_t count) {
    if (count > max_ids)
      reject(field, "ARGUMENT_LIMIT",
             "You may not provide more than 100 node ids; you provided " + std::to_string(count) +
                 ".");
  }

  void reject(const planned_field& field, std::string type, std::string message) {
    std::string path{"["};
    for (const auto& key : path_) {
      if (path.size() > 1)
        path += ',';
      append_json_string(path, key);
    }
    query_.errors.push_back({std::move(message), std::move(type), path + "]", {field.where}, {}});
  }

  void reject_nodes() {
    std::string count;
    for (auto digits = std::to_string(query_.node_count); !digits.empty();) {
      auto take = (digits.size() - 1) % 3 + 1;
      count += (count.empty() ? "" : ",") + digits.substr(0, take);
      digits.erase(0, take);
    }
    query_.errors.push_back({"This query requests up to " + count +
                                 " possible nodes which exceeds the maximum limit of 500,000.",
                             "MAX_NODE_LIMIT_EXCEEDED",
                             "",
                             {},
                             {}});
  }

  /// The value that an argument has in this request, or nothing if it was not given.
  const value* lookup(const value& x) const {
    if (x.type != value::kind::variable)
      return &x;
    auto at = query_.variables.find(x.text);
    return at == query_.variables.end() ? nullptr : &at->second;
  }

  std::string text_of(const value& x) const {
    return x.type == value::kind::integer ? std::to_string(x.integer) : x.text;
  }

  std::vector<std::string> texts_of(const value& x) const {
    if (x.type == value::kind::null)
      return {};
    if (x.type != value::kind::list)
      return {text_of(x)};
    std::vector<std::string> out;
    out.reserve(x.items.size());
    for (const auto& item : x.items)
      if (auto found = lookup(item))
        out.push_back(text_of(*found));
    return out;
  }

  void read_arguments(const planned_field& field) {
    auto& out = query_.arguments[field.slot];
    out = {};
    for (const auto& [def, written] : field.arguments)
      if (auto given = lookup(written); given != nullptr && given->type != value::kind::null)
        read_argument(def->name, *given, out);
  }

  void read_argument(const std::string& name, const value& given, field_arguments& out) const {
    if (name == "first")
      out.first = given.integer;
    else if (name == "last")
      out.last = given.integer;
    else if (name == "after")
      out.after = given.text;
    else if (name == "before")
      out.before = given.text;
    else if (name == "query" || name == "id" || name == "login" || name == "name")
      out.name = text_of(given);
    else if (name == "owner")
      out.owner = given.text;
    else if (name == "ids")
      out.ids = texts_of(given);
    else if (name == "states")
      out.states = texts_of(given);
    else if (name == "type")
      read_search_type(given.text, out);
    else if (name == "labels")
      out.labels = texts_of(given);
    else if (name == "baseRefName")
      out.base_ref = given.text;
    else if (name == "headRefName")
      out.head_ref = given.text;
    else if (name == "number")
      out.number = given.integer;
    else if (name == "orderBy")
      read_order(given, out);
    else if (name == "filterBy")
      read_filter(given, out);
    else if (name == "enableDuplicate")
      out.enable_duplicate = given.boolean;
    else if (name == "followRenames")
      out.follow_renames = given.boolean;
    else if (name == "dryRun")
      out.dry_run = given.boolean;
  }

  static void read_search_type(const std::string& type, field_arguments& out) {
    out.is_repository_search = type == "REPOSITORY";
    out.is_issue_search = type.starts_with("ISSUE");
  }

  /// Calls `read` for each member that has a value in this request.
  template <class Read>
  void each_member(const value& of, Read read) const {
    for (const auto& member : of.members)
      if (auto given = lookup(member.value); given != nullptr && given->type != value::kind::null)
        read(member.name, *given);
  }

  void read_order(const value& given, field_arguments& out) const {
    each_member(given, [&](const std::string& name, const value& member) {
      if (name == "field")
        out.order_field = member.text;
      else
        out.ascending = member.text == "ASC";
    });
  }

  void read_filter(const value& given, field_arguments& out) const {
    each_member(given, [&](const std::string& name, const value& member) {
      if (name == "since")
        out.since = parse_time(member.text)->first;
      else if (name == "states")
        out.filter_states = texts_of(member);
      else if (name == "labels")
        out.filter_labels = texts_of(member);
      else
        out.created_by = member.text;
    });
  }

  prepared_query query_;
  int64_t requests_ = 0;
  std::vector<std::string> path_;
};

} // namespace

const std::vector<planned_field>& selection_plan::of(const type_def& object) const {
  for (const auto& [type, fields] : by_type)
    if (type == &object)
      return fields;
  static const std::vector<planned_field> none;
  return none;
}

compilation compile(std::string_view document, std::string_view operation_name) {
  compilation out;
  try {
    auto parsed = graphql::parse_document(document);
    out.errors = validate(parsed);
    if (!out.errors.empty())
      return out;
    auto op = choose(parsed, operation_name, out.errors);
    if (op == nullptr)
      return out;
    planner make{parsed};
    auto plan = make.make(*op);
    out.errors = std::move(make.errors());
    if (out.errors.empty())
      out.plan = std::move(plan);
  } catch (const graphql::syntax_error& error) {
    out.errors = {{error.what(), "", "", {error.where}, {}}};
  }
  return out;
}

const field_arguments& prepared_query::of(const planned_field& field) const {
  return arguments[field.slot];
}

bool prepared_query::includes(const planned_field& field) const {
  if (field.conditions.empty())
    return true;
  auto holds = [this](const condition& x) {
    auto at = x.when.type == value::kind::variable ? variables.find(x.when.text) : variables.end();
    auto when = at == variables.end() ? x.when.boolean : at->second.boolean;
    return when != x.skip;
  };
  return std::any_of(field.conditions.begin(), field.conditions.end(),
                     [&](const auto& all) { return std::all_of(all.begin(), all.end(), holds); });
}

prepared_query prepare(const plan& plan, const variable_map& given) {
  return preparation{plan, given}.run();
}

} // namespace gitstar::sim
