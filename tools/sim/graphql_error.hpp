#pragma once

#include "tools/sim/graphql_ast.hpp"

namespace gitstar::sim {

/// One entry of the `errors` of an answer.
struct graphql_error {
  std::string message;
  std::string type; ///< such as NOT_FOUND; empty for a validation error
  std::string path; ///< as JSON, such as `["nodes",1]`; empty: none
  std::vector<graphql::location> locations;
  /// `code` and what goes with it; empty: none.
  std::vector<std::pair<std::string, std::string>> extensions;
};

/// Appends `"errors":[...]`.
void append_errors(std::string& out, const std::vector<graphql_error>& errors);

} // namespace gitstar::sim
