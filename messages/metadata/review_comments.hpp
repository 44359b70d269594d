#pragma once

#include "messages/metadata/kind.hpp"

namespace gitstar::metadata {

/// Comments on lines of code: each belongs to a review.
const kind& review_comments();

} // namespace gitstar::metadata
