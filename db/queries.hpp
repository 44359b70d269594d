/// What the command line shows of a store. Read-only; each call opens its own connection and throws
/// `store_error`.
#pragma once

#include "messages/store.hpp"

#include <string>
#include <vector>

namespace gitstar::db {

/// A line of the ranking by stars.
struct ranked_repository {
  std::string full_name;
  int64_t star_count = 0;
  std::string language; ///< empty: none
  repo_id id = 0;
};

/// How many repositories have a main language.
struct language_count {
  std::string language; ///< empty: none
  int64_t repositories = 0;
};

/// `fraction` of the repositories have at most `star_count` stars.
struct star_quantile {
  double fraction = 0;
  int64_t star_count = 0;
};

/// The repositories with at least `min_stars` stars, whichever crawl wrote them.
struct repository_summary {
  int64_t repositories = 0;
  std::vector<ranked_repository> most_starred; ///< ten, the most starred first
  std::vector<language_count> languages;       ///< ten, the most frequent first
  std::vector<star_quantile> stars;            ///< 25, 50, 75, 90, 99 and 100 %
};

/// Over all databases of a store, of which the first holds the ledger.
repository_summary summarize_repositories(const std::vector<std::string>& connection_strings,
                                          int64_t min_stars);

/// How many repositories a refresh that begins now would read.
int64_t count_known(const std::vector<std::string>& connection_strings,
                    const known_selection& which);

/// How long ago the known repositories that are not gone were read last: `fraction` of them at most
/// `seconds`.
struct staleness_quantile {
  double fraction = 0;
  int64_t seconds = 0;
};

/// For 50, 90, 99 and 100 %; empty where there are no repositories with so many stars.
std::vector<staleness_quantile> staleness(const std::vector<std::string>& connection_strings,
                                          const known_selection& which);

/// A partition that is not complete.
struct unfinished_partition {
  std::string description;
  std::string state;
  std::string reason;
  int64_t expected = 0;
  int64_t seen = 0;
};

/// A crawl as `gitstar status` shows it.
struct crawl_status {
  gitstar::crawl crawl;
  timestamp asked_at;   ///< PostgreSQL's clock, as all times here but GitHub's
  timestamp updated_at; ///< the last progress
  optional<timestamp> finished_at;
  gitstar::certificate certificate;
  double per_second = 0; ///< repositories, over the last minutes of a crawl that runs
  /// Incomplete and dead ones, the most missing first, at most ten; the certificate counts all.
  std::vector<unfinished_partition> unfinished;
  std::vector<budget_record> budgets;
  std::vector<width_record> widths;
  std::vector<error_record> errors; ///< the newest first
};

/// The newest crawl of that name; empty if there is none. With a source, of that name and source.
optional<crawl_status> newest_crawl(const std::string& connection_string, const std::string& name,
                                    const std::string& source = {});

} // namespace gitstar::db
