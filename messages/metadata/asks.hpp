/// Lists of metadata as queries ask for them and answers give them.
#pragma once

#include "messages/metadata/rows.hpp"

#include <string>
#include <vector>

namespace gitstar {

/// What one field of a query asks: a page of a list, or the first page of the same list of several
/// parents. In a probe, how far the own lists of several repositories have come.
struct metadata_ask {
  /// Kinds read from the list; of a probe the kinds of the repositories' own lists.
  std::vector<std::string> kinds;
  std::string parent; ///< the list's (`metadata::list::parent`); empty: the repository
  /// Global ids of the parents; where the list is continued behind a way, of its holder. Those of
  /// repositories stand in `search_field::ids`.
  std::vector<std::string> nodes;
  bool continues = false;    ///< `nodes` names the holder, not the parent
  bool newest = false;       ///< what moved last first, whatever the kind's own order
  uint32_t first = 100;      ///< elements per page
  bool both_ends = false;    ///< the last page beside the first: what has two is there at once
  std::string after;         ///< cursor; empty for the first page
  optional<timestamp> since; ///< leave out what has not moved since, if the list can do that
  bool operator==(const metadata_ask&) const = default;
};

/// A page of one list, or what a probe says of one.
struct metadata_page {
  uint32_t node = 0;        ///< whose: the index of the parent that was asked for
  std::string kind;         ///< of a probe
  bool closed = false;      ///< the list is switched off or there is no such list
  bool refused = false;     ///< of a probe: it is not switched off, and yet it did not come
  int64_t total = -1;       ///< `totalCount` of the list as it was asked for; -1: not told
  int64_t whole_total = -1; ///< the same without `since`
  std::string end_cursor;
  bool has_next_page = false;
  uint32_t null_count = 0;    ///< elements that came as null, or without what they must have
  bool cut_short = false;     ///< a list within an element has more than came
  std::string holder;         ///< global id of the object that has the list
  optional<timestamp> newest; ///< of a probe: when the list moved last
  /// One entry per kind asked for. Values that come from the parent, the repository or the
  /// position in the list are left empty.
  std::vector<metadata_rows> rows;
  std::vector<std::string> nodes; ///< global id of each element of `rows`; empty: it has none
  bool operator==(const metadata_page&) const = default;
};

/// What a crawl reads of the metadata of its repositories.
struct metadata_plan {
  std::vector<std::string> kinds;   ///< in the registry's order
  std::vector<std::string> skipped; ///< lists that are left alone: `issues.issue_comments`
  optional<timestamp> since;        ///< leave out what has not moved since; empty: read all
  int64_t most_items = 0;           ///< of one of a repository's own lists; 0: all
  int64_t most_children = 0;        ///< of one list of an issue, a pull request or a review; 0: all
  bool open_checks = true; ///< read again what moves without its parent while the parent is open
  bool operator==(const metadata_plan&) const = default;
};

template <class Inspector>
auto inspect(Inspector& f, metadata_ask& x) {
  return inspect_fields(f, x, "metadata_ask", x.kinds, x.parent, x.nodes, x.continues, x.newest,
                        x.first, x.both_ends, x.after, x.since);
}

template <class Inspector>
auto inspect(Inspector& f, metadata_page& x) {
  return inspect_fields(f, x, "metadata_page", x.node, x.kind, x.closed, x.refused, x.total,
                        x.whole_total, x.end_cursor, x.has_next_page, x.null_count, x.cut_short,
                        x.holder, x.newest, x.rows, x.nodes);
}

template <class Inspector>
auto inspect(Inspector& f, metadata_plan& x) {
  return inspect_fields(f, x, "metadata_plan", x.kinds, x.skipped, x.since, x.most_items,
                        x.most_children, x.open_checks);
}

} // namespace gitstar
