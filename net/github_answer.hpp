/// What a GraphQL body says, before anybody judges it.
#pragma once

#include "messages/api.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace gitstar::net {

/// One entry of `errors`.
struct graphql_error {
  std::string type; ///< such as NOT_FOUND; often empty
  std::string code; ///< `code`, or `extensions.code`
  std::string message;
  std::vector<std::string> path; ///< indices as decimal numbers; empty: about the whole query
  bool has_locations = false;    ///< points into the document: validation and syntax errors do
  std::string field_name;        ///< `extensions.fieldName`, of validation errors
  bool operator==(const graphql_error&) const = default;
};

/// The data of one alias.
struct field_data {
  bool present = false;             ///< an object came, neither null nor nothing
  bool has_count = false;           ///< with `repositoryCount`
  bool has_nodes = false;           ///< with `nodes` that are not null, or a list itself
  field_answer answer;              ///< without errors; `null_count` and `lacking` not set
  std::vector<uint32_t> null_nodes; ///< indices in `nodes` that were null or had no databaseId
};

struct github_answer {
  std::string problem;   ///< why the body could not be read, naming the place; empty: it could
  bool is_json = true;   ///< false: the body is no JSON object, and nothing below is set
  bool has_data = false; ///< `data` is an object; GitHub also sends null and, once, "null"
  std::vector<field_data> fields; ///< as many as were asked for
  std::vector<graphql_error> errors;
  std::string message; ///< top-level `message`, as in REST errors
  enum class limit_state : uint8_t { missing, null, present };
  limit_state rate_limit_state = limit_state::missing;
  rate_limit limits;         ///< set where present
  optional<viewer> identity; ///< if it was asked for and told
};

/// Parses a body for a query with `field_count` fields `f0`, `f1`, ... Unknown keys are skipped,
/// fields that may be null may be, also those that we can do without, characters that PostgreSQL
/// cannot store (U+0000) are dropped and invalid UTF-8 is replaced by U+FFFD. A value of a wrong
/// type or a missing one that our schema promises is a `problem`. Never throws but
/// `std::bad_alloc`.
github_answer parse_github_answer(std::string_view body, size_t field_count);

} // namespace gitstar::net
