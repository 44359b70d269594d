#pragma once

#include "messages/basic.hpp"

#include <map>
#include <string>

namespace gitstar::db {

/// What the store says of each repository, in little: enough to compare it with somebody else's
/// list. Throws `store_error`.
std::map<repo_id, int64_t> stored_star_counts(const std::string& connection_string);

} // namespace gitstar::db
