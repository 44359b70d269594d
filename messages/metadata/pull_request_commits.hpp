#pragma once

#include "messages/metadata/kind.hpp"

namespace gitstar::metadata {

/// Which commits a pull request has, in which order; a force push takes some away.
const kind& pull_request_commits();

} // namespace gitstar::metadata
