#include "tools/sim/validation.hpp"

#include "tools/sim/text.hpp"

#include <algorithm>
#include <set>

namespace gitstar::sim {

namespace {

using graphql::document;
using graphql::operation;
using graphql::selection;
using graphql::type_ref;
using graphql::value;
using kind = value::kind;

type_ref item_of(const type_ref& list) { return {list.name, false, false, list.item_required}; }

std::optional<std::string> input_mismatch(const value& x, const type_def& type,
                                          value_source source) {
  if (x.type != kind::object)
    return "Expected an input object";
  for (const auto& member : x.members) {
    auto at = std::find_if(type.inputs.begin(), type.inputs.end(),
                           [&](const auto& input) { return input.name == member.name; });
    if (at == type.inputs.end())
      return "Field is not defined on " + type.name;
    if (auto why = value_mismatch(member.value, at->type, source))
      return why;
  }
  for (const auto& input : type.inputs) {
    auto given = std::any_of(x.members.begin(), x.members.end(),
                             [&](const auto& member) { return member.name == input.name; });
    if (input.type.required && !given)
      return "Expected value to not be null";
  }
  return std::nullopt;
}

bool is_scalar(const value& x, const std::string& type) {
  switch (x.type) {
  case kind::integer:
    return (type == "Int" && x.integer == static_cast<int32_t>(x.integer)) || type == "Float" ||
           type == "ID";
  case kind::real:
    return type == "Float";
  case kind::boolean:
    return type == "Boolean";
  case kind::text:
    return type == "String" || type == "ID" || type == "URI" || type == "GitObjectID" ||
           (type == "DateTime" && parse_time(x.text).has_value());
  case kind::enumeration:
  case kind::null:
  case kind::variable:
  case kind::list:
  case kind::object:
    break;
  }
  return false;
}

std::string json_path(const std::vector<std::string>& path) {
  std::string out{"["};
  for (const auto& part : path) {
    if (out.size() > 1)
      out += ',';
    append_json_string(out, part);
  }
  return out + "]";
}

class validator {
public:
  explicit validator(const document& doc) : document_(doc), schema_(schema::instance()) {}

  std::vector<graphql_error> run() {
    check_names();
    for (const auto& op : document_.operations)
      check_operation(op);
    for (const auto& fragment : document_.fragments)
      check_fragment(fragment);
    for (const auto& op : document_.operations)
      check_variables(op);
    return std::move(errors_);
  }

private:
  using extensions = std::vector<std::pair<std::string, std::string>>;

  void fail(std::string message, graphql::location where, extensions extra) {
    errors_.push_back({std::move(message), "", json_path(path_), {where}, std::move(extra)});
  }

  const graphql::fragment* find_fragment(const std::string& name) const {
    for (const auto& fragment : document_.fragments)
      if (fragment.name == name)
        return &fragment;
    return nullptr;
  }

  void check_names() {
    path_.clear();
    std::set<std::string> names;
    for (const auto& op : document_.operations) {
      if (op.name.empty() && document_.operations.size() > 1)
        fail("This anonymous operation must be the only defined operation", op.where,
             {{"code", "loneAnonymousOperation"}});
      if (!op.name.empty() && !names.insert(op.name).second)
        fail("Operation name \"" + op.name + "\" must be unique", op.where,
             {{"code", "uniquelyNamedOperations"}, {"operationName", op.name}});
    }
    names.clear();
    for (const auto& fragment : document_.fragments)
      if (!names.insert(fragment.name).second)
        fail("Fragment name \"" + fragment.name + "\" must be unique", fragment.where,
             {{"code", "fragmentNotUnique"}, {"fragmentName", fragment.name}});
  }

  void check_operation(const operation& op) {
    path_ = {operation_label(op)};
    if (op.type != "query") {
      fail("Schema is not configured for " + op.type + "s", op.where,
           {{"code", "missingOperationType"}});
      return;
    }
    for (const auto& variable : op.variables)
      check_variable_definition(variable);
    check_directives(op.directives);
    check_selections(op.selections, schema_.query());
  }

  void check_variable_definition(const graphql::variable_definition& variable) {
    auto type = schema_.find(variable.type.name);
    if (type == nullptr || type->is_composite())
      fail("`" + variable.type.name + "` isn't a defined input type (on $" + variable.name + ")",
           variable.where,
           {{"code", "variableRequiresValidType"}, {"variableName", variable.name}});
    else if (variable.default_value &&
             value_mismatch(*variable.default_value, variable.type, value_source::document))
      fail("Default value for $" + variable.name + " doesn't match type " +
               to_string(variable.type),
           variable.where, {{"code", "defaultValueInvalidType"}, {"variableName", variable.name}});
  }

  void check_fragment(const graphql::fragment& fragment) {
    path_ = {"fragment " + fragment.name};
    auto used = false;
    for (const auto& op : document_.operations)
      used = used || reaches(op.selections, fragment.name);
    if (!used)
      fail("Fragment " + fragment.name + " was defined, but not used", fragment.where,
           {{"code", "useAndDefineFragment"}, {"fragmentName", fragment.name}});
    if (reaches(fragment.selections, fragment.name))
      fail("Fragment " + fragment.name + " contains an infinite loop", fragment.where,
           {{"code", "infiniteLoop"}, {"fragmentName", fragment.name}});
    check_directives(fragment.directives);
    if (auto type = check_condition(fragment.on, fragment.where))
      check_selections(fragment.selections, *type);
  }

  /// Whether the selections spread this fragment, directly or through others.
  bool reaches(const std::vector<selection>& selections, const std::string& name) const {
    std::set<std::string> seen;
    return reaches(selections, name, seen);
  }

  bool reaches(const std::vector<selection>& selections, const std::string& name,
               std::set<std::string>& seen) const {
    for (const auto& next : selections) {
      if (next.type == selection::kind::spread) {
        if (next.name == name)
          return true;
        auto fragment = find_fragment(next.name);
        if (fragment != nullptr && seen.insert(next.name).second &&
            reaches(fragment->selections, name, seen))
          return true;
      } else if (reaches(next.selections, name, seen)) {
        return true;
      }
    }
    return false;
  }

  const type_def* check_condition(const std::string& name, graphql::location where) {
    auto type = schema_.find(name);
    if (type == nullptr)
      fail("No such type " + name + ", so it can't be a fragment condition", where,
           {{"code", "undefinedType"}, {"typeName", name}});
    else if (!type->is_composite())
      fail("Invalid fragment on type " + name + " (must be Union, Interface or Object)", where,
           {{"code", "fragmentOnNonCompositeType"}, {"typeName", name}});
    else
      return type;
    return nullptr;
  }

  void check_selections(const std::vector<selection>& selections, const type_def& parent) {
    for (const auto& next : selections) {
      check_directives(next.directives);
      if (next.type == selection::kind::field) {
        path_.push_back(next.response_key());
        check_field(next, parent);
        path_.pop_back();
      } else if (next.type == selection::kind::inline_fragment) {
        path_.push_back(next.name.empty() ? "..." : "... on " + next.name);
        auto type = next.name.empty() ? &parent : check_condition(next.name, next.where);
        if (type != nullptr) {
          check_spread(*type, parent, "", next.where);
          check_selections(next.selections, *type);
        }
        path_.pop_back();
      } else {
        check_named_spread(next, parent);
      }
    }
  }

  void check_named_spread(const selection& spread, const type_def& parent) {
    auto fragment = find_fragment(spread.name);
    if (fragment == nullptr) {
      fail("Fragment " + spread.name + " was used, but not defined", spread.where,
           {{"code", "useAndDefineFragment"}, {"fragmentName", spread.name}});
      return;
    }
    if (auto type = schema_.find(fragment->on))
      check_spread(*type, parent, spread.name, spread.where);
  }

  void check_spread(const type_def& type, const type_def& parent, const std::string& name,
                    graphql::location where) {
    auto overlaps = std::any_of(type.possible.begin(), type.possible.end(),
                                [&](auto object) { return parent.can_be(*object); });
    if (overlaps)
      return;
    auto label = name.empty() ? "Fragment" : "Fragment " + name;
    fail(label + " on " + type.name + " can't be spread inside " + parent.name, where,
         {{"code", "cannotSpreadFragment"},
          {"typeName", type.name},
          {"fragmentName", name.empty() ? "unknown" : name},
          {"parentName", parent.name}});
  }

  void check_field(const selection& field, const type_def& parent) {
    if (field.name == "__typename")
      return;
    auto def = parent.find_field(field.name);
    if (def == nullptr) {
      if (parent.fields.empty())
        fail("Selections can't be made directly on unions (see selections on " + parent.name + ")",
             field.where, {{"code", "selectionMismatch"}, {"nodeName", parent.name}});
      else
        fail("Field '" + field.name + "' doesn't exist on type '" + parent.name + "'", field.where,
             {{"code", "undefinedField"}, {"typeName", parent.name}, {"fieldName", field.name}});
      return;
    }
    check_arguments(field, *def);
    const auto& result = *def->result;
    if (result.is_composite() && field.selections.empty())
      fail("Field must have selections (field '" + field.name + "' returns " + result.name +
               " but has no selections. Did you mean '" + field.name + " { ... }'?)",
           field.where,
           {{"code", "selectionMismatch"},
            {"nodeName", "field '" + field.name + "'"},
            {"typeName", result.name}});
    else if (!result.is_composite() && !field.selections.empty())
      fail("Selections can't be made on scalars (field '" + field.name + "' returns " +
               result.name + " but has selections)",
           field.where,
           {{"code", "selectionMismatch"},
            {"nodeName", "field '" + field.name + "'"},
            {"typeName", result.name}});
    else
      check_selections(field.selections, result);
  }

  void check_arguments(const selection& field, const field_def& def) {
    std::string missing;
    for (const auto& wanted : def.arguments) {
      auto given = std::any_of(field.arguments.begin(), field.arguments.end(),
                               [&](const auto& x) { return x.name == wanted.name; });
      if (wanted.type.required && !given)
        missing += (missing.empty() ? "" : ", ") + wanted.name;
    }
    if (!missing.empty())
      fail("Field '" + field.name + "' is missing required arguments: " + missing, field.where,
           {{"code", "missingRequiredArguments"},
            {"className", "Field"},
            {"name", field.name},
            {"arguments", missing}});
    std::set<std::string> names;
    for (const auto& given : field.arguments) {
      path_.push_back(given.name);
      if (!names.insert(given.name).second)
        fail("There can be only one argument named \"" + given.name + "\"", given.where,
             {{"code", "argumentNotUnique"}, {"argumentName", given.name}});
      check_argument(field, given, def.find_argument(given.name));
      path_.pop_back();
    }
  }

  void check_argument(const selection& field, const graphql::argument& given,
                      const argument_def* def) {
    if (def == nullptr)
      fail("Field '" + field.name + "' doesn't accept argument '" + given.name + "'", given.where,
           {{"code", "argumentNotAccepted"},
            {"name", field.name},
            {"typeName", "Field"},
            {"argumentName", given.name}});
    else if (value_mismatch(given.value, def->type, value_source::document))
      fail("Argument '" + given.name + "' on Field '" + field.name + "' has an invalid value (" +
               to_string(given.value) + "). Expected type '" + to_string(def->type) + "'.",
           given.where,
           {{"code", "argumentLiteralsIncompatible"},
            {"typeName", "Field"},
            {"argumentName", given.name}});
  }

  void check_directives(const std::vector<graphql::directive>& directives) {
    for (const auto& next : directives) {
      if (next.name != "include" && next.name != "skip") {
        fail("Directive @" + next.name + " is not defined", next.where,
             {{"code", "undefinedDirective"}, {"directiveName", next.name}});
        continue;
      }
      auto good = next.arguments.size() == 1 && next.arguments[0].name == "if" &&
                  !value_mismatch(next.arguments[0].value, {"Boolean", false, false, true},
                                  value_source::document);
      if (!good)
        fail("Directive '" + next.name + "' is missing required arguments: if", next.where,
             {{"code", "missingRequiredArguments"},
              {"className", "Directive"},
              {"name", next.name},
              {"arguments", "if"}});
    }
  }

  // Variables: every one that is used is declared, every one declared is used, and fits.

  struct usage {
    std::string name;
    type_ref type;
    bool has_default;
    std::string argument;
    graphql::location where;
  };

  void check_variables(const operation& op) {
    path_ = {operation_label(op)};
    std::vector<usage> usages;
    std::set<std::string> seen;
    collect(op.directives, usages);
    collect(op.selections, &schema_.query(), usages, seen);
    auto label = op.name.empty() ? "anonymous query" : op.name;
    std::set<std::string> used;
    for (const auto& use : usages) {
      used.insert(use.name);
      auto at = std::find_if(op.variables.begin(), op.variables.end(),
                             [&](const auto& x) { return x.name == use.name; });
      if (at == op.variables.end())
        fail("Variable $" + use.name + " is used by " + label + " but not declared", use.where,
             {{"code", "variableNotDefined"}, {"variableName", use.name}});
      else if (!fits(*at, use))
        fail("Type mismatch on variable $" + use.name + " and argument " + use.argument + " (" +
                 to_string(at->type) + " / " + to_string(use.type) + ")",
             use.where,
             {{"code", "variableMismatch"},
              {"variableName", use.name},
              {"typeName", to_string(at->type)},
              {"argumentName", use.argument},
              {"errorMessage", "Type mismatch"}});
    }
    for (const auto& variable : op.variables)
      if (!used.contains(variable.name))
        fail("Variable $" + variable.name + " is declared by " + label + " but not used",
             variable.where, {{"code", "variableNotUsed"}, {"variableName", variable.name}});
  }

  static bool fits(const graphql::variable_definition& variable, const usage& use) {
    auto never_null = variable.type.required ||
                      (variable.default_value && variable.default_value->type != kind::null);
    if (use.type.required && !never_null && !use.has_default)
      return false;
    if (use.type.name != variable.type.name)
      return false;
    if (use.type.is_list != variable.type.is_list)
      return use.type.is_list; // one value is a list of one
    return !use.type.is_list || !use.type.item_required || variable.type.item_required;
  }

  void collect(const std::vector<graphql::directive>& directives, std::vector<usage>& out) const {
    for (const auto& directive : directives)
      for (const auto& argument : directive.arguments)
        collect(argument.value, {"Boolean", false, false, true}, false, argument, out);
  }

  void collect(const std::vector<selection>& selections, const type_def* parent,
               std::vector<usage>& out, std::set<std::string>& seen) const {
    for (const auto& next : selections) {
      collect(next.directives, out);
      if (next.type == selection::kind::spread) {
        auto fragment = find_fragment(next.name);
        if (fragment != nullptr && seen.insert(next.name).second)
          collect(fragment->selections, schema_.find(fragment->on), out, seen);
      } else if (next.type == selection::kind::inline_fragment) {
        collect(next.selections, next.name.empty() ? parent : schema_.find(next.name), out, seen);
      } else if (auto field = parent == nullptr ? nullptr : parent->find_field(next.name)) {
        for (const auto& given : next.arguments)
          if (auto def = field->find_argument(given.name))
            collect(given.value, def->type, def->default_value.has_value(), given, out);
        collect(next.selections, field->result, out, seen);
      }
    }
  }

  void collect(const value& x, const type_ref& type, bool has_default,
               const graphql::argument& argument, std::vector<usage>& out) const {
    if (x.type == kind::variable)
      out.push_back({x.text, type, has_default, argument.name, argument.where});
    for (const auto& item : x.items)
      collect(item, type.is_list ? item_of(type) : type, false, argument, out);
    auto input = schema_.find(type.name);
    for (const auto& [name, member] : x.members)
      for (const auto& wanted : input->inputs)
        if (wanted.name == name)
          collect(member, wanted.type, false, argument, out);
  }

  const document& document_;
  const schema& schema_;
  std::vector<std::string> path_;
  std::vector<graphql_error> errors_;
};

} // namespace

std::optional<std::string> value_mismatch(const value& x, const type_ref& type,
                                          value_source source) {
  if (x.type == kind::variable)
    return std::nullopt; // checked where variables are
  if (x.type == kind::null)
    return type.required ? std::optional{std::string{"Expected value to not be null"}}
                         : std::nullopt;
  if (type.is_list) {
    if (x.type != kind::list)
      return value_mismatch(x, item_of(type), source);
    for (const auto& item : x.items)
      if (auto why = value_mismatch(item, item_of(type), source))
        return why;
    return std::nullopt;
  }
  const auto& def = *schema::instance().find(type.name);
  if (def.what == type_def::kind::input)
    return input_mismatch(x, def, source);
  if (def.what == type_def::kind::enumeration) {
    auto written = source == value_source::json ? kind::text : kind::enumeration;
    auto known = std::find(def.values.begin(), def.values.end(), x.text) != def.values.end();
    if (x.type == written && known)
      return std::nullopt;
    return "Expected " + to_string(x) + " to be one of the values of " + def.name;
  }
  if (is_scalar(x, type.name))
    return std::nullopt;
  return "Could not coerce value " + to_string(x) + " to " + type.name;
}

std::vector<graphql_error> validate(const document& doc) { return validator{doc}.run(); }

std::string operation_label(const operation& op) {
  return op.name.empty() ? op.type : op.type + " " + op.name;
}

} // namespace gitstar::sim
