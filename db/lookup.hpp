/// What people ask of the repositories in a store. Read-only; each call opens its own connection
/// and throws `store_error`.
#pragma once

#include "messages/repository.hpp"

#include <string>
#include <vector>

namespace gitstar::db {

/// A star count and when a crawl saw it.
struct star_observation {
  timestamp observed_at;
  int64_t star_count = 0;
};

/// What is stored of one kind of a repository's metadata.
struct stored_kind {
  std::string kind;
  int64_t count = 0;                     ///< of what is there
  int64_t gone = 0;                      ///< of what was there
  optional<int64_t> open;                ///< of `count`; empty where a kind has no such state
  optional<timestamp> watermark;         ///< what moved before is stored; empty: not known
  optional<timestamp> read_at;           ///< when it was read last, also where nothing had moved
  std::vector<std::string> incomplete{}; ///< what is not stored of it and below it, and why
};

/// All that is stored of one repository.
struct stored_repository {
  gitstar::repository repository;
  timestamp first_seen_at;
  timestamp crawled_at;        ///< when a crawl last saw a difference
  timestamp asked_at;          ///< PostgreSQL's clock
  optional<timestamp> gone_at; ///< since when GitHub knows no such repository
  /// The star history, oldest first: the first count seen and every change.
  std::vector<star_observation> stars;
  std::vector<stored_kind> metadata; ///< without the kinds that nobody has read
  /// Other repositories that were last seen under this name: names move, ids do not.
  std::vector<repo_id> namesakes;
};

/// The repository that carries `full_name` (owner/name, as GitHub writes it): of several the one
/// written last, unless that one is gone. Empty where none does.
optional<stored_repository> find_repository(const std::vector<std::string>& shards,
                                            const std::string& full_name);

/// What a ranking is by.
enum class rank_by : uint8_t {
  stars,  ///< the stars that a repository has
  growth, ///< the stars that it has gained since a point in time
  issues, ///< its open issues
};

struct ranking_request {
  rank_by by = rank_by::stars;
  std::string language; ///< only repositories with this main language; empty: any
  timestamp since;      ///< for `rank_by::growth`
  int64_t limit = 20;
};

/// A line of a ranking.
struct ranking_line {
  std::string full_name;
  int64_t star_count = 0;
  std::string language;         ///< empty: none
  int64_t value = 0;            ///< what the ranking is by: stars, stars gained, or open issues
  optional<timestamp> baseline; ///< growth: when the count that it is compared with was seen
  gitstar::repo_id repo_id = 0;
};

/// The first `limit` repositories that are there, the highest value first, ties by id. A growth is
/// measured against the last count seen up to `since`; of a repository first seen after that,
/// against the first count seen, so that being found does not look like growing.
std::vector<ranking_line> rank_repositories(const std::vector<std::string>& shards,
                                            const ranking_request& request);

} // namespace gitstar::db
