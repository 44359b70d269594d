#pragma once

#include "messages/metadata/kind.hpp"

namespace gitstar::metadata {

/// Reviews of pull requests.
const kind& reviews();

} // namespace gitstar::metadata
