#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

/// What a GraphQL document says, as written: nothing here knows the schema.
namespace gitstar::sim::graphql {

/// Where something begins in the document; both count from 1.
struct location {
  int line = 1;
  int column = 1;
};

struct object_field;

/// A literal, a variable, or a value of the request's JSON.
struct value {
  enum class kind : uint8_t {
    null,
    boolean,
    integer,
    real,
    text,
    enumeration,
    list,
    object,
    variable
  };

  kind type = kind::null;
  bool boolean = false;
  int64_t integer = 0;
  std::string text; ///< of a text, enumeration or real; the name of a variable
  std::vector<value> items;
  std::vector<object_field> members;
};

/// A member of an object. Not a pair: a pair of an incomplete type is more than clang 14 takes.
struct object_field {
  std::string name;
  graphql::value value;
};

/// `[ID!]!` and the like; GitHub's schema has no lists of lists where we look.
struct type_ref {
  std::string name;
  bool is_list = false;
  bool item_required = false; ///< of a list
  bool required = false;
};

std::string to_string(const type_ref& type);
std::string to_string(const value& x);

struct argument {
  std::string name;
  graphql::value value;
  location where;
};

struct directive {
  std::string name;
  std::vector<argument> arguments;
  location where;
};

struct selection {
  enum class kind : uint8_t { field, spread, inline_fragment };

  kind type = kind::field;
  std::string alias; ///< empty: none
  std::string
      name; ///< of the field, the fragment, or the type of an inline fragment (may be empty)
  std::vector<argument> arguments;
  std::vector<directive> directives;
  std::vector<selection> selections;
  location where;

  const std::string& response_key() const { return alias.empty() ? name : alias; }
};

struct variable_definition {
  std::string name;
  type_ref type;
  std::optional<value> default_value;
  location where;
};

struct operation {
  std::string type = "query"; ///< query, mutation or subscription
  std::string name;
  std::vector<variable_definition> variables;
  std::vector<directive> directives;
  std::vector<selection> selections;
  location where;
};

struct fragment {
  std::string name;
  std::string on;
  std::vector<directive> directives;
  std::vector<selection> selections;
  location where;
};

struct document {
  std::vector<operation> operations;
  std::vector<fragment> fragments;
};

} // namespace gitstar::sim::graphql
