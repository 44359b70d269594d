#pragma once

#include "messages/metadata/kind.hpp"

namespace gitstar::metadata {

/// Check runs and status contexts of the head commit of pull requests.
const kind& ci_checks();

} // namespace gitstar::metadata
