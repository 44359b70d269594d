#pragma once

#include "messages/metadata/kind.hpp"

#include <vector>

namespace gitstar::metadata {

/// All kinds, parents before what is read from them.
const std::vector<const kind*>& all_kinds();

/// The kind with this name; null where there is none.
const kind* find_kind(std::string_view name);

} // namespace gitstar::metadata
