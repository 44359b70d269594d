#pragma once

#include "tools/sim/metadata_maker.hpp"

#include <list>
#include <memory>

namespace gitstar::sim {

/// Something that moved metadata. Events are few and small; what they do to a repository is found
/// out when somebody asks for it, and again after it was forgotten.
struct metadata_event {
  enum class kind : uint8_t { round, comments, reviews, commits, check_runs };

  kind what = kind::round;
  uint64_t seed = 0;
  item_time time = 0;
  double share = 0;    ///< of the repositories that a round moves
  int64_t repo_id = 0; ///< 0: any
  int32_t number = 0;  ///< of the issue or pull request that gets something
  int32_t count = 0;   ///< of what it gets
};

/// The metadata of all repositories. A repository's are made when they are asked for, from the seed
/// and from what has happened since; those not asked for lately are forgotten, so that memory is
/// bounded however many repositories there are.
///
/// Repositories are made in pairs, neighbours by id, because issues are transferred between these.
class metadata {
public:
  /// `scale` is the mean number of issues per repository; 0: there are no metadata at all.
  /// `max_bytes` is how much of them is remembered, besides what one request needs.
  metadata(const dataset& data, double scale, size_t max_bytes);

  bool enabled() const { return terms_.has_value(); }

  /// What the repository has now, null where metadata are off. What was created after the start has
  /// nothing. Good until the next event or `trim`.
  const repository_metadata* find(const repository& repo);

  /// The repository in which the item with this id was made, or `no_row`.
  row_index row_of(id_space space, int64_t id) const;

  /// Forgets the repositories that were not asked for lately, beyond a bound of memory.
  void trim();

  /// A round, at `now` or so many seconds after the event before, whichever is later. With 0 what a
  /// client has just read can change without its times.
  item_time move(uint64_t seed, double share, int64_t repo_id, unix_seconds now, int64_t seconds);

  /// Gives one issue or pull request exactly so many of something. Throws `std::invalid_argument`
  /// where it cannot have them.
  item_time add(metadata_event what, unix_seconds now);

  const people& who() const { return people_; }
  std::string_view full_name(const repository& repo) const { return data_.full_name(repo); }
  const metadata_terms& terms() const { return *terms_; }
  size_t loaded() const;
  size_t footprint() const { return footprint_; }

private:
  struct pair_state {
    std::array<repository_metadata, 2> both;
    size_t size = 0;    ///< how many of them there are
    size_t applied = 0; ///< events
    size_t footprint = 0;
    std::list<uint64_t>::iterator recent;
  };

  std::optional<uint64_t> place_of(int64_t repo_id) const;
  int64_t issues_of(uint64_t place) const;
  pair_state& load(uint64_t pair);
  void make(uint64_t pair, pair_state& out) const;
  void apply(size_t event, pair_state& to) const;
  item_time next_time(unix_seconds now, int64_t seconds) const;

  const dataset& data_;
  people people_;
  std::optional<metadata_terms> terms_;
  double issues_per_weight_ = 0;
  uint64_t largest_ = 0;       ///< place of the repository with the most stars
  int64_t largest_issues_ = 0; ///< and how many issues it has at least
  std::vector<int32_t> stars_; ///< by place, as they were at the start
  std::vector<metadata_event> events_;
  std::unordered_map<uint64_t, pair_state> pairs_;
  std::list<uint64_t> recent_; ///< pairs, the most recently used first
  const repository_metadata nothing_{};
  const size_t max_bytes_;
  size_t footprint_ = 0;
};

/// A round of changes to one repository (metadata_changes.cpp): new items, edits, closes, merges,
/// force pushes, deletions, checks that run. Whatever moves an issue, a pull request or a
/// discussion, or what hangs on it, moves its `updated_at`; checks do not.
void change_repository(repository_metadata& what, item_maker& make, item_time when);

/// Moves an issue with its comments into another repository, if there is one that can move.
void transfer_issue(repository_metadata& from, repository_metadata& to, item_maker& make,
                    item_time when);

/// What `metadata_event` says besides rounds; false where it cannot be.
bool add_items(repository_metadata& what, item_maker& make, const metadata_event& event);

} // namespace gitstar::sim
