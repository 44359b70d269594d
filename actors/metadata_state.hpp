#pragma once

#include "messages/metadata/rows.hpp"

#include <compare>
#include <map>
#include <set>
#include <string>
#include <vector>

namespace gitstar {

/// A list that could not be read to its end, by the element of an own list that it hangs on.
struct unread_list {
  std::string list; ///< of that element: `reviews` also where a review's comments failed
  std::string node; ///< its global id
  int64_t number = -1;
  auto operator<=>(const unread_list&) const = default;
};

/// What the store remembers of one of a repository's own lists: the watermark with its state.
struct list_state {
  optional<timestamp> mark;      ///< all that moved before is stored, and what moved then was seen
  bool settled = false;          ///< `mark` had passed when it was read: nothing more can move then
  int64_t total = -1;            ///< elements of the list at that time; -1: not known
  int64_t top = -1;              ///< the highest number, or id, of an element
  optional<timestamp> from;      ///< what did not move since was left out
  int64_t cap = 0;               ///< at most so many elements were read; 0: all
  std::vector<std::string> with; ///< lists read with it, such as `reviews`
  std::map<std::string, int64_t> open; ///< numbers of what is open, by global id
  std::set<std::string> large;         ///< of these, whose list that moves without them has pages
  std::map<std::string, std::string> cut; ///< why a list could not be read to its end, by its name
  std::map<std::string, unread_list> unread;  ///< of these, those below elements: what to ask again
  std::map<std::string, uint32_t> page_sizes; ///< what GitHub bears, where it is less than usual
  /// Reading was interrupted. Of lists that are read from what moved last, `after` is where it goes
  /// on, and `newest` what has moved last when it began.
  bool unfinished = false;
  std::string after;
  optional<timestamp> newest;
  bool operator==(const list_state&) const = default;
};

/// What the store remembers of a repository as a whole, also where nothing has moved.
struct sync_state {
  optional<timestamp> asked_at;          ///< when GitHub was asked last, by its clock
  std::map<std::string, timestamp> read; ///< the same, by own list, when it came last
  /// Why something did not come, by own list; without what `list_state::cut` says.
  std::map<std::string, std::vector<std::string>> lacking;
  bool operator==(const sync_state&) const = default;
};

/// Reads a watermark. A state that cannot be read counts as none: the list is read anew.
list_state to_list_state(const metadata_watermark& stored);

metadata_watermark to_watermark(repo_id repo, const std::string& kind, const list_state& state);

/// The same for the watermark of `whole_repository`.
sync_state to_sync_state(const metadata_watermark& stored);

metadata_watermark to_watermark(repo_id repo, const sync_state& state);

} // namespace gitstar
