#pragma once

#include "messages/metadata/kind.hpp"

namespace gitstar::metadata {

/// Discussions, read newest first, as GitHub cannot ask for those that moved since a time.
const kind& discussions();

} // namespace gitstar::metadata
