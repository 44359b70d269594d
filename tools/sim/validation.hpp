#pragma once

#include "tools/sim/graphql_error.hpp"
#include "tools/sim/schema.hpp"

namespace gitstar::sim {

/// Where a value comes from decides how an enumeration is written.
enum class value_source : uint8_t { document, json };

/// Nothing if `x` can be a `type`; else why not.
std::optional<std::string> value_mismatch(const graphql::value& x, const graphql::type_ref& type,
                                          value_source source);

/// Checks a document against the schema by the rules of the GraphQL specification, with the
/// messages of graphql-ruby, which GitHub uses.
std::vector<graphql_error> validate(const graphql::document& document);

/// "query", "query Name": how errors name an operation.
std::string operation_label(const graphql::operation& op);

} // namespace gitstar::sim
