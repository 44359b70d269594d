#pragma once

#include "actors/search_cells.hpp"
#include "messages/partition.hpp"
#include "messages/store.hpp"

#include <caf/expected.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace gitstar {

/// What became of a partition that was counted.
struct count_outcome {
  partition part;                  ///< its new state
  std::vector<partition> children; ///< when it was split
  optional<int64_t> threshold;     ///< when that was what it looked for
};

/// Where repositories come from, and how that becomes partitions. Decisions only; the PARTITIONER
/// leases, the FETCHER asks, the ledger remembers.
class source {
public:
  virtual ~source() = default;

  /// The canonical text of the source: crawls of another text are other crawls.
  virtual std::string text() const = 0;

  /// The partitions a new crawl starts with.
  virtual std::vector<partition> roots(const crawl& run) const = 0;

  /// The repositories in the store that the LEDGER has to make partitions of, when there are no
  /// `roots`.
  virtual optional<known_selection> selection() const { return caf::none; }

  /// What is left to do when no partition is open.
  virtual std::vector<partition> rest(const crawl&, const certificate&) const { return {}; }

  /// Completes a lease whose pages are to be read: what is asked for them, and how.
  virtual void equip(lease& work) const = 0;

  // -- sources that count before they read ----------------------------------------------------

  /// The partition has to be counted before it can be read.
  virtual bool needs_counts(const partition&) const { return false; }

  /// The search texts to count in this round of planning `part`; empty: its pages can be read.
  virtual std::vector<std::string> questions(const partition&, query_widths) { return {}; }

  /// What the counts of all `questions` say. A partition that is still open has another round, or
  /// can be read. Fails with `errc::bad_config` where the source cannot give what it is asked for.
  virtual caf::expected<count_outcome> counted(const crawl&, partition part,
                                               const std::vector<int64_t>&) {
    return count_outcome{std::move(part), {}, caf::none};
  }

  /// Forgets the plan of a partition that has ended.
  virtual void forget(int64_t) {}

  /// What the crawl is at before its partitions are known, in a word; empty: nothing of the kind.
  virtual std::string prelude(const crawl&) const { return {}; }
};

/// Makes the source of a PARTITIONER; one that is restarted gets a new one.
using source_factory = std::function<std::unique_ptr<source>()>;

/// The id of the work that `description` names: the same in every process and on every node.
int64_t partition_id(int64_t crawl_id, std::string_view description);

/// A partition that nobody has worked on. `expected` -1: not counted yet.
partition new_partition(int64_t crawl_id, int64_t parent_id, std::string description,
                        int64_t expected);

} // namespace gitstar
