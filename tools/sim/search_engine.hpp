#pragma once

#include "tools/sim/search_query.hpp"

#include <functional>
#include <list>
#include <memory>
#include <span>

namespace gitstar::sim {

/// A part of the answer to a search.
struct search_page {
  int64_t count = 0;  ///< as GitHub reports it: an estimate where the search is broad
  int64_t offset = 0; ///< the rank of the first row, from 0
  bool has_next = false;
  std::vector<row_index> own_rows;  ///< where the order is made for this page alone
  std::shared_ptr<const void> keep; ///< keeps `rows` alive
  std::span<const row_index> rows;
};

/// Answers repository searches as GitHub does (fact sheet, section 5): 1,000 results at most,
/// counts beyond that, exact while the matches are at most 100,000 and a few per cent off above,
/// stable order under a sort (ties by id) and none without.
class search_engine {
public:
  static constexpr int64_t result_cap = 1000;
  static constexpr int64_t broad = 100'000;

  explicit search_engine(const dataset& data) : data_(data) {}

  /// The reported number of matches.
  int64_t count(const std::string& text);

  /// Rows of rank `offset` (from 0) on, `size` at most.
  search_page page(const std::string& text, int64_t offset, int64_t size);

  /// How many ranks the search has: matches, but no more than the cap.
  int64_t ranks(const std::string& text);

  /// Every match in order of creation, without cap and estimate: the truth.
  void for_each_match(const search_query& query, const std::function<void(row_index)>& found) const;

  /// Forgets what it remembers; call after the data changed.
  void clear();

private:
  struct result {
    search_query query;
    uint64_t hash = 0;
    int64_t matches = 0;
    std::vector<row_index> ranked; ///< under a sort: the first 1,000
    bool is_ranked = false;

    bool is_broad() const { return matches > broad; }
  };

  std::shared_ptr<result> find(const std::string& text);
  int64_t reported(const result& found) const;
  void rank(result& found) const;
  std::vector<row_index> unstable_order(const result& found);
  std::vector<row_index> visible_matches(const result& found) const;

  const dataset& data_;
  uint64_t unstable_pages_ = 0;
  using entry = std::pair<std::string, std::shared_ptr<result>>;
  std::list<entry> recent_; ///< the most recently used first
  std::unordered_map<std::string_view, std::list<entry>::iterator> by_text_;
};

} // namespace gitstar::sim
