#pragma once

#include "messages/api.hpp"
#include "net/http_message.hpp"

namespace gitstar::net {

/// Decides what an exchange with GitHub's GraphQL endpoint means: the one place that knows GitHub's
/// ways of saying no (fact sheet 1, 2.4, 3, 4 and 10). `now` is our clock when the answer came.
api_response classify(const api_request& request, http_response&& response, timestamp now);

} // namespace gitstar::net
