#pragma once

#include "messages/metadata/kind.hpp"

namespace gitstar::metadata {

/// Pull requests. GitHub cannot ask for those that moved since a time, so they are read newest
/// first.
const kind& pull_requests();

} // namespace gitstar::metadata
