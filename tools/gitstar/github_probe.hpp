#pragma once

#include "actors/workload.hpp"
#include "config/config.hpp"
#include "messages/store.hpp"
#include "net/github_client.hpp"
#include "tools/gitstar/plan.hpp"

#include <map>
#include <string>
#include <vector>

namespace gitstar::tool {

/// Asks GitHub a few questions for a plan, each credential in its turn, and remembers the answers.
/// Blocks.
class github_probe {
public:
  explicit github_probe(const config::github_section& github);

  /// The matches of searches, `width` to a query. After 30 queries it asks no more and says -1.
  /// Throws `std::runtime_error` where no credential gets an answer.
  std::vector<int64_t> ask(const std::vector<search_query>& searches, uint32_t width);
  /// The same from memory; -1 for what was not asked.
  std::vector<int64_t> recall(const std::vector<search_query>& searches) const;

  /// Reads pages of a search that was counted, up to `width` in one query, to see how long that
  /// takes.
  void read_pages(uint32_t width);

  /// How long answers took.
  response_time times() const { return times_; }
  probe_cost cost() const { return cost_; }
  /// What the answers told of the budgets, as the ledger would have it.
  std::vector<budget_record> budgets() const;

private:
  api_response send(query_shape shape, std::vector<search_field> fields);
  api_response send_with(const std::string& credential, query_shape shape,
                         const std::vector<search_field>& fields);
  void learn(const std::string& credential, const api_response& answer);

  net::github_client client_;
  std::vector<std::string> credentials_; ///< those that work, the next one first
  std::map<std::string, budget_record> budgets_;
  std::map<std::string, int64_t> counts_; ///< by search text
  response_time times_;
  probe_cost cost_;
};

} // namespace gitstar::tool
