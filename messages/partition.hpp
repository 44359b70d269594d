#pragma once

#include "messages/api.hpp"
#include "messages/basic.hpp"

#include <string>
#include <vector>

namespace gitstar {

enum class partition_state : uint8_t {
  open,       ///< still to be counted, split or fetched
  split,      ///< replaced by its children
  done,       ///< distinct repositories seen reached the expected count
  incomplete, ///< paged with every sort and still short, or unsplittable; `reason` says which
  dead,       ///< failed too often (dead letter); `reason` says how
};
std::string to_string(partition_state state);

/// A part of a source that is fetched on its own, and how far it has come. The durable unit of
/// work: one row of the `partitions` table.
struct partition {
  int64_t id = 0;          ///< hash of crawl and description: the same work has the same id
  int64_t parent_id = 0;   ///< 0 for a root
  std::string description; ///< canonical; for the search source its search text without sort
  partition_state state = partition_state::open;
  /// Matches GitHub reported last, -1 not asked yet. Of ids: how many are asked for, less the holes
  /// found.
  int64_t expected = -1;
  int64_t seen = 0;        ///< distinct repositories stored
  int64_t duplicates = 0;  ///< repositories that pages repeated
  int64_t lease = 0;       ///< number of the newest lease; older ones are fenced off
  uint32_t attempts = 0;   ///< leases that ended in failure
  uint32_t pass = 0;       ///< which sort the pages are read with; grows when pages fell short
  uint32_t pages_done = 0; ///< bit p: page p of this pass is stored
  /// Where serial paging goes on; empty when cursors are predicted. Of ids: pages that are done in
  /// order, before those of `pages_done`.
  std::string cursor;
  /// Of a search, while it is open: what `seen` counts. Of ids: those still to be asked for, beyond
  /// the range of the description. A dead letter keeps them, because a repair goes on with those of
  /// ids.
  std::vector<repo_id> seen_ids;
  std::string reason; ///< why it is incomplete or dead
  bool operator==(const partition&) const = default;
};

/// How the pages of one search follow each other.
enum class cursor_mode : uint8_t {
  unverified, ///< ask page 1 only and look at its cursor
  predicted,  ///< base64("cursor:100p"): pages can be asked together
  serial,     ///< opaque: each page names the next
};
std::string to_string(cursor_mode mode);

/// Whether the ids of a range are listed by REST before they are asked for.
enum class id_listing : uint8_t {
  never,
  always,
  automatic, ///< where that spends less: see `listing_reader`
};

/// A partition handed to one fetcher for a limited time, with the work to do on it.
struct lease {
  int64_t crawl_id = 0;
  int64_t epoch = 0;
  partition part;
  query_shape shape = query_shape::search_page; ///< what its pages are asked with
  std::vector<std::string> counts; ///< search texts to count; empty: fetch the pages of `part`
  cursor_mode cursors = cursor_mode::unverified;
  bool splittable = true; ///< beyond 1,000 matches: give it back to be cut instead of reading it
  std::vector<std::string> sorts;         ///< search text of each pass, its sort included
  bool forks = true;                      ///< of an owner: forks are wanted too
  id_listing listing = id_listing::never; ///< of a range of ids
  metadata_plan metadata{};               ///< of known repositories: what is read of them
  bool operator==(const lease&) const = default;
};

/// What a lease for counting found.
struct count_result {
  int64_t partition_id = 0;
  int64_t lease = 0;
  std::vector<int64_t> counts;
  bool operator==(const count_result&) const = default;
};

/// What a fetcher says of a lease for pages once the writer has committed its last batch.
struct lease_result {
  partition part; ///< as committed
  optional<bool>
      predicted; ///< did a full page's cursor equal the predicted one? empty: none was full
  bool operator==(const lease_result&) const = default;
};

template <class Inspector>
auto inspect(Inspector& f, partition& x) {
  return f(caf::meta::type_name("partition"), x.id, x.parent_id, x.description, x.state, x.expected,
           x.seen, x.duplicates, x.lease, x.attempts, x.pass, x.pages_done, x.cursor, x.seen_ids,
           x.reason);
}

template <class Inspector>
auto inspect(Inspector& f, lease& x) {
  return f(caf::meta::type_name("lease"), x.crawl_id, x.epoch, x.part, x.shape, x.counts, x.cursors,
           x.splittable, x.sorts, x.forks, x.listing, x.metadata);
}

template <class Inspector>
auto inspect(Inspector& f, count_result& x) {
  return f(caf::meta::type_name("count_result"), x.partition_id, x.lease, x.counts);
}

template <class Inspector>
auto inspect(Inspector& f, lease_result& x) {
  return f(caf::meta::type_name("lease_result"), x.part, x.predicted);
}

} // namespace gitstar
