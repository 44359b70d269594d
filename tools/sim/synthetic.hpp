#pragma once

#include "tools/sim/dataset.hpp"

namespace gitstar::sim {

/// Makes `count` repositories with the shapes of the real world: power-law stars with huge ties at
/// low counts, creation times that grow denser from 2008 to 2026, at least one burst of more than
/// 1,000 repositories created in one second per 100,000 (and in anything above 5,000), ids with
/// holes that grow with the creation time, forks, archived, disabled and renamed repositories,
/// missing values, emoji, combining characters and long descriptions. About 45 % have 10 stars or
/// more. The same seed gives the same data.
dataset make_synthetic(size_t count, uint64_t seed);

/// The database id that GitHub gave to a repository created at `time` (fact sheet, section 6).
int64_t id_at(unix_seconds time);

/// The inverse of `id_at`.
unix_seconds time_of_id(int64_t id);

/// Fills what no source says about a repository, from its database id: the same id always gets the
/// same values. Used by synthetic data and for values that a CSV file lacks.
class value_maker {
public:
  value_maker(uint64_t seed, int64_t id) : hash_(mix(seed, static_cast<uint64_t>(id))) {}

  int32_t stars() const;
  int32_t forks(int32_t stars) const;
  int32_t open_issues(int32_t stars) const;
  int32_t watchers(int32_t stars) const;
  int32_t disk_usage_kb() const;
  std::string_view language() const;
  std::string_view license() const;
  bool has_description() const;
  std::string description() const;
  /// Seconds of the last push, or `repository::never`.
  uint32_t pushed_at(uint32_t created_at) const;
  uint32_t updated_at(uint32_t created_at, uint32_t pushed_at) const;
  bool chance(uint64_t of_a_thousand, uint64_t salt) const;
  uint64_t number(uint64_t salt) const { return mix(hash_, salt); }

private:
  /// Uniform in [0, 1).
  double uniform(uint64_t salt) const;

  uint64_t hash_;
};

} // namespace gitstar::sim
