/// `gitstar plan`: what a crawl will take, before a point is spent.
#pragma once

#include "actors/forecast.hpp"
#include "config/config.hpp"
#include "messages/store.hpp"

#include <optional>
#include <string>
#include <vector>

namespace gitstar::tool {

/// What asking GitHub has cost so far.
struct probe_cost {
  int64_t queries = 0;
  int64_t points = 0;
};

/// What a plan is made from.
struct plan_facts {
  std::string source; ///< canonical text of the source
  crawl_outline outline;
  bool matches_known = false; ///< `outline.matches` is more than a placeholder
  std::string matches_from;   ///< who says so, in words
  std::vector<forecast_budget> budgets;
  forecast_limits limits;
  uint32_t widest = 1; ///< pages that a query may carry at most
  config::prices_section prices;
  std::vector<std::string> assumptions; ///< sentences
  std::optional<probe_cost> probe;
};

/// The plan of one crawl.
struct plan_column {
  std::string name;
  bool census = false; ///< by id ranges: no windows and no counts
  workload work;
  forecast time;
  int64_t bytes = 0;
  std::optional<double> machine_cost;
  std::optional<double> storage_cost_per_month;
};

/// The first column with one thing changed.
struct plan_change {
  std::string what;
  workload work;
  forecast time;
};

struct crawl_plan {
  std::string source;
  std::string matches_from; ///< empty: nobody knows how many this config matches
  int64_t threshold = -1;   ///< with `top`, if GitHub was asked: stars >= threshold is crawled
  std::optional<probe_cost> probe;
  std::string currency;
  std::vector<plan_column> columns; ///< this config if its matches are known, then fixed sizes
  std::vector<plan_change> changes;
  std::vector<forecast_budget> budgets;
  std::vector<std::string> assumptions;
  std::vector<std::string> notes;
};

/// What each user or installation may spend: as an earlier run has left it in the ledger, else as
/// GitHub's documentation says (fact sheet 2.1), which has the same number for both resources. Says
/// in `assumptions` what is not known.
std::vector<forecast_budget> plan_budgets(const config::github_section& github,
                                          const std::vector<budget_record>& known, timestamp now,
                                          std::vector<std::string>& assumptions,
                                          resource what = resource::graphql);

/// A census by arithmetic.
struct census_plan {
  int64_t ids = 0;
  int64_t width = 1;           ///< fields per query
  bool listed = false;         ///< by REST first
  int64_t points = 0;          ///< of GraphQL
  int64_t requests = 0;        ///< of REST
  double response_seconds = 0; ///< of GraphQL, all queries together
  double hours = 0;            ///< that all budgets take; the longest of the three
  std::string binding;         ///< which of them that is, in words
};

/// What a census of `ids` takes, of which the share `density` exists. Unlisted, 100 ids cost
/// 1/width points; listed first, they cost `density` requests and density/width points. `automatic`
/// lists where that is less in total. GitHub's time for its answers is limited by the minute and
/// budget; how long it takes for one is assumed (`times`).
census_plan plan_census(int64_t ids, int64_t width, double density, config::list_mode mode,
                        const std::vector<forecast_budget>& points,
                        const std::vector<forecast_budget>& requests, const forecast_limits& limits,
                        const response_time& times = {});

/// The outline of a crawl with this config. Widths go on from what earlier runs have learned.
crawl_outline plan_outline(const config::settings& settings, const search_query& query,
                           const std::vector<width_record>& learned);

/// The limits of this config for a crawl that begins at `now`.
forecast_limits plan_limits(const config::settings& settings, timestamp now);

/// `ask` as for `estimate`.
crawl_plan make_plan(plan_facts facts, const count_source& ask = {});

/// For people, and for programs.
std::string plan_text(const crawl_plan& plan);
std::string plan_json(const crawl_plan& plan);

} // namespace gitstar::tool
