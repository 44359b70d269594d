/// How much work a crawl will be: its partitions and queries, found by planning it with the real
/// planner against a model of GitHub. Decisions only, no I/O of its own.
#pragma once

#include "actors/match_model.hpp"
#include "actors/query_width.hpp"
#include "actors/search_cells.hpp"

#include <cstdint>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

namespace gitstar {

/// How long GitHub takes to answer a query, in seconds: a part of its own and one per field.
/// Assumed, until somebody measures it: one second for ten pages or for a hundred counts.
struct response_time {
  double page_base = 0.3;
  double per_page = 0.07; ///< of 100 repositories
  double count_base = 0.3;
  double per_count = 0.007;

  double pages(uint32_t fields) const { return page_base + per_page * fields; }
  double counts(uint32_t fields) const { return count_base + per_count * fields; }
};

/// What decides how many queries a crawl takes.
struct crawl_outline {
  search_query query;  ///< restricted to times at all
  int64_t top = 0;     ///< 0: all matches
  int64_t matches = 0; ///< of the query; with `top`, of what it finds
  growth_curve curve = growth_of_ids();
  query_width pages{1, 1};
  query_width counts{2, 2};
  query_widths planned; ///< what planning reckons with at first
  uint32_t fetchers = 1;
  response_time times;
  search_plan plan;
};

/// The queries of a crawl. Fields of queries: one count or one page each.
struct workload {
  int64_t repositories = 0;
  int64_t partitions = 0; ///< that are read
  int64_t splits = 0;     ///< that are cut into others
  int64_t count_queries = 0;
  int64_t counts = 0;
  int64_t page_queries = 0;
  int64_t pages = 0;
  double points = 0;
  double response_seconds = 0; ///< of all queries together
  double seconds = 0;          ///< from begin to end, where no limit holds the queries up
  /// What the partitions leave behind in the ledger on their way: each commit of one that stays
  /// open writes the ids anew that it has seen.
  double superseded_bytes = 0;

  int64_t queries() const { return count_queries + page_queries; }
  bool operator==(const workload&) const = default;
};

/// Asks GitHub for the matches of searches; -1 for those that it shall guess.
using count_source = std::function<std::vector<int64_t>(const std::vector<search_query>&)>;

/// What a crawl will be, and what `ask` told about its matches.
struct estimation {
  workload work;
  int64_t threshold = -1; ///< with `top`, if it was asked for: stars >= threshold is crawled
  growth_curve curve;     ///< where the matches are: for estimates of similar crawls
};

/// The points of a query with so many `search` fields (fact sheet 2.2).
int64_t query_points(int64_t connections);

/// `top` asks for more than there are. `what()` says how many.
class too_few_matches : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

/// Plans and reads the whole crawl without GitHub: windows come from the real `cell_plan` and
/// `threshold_search`, and fetchers fill their queries as the real ones do. Where `ask` is given,
/// it tells what a model would have to guess: the star threshold, the number of matches, the first
/// cut along `created`, and where bursts are. A crawl of more than 200,000 matches is planned in
/// that size and scaled. How windows come out is chance: the numbers are means of several draws.
/// Throws what `ask` throws, and `too_few_matches`.
estimation estimate(const crawl_outline& outline, const count_source& ask = {});

} // namespace gitstar
