#pragma once

#include "messages/metadata/kind.hpp"

namespace gitstar::metadata {

/// Releases. GitHub orders them by creation only, so nothing tells which of them have moved.
const kind& releases();

} // namespace gitstar::metadata
