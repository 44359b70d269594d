#pragma once

#include "messages/basic.hpp"

#include <optional>
#include <string_view>
#include <vector>

namespace gitstar::net {

/// The ids in a page of REST's `/repositories` (fact sheet 7), in its order; 0 for each element
/// that is null. Nothing where the body is no array of repositories with ids above `since`,
/// ascending.
std::optional<std::vector<repo_id>> parse_id_list(std::string_view body, repo_id since);

/// Whether a `Link` header names a next page.
bool has_next_page(std::string_view link);

} // namespace gitstar::net
