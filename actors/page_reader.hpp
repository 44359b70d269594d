#pragma once

#include "messages/partition.hpp"

#include <deque>
#include <unordered_set>

namespace gitstar {

/// Reads the pages of one leased partition: which to ask for, what an answer adds, and when the
/// partition is complete. Decisions only; a FETCHER asks and stores.
class page_reader {
public:
  explicit page_reader(lease work);

  /// The next page that can be asked for now; empty when an answer has to come first, or none is
  /// left. Each page is handed out once, unless `put_back`.
  optional<uint32_t> next_page();
  /// How many pages `next_page` would hand out now.
  uint32_t available() const;
  /// The page failed and is to be asked for again.
  void put_back(uint32_t page);

  search_field field(uint32_t page) const;

  /// Takes the answer to `page` (without error) and moves the repositories not seen before to
  /// `rows`. Afterwards `part()` is the progress to store together with them.
  void absorb(uint32_t page, field_answer& answer, std::vector<repository>& rows);

  /// No page is left: `part()` is done, incomplete, or open because it has to be cut.
  bool finished() const { return finished_; }

  const partition& part() const { return part_; }
  cursor_mode mode() const { return mode_; }
  /// A full page's cursor was compared with the predicted one.
  optional<bool> predicted() const { return predicted_; }

private:
  uint32_t page_count() const;
  void expect(uint32_t page, const field_answer& answer);
  void check_cursor(uint32_t page, const field_answer& answer);
  void end_pass();
  void finish(partition_state state, std::string reason);

  partition part_;
  std::vector<std::string> texts_; // of each pass
  cursor_mode mode_;
  bool splittable_;
  bool finished_ = false;
  optional<bool> predicted_;
  uint32_t handed_out_ = 0;  // bit p: page p is asked for or stored
  uint32_t asked_pages_ = 0; // one past the last page handed out in this pass
  uint32_t followed_ = 0;    // bit p: page p is there, whatever the count says
  uint32_t last_page_ = 0;   // serial paging: one past the last page, once known
  int64_t highest_ = 0;      // count that a page of this pass showed
  uint64_t unreadable_ = 0;  // null elements in this pass
  std::unordered_set<repo_id> seen_;
};

} // namespace gitstar
