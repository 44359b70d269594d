/// What fetchers and the TOKEN BUCKET say to each other.
#pragma once

#include "messages/api.hpp"
#include "messages/basic.hpp"
#include "messages/store.hpp"

#include <map>
#include <string>
#include <vector>

namespace gitstar {

/// The right to send one query now with one credential.
struct permit {
  uint64_t id = 0;
  std::string credential;
  uint32_t width = 1;    ///< at most this many fields in the query
  bool identify = false; ///< the query shall ask whose credential it is
  bool operator==(const permit&) const = default;
};

/// How the query sent with a permit went. Every permit is closed by exactly one report.
struct query_report {
  uint64_t permit_id = 0;
  uint32_t fields = 0; ///< how many the query carried
  outcome result = outcome::ok;
  std::string message;
  optional<std::chrono::seconds> retry_after;
  rate_limit limits;
  milliseconds elapsed{0};
  optional<viewer> identity{}; ///< where the permit asked for it and GitHub told it
  optional<std::chrono::seconds> server_clock_skew{}; ///< `Date` header minus our clock
  bool operator==(const query_report&) const = default;
};

/// A credential with one of the budgets that it spends, as the progress display and the metrics
/// show it.
struct budget_view {
  std::string credential;
  resource what = resource::graphql;
  /// Whose points they are: the user's login, or the credential's name while it shares with nobody.
  /// Credentials of one owner share one budget, so sums count it once.
  std::string owner;
  bool known = false;   ///< GitHub has told us this budget
  bool enabled = true;  ///< false: the server has rate limits switched off
  bool benched = false; ///< rejected by GitHub; not used any more
  int64_t limit = 0;
  int64_t remaining = 0;
  timestamp reset_at;
  timestamp banned_until;
  int64_t spent_today = 0; ///< points of this UTC day, by this credential alone
  bool operator==(const budget_view&) const = default;
};

/// The TOKEN BUCKET's view of the run since it was started.
struct bucket_status {
  std::vector<budget_view> budgets;
  uint32_t in_flight = 0;
  uint32_t waiting = 0;    ///< permits asked for and not yet given
  std::string breaker;     ///< closed, open or half-open
  std::string waiting_for; ///< what keeps permits waiting, in words; empty: nothing
  uint64_t requests = 0;
  uint64_t points = 0;
  uint64_t listings = 0;                  ///< of `requests`: those paid from `resource::core`
  uint64_t retries = 0;                   ///< queries that have to be sent again, whole or in part
  uint64_t count_fields = 0;              ///< fields of successful queries that counted
  uint64_t page_fields = 0;               ///< fields of successful queries that read pages
  uint64_t page_queries = 0;              ///< successful queries that read pages
  std::vector<width_record> widths;       ///< fields that one query may carry now
  std::map<std::string, uint64_t> errors; ///< by outcome
  bool operator==(const bucket_status&) const = default;
};

template <class Inspector>
auto inspect(Inspector& f, permit& x) {
  return f(caf::meta::type_name("permit"), x.id, x.credential, x.width, x.identify);
}

template <class Inspector>
auto inspect(Inspector& f, query_report& x) {
  return f(caf::meta::type_name("query_report"), x.permit_id, x.fields, x.result, x.message,
           x.retry_after, x.limits, x.elapsed, x.identity, x.server_clock_skew);
}

template <class Inspector>
auto inspect(Inspector& f, budget_view& x) {
  return f(caf::meta::type_name("budget_view"), x.credential, x.what, x.owner, x.known, x.enabled,
           x.benched, x.limit, x.remaining, x.reset_at, x.banned_until, x.spent_today);
}

template <class Inspector>
auto inspect(Inspector& f, bucket_status& x) {
  return f(caf::meta::type_name("bucket_status"), x.budgets, x.in_flight, x.waiting, x.breaker,
           x.waiting_for, x.requests, x.points, x.listings, x.retries, x.count_fields,
           x.page_fields, x.page_queries, x.widths, x.errors);
}

} // namespace gitstar
