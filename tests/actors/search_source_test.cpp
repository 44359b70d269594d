#include "actors/search_source.hpp"
#include "messages/errors.hpp"
#include "messages/fwd.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <cmath>
#include <map>
#include <numeric>
#include <random>
#include <set>

using namespace gitstar;

namespace {

constexpr int64_t day_2024 = 1704067200; // 2024-01-01T00:00:00Z

search_query parsed(std::string_view text) { return *parse_search_query(text); }

crawl run_of(int64_t id = 1) {
  crawl x;
  x.id = id;
  x.started_at = timestamp{std::chrono::seconds{day_2024}};
  return x;
}

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

/// Star counts as GitHub has them: many small ones, few large ones.
class stars {
public:
  explicit stars(uint32_t seed, size_t count) {
    std::mt19937 random{seed};
    std::uniform_real_distribution<double> chance(1e-6, 1);
    for (size_t i = 0; i < count; ++i)
      ++histogram_[static_cast<int64_t>(std::min(std::pow(chance(random), -0.9), 500'000.0))];
  }

  int64_t at_least(int64_t x) const {
    int64_t result = 0;
    for (auto i = histogram_.lower_bound(x); i != histogram_.end(); ++i)
      result += i->second;
    return result;
  }

  /// The largest star count that `wanted` repositories reach.
  int64_t threshold(int64_t wanted) const {
    int64_t sum = 0;
    for (auto i = histogram_.rbegin(); i != histogram_.rend(); ++i)
      if ((sum += i->second) >= wanted)
        return i->first;
    return -1;
  }

private:
  std::map<int64_t, int64_t> histogram_;
};

/// Runs a threshold search against `count`; returns the number of rounds.
template <class Count>
int rounds_of(threshold_search& search, uint32_t width, Count count) {
  auto rounds = 0;
  for (; !search.finished() && rounds < 1000; ++rounds) {
    auto probes = search.probes(width);
    REQUIRE_FALSE(probes.empty());
    REQUIRE(std::is_sorted(probes.begin(), probes.end()));
    REQUIRE(probes.size() <= std::max(width, 2u));
    std::vector<int64_t> counts;
    for (auto x : probes)
      counts.push_back(count(x));
    search.learn(probes, counts);
  }
  return rounds;
}

} // namespace

TEST_CASE("cutting along time covers every second once", "[search_source]") {
  std::mt19937_64 random{1};
  for (auto i = 0; i < 2000; ++i) {
    search_query query;
    auto first = day_2024 - static_cast<int64_t>(random() % 400'000'000);
    query.created = {first, first + 1 + static_cast<int64_t>(random() % (i % 2 ? 5 : 90'000'000))};
    auto parts = cut(query, static_cast<int64_t>(random() % 3'000'000),
                     static_cast<uint32_t>(1 + random() % 100), {});
    REQUIRE(parts.size() >= 2);
    REQUIRE(tile(query.created, along(parts, &search_query::created), query.created.first));
  }
}

TEST_CASE("a full second is cut by stars, every star count once", "[search_source]") {
  std::mt19937_64 random{2};
  for (auto i = 0; i < 2000; ++i) {
    search_query query;
    query.created = {day_2024, day_2024};
    query.stars.first = static_cast<int64_t>(random() % 1000);
    if (i % 2)
      query.stars.last = query.stars.first + 1 + static_cast<int64_t>(random() % 100'000);
    if (i % 3 == 0)
      query.stars.first = int_range::lowest;
    auto parts = cut(query, 2000, static_cast<uint32_t>(1 + random() % 100), {});
    REQUIRE(parts.size() >= 2);
    REQUIRE(tile(query.stars, along(parts, &search_query::stars), 0));
  }
}

TEST_CASE("one star count of a full second is cut by size, then by language", "[search_source]") {
  search_query query = parsed("stars:3 created:2024-01-01T00:00:00Z");
  auto sizes = cut(query, 2000, 10, {});
  REQUIRE(sizes.size() >= 2);
  CHECK(tile({}, along(sizes, &search_query::size_kb), 0));
  query.size_kb = {7, 7};
  auto parts = cut(query, 2000, 10, {});
  REQUIRE(parts.size() > 5); // as many as the text has room for
  for (size_t i = 0; i + 1 < parts.size(); ++i) {
    CHECK_FALSE(parts[i].language.empty());
    CHECK(parts.back().other_languages[i] == parts[i].language);
  }
  CHECK(parts.back().language.empty());
}

TEST_CASE("what languages have cut is not cut again", "[search_source]") {
  search_query query = parsed("stars:3 created:2024-01-01T00:00:00Z size:7");
  for (auto& part : cut(query, 2000, 10, {})) {
    CHECK(cut(part, 2000, 10, {}).empty());
    CHECK(cut(parsed(to_string(part)), 2000, 10, {}).empty());
  }
}

TEST_CASE("no search text is longer than GitHub takes", "[search_source]") {
  // The longest terms that a created window has room for.
  auto room = max_search_text - std::string{" sort:updated-desc"}.size() -
              std::string{" created:2024-01-01T00:00:00Z..2024-01-01T00:00:00Z"}.size();
  for (size_t length = 0; length <= room; ++length) {
    search_query query;
    query.terms = std::string(length, 'x');
    query.created = {day_2024, day_2024 + 1};
    auto todo = std::vector<search_query>{query};
    for (auto depth = 0; depth < 40 && !todo.empty(); ++depth) {
      auto parts = cut(todo.back(), 2000, 10, {});
      for (auto& part : parts)
        for (auto& text : pass_texts(to_string(part)))
          REQUIRE(text.size() <= max_search_text);
      if (parts.empty())
        break;
      todo = {parts[parts.size() / 2]};
    }
  }
}

TEST_CASE("joining cells needs as few pages as any way of joining", "[search_source]") {
  std::mt19937 random{3};
  search_plan plan;
  for (auto i = 0; i < 300; ++i) {
    std::vector<int64_t> counts;
    for (auto cells = 1 + random() % 9; cells-- > 0;)
      counts.push_back(random() % 4 == 0 ? 0 : random() % (i % 3 ? 400 : 1500));
    auto cells = cells_of(counts);
    auto windows = join(cells, plan);
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

TEST_CASE("a cell beyond the window stays alone", "[search_source]") {
  auto windows = join(cells_of({10, 5000, 10}), {});
  REQUIRE(windows.size() == 3);
  CHECK(windows[1].count == 5000);
}

TEST_CASE("the threshold is exact and found in few rounds", "[search_source]") {
  for (auto seed = 1u; seed <= 20; ++seed) {
    stars world{seed, 20'000};
    for (int64_t wanted : {1, 10, 500, 10'000, 20'000}) {
      for (auto width : {1u, 10u, 100u}) {
        threshold_search search{wanted, {}};
        auto rounds = rounds_of(search, width, [&](int64_t x) { return world.at_least(x); });
        REQUIRE_FALSE(search.impossible());
        // Where no repository has T stars, T's neighbours below say the same.
        REQUIRE(search.count() == world.at_least(world.threshold(wanted)));
        REQUIRE(search.count() == world.at_least(search.threshold()));
        REQUIRE(rounds <= (width == 1 ? 21 : width == 10 ? 7 : 4));
      }
    }
  }
}

TEST_CASE("a threshold search stays inside the user's range of stars", "[search_source]") {
  stars world{4, 20'000};
  auto below_100 = [&](int64_t x) { return world.at_least(x) - world.at_least(100); };
  threshold_search search{50, {5, 99}};
  rounds_of(search, 10, below_100);
  CHECK(search.threshold() >= 5);
  CHECK(search.threshold() <= 99);
  CHECK(search.count() == below_100(search.threshold()));
  CHECK(below_100(search.threshold() + 1) < 50);
}

TEST_CASE("more than the search matches is impossible", "[search_source]") {
  stars world{5, 1000};
  threshold_search search{1001, {}};
  CHECK(rounds_of(search, 10, [&](int64_t x) { return world.at_least(x); }) == 1);
  CHECK(search.impossible());
  CHECK(search.count() == 1000);
}

TEST_CASE("a threshold search ends although counts are estimates", "[search_source]") {
  for (auto seed = 1u; seed <= 50; ++seed) {
    stars world{seed, 20'000};
    std::mt19937 random{seed};
    auto estimate = [&](int64_t x) {
      auto exact = world.at_least(x);
      return exact + static_cast<int64_t>(random() % 400) - 200;
    };
    threshold_search search{5000, {}};
    CHECK(rounds_of(search, 10, estimate) < 30);
    CHECK_FALSE(search.impossible());
    CHECK(search.count() >= 5000);
  }
}

TEST_CASE("a partition's id depends on the crawl and the description alone", "[search_source]") {
  CHECK(partition_id(1, "stars:>=1") == partition_id(1, "stars:>=1"));
  std::set<int64_t> ids;
  for (int64_t run = 1; run <= 100; ++run)
    for (auto stars = 0; stars < 500; ++stars)
      ids.insert(partition_id(run, "stars:>=" + std::to_string(stars)));
  CHECK(ids.size() == 50'000);
  CHECK(*ids.begin() > 0);
  // Ledgers of other versions hold it.
  CHECK(partition_id(7, "stars:>=10") == partition_id(7, std::string{"stars:"} + ">=10"));
}

TEST_CASE("cursors are those of the fact sheet", "[search_source]") {
  CHECK(search_cursor(1) == "Y3Vyc29yOjE=");
  CHECK(search_cursor(10) == "Y3Vyc29yOjEw");
  CHECK(search_cursor(100) == "Y3Vyc29yOjEwMA==");
  CHECK(search_cursor(900) == "Y3Vyc29yOjkwMA==");
}

TEST_CASE("a crawl begins with what existed when it began", "[search_source]") {
  search_source source{parsed("stars:>=5"), 0};
  auto roots = source.roots(run_of());
  REQUIRE(roots.size() == 1);
  CHECK(roots[0].description == "stars:>=5 created:2007-01-01T00:00:00Z..2024-01-01T00:00:00Z");
  CHECK(roots[0].expected == -1);
  CHECK(source.text() == "search: stars:>=5");
  CHECK(search_source{parsed("stars:>=5"), 10}.text() == "search top 10: stars:>=5");
}

TEST_CASE("counts that fit one window after all leave the partition whole", "[search_source]") {
  search_source source{parsed("stars:>=5"), 0};
  auto part = source.roots(run_of())[0];
  part.expected = 950;
  auto work = source.plan(run_of(), part, {1, 10});
  REQUIRE(work.counts.size() >= 2);
  std::vector<int64_t> counts(work.counts.size(), 0);
  counts[0] = 890;
  auto outcome = source.counted(run_of(), part, counts);
  REQUIRE(outcome);
  CHECK(outcome->part.state == partition_state::open);
  CHECK(outcome->part.expected == 890);
  CHECK(outcome->children.empty());
}

TEST_CASE("a partition and its children never share an id", "[search_source]") {
  std::mt19937 random{6};
  for (auto i = 0; i < 500; ++i) {
    search_source source{parsed("stars:>=5"), 0};
    auto part = source.roots(run_of())[0];
    part.expected = 901 + static_cast<int64_t>(random() % 3000);
    auto work = source.plan(run_of(), part, {1, 10});
    std::vector<int64_t> counts;
    for (size_t cell = 0; cell < work.counts.size(); ++cell)
      counts.push_back(random() % 3 == 0 ? 0 : random() % 500);
    auto outcome = source.counted(run_of(), part, counts);
    REQUIRE(outcome);
    for (auto& child : outcome->children) {
      REQUIRE(child.id != part.id);
      REQUIRE(child.parent_id == part.id);
      REQUIRE(child.expected > 0);
    }
  }
}

TEST_CASE("a search without a match is done once it is counted", "[search_source]") {
  search_source source{parsed("stars:>=5"), 0};
  auto part = source.roots(run_of())[0];
  REQUIRE(source.plan(run_of(), part, {1, 10}).counts ==
          std::vector<std::string>{part.description});
  auto outcome = source.counted(run_of(), part, {0});
  REQUIRE(outcome);
  CHECK(outcome->part.state == partition_state::done);
}

TEST_CASE("a top beyond the matches is a mistake in the config", "[search_source]") {
  search_source source{parsed("stars:>=5"), 100};
  auto part = source.roots(run_of())[0];
  auto work = source.plan(run_of(), part, {1, 10});
  auto outcome = source.counted(run_of(), part, std::vector<int64_t>(work.counts.size(), 99));
  REQUIRE_FALSE(outcome);
  CHECK(outcome.error() == errc::bad_config);
  CHECK(describe(outcome.error()) ==
        "top asks for 100 repositories, but 'stars:>=5' matches only 99");
}

TEST_CASE("where too few turned up, the band below the threshold is next", "[search_source]") {
  search_source source{parsed("stars:>=5"), 100};
  auto run = run_of();
  run.threshold = 20;
  certificate totals;
  totals.seen = 90;
  auto more = source.rest(run, totals);
  REQUIRE(more.size() == 1);
  CHECK(more[0].description == "top:10 stars:5..19");
  totals.seen = 100;
  CHECK(source.rest(run, totals).empty());
  totals.seen = 90;
  run.threshold = 5;
  CHECK(source.rest(run, totals).empty());
}

TEST_CASE("a band with fewer than are missing is crawled whole", "[search_source]") {
  search_source source{parsed("stars:>=5"), 100};
  auto run = run_of();
  run.threshold = 20;
  certificate totals;
  totals.seen = 90;
  auto band = source.rest(run, totals)[0];
  auto work = source.plan(run, band, {1, 10});
  auto outcome = source.counted(run, band, std::vector<int64_t>(work.counts.size(), 4));
  REQUIRE(outcome);
  CHECK(outcome->part.state == partition_state::split);
  REQUIRE(outcome->children.size() == 1);
  CHECK(outcome->threshold == int64_t{5});
  CHECK(outcome->children[0].expected == 4);
}

TEST_CASE("only what can be cut counts as splittable", "[search_source]") {
  search_source source{parsed("stars:>=5"), 0};
  partition part;
  part.description = "stars:>=5 created:2024-01-01T00:00:00Z..2024-01-01T00:00:01Z";
  CHECK(source.splittable(part));
  part.description = "language:C++ stars:5 created:2024-01-01T00:00:00Z size:7";
  CHECK_FALSE(source.splittable(part));
  part.description = "top:10 stars:5..19";
  CHECK_FALSE(source.splittable(part));
}

TEST_CASE("a damaged description is an error that names it", "[search_source]") {
  search_source source{parsed("stars:>=5"), 0};
  partition part;
  part.description = "stars:x";
  part.expected = 5000;
  CHECK_THROWS_WITH(source.plan(run_of(), part, {1, 10}), Catch::Contains("stars:x"));
}
