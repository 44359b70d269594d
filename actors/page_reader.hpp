#pragma once

#include "actors/lease_reader.hpp"

#include <deque>
#include <unordered_set>

namespace gitstar {

/// Reads the pages of a search.
class page_reader : public lease_reader {
public:
  explicit page_reader(lease work);

  query_shape shape() const override { return query_shape::search_page; }
  optional<uint32_t> next_page() override;
  uint32_t available() const override;
  void put_back(uint32_t page) override;
  search_field field(uint32_t page) const override;
  bool absorb(uint32_t page, field_answer& answer, findings& found) override;
  bool finished() const override { return finished_; }
  const partition& part() const override { return part_; }
  optional<bool> predicted() const override { return predicted_; }

  cursor_mode mode() const { return mode_; }

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
