#pragma once

#include "tools/sim/faults.hpp"
#include "tools/sim/metadata_fields.hpp"
#include "tools/sim/plan.hpp"
#include "tools/sim/search_engine.hpp"

#include <chrono>

namespace gitstar::sim {

/// How long GitHub would have worked, by our model. It is never slept.
using model_time = std::chrono::microseconds;

/// Above this much work a query times out (fact sheet, section 3).
inline constexpr model_time timeout_after = std::chrono::seconds{10};

/// What `rateLimit` answers.
struct rate_limit_view {
  int64_t limit = 0;
  int64_t used = 0;
  int64_t remaining = 0;
  unix_seconds reset_at = 0;
};

/// What an execution may look at.
struct execution_context {
  const dataset* data = nullptr;
  search_engine* search = nullptr;
  sim::metadata* metadata = nullptr;         ///< null: there are none
  std::optional<rate_limit_view> rate_limit; ///< nothing: limits are off, `rateLimit` is null
  int64_t viewer_id = 1;
  std::string viewer_login = "viewer";
  const data_faults* faults = nullptr; ///< null: none
  model_time budget = timeout_after;   ///< beyond it: RESOURCE_LIMITS_EXCEEDED
  bool next_global_ids = false;        ///< `X-Github-Next-Global-ID: 1`
};

/// A search that was answered with its items.
struct answered_page {
  std::string query;
  std::string after;
};

/// What one execution did, besides its text.
struct execution_result {
  model_time work{0};
  int64_t fields = 0;      ///< searches and items that were asked for
  bool is_limited = false; ///< something is null because the query asked too much
  std::vector<answered_page> search_pages;
  int64_t search_counts = 0; ///< searches asked for their count alone
  int64_t node_lookups = 0;  ///< ids asked by `node` and `nodes`
};

/// Executes a prepared query and appends the whole JSON answer.
execution_result execute(const prepared_query& query, const execution_context& context,
                         std::string& out);

} // namespace gitstar::sim
