#include "actors/search_cells.hpp"

#include "actors/search_source.hpp"
#include "tests/actors/parsed_query.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <numeric>
#include <random>

using namespace gitstar;
using gitstar::test::day_2024;
using gitstar::test::parsed;

namespace {

/// Whether `parts` are neighbours that cover `whole` without overlapping, on one axis.
bool tile(int_range whole, const std::vector<int_range>& parts, int64_t floor) {
  auto next = std::max(whole.first, floor);
  for (auto& x : parts) {
    if (std::max(x.first, floor) != next || x.last < next)
      return false;
    next = x.last == int_range::highest ? x.last : x.last + 1;
  }
  return !parts.empty() && parts.back().last == whole.last;
}

std::vector<int_range> along(const std::vector<search_query>& parts,
                             int_range search_query::*axis) {
  std::vector<int_range> result;
  for (auto& x : parts)
    result.push_back(x.*axis);
  return result;
}

/// The fewest pages that any way of joining neighbours needs.
int64_t fewest_pages(const std::vector<counted_search>& cells, size_t from, int64_t window) {
  if (from == cells.size())
    return 0;
  auto best = std::numeric_limits<int64_t>::max();
  int64_t sum = 0;
  for (auto end = from; end < cells.size(); ++end) {
    sum += cells[end].count;
    if (end > from && sum > window)
      break;
    best = std::min(best, (sum + 99) / 100 + fewest_pages(cells, end + 1, window));
  }
  return best;
}

int64_t pages_of(const std::vector<counted_search>& windows) {
  int64_t result = 0;
  for (auto& x : windows)
    result += (x.count + 99) / 100;
  return result;
}

std::vector<counted_search> cells_of(const std::vector<int64_t>& counts) {
  std::vector<counted_search> result;
  for (size_t i = 0; i < counts.size(); ++i) {
    search_query query;
    auto first = day_2024 + static_cast<int64_t>(i) * 10;
    query.created = {first, first + 9};
    result.push_back({query, counts[i]});
  }
  return result;
}

/// Repositories by the second they were created in.
class timeline {
public:
  /// `count` of them between 2008 and 2024, more and more each year, and bursts within one second.
  timeline(size_t count, const std::vector<int64_t>& bursts, uint32_t seed) {
    std::mt19937_64 random{seed};
    std::uniform_real_distribution<double> chance(0, 1);
    auto draw = [&] { return first + static_cast<int64_t>(std::sqrt(chance(random)) * length); };
    for (size_t i = 0; i < count; ++i)
      seconds_.push_back(draw());
    for (auto burst : bursts)
      seconds_.insert(seconds_.end(), static_cast<size_t>(burst), draw());
    std::sort(seconds_.begin(), seconds_.end());
  }

  int64_t count(int_range range) const {
    auto begin = std::lower_bound(seconds_.begin(), seconds_.end(), range.first);
    return std::upper_bound(begin, seconds_.end(), range.last) - begin;
  }
  int64_t size() const { return static_cast<int64_t>(seconds_.size()); }

  static constexpr int64_t first = 1199145600; // 2008
  static constexpr int64_t length = day_2024 - first;

private:
  std::vector<int64_t> seconds_;
};

struct planned {
  std::vector<counted_search> windows;
  int64_t counts = 0; // asked for
  int rounds = 0;
};

planned plan_of(const timeline& world, query_widths widths, const search_plan& how = {}) {
  search_query query;
  query.created = {timeline::first, day_2024};
  cell_plan plan{query, world.size(), widths, how};
  planned result;
  for (auto questions = plan.questions(); !questions.empty(); questions = plan.questions()) {
    std::vector<int64_t> counts;
    for (auto& x : questions)
      counts.push_back(world.count(x.created));
    result.counts += static_cast<int64_t>(counts.size());
    ++result.rounds;
    plan.learn(counts);
  }
  result.windows = plan.windows();
  return result;
}

} // namespace

TEST_CASE("cutting along time covers every second once", "[search_cells]") {
  std::mt19937_64 random{1};
  for (auto i = 0; i < 2000; ++i) {
    search_query query;
    auto first = day_2024 - static_cast<int64_t>(random() % 400'000'000);
    query.created = {first, first + 1 + static_cast<int64_t>(random() % (i % 2 ? 5 : 90'000'000))};
    auto parts = cut(query, static_cast<int64_t>(random() % 100));
    REQUIRE(parts.size() >= 2);
    REQUIRE(tile(query.created, along(parts, &search_query::created), query.created.first));
  }
}

TEST_CASE("a full second is cut by stars, every star count once", "[search_cells]") {
  std::mt19937_64 random{2};
  for (auto i = 0; i < 2000; ++i) {
    search_query query;
    query.created = {day_2024, day_2024};
    query.stars.first = static_cast<int64_t>(random() % 1000);
    if (i % 2)
      query.stars.last = query.stars.first + 1 + static_cast<int64_t>(random() % 100'000);
    if (i % 3 == 0)
      query.stars.first = int_range::lowest;
    auto parts = cut(query, static_cast<int64_t>(1 + random() % 100));
    REQUIRE(parts.size() >= 2);
    REQUIRE(tile(query.stars, along(parts, &search_query::stars), 0));
  }
}

TEST_CASE("one star count of a full second is cut by size, then by language", "[search_cells]") {
  search_query query = parsed("stars:3 created:2024-01-01T00:00:00Z");
  auto sizes = cut(query, 10);
  REQUIRE(sizes.size() >= 2);
  CHECK(tile({}, along(sizes, &search_query::size_kb), 0));
  query.size_kb = {7, 7};
  auto parts = cut(query, 10);
  REQUIRE(parts.size() > 5); // as many as the text has room for
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    CHECK_FALSE(parts[i].language.empty());
    CHECK(parts.back().other_languages[i] == parts[i].language);
  }
  CHECK(parts.back().language.empty());
}

TEST_CASE("what languages have cut is not cut again", "[search_cells]") {
  search_query query = parsed("stars:3 created:2024-01-01T00:00:00Z size:7");
  for (auto& part : cut(query, 10)) {
    CHECK(cut(part, 10).empty());
    CHECK(cut(parsed(to_string(part)), 10).empty());
  }
}

TEST_CASE("no search text is longer than GitHub takes", "[search_cells]") {
  // The longest terms that a created window has room for.
  auto room = max_search_text - std::string{" sort:updated-desc"}.size() -
              std::string{" created:2024-01-01T00:00:00Z..2024-01-01T00:00:00Z"}.size();
  for (size_t length = 0; length <= room; ++length) {
    search_query query;
    query.terms = std::string(length, 'x');
    query.created = {day_2024, day_2024 + 1};
    auto todo = std::vector<search_query>{query};
    for (auto depth = 0; depth < 40 && !todo.empty(); ++depth) {
      auto parts = cut(todo.back(), 10);
      for (auto& part : parts)
        for (auto& text : pass_texts(to_string(part)))
          REQUIRE(text.size() <= max_search_text);
      if (parts.empty())
        break;
      todo = {parts[parts.size() / 2]};
    }
  }
}

TEST_CASE("joining cells needs as few pages as any way of joining", "[search_cells]") {
  std::mt19937 random{3};
  search_plan plan;
  for (auto i = 0; i < 300; ++i) {
    std::vector<int64_t> counts;
    for (auto cells = 1 + random() % 9; cells-- > 0;)
      counts.push_back(random() % 4 == 0 ? 0 : random() % (i % 3 ? 400 : 1500));
    auto cells = cells_of(counts);
    auto windows = join(cells, plan.window);
    REQUIRE(pages_of(windows) == fewest_pages(cells, 0, plan.window));
    int64_t sum = 0;
    std::vector<int_range> ranges;
    for (auto& x : windows) {
      sum += x.count;
      ranges.push_back(x.query.created);
    }
    REQUIRE(sum == std::accumulate(counts.begin(), counts.end(), int64_t{0}));
    REQUIRE(tile({cells.front().query.created.first, cells.back().query.created.last}, ranges,
                 cells.front().query.created.first));
  }
}

TEST_CASE("a cell beyond the window stays alone", "[search_cells]") {
  auto windows = join(cells_of({10, 5000, 10}), 900);
  REQUIRE(windows.size() == 3);
  CHECK(windows[1].count == 5000);
}

TEST_CASE("a plan's windows cover every second once", "[search_cells]") {
  for (auto seed = 1u; seed <= 20; ++seed) {
    timeline world{seed * 3000, {1500, 950, 400}, seed};
    auto plan = plan_of(world, {1, 100});
    std::vector<int_range> ranges;
    for (auto& x : plan.windows) {
      ranges.push_back(x.query.created);
      REQUIRE(x.count == world.count(x.query.created));
      REQUIRE((x.count <= 900 || x.query.created.first == x.query.created.last));
    }
    REQUIRE(tile({timeline::first, day_2024}, ranges, timeline::first));
  }
}

TEST_CASE("planning and pages not filled cost few queries", "[search_cells]") {
  for (auto bursts : {0, 40}) {
    timeline world{100'000, std::vector<int64_t>(static_cast<size_t>(bursts), 950), 7};
    auto plan = plan_of(world, {1, 100});
    auto ideal = (world.size() + 99) / 100;
    // One burst takes a page more than it fills half, and is looked for in a third of a query.
    CHECK(pages_of(plan.windows) - ideal <= ideal * 15 / 1000 + bursts);
    CHECK(plan.counts / 100 + plan.rounds <= ideal * 2 / 100 + bursts / 2);
    CHECK(plan.rounds <= 12);
  }
}

TEST_CASE("wider queries count coarser cells", "[search_cells]") {
  timeline world{100'000, {}, 8};
  auto narrow = plan_of(world, {1, 100});
  auto wide = plan_of(world, {10, 100});
  CHECK(wide.counts * 2 < narrow.counts);
  CHECK(pages_of(wide.windows) > pages_of(narrow.windows));
}

TEST_CASE("the first round fills its query, however little is cut", "[search_cells]") {
  search_query years, second;
  years.created = {timeline::first, day_2024};
  second.created = {day_2024, day_2024};
  for (auto& query : {years, second}) {
    auto asked = cell_plan{query, 1500, {10, 100}, {}}.questions().size();
    CHECK(asked > 80); // star counts are cut in steps that grow
    CHECK(asked <= 100);
  }
}

TEST_CASE("what is too much for one plan is cut into parts of its size", "[search_cells]") {
  timeline world{100'000, {}, 9};
  search_plan how;
  how.cells = 100;
  auto plan = plan_of(world, {1, 100}, how);
  CHECK(plan.rounds == 1);
  CHECK(plan.counts == 100);
  for (auto& x : plan.windows)
    CHECK(x.count <= how.cell * how.cells);
  CHECK(plan.windows.size() <= 20);
}

TEST_CASE("a plan is not told what it did not ask", "[search_cells]") {
  search_query query;
  query.created = {timeline::first, day_2024};
  cell_plan plan{query, 5000, {1, 10}, {}};
  CHECK_THROWS_AS(plan.learn({1, 2}), std::logic_error);
}
