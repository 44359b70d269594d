#pragma once

#include "messages/metadata/kind.hpp"

namespace gitstar::metadata {

/// The conversation below issues and pull requests; comments on lines of code are
/// `review_comments`.
const kind& issue_comments();

} // namespace gitstar::metadata
