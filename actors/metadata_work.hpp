/// What a `metadata_reader` knows of its work while it does it; for its own files alone.
#pragma once

#include "actors/metadata_reader.hpp"

namespace gitstar {

/// Elements of a page: what GitHub allows at most (fact sheet 3).
constexpr uint32_t largest_page = 100;

/// Answers without data for the smallest thing that can be asked, until it is given up.
constexpr uint32_t most_tries = 4;

/// How often a list is read again from its beginning when it was short of its count.
constexpr uint32_t most_passes = 3;

/// Stands for no own list.
constexpr size_t none = static_cast<size_t>(-1);

/// -1 where it is none.
int64_t number_of(const std::string& text);

/// Adds a row to those of its kind.
void add_row(findings& found, const metadata::kind& of, metadata_row row);

struct metadata_reader::repository_work {
  repo_id id = 0;
  std::map<std::string, list_state> known; ///< by kind
  std::map<std::string, uint32_t> sizes;   ///< of pages, by list, where less than the largest
  uint32_t left = 1;                       ///< the probe, lists and rounds that have not ended
  bool gone = false;
  sync_state synced;
  optional<timestamp> asked_at; ///< when the probe that shows it was sent; empty: none has yet
  std::set<std::string> failed; ///< own lists that did not come
  std::map<std::string, std::vector<std::string>> lacking; ///< as `sync_state` has it
  std::vector<std::string> failures;
};

struct metadata_reader::own_list {
  enum class aim : uint8_t {
    all,   ///< everything, and what is below it
    moved, ///< what has moved since the mark, and what is below it
    check, ///< everything, to see what is gone; below it only of what was not seen before
  };

  size_t repo = 0;
  const metadata::kind* kind = nullptr;
  list_state known; ///< as stored
  list_state next;  ///< as it will be
  aim what = aim::all;
  bool resumed = false; ///< what was read before the interruption is not counted
  bool anew = false;    ///< what was read before counts for nothing
  bool stopped = false; ///< there is more that is not wanted
  bool capped = false;
  bool last = false; ///< no page follows
  std::string after;
  optional<timestamp> since; ///< asked for
  uint32_t pass = 0;
  uint32_t pending = 0; ///< lists below the elements of this page
  int64_t read = 0;     ///< elements of this pass
  int64_t expected = 0; ///< as far as known, for the size of pages
  int64_t total = -1;   ///< of the whole list, as this pass saw it
  uint32_t nulls = 0;
  bool cut_within = false; ///< a list within an element of this pass has more than came
  /// Something did not come: the mark stays before it, so that the next sync finds it as moved.
  bool held = false;
  timestamp asked_at;           ///< when `newest` was asked for
  optional<timestamp> newest;   ///< what moved last in this pass
  bool unsettled = false;       ///< `newest` was asked for by somebody else
  optional<timestamp> page_end; ///< when the last element of the page had moved
  std::unordered_set<std::string> keys;
  std::unordered_set<std::string> earlier;      ///< of a check: those whose lists are read already
  std::unordered_set<int64_t> added;            ///< ordinals beyond what was known
  std::vector<metadata_row> key_rows;           ///< of a check
  std::map<std::string, unread_list> left_over; ///< lists that failed before and were not asked yet
  std::set<std::string> unseen; ///< names in `unread` whose parents a check has not shown yet
  bool over = false;            ///< nothing else is left to read

  bool newest_first() const { return kind->kept != metadata::freshness::since || capped_order; }
  bool capped_order = false; ///< asked for newest first because only some are wanted
};

struct metadata_reader::nested_read {
  const nested_list* list = nullptr;
  size_t repo = 0;
  size_t own = none; ///< the own list that waits for it
  std::string parent_node;
  std::string node; ///< that is asked
  bool continues = false;
  unread_list top; ///< what to ask again where it fails
  std::shared_ptr<const metadata_row> parent;
  int64_t count = -1; ///< as its parent says
  std::string after;
  int64_t read = 0;
  uint32_t nulls = 0;
  uint32_t pass = 0;
  bool cut_within = false;
  std::vector<std::vector<metadata_row>> keys; ///< by kind, of those that can go

  /// Forgets what was read, to begin anew.
  void restart() {
    node = parent_node;
    continues = false;
    after.clear();
    read = 0;
    nulls = 0;
    cut_within = false;
    for (auto& x : keys)
      x.clear();
  }
};

} // namespace gitstar
