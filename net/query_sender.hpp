#pragma once

#include "messages/api.hpp"

#include <functional>

namespace gitstar::net {

/// Sends queries to GitHub. Actors know nothing else of the network; tests put a fake here that
/// calls back inline.
class query_sender {
public:
  using callback = std::function<void(api_response)>;

  virtual ~query_sender() = default;

  /// Sends one query and calls back exactly once, on a network thread or, where nothing can be
  /// sent, inline. Never throws: whatever goes wrong is an `outcome`.
  virtual void async_query(api_request request, callback on_answer) = 0;
};

} // namespace gitstar::net
