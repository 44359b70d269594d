#pragma once

#include "messages/metadata/kind.hpp"

namespace gitstar::metadata {

/// Issues, without pull requests. GitHub's `updatedAt` moves with every comment, label and edit.
const kind& issues();

} // namespace gitstar::metadata
