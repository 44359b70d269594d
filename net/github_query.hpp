/// The GraphQL that we send. The fields asked and the fields that `github_answer` reads belong
/// together: change both.
#pragma once

#include "messages/api.hpp"

#include <string>
#include <vector>

namespace gitstar::net {

/// Repositories per page: what GitHub allows at most (fact sheet 3, `first` 1 to 100).
inline constexpr uint32_t page_size = 100;

/// The query document for `width` fields of one shape: field i has the alias `f<i>`, its search
/// text is the variable `$q<i>` and its cursor `$a<i>`. Depends on nothing else.
std::string query_text(query_shape shape, size_t width);

/// The body of the POST request: the document and its variables as JSON.
std::string query_body(const api_request& request);

struct named_query {
  std::string name;
  std::string text;
};

/// Every kind of document that the program can send, each with one field and with three, for a
/// check against GitHub's schema.
std::vector<named_query> all_query_texts();

} // namespace gitstar::net
