/// What is written to and read from PostgreSQL: the border between actors and db/.
#pragma once

#include "messages/api.hpp"
#include "messages/basic.hpp"
#include "messages/metadata/rows.hpp"
#include "messages/partition.hpp"
#include "messages/repository.hpp"

#include <string>
#include <vector>

namespace gitstar {

/// One run of one config file, as the `crawls` table holds it.
struct crawl {
  int64_t id = 0;
  int64_t epoch = 0;      ///< grows with every process that takes the crawl over; fences old ones
  std::string name;       ///< crawl.name
  std::string source;     ///< canonical text of the source; another source is another crawl
  std::string state;      ///< running, stopped, complete, incomplete or failed
  timestamp started_at;   ///< of the first process; repositories created later are not in the crawl
  int64_t threshold = -1; ///< `top`: stars >= threshold is what is crawled; -1 not found yet
  bool resumed = false;   ///< an earlier process began it
  timestamp previous_at{}; ///< when the newest complete crawl of this source before it was begun;
                           ///< epoch: none was
  bool operator==(const crawl&) const = default;
};

/// Which of the repositories in the store are to be read again: all that fit, those first that most
/// likely have changed.
struct known_selection {
  int64_t older_than_s = 0; ///< read last at least so long ago
  int64_t limit = 0;        ///< at most so many; 0: all
  int64_t stars_first = 0;  ///< inclusive
  int64_t stars_last = 0;   ///< inclusive
  /// Set: all that fit this condition in SQL on the columns of `repositories`, by their ids, and
  /// nothing of the above counts.
  std::string condition{};
  bool operator==(const known_selection&) const = default;
};

/// Rows and the partition progress that they complete: committed together.
struct batch {
  int64_t crawl_id = 0;
  int64_t epoch = 0;
  timestamp observed_at; ///< when the rows were read; crawled_at and observed_at
  std::vector<repository> rows;
  std::vector<partition>
      partitions; ///< new state of each; skipped where the ledger has a newer lease or its end
  optional<int64_t> threshold; ///< set: also stored as the crawl's threshold
  std::vector<repo_id> gone{}; ///< ids that GitHub does not know (any more)
  std::vector<metadata_rows> metadata{};
  std::vector<metadata_list> lists{}; ///< what they do not show is gone; `metadata` comes after
  std::vector<metadata_watermark> watermarks{};
  bool operator==(const batch&) const = default;
};

/// What one committed transaction did.
struct batch_receipt {
  int64_t rows = 0; ///< distinct repositories in the batch
  int64_t inserted = 0;
  int64_t updated = 0; ///< differed in some column
  int64_t history = 0; ///< star_history rows
  milliseconds elapsed{0};
  int64_t items = 0; ///< distinct elements of metadata in the batch
  int64_t items_inserted = 0;
  int64_t items_updated = 0; ///< differed in some column, or were gone
  int64_t items_gone = 0;    ///< marked gone
  bool operator==(const batch_receipt&) const = default;
};

/// Sums over the partitions of a crawl: the certificate's last line.
struct certificate {
  int64_t expected = 0; ///< over leaves (done, incomplete, dead, open)
  int64_t seen = 0;
  int64_t duplicates = 0;
  int64_t missing = 0; ///< sum of max(0, expected - seen) over leaves
  int64_t open = 0;    ///< partitions by state
  int64_t split = 0;
  int64_t done = 0;
  int64_t incomplete = 0;
  int64_t dead = 0;
  bool operator==(const certificate&) const = default;
};

/// A credential and one of its budgets as they survive a restart: one row of `credential_budgets`
/// or `request_budgets`. The rows of credentials that share a budget repeat it.
struct budget_record {
  std::string credential; ///< its name in the config, never the secret
  resource what = resource::graphql;
  bool enabled = true;   ///< false: the server has rate limits switched off
  int64_t limit = 0;     ///< points per window
  int64_t remaining = 0; ///< points, less what queries under way may cost
  timestamp reset_at;
  timestamp banned_until; ///< from `retry-after` or a secondary limit; epoch: no ban
  int64_t viewer_id = 0;  ///< database id of the user whose budget it is; 0: not known, or an App's
  timestamp day;          ///< the UTC day of `spent_today`
  int64_t spent_today = 0;         ///< points that this credential spent on `day`
  bool benched = false;            ///< GitHub rejected it; the next process tries it again
  uint32_t bans = 0;               ///< in a row: each is longer than the one before
  timestamp paused_until;          ///< a refusal that named no limit pauses this credential alone
  uint32_t refusals = 0;           ///< in a row
  timestamp minute_at;             ///< when the record was made
  int64_t minute_queries = 0;      ///< sent in the minute before
  milliseconds minute_response{0}; ///< response time in the minute before
  /// At most so many queries are sent before the next record; 0: none will be.
  int64_t unsaved_queries = 0;
  milliseconds unsaved_response{0}; ///< what these and those under way probably take
  bool operator==(const budget_record&) const = default;
};

/// How many fields a query of one shape may carry with one kind of credential, as learned: one row
/// of `query_widths`.
struct width_record {
  query_shape shape{};
  std::string credential_kind; ///< as `config::credential_kind` is written
  uint32_t width = 0;
  bool operator==(const width_record&) const = default;
};

/// What went wrong during a crawl, added up by kind: one row of `crawl_errors`.
struct error_record {
  std::string kind;    ///< an outcome of a query, such as `timeout`
  std::string message; ///< of the newest one; never a secret
  int64_t count = 0;
  timestamp at; ///< of the newest one
  bool operator==(const error_record&) const = default;
};

template <class Inspector>
auto inspect(Inspector& f, crawl& x) {
  return f(caf::meta::type_name("crawl"), x.id, x.epoch, x.name, x.source, x.state, x.started_at,
           x.threshold, x.resumed, x.previous_at);
}

template <class Inspector>
auto inspect(Inspector& f, known_selection& x) {
  return f(caf::meta::type_name("known_selection"), x.older_than_s, x.limit, x.stars_first,
           x.stars_last, x.condition);
}

template <class Inspector>
auto inspect(Inspector& f, batch& x) {
  return f(caf::meta::type_name("batch"), x.crawl_id, x.epoch, x.observed_at, x.rows, x.partitions,
           x.threshold, x.gone, x.metadata, x.lists, x.watermarks);
}

template <class Inspector>
auto inspect(Inspector& f, batch_receipt& x) {
  return f(caf::meta::type_name("batch_receipt"), x.rows, x.inserted, x.updated, x.history,
           x.elapsed, x.items, x.items_inserted, x.items_updated, x.items_gone);
}

template <class Inspector>
auto inspect(Inspector& f, certificate& x) {
  return f(caf::meta::type_name("certificate"), x.expected, x.seen, x.duplicates, x.missing, x.open,
           x.split, x.done, x.incomplete, x.dead);
}

template <class Inspector>
auto inspect(Inspector& f, budget_record& x) {
  return f(caf::meta::type_name("budget_record"), x.credential, x.what, x.enabled, x.limit,
           x.remaining, x.reset_at, x.banned_until, x.viewer_id, x.day, x.spent_today, x.benched,
           x.bans, x.paused_until, x.refusals, x.minute_at, x.minute_queries, x.minute_response,
           x.unsaved_queries, x.unsaved_response);
}

template <class Inspector>
auto inspect(Inspector& f, width_record& x) {
  return f(caf::meta::type_name("width_record"), x.shape, x.credential_kind, x.width);
}

template <class Inspector>
auto inspect(Inspector& f, error_record& x) {
  return f(caf::meta::type_name("error_record"), x.kind, x.message, x.count, x.at);
}

} // namespace gitstar
