#include "actors/search_cells.hpp"

#include "actors/growing_steps.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <stdexcept>

namespace gitstar {

namespace {

/// Above every size in kilobytes that exists; ranges that are open above stay open in the text, so
/// that nothing is lost where we are wrong.
constexpr int64_t size_ceiling = int64_t{1} << 30;

constexpr int64_t unknown = -1;

/// A second is found in a range of n seconds with least counts when each step cuts in three or
/// four.
constexpr int64_t smallest_cut = 4;

/// The languages that most repositories have, the most frequent first; what is left after these
/// goes into one last partition.
constexpr std::array<const char*, 10> languages = {
    "JavaScript", "Python", "Java", "HTML", "TypeScript", "C++", "C#", "PHP", "C", "Go"};

int64_t divide_up(int64_t x, int64_t by) { return (x + by - 1) / by; }

int64_t pages(int64_t count) { return divide_up(count, page_size); }

/// At most `cells` ranges of equal length that cover `range`.
std::vector<int_range> even_ranges(int_range range, int64_t cells) {
  auto length = range.last - range.first + 1;
  cells = std::min(cells, length);
  std::vector<int_range> result;
  for (int64_t i = 0; i < cells; ++i) {
    auto first = range.first + length * i / cells;
    auto next = range.first + length * (i + 1) / cells;
    result.push_back({first, next - 1});
  }
  return result;
}

/// Ranges for a long-tailed quantity. `ceiling` stands in for an open end.
std::vector<int_range> growing_ranges(int_range range, int64_t ceiling, int64_t cells) {
  auto first = std::max<int64_t>(range.first, 0);
  auto last = range.last == int_range::highest ? std::max(ceiling, first) : range.last;
  auto starts = growing_steps(first, last, cells);
  std::vector<int_range> result;
  for (size_t i = 0; i < starts.size(); ++i)
    result.push_back({starts[i], i + 1 < starts.size() ? starts[i + 1] - 1 : range.last});
  return result;
}

bool single(int_range range) { return range.first == range.last; }

std::vector<search_query> cut_by_language(const search_query& query) {
  std::vector<search_query> result;
  if (!query.language.empty() || !query.other_languages.empty() ||
      query.terms.find("language:") != std::string::npos)
    return result;
  auto rest = query;
  for (auto language : languages) {
    auto longer = rest;
    longer.other_languages.push_back(language);
    if (to_string(longer).size() > max_description)
      break;
    auto part = query;
    part.language = language;
    result.push_back(part);
    rest = longer;
  }
  if (!result.empty())
    result.push_back(rest);
  return result;
}

/// Whether `right` goes on where `left` ends, on the one axis in which they differ.
bool neighbours(const search_query& left, const search_query& right) {
  return left.language == right.language && left.other_languages == right.other_languages;
}

search_query hull(search_query left, const search_query& right) {
  left.created.last = right.created.last;
  left.stars.last = right.stars.last;
  left.size_kb.last = right.size_kb.last;
  return left;
}

/// What an empty page costs falls with the pages that a query carries, and what a count costs with
/// the counts: see `search_plan::cell`.
int64_t cell_size(query_widths widths, const search_plan& plan) {
  auto pages_per_count = 100.0 * std::max(widths.pages, 1u) / std::max(widths.counts, 1u);
  auto result = static_cast<double>(plan.cell) * std::sqrt(pages_per_count);
  return std::clamp<int64_t>(static_cast<int64_t>(result), 1, plan.window);
}

} // namespace

std::vector<search_query> cut(const search_query& query, int64_t pieces) {
  pieces = std::max<int64_t>(pieces, 2);
  // The sort is part of the text that GitHub limits.
  auto fits = [](const std::vector<search_query>& parts) {
    return std::all_of(parts.begin(), parts.end(),
                       [](auto& x) { return to_string(x).size() <= max_description; });
  };
  auto along = [&](int_range search_query::*axis, const std::vector<int_range>& ranges) {
    std::vector<search_query> result;
    for (auto range : ranges) {
      auto part = query;
      part.*axis = range;
      result.push_back(part);
    }
    return result;
  };
  if (!single(query.created))
    return along(&search_query::created, even_ranges(query.created, pieces));
  if (auto ranges = growing_ranges(query.stars, stars_ceiling, pieces); ranges.size() > 1)
    if (auto parts = along(&search_query::stars, ranges); fits(parts))
      return parts;
  if (auto ranges = growing_ranges(query.size_kb, size_ceiling, pieces); ranges.size() > 1)
    if (auto parts = along(&search_query::size_kb, ranges); fits(parts))
      return parts;
  return cut_by_language(query);
}

std::vector<counted_search> join(const std::vector<counted_search>& cells, int64_t limit) {
  // best[i]: the cheapest way to join the first i cells. A page costs a field of a query; among
  // equals fewer windows win.
  struct choice {
    int64_t cost = std::numeric_limits<int64_t>::max();
    size_t from = 0;
  };
  constexpr int64_t page_cost = 1 << 20;
  std::vector<choice> best(cells.size() + 1);
  best[0].cost = 0;
  for (size_t end = 1; end <= cells.size(); ++end) {
    int64_t sum = 0;
    for (auto begin = end; begin-- > 0;) {
      if (begin + 1 < end && !neighbours(cells[begin].query, cells[begin + 1].query))
        break;
      sum += cells[begin].count;
      if (sum > limit && begin + 1 < end)
        break;
      auto cost = best[begin].cost + pages(sum) * page_cost + 1;
      if (cost < best[end].cost)
        best[end] = {cost, begin};
    }
  }
  std::vector<counted_search> result;
  for (auto end = cells.size(); end > 0; end = best[end].from) {
    counted_search window{cells[best[end].from].query, 0};
    for (auto i = best[end].from; i < end; ++i) {
      window.query = hull(window.query, cells[i].query);
      window.count += cells[i].count;
    }
    result.push_back(std::move(window));
  }
  std::reverse(result.begin(), result.end());
  return result;
}

cell_plan::cell_plan(const search_query& query, int64_t expected, query_widths widths,
                     const search_plan& plan)
    : count_width_(std::max(widths.counts, 2u)), target_(cell_size(widths, plan)),
      limit_(expected > target_ * plan.cells ? target_ * plan.cells : plan.window) {
  // One query: it shows where the matches are, and finer cells fill pages better.
  for (auto& part : cut(query, count_width_))
    cells_.push_back({std::move(part), unknown});
}

std::vector<search_query> cell_plan::questions() const {
  std::vector<search_query> result;
  for (auto& cell : cells_)
    if (cell.count == unknown)
      result.push_back(cell.query);
  return result;
}

void cell_plan::learn(const std::vector<int64_t>& counts) {
  auto next = counts.begin();
  for (auto& cell : cells_)
    if (cell.count == unknown && next != counts.end())
      cell.count = *next++;
  if (next != counts.end() || !questions().empty())
    throw std::logic_error("a plan was told other counts than it asked for");
  refine();
}

/// After the first round every cell is cut to size. What is beyond a window after that is mostly a
/// burst of repositories created within a second: cut on, the finer the fewer there are, so that
/// each round fills its query.
void cell_plan::refine() {
  auto largest = even_ && limit_ <= max_search_results ? target_ + target_ / 2 : limit_;
  auto too_large = [&](const counted_search& cell) {
    return cell.count > largest && !single(cell.query.created);
  };
  auto large = std::count_if(cells_.begin(), cells_.end(), too_large);
  if (large == 0)
    return;
  auto fill = std::max<int64_t>(count_width_ / large, smallest_cut);
  std::vector<counted_search> finer;
  for (auto& cell : cells_) {
    if (!too_large(cell)) {
      finer.push_back(std::move(cell));
      continue;
    }
    auto pieces = even_ ? divide_up(cell.count, target_) : fill;
    for (auto& part : cut(cell.query, pieces))
      finer.push_back({std::move(part), unknown});
  }
  cells_ = std::move(finer);
  even_ = false;
}

} // namespace gitstar
