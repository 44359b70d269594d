#pragma once

#include "tools/sim/dataset.hpp"
#include "tools/sim/metadata_items.hpp"

namespace gitstar::sim {

/// Who writes: the owners of the data, bots, mannequins, enterprise accounts and ghosts.
class people {
public:
  explicit people(const dataset& data) : data_(data), owners_(data.owners().size()) {}

  /// Somebody; one in 25 is a ghost.
  person anybody(uint64_t random) const;
  /// A user, or a ghost where the data know of none.
  person user(uint64_t random) const;

  struct actor {
    const repository_owner* owner = nullptr; ///< null: a ghost
    std::string_view type;                   ///< of GitHub's schema, such as `Bot`
  };
  actor describe(person who) const;

private:
  const dataset& data_;
  const size_t owners_; ///< those that were there from the start
};

/// A source of choices; the same seed gives the same ones.
class dice {
public:
  explicit dice(uint64_t seed) : state_(seed) {}

  uint64_t next() { return mix(++state_); }
  uint64_t below(uint64_t end) { return end == 0 ? 0 : next() % end; }
  bool chance(uint64_t of_a_thousand) { return below(1000) < of_a_thousand; }
  /// Mostly few, about `mean`.
  int32_t few(uint64_t mean);
  /// A time of this span, its ends included.
  item_time between(item_time from, item_time until);
  template <class List>
  uint8_t one_of(const List& list) {
    return static_cast<uint8_t>(below(list.size()));
  }

private:
  uint64_t state_;
};

/// What is the same for all repositories.
struct metadata_terms {
  uint64_t seed = 0;
  uint64_t places = 1; ///< repositories that can have metadata
};

/// The time when what is made up ends: what comes later was done by a mutation.
inline constexpr item_time metadata_horizon = 1'795'046'400; // 2026-11-19T00:00:00Z

/// The database id of the nth item (from 1) of a kind in the repository at `place`. Ids grow with
/// the places. Those of issues and pull requests are around and above 2^31, of comments and check
/// runs above 2^32, of releases and discussions below 2^31 while there are at most 2,000,000
/// places.
int64_t item_id(const metadata_terms& terms, id_space space, uint64_t place, int32_t nth);

/// How many items of a kind a repository can have.
int64_t ids_per_place(const metadata_terms& terms, id_space space);

/// Where an item was at first, by its id; nothing if there is no such place.
std::optional<uint64_t> place_of_item(const metadata_terms& terms, id_space space, int64_t id);

/// Makes items in one repository. All times are of a span; a mutation's has no length.
class item_maker {
public:
  item_maker(repository_metadata& into, const people& who, const metadata_terms& terms,
             dice choices)
      : random(choices), into_(into), people_(who), terms_(terms) {}

  /// False where the repository cannot have more of these.
  bool has_room(id_space space) const;

  issue_item issue(item_time created, item_time until);
  pull_request_item pull_request(item_time created, item_time until);
  discussion_item discussion(item_time created, item_time until);
  release_item release(item_time created, item_time until);
  comment_item comment(item_time from, item_time until);
  review_item review(const pull_request_item& in, item_time from, item_time until,
                     int32_t comments);
  commit_item commit(item_time from, item_time until);
  check_item check_run(item_time from, item_time until);
  check_item status_context(item_time from, item_time until);
  /// New checks of a new head.
  std::vector<check_item> checks(item_time from, item_time until);
  /// Gives a merged pull request what merged ones have.
  void merge(pull_request_item& what, item_time when);
  void finish(check_item& run, item_time when);
  uint64_t text();
  person somebody() { return people_.anybody(random.next()); }
  person user() { return people_.user(random.next()); }
  std::vector<uint16_t> labels();
  std::vector<person> assignees();

  dice random;

private:
  void start(written_item& out, id_space space, item_time created);
  void start(thread_item& out, id_space space, item_time created, item_time until);
  review_comment_item review_comment(const review_item& in, item_time from, item_time until);

  repository_metadata& into_;
  const people& people_;
  const metadata_terms& terms_;
};

/// Everything that a repository had at the horizon: about so many issues, and in proportion the
/// rest.
repository_metadata make_metadata(const repository& repo, uint64_t place, int64_t issues,
                                  const people& who, const metadata_terms& terms);

} // namespace gitstar::sim
