#pragma once

#include "messages/api.hpp"
#include "net/github_query.hpp"
#include "net/http_message.hpp"

namespace gitstar::net {

struct classified {
  api_response answer;
  field_set refused; ///< optional fields that GitHub refuses for most repositories or does not know
  bool viewer_refused = false; ///< the query failed because it asked for the viewer
};

/// Decides what an exchange with GitHub means: the one place that knows GitHub's ways of saying no
/// (fact sheet 1, 2.4, 3, 4, 7 and 10). A request without fields stands for any other than a query
/// for repositories; of an `id_list` the response is REST's. `now` is our clock when the answer
/// came.
classified classify(const api_request& request, http_response&& response, timestamp now);

} // namespace gitstar::net
