/// The GraphQL that asks for metadata, derived from the descriptions of the kinds.
#pragma once

#include "messages/api.hpp"
#include "messages/metadata/kind.hpp"
#include "net/github_query.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace gitstar::net {

/// A document and its variables, a JSON object.
struct query_document {
  std::string text;
  std::string variables;
};

/// The query for a request of one of the shapes of metadata: field i has the alias `f<i>`, the
/// list in it the alias `list`. In a probe each list has its kind's name.
query_document metadata_query(const api_request& request);

/// The elements that a field may bring, nested ones included. GitHub refuses queries for more than
/// 500,000 (fact sheet 3).
uint64_t node_count(const search_field& field);

/// What a query may ask for at most, with some room.
inline constexpr uint64_t most_nodes = 400'000;

/// A document for each list and each probe, for a check against GitHub's schema.
std::vector<named_query> metadata_query_texts();

/// The list that is asked for.
const metadata::list& list_of(const metadata_ask& ask);

/// The alias under which a probe asks whether a kind's list is switched on.
std::string enabled_alias(const metadata::kind& of);

/// The field in an element that says when it moved; empty: none does.
std::string_view moved_field(const metadata::kind& of);

/// The fields of a path, such as `author.login`, without arguments, one after the other.
std::vector<std::string_view> path_steps(std::string_view path);

} // namespace gitstar::net
