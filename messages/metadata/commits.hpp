#pragma once

#include "messages/metadata/kind.hpp"

namespace gitstar::metadata {

/// Commits of pull requests. A commit never changes, and never goes: only pull requests lose it.
const kind& commits();

} // namespace gitstar::metadata
