#include "actors/match_model.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <stdexcept>

namespace gitstar {

namespace {

/// Until 2022 the ids of repositories created at the beginning of each year, then the samples of
/// fact sheet 6.
constexpr growth_point growth[] = {
    {1193616000, 1},        // 2007-10-29
    {1230768000, 103.6e3},  // 2009
    {1262304000, 455.6e3},  // 2010
    {1293840000, 1.21e6},   // 2011
    {1325376000, 3.08e6},   // 2012
    {1356998400, 7.39e6},   // 2013
    {1388534400, 15.6e6},   // 2014
    {1420070400, 28.7e6},   // 2015
    {1451606400, 48.9e6},   // 2016
    {1483228800, 77.8e6},   // 2017
    {1514764800, 115.9e6},  // 2018
    {1546300800, 163.7e6},  // 2019
    {1577836800, 231.2e6},  // 2020
    {1609459200, 326.1e6},  // 2021
    {1640995200, 443.8e6},  // 2022
    {1658188800, 515.4e6},  // 2022-07-19
    {1749600000, 1000e6},   // 2025-06-11
    {1778803200, 1239.6e6}, // 2026-05-15
    {1786752000, 1333.1e6}, // 2026-08-15
    {1790985600, 1377.2e6}, // 2026-10-03
};
/// A cell that holds so many more than the mean of its neighbours is looked into: half a window,
/// which would have to be read with others otherwise, and a quarter of what was to be expected.
constexpr int64_t burst_excess = 450;
constexpr double burst_share = 0.25;

bool within(int_range inner, int_range outer) {
  return inner.first >= outer.first && inner.last <= outer.last;
}

/// Languages are not compared: the cells of one plan come in its order.
bool within(const search_query& inner, const search_query& outer) {
  return within(inner.created, outer.created) && within(inner.stars, outer.stars) &&
         within(inner.size_kb, outer.size_kb);
}

/// The share of repositories with at least so many stars falls with a power of about 0.75.
double share_of_stars(int_range stars) {
  auto at_least = [](int64_t n) {
    return n == int_range::highest ? 0 : std::pow(static_cast<double>(n) + 1, -0.75);
  };
  auto last = stars.last == int_range::highest ? stars.last : stars.last + 1;
  return at_least(std::max<int64_t>(stars.first, 0)) - at_least(last);
}

/// Sizes spread evenly over the orders of magnitude up to a GB.
double share_of_sizes(int_range size_kb) {
  auto below = [](int64_t kb) {
    return std::log(static_cast<double>(std::clamp<int64_t>(kb, 0, 1 << 20)) + 1);
  };
  auto last = size_kb.last == int_range::highest ? size_kb.last : size_kb.last + 1;
  return below(last) - below(std::max<int64_t>(size_kb.first, 0));
}

/// Whether counts[i] is far above its neighbours among the counts [begin, end).
bool stands_out(const std::vector<int64_t>& counts, size_t begin, size_t i, size_t end) {
  auto before = counts[i > begin ? i - 1 : std::min(i + 1, end - 1)];
  auto after = counts[i + 1 < end ? i + 1 : std::max(i, begin + 1) - 1];
  auto usual = static_cast<double>(before + after) / 2;
  auto excess = std::max(static_cast<double>(burst_excess), usual * burst_share);
  return static_cast<double>(counts[i]) > usual + excess;
}

} // namespace

growth_curve growth_of_ids() { return {std::begin(growth), std::end(growth)}; }

double total_at(const growth_curve& curve, int64_t seconds) {
  if (curve.size() < 2 || seconds <= curve.front().seconds)
    return curve.empty() ? 0 : curve.front().total;
  auto next = std::upper_bound(curve.begin() + 1, curve.end() - 1, seconds,
                               [](int64_t time, auto& x) { return time < x.seconds; });
  auto& from = *std::prev(next);
  auto per_second = (next->total - from.total) / static_cast<double>(next->seconds - from.seconds);
  return from.total + per_second * static_cast<double>(seconds - from.seconds);
}

match_model::match_model(const search_query& query, int64_t matches, growth_curve curve,
                         uint64_t seed)
    : curve_(std::move(curve)), cells_{{query, matches, true}}, random_(seed) {}

/// Calls `visit(cell, begin, end)` for every cell with the parts [begin, end) that it was cut into.
template <class Visit>
void match_model::for_each_cell(const std::vector<search_query>& parts, Visit visit) const {
  size_t next = 0;
  for (auto& x : cells_) {
    auto begin = next;
    while (next < parts.size() && within(parts[next], x.query))
      ++next;
    visit(x, begin, next);
  }
  if (next != parts.size())
    throw std::logic_error("a plan asked for what no cell of its model holds");
}

std::vector<size_t> match_model::doubtful(const std::vector<search_query>& parts) const {
  std::vector<size_t> result;
  for_each_cell(parts, [&](const cell& x, size_t begin, size_t end) {
    for (auto i = begin; x.uneven && i < end; ++i)
      result.push_back(i);
  });
  return result;
}

std::vector<int64_t> match_model::count(const std::vector<search_query>& parts,
                                        const std::vector<size_t>& known,
                                        const std::vector<int64_t>& known_counts) {
  std::vector<int64_t> counts(parts.size(), -1);
  for (size_t i = 0; i < known.size(); ++i)
    counts.at(known[i]) = known_counts.at(i);
  std::vector<cell> finer;
  for_each_cell(parts, [&](const cell& x, size_t begin, size_t end) {
    if (begin == end) {
      finer.push_back(x);
      return;
    }
    auto first = counts.begin() + static_cast<std::ptrdiff_t>(begin);
    auto drawn = std::count(first, first + static_cast<std::ptrdiff_t>(end - begin), -1) > 0;
    if (drawn)
      draw(parts, begin, end, x.count, counts);
    for (auto i = begin; i < end; ++i) {
      auto whole = end - begin == 1; // nothing is known of its inside
      auto uneven = whole ? x.uneven : !drawn && stands_out(counts, begin, i, end);
      finer.push_back({parts[i], counts[i], uneven});
    }
  });
  cells_ = std::move(finer);
  return counts;
}

growth_curve match_model::curve() const {
  growth_curve result;
  double total = 0;
  for (auto& x : cells_) {
    // What one second was cut into has one place.
    if (result.empty() || result.back().seconds < x.query.created.first)
      result.push_back({x.query.created.first, total});
    total += static_cast<double>(x.count);
  }
  if (!cells_.empty())
    result.push_back({cells_.back().query.created.last + 1, total});
  return result;
}

double match_model::share(const search_query& part) const {
  auto result = total_at(curve_, part.created.last + 1) - total_at(curve_, part.created.first);
  result *= share_of_stars(part.stars);
  return part.size_kb.unbounded() ? result : result * share_of_sizes(part.size_kb);
}

/// Throws the matches into the parts, each with the chance that its share gives it.
void match_model::draw(const std::vector<search_query>& parts, size_t begin, size_t end,
                       int64_t matches, std::vector<int64_t>& counts) {
  double left = 0;
  for (auto i = begin; i < end; ++i)
    left += share(parts[i]);
  for (auto i = begin; i < end; ++i) {
    auto chance = left > 0 ? std::clamp(share(parts[i]) / left, 0.0, 1.0) : 1.0;
    if (i + 1 == end)
      chance = 1;
    counts[i] = std::binomial_distribution<int64_t>{matches, chance}(random_);
    matches -= counts[i];
    left -= share(parts[i]);
  }
}

} // namespace gitstar
