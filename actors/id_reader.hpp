#pragma once

#include "actors/lease_reader.hpp"

#include <map>
#include <string_view>

namespace gitstar {

/// An inclusive range of database ids.
struct id_range {
  repo_id first = 1;
  repo_id last = 0;
  int64_t size() const { return last - first + 1; }
  bool operator==(const id_range&) const = default;
};

/// `ids 1-86800`: the description of a partition that is a range of ids.
std::string to_string(const id_range& ids);
optional<id_range> parse_id_range(std::string_view description);

/// Ids of one page, which is one field of a query: what `nodes` takes at most (fact sheet 3).
inline constexpr int64_t ids_per_page = 100;

/// How many pages may be read ahead of the first that is not: the bits of `pages_done`.
inline constexpr uint32_t page_window = 32;

/// Ids of a partition that is a list: all its pages fit the bits.
inline constexpr int64_t most_listed_ids = page_window * ids_per_page;

/// Reads repositories by their ids: those of a range, or those listed in `seen_ids`. NOT_FOUND is a
/// hole and lowers what is expected; an id that is closed to us, or comes without data four times,
/// is missing, and `seen_ids` names it, so that a repair asks for it alone.
///
/// Of a range `cursor` counts the pages that are done in order, and `pages_done` has those beyond
/// them. When the range ends, the ids that lack an answer get another chance as a list.
class id_reader : public lease_reader {
public:
  explicit id_reader(lease work);

  query_shape shape() const override { return query_shape::nodes; }
  optional<uint32_t> next_page() override;
  uint32_t available() const override;
  void put_back(uint32_t page) override;
  search_field field(uint32_t page) const override;
  bool absorb(uint32_t page, field_answer& answer, findings& found) override;
  bool finished() const override { return finished_; }
  const partition& part() const override { return part_; }

private:
  /// A page that has been begun.
  struct open_page {
    std::vector<repo_id> left;   // without an answer
    std::vector<repo_id> unread; // there, but not to be had
    int64_t seen = 0;
    int64_t holes = 0;
    size_t asked = 0; // how many of `left` are under way
    bool ended = false;
  };

  uint32_t page_count() const;
  uint32_t end_of_window() const;
  bool can_ask(uint32_t page) const;
  std::vector<repo_id> ids_of(uint32_t page) const;
  bool take(open_page& page, const field_answer& answer, findings& found);
  bool gives_up(repo_id id);
  void count(const open_page& page);
  void end_page(uint32_t page);
  void end_range();
  void end_list();
  void finish(partition_state state, std::string reason);

  partition part_;
  optional<id_range> range_; // while it is read
  uint32_t done_ = 0;        // of the range: pages done in order
  std::map<uint32_t, open_page> pages_;
  std::map<repo_id, uint32_t> tries_; // that brought nothing
  size_t most_asked_;                 // ids per field: fewer after a resource limit
  bool finished_ = false;
};

} // namespace gitstar
