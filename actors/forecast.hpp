/// How long a crawl takes with given credentials and limits, and which limit holds it up. Pure
/// arithmetic.
#pragma once

#include "actors/workload.hpp"
#include "config/config.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace gitstar {

/// What one user or installation may spend: credentials of one user share it.
struct forecast_budget {
  std::vector<std::string> credentials;                            ///< their names
  config::credential_kind kind = config::credential_kind::unknown; ///< of the first
  bool unlimited = false; ///< the server has rate limits switched off
  double limit = 5000;    ///< points per window
  bool assumed = true;    ///< GitHub has not told the limit yet
  double reserve = 0.02;  ///< share of the limit that is never spent
  std::optional<double> daily_points;
  std::optional<config::daily_span> quiet_hours;
  double left = -1;       ///< points of the present window, reserve included; -1: it is full
  double resets_in = 0;   ///< seconds until the window ends, where `left` is set
  double spent_today = 0; ///< points
};

/// The limits besides the budgets.
struct forecast_limits {
  double queries_per_minute = 2000;        ///< of a budget
  double response_seconds_per_minute = 60; ///< of a budget; 0: no such limit
  double in_flight = 8;                    ///< queries at once, of all budgets together
  /// Repositories that PostgreSQL stores in a second: 1,000,000 in 15.5 s on two cores that crawler
  /// and simulator shared (`tools/bench`). Another machine has another number.
  double stored_per_second = 60'000;
  double window = 3600;   ///< seconds that the points are for
  double time_of_day = 0; ///< seconds since midnight UTC when the crawl begins
};

enum class bottleneck : uint8_t {
  planning,         ///< no limit: queries wait for the answers of others
  in_flight,        ///< queries at once and how long GitHub takes to answer
  points,           ///< points per window
  queries,          ///< queries per minute
  response_seconds, ///< seconds of response time per minute
  daily_points,
  quiet_hours,
  store, ///< PostgreSQL: repositories per second
  never, ///< these credentials can spend nothing
};
std::string to_string(bottleneck what);

struct forecast {
  double seconds = 0; ///< infinite where `binding` is `never`
  bottleneck binding = bottleneck::planning;
};

/// The binding limit is the one that, a quarter wider, would shorten the crawl most.
forecast predict(const workload& work, const std::vector<forecast_budget>& budgets,
                 const forecast_limits& limits);

/// Bytes of the database after a crawl that took so long, its indexes included. Measured with
/// PostgreSQL 15 after a crawl of 225,269 real repositories (descriptions of 58 characters on
/// average) by `pg_relation_size`: per repository 235 bytes of row, 92 of its four indexes, 52 of
/// the one `star_history` row that it begins with and 32 of that row's index; per partition 700 for
/// its row and its last versions, apart from the ids that it has superseded on its way; 8.9 MB for
/// an empty database. What was superseded grows until autovacuum comes, every minute, and takes no
/// more room from then on.
int64_t database_bytes(const workload& work, double seconds);

} // namespace gitstar
