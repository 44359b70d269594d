#pragma once

#include "actors/lease_reader.hpp"
#include "actors/metadata_lists.hpp"
#include "actors/metadata_state.hpp"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <unordered_set>
#include <variant>
#include <vector>

namespace gitstar {

/// Repositories of one partition: what one probe asks for (fact sheet 3: at most 100 ids).
inline constexpr size_t repositories_per_probe = 100;

/// Brings the metadata of a block of known repositories up to date. One probe shows which of their
/// lists have moved; of these what has moved is read page by page, and of each element the lists
/// that it has. The next page of a list is asked for when everything below the last one is there,
/// so that the watermark, which is stored with the last rows, says the truth, and memory holds a
/// page at a time; of a list, its keys as well until it was read.
///
/// A repository is seen when all its lists were read to their ends. What is left to do is what
/// `seen_ids` of the partition names: whoever takes over goes on with these, each list from its
/// last page.
class metadata_reader : public lease_reader {
public:
  /// `marks`: what the store knows of these repositories.
  metadata_reader(lease work, const std::vector<metadata_watermark>& marks);
  ~metadata_reader() override;

  query_shape shape() const override;
  optional<uint32_t> next_page() override;
  uint32_t available() const override;
  void put_back(uint32_t page) override;
  search_field field(uint32_t page) const override;
  bool absorb(uint32_t page, field_answer& answer, findings& found) override;
  bool settles(uint32_t page, const field_answer& answer, findings& found) override;
  bool ask_less(uint32_t page, const std::string& why, findings& found) override;
  bool finished() const override { return finished_; }
  const partition& part() const override { return part_; }

private:
  struct repository_work;
  struct own_list;
  struct nested_read;

  /// Something open whose lists move without it.
  struct open_parent {
    size_t repo;
    std::string node;
    int64_t number;
  };

  /// How far the lists of some repositories have come.
  struct probe {
    std::vector<size_t> repositories;
  };
  /// The first page of the same list of several parents, or also the last one.
  struct round {
    const nested_list* list;
    bool both_ends = false;
    std::vector<open_parent> parents{};
  };
  /// The next page of one of a repository's own lists.
  struct own_page {
    size_t list;
  };
  struct nested_page {
    std::shared_ptr<nested_read> of;
  };

  struct task {
    std::variant<probe, round, own_page, nested_page> what;
    uint32_t tries = 0; ///< that brought nothing
  };

  void add(task what, bool first = false);
  std::deque<uint32_t>& queue_of(const task& x);
  bool may_begin_page() const;
  void add_open_rounds(const nested_list& list, const metadata::kind& parent);

  // The beginning of a repository.
  bool take_probe(probe& asked, task& x, const field_answer& answer, findings& found);
  void begin(size_t repo, const metadata_page& shown, const metadata::kind& of, findings& found);
  void show_none(size_t repo, const list_state& known, const metadata::kind& of, findings& found);
  std::shared_ptr<const metadata_row> parent_row(size_t repo, const metadata::kind& of,
                                                 int64_t number) const;
  bool take_round(round& asked, task& x, field_answer& answer, findings& found);

  // A repository's own lists.
  void take_own_page(size_t index, metadata_page& page, findings& found);
  bool take_element(size_t index, metadata_row row, const std::string& node, bool marks,
                    findings& found);
  void end_page(size_t index, findings& found);
  void end_reading(size_t index, findings& found);
  bool is_watched(const metadata::kind& of) const;
  static optional<timestamp> reached(const own_list& x);
  static bool is_settled(const own_list& x);
  static void check(own_list& x);
  static void read_all(own_list& x);
  bool read_left_over(size_t index, findings& found);
  void accept(size_t index, findings& found);
  void abandon(size_t index, const std::string& why, findings& found);

  // Lists within.
  void begin_nested(const nested_list& list, size_t repo, size_t own, const std::string& node,
                    const unread_list& top, const std::shared_ptr<const metadata_row>& parent,
                    bool may_be_stored, findings& found);
  void take_nested_page(const std::shared_ptr<nested_read>& x, metadata_page& page,
                        findings& found);
  void end_nested(nested_read& x, const std::string& why, findings& found);
  void show_own_list(size_t repo, const metadata::kind& of, std::vector<metadata_row> keys,
                     findings& found) const;
  void show_list(const nested_list& list, const metadata_row& parent,
                 const std::vector<std::vector<metadata_row>>& keys, findings& found) const;

  enum class failure : uint8_t {
    list,  ///< did not come
    part,  ///< something in it did not come
    known, ///< the same, and the list's own watermark says so
  };
  void fail(size_t repo, const metadata::kind* own, failure what, const std::string& why);
  void remember_sync(size_t repo, findings& found);
  void settle(size_t repo, findings& found);
  void lose(size_t repo, findings& found);
  void finish();
  uint32_t page_size(size_t repo, const std::string& list) const;
  uint32_t first_of(const own_list& x) const;
  uint32_t first_of(const nested_read& x) const;
  void remember_sizes(const own_list& x, list_state& state) const;

  partition part_;
  metadata_plan plan_;
  metadata_lists lists_;
  std::vector<repository_work> repositories_;
  std::map<size_t, own_list> own_;
  size_t next_own_ = 0;
  std::map<uint32_t, task> tasks_;
  uint32_t next_task_ = 0;
  std::deque<uint32_t> probes_; // tasks that can be asked now, by what they are
  std::deque<uint32_t> nested_;
  std::deque<uint32_t> pages_;
  std::set<uint32_t> asked_pages_; // own pages under way
  size_t nested_open_ = 0;         // nested reads that have not ended
  size_t unsettled_ = 0;           // repositories
  std::vector<std::string> failures_;
  size_t failed_ = 0;
  bool finished_ = false;
};

} // namespace gitstar
