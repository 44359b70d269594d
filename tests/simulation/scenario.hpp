#pragma once

#include "messages/api.hpp"

#include <caf/timespan.hpp>

#include <cstdint>
#include <string>
#include <vector>

namespace gitstar::simulation {

/// Something that happens to a crawl from outside.
enum class mishap : uint8_t {
  kill_actor,    ///< an actor ends without a last word
  fail_actor,    ///< an actor ends with an error
  store_throws,  ///< the store throws what nobody expects
  crash,         ///< the process is killed and started again
  stop,          ///< the process is told to end and started again
  take_over,     ///< another process begins while the old one goes on
  github_outage, ///< no query reaches GitHub for a while
  store_outage,  ///< PostgreSQL is away for a while
  ban,           ///< GitHub bans a user for undisclosed reasons
  revoke,        ///< a credential is rejected from now on
};
const char* to_string(mishap x);

/// Everything about one run that the seed decides beforehand. What happens when is drawn while it
/// runs, from the same seed.
struct scenario {
  explicit scenario(uint64_t seed);

  uint64_t seed;

  // -- the repositories and the search --------------------------------------------

  size_t repositories = 0;
  size_t burst = 0; ///< of them created within one second
  std::string query;
  int64_t top = 0;

  // -- how GitHub answers searches ------------------------------------------------

  bool opaque_cursors = false;
  double hidden = 0;      ///< share of the repositories that count and never turn up
  double null = 0;        ///< share that comes as null under one sort
  double displaced = 0;   ///< share in whose place a page repeats another
  double broad_error = 0; ///< relative error of the counts of broad searches
  double count_error = 0; ///< relative error of all counts
  double refused = 0;     ///< share of the windows whose pages GitHub refuses

  // -- accounts, limits and speed -------------------------------------------------

  std::vector<int64_t> users;  ///< of each credential
  int64_t points_per_hour = 0; ///< 0: limits are switched off
  uint32_t points_per_minute = 2000;
  uint32_t concurrent = 100;
  uint32_t page_ceiling = 10; ///< fields; beyond it a query is too much
  uint32_t count_ceiling = 100;
  milliseconds way{20};      ///< longest, one way
  milliseconds service{200}; ///< longest, per query
  double fails = 0;          ///< share of the queries
  double partial = 0;        ///< share of the queries some of whose fields fail
  std::vector<outcome> failures;

  // -- the store ------------------------------------------------------------------

  double store_fails = 0;   ///< share of the calls
  double store_forgets = 0; ///< share of the writes that are committed without an answer

  // -- the crawler's config -------------------------------------------------------

  uint32_t fetchers = 1;
  uint32_t writers = 1;
  int64_t window = 900;       ///< matches per partition
  uint32_t partitions = 5000; ///< open ones in the partitioner's memory
  uint32_t page_width = 10;   ///< github.query_width.page_max
  uint32_t count_width = 50;
  uint32_t batch_rows = 2000;
  caf::timespan batch_delay{0};
  uint32_t attempts = 8;
  bool leases_expire = true; ///< false: not before the run is given up
  /// Leases run out under fetchers that are alive: what those say of them comes late.
  bool short_leases = false;
  caf::timespan lease_time{0}; ///< of short ones

  // -- what happens to it ---------------------------------------------------------

  bool shuffled = true; ///< whoever can run, not whoever came first, runs next
  double mishap_per_step = 0;
  uint32_t most_mishaps = 0;
  std::vector<mishap> mishaps;
};

/// The scenario in a few lines, for a run that failed.
std::string to_string(const scenario& x);

} // namespace gitstar::simulation
