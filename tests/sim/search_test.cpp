#include "tools/sim/search_engine.hpp"

#include "tests/sim/fixture.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim;
using test::at;
using test::make_data;

namespace {

/// What a search finds, by database id.
std::vector<int64_t> found(const dataset& data, const std::string& text) {
  search_engine search{data};
  auto page = search.page(text + " sort:stars-asc", 0, 100);
  std::vector<int64_t> out;
  for (auto row : page.rows)
    out.push_back(data[row].id);
  std::sort(out.begin(), out.end());
  CHECK(page.count == static_cast<int64_t>(out.size()));
  return out;
}

using ids = std::vector<int64_t>;

dataset few() {
  return make_data({
      {1, "alice/one", 0, at("2010-01-12T23:59:59Z"), "C++", 0},
      {2, "alice/two", 5, at("2010-01-13T00:00:00Z"), "Jupyter Notebook", 0},
      {3, "bob/three", 5, at("2010-01-13T12:00:00Z"), "", is_archived},
      {4, "bob/four", 10, at("2010-01-13T23:59:59Z"), "C", is_fork},
      {5, "carol/five", 50, at("2010-01-14T00:00:00Z"), "c++", 0},
      {6, "carol/six", 100, at("2010-01-14T00:00:01Z"), "", is_template},
  });
}

} // namespace

TEST_CASE("ranges are inclusive at both ends", "[sim]") {
  auto data = few();
  CHECK(found(data, "stars:5") == ids{2, 3});
  CHECK(found(data, "stars:5..50") == ids{2, 3, 5});
  CHECK(found(data, "stars:>5") == ids{5, 6});
  CHECK(found(data, "stars:>=5") == ids{2, 3, 5, 6});
  CHECK(found(data, "stars:<5") == ids{1});
  CHECK(found(data, "stars:<=5") == ids{1, 2, 3});
  CHECK(found(data, "stars:*..5") == ids{1, 2, 3});
  CHECK(found(data, "stars:50..*") == ids{5, 6});
  CHECK(found(data, "-stars:5..50") == ids{1, 6});
  CHECK(found(data, "stars:>=5 stars:<100") == ids{2, 3, 5});
  CHECK(found(data, "stars:many").empty());
  CHECK(found(data, "stars:99999999999").empty());
  CHECK(found(data, "stars:>=-99999999999") == ids{1, 2, 3, 5, 6});
}

TEST_CASE("a date is its whole day and a time its second", "[sim]") {
  auto data = few();
  CHECK(found(data, "created:2010-01-13") == ids{2, 3});
  CHECK(found(data, "created:2010-01-13..2010-01-13 fork:true") == ids{2, 3, 4});
  CHECK(found(data, "created:>2010-01-13") == ids{5, 6});
  CHECK(found(data, "created:<2010-01-13") == ids{1});
  CHECK(found(data, "created:<=2010-01-13") == ids{1, 2, 3});
  CHECK(found(data, "created:2010-01-14T00:00:00Z..2010-01-14T00:00:00Z") == ids{5});
  CHECK(found(data, "created:2010-01-13T12:00:00Z..2010-01-14T00:00:00Z") == ids{3, 5});
  CHECK(found(data, "created:2010-01-14T07:00:01+07:00") == ids{6});
  CHECK(found(data, "pushed:2010-01-14") == ids{5, 6});
  CHECK(found(data, "-created:2010-01-13") == ids{1, 5, 6});
}

TEST_CASE("forks are left out unless they are asked for", "[sim]") {
  auto data = few();
  CHECK(found(data, "stars:10").empty());
  CHECK(found(data, "stars:10 fork:true") == ids{4});
  CHECK(found(data, "fork:only") == ids{4});
  CHECK(found(data, "is:public") == ids{1, 2, 3, 5, 6});
  CHECK(found(data, "") == ids{1, 2, 3, 5, 6});
}

TEST_CASE("the other qualifiers of GitHub are understood", "[sim]") {
  auto data = few();
  CHECK(found(data, "language:C++") == ids{1, 5});
  CHECK(found(data, "language:c++ stars:>1") == ids{5});
  CHECK(found(data, "-language:c++") == ids{2, 3, 6});
  CHECK(found(data, "language:\"jupyter notebook\"") == ids{2});
  CHECK(found(data, "language:jupyter-notebook") == ids{2});
  CHECK(found(data, "language:Nothing").empty());
  CHECK(found(data, "-language:Nothing") == ids{1, 2, 3, 5, 6});
  CHECK(found(data, "user:ALICE") == ids{1, 2});
  CHECK(found(data, "user:alice org:carol") == ids{1, 2, 5, 6});
  CHECK(found(data, "-user:alice") == ids{3, 5, 6});
  CHECK(found(data, "user:nobody").empty());
  CHECK(found(data, "repo:carol/SIX") == ids{6});
  CHECK(found(data, "archived:true") == ids{3});
  CHECK(found(data, "archived:false") == ids{1, 2, 5, 6});
  CHECK(found(data, "is:archived") == ids{3});
  CHECK(found(data, "template:true") == ids{6});
  CHECK(found(data, "is:private").empty());
  CHECK(found(data, "forks:0 size:0") == ids{1, 2, 3, 5, 6}); // an unknown size is 0
  CHECK(found(data, "THREE") == ids{3});
  CHECK(found(data, "about carol") == ids{5, 6});
  CHECK(found(data, "about NOT carol") == ids{1, 2, 3});
  CHECK(found(data, "nonsense:3").empty());
}

TEST_CASE("an order is stable and ties go by id", "[sim]") {
  auto data = few();
  search_engine search{data};
  auto order = [&](const std::string& text) {
    ids out;
    for (auto row : search.page(text, 0, 100).rows)
      out.push_back(data[row].id);
    return out;
  };
  CHECK(order("sort:stars") == ids{6, 5, 2, 3, 1});
  CHECK(order("sort:stars-desc") == ids{6, 5, 2, 3, 1});
  CHECK(order("sort:stars-asc") == ids{1, 2, 3, 5, 6});
  CHECK(order("sort:updated-desc") == ids{6, 5, 3, 2, 1});
  CHECK(order("sort:forks-asc") == ids{1, 2, 3, 5, 6});
}

TEST_CASE("counts equal a look at every repository", "[sim]") {
  auto data = make_synthetic(20'000, 9);
  search_engine search{data};
  for (uint64_t i = 0; i < 200; ++i) {
    auto from = 1'199'188'800 + static_cast<unix_seconds>(mix(i, 1) % 500'000'000);
    auto to = from + static_cast<unix_seconds>(mix(i, 2) % 100'000'000);
    auto low = static_cast<int32_t>(mix(i, 3) % 40);
    std::string text = "stars:>=" + std::to_string(low) + " created:";
    append_time(text, from);
    text += "..";
    append_time(text, to);
    text += i % 2 == 0 ? " size:100..5000" : "";
    int64_t expected = 0;
    for (row_index row = 0; row < data.size(); ++row) {
      const auto& repo = data[row];
      auto sized = i % 2 != 0 || (repo.disk_usage_kb >= 100 && repo.disk_usage_kb <= 5000);
      expected += repo.stars >= low && repo.created_at >= from && repo.created_at <= to && sized &&
                          (repo.flags & is_fork) == 0
                      ? 1
                      : 0;
    }
    CHECK(search.count(text) == expected);
  }
}

TEST_CASE("pages under an order hold every match once, up to 1,000", "[sim]") {
  auto data = make_synthetic(20'000, 9);
  search_engine search{data};
  for (std::string text : {"stars:30..45 sort:stars", "stars:>=1 sort:updated-asc"}) {
    auto matches = search.count(text);
    std::set<row_index> seen;
    int64_t offset = 0;
    for (auto more = true; more; offset += 100) {
      auto page = search.page(text, offset, 100);
      seen.insert(page.rows.begin(), page.rows.end());
      more = page.has_next;
    }
    CHECK(static_cast<int64_t>(seen.size()) == std::min<int64_t>(matches, 1'000));
    CHECK(search.page(text, 1'000, 100).rows.empty());
    CHECK_FALSE(search.page(text, 900, 100).has_next);
  }
}

TEST_CASE("without an order the pages of a search repeat and miss", "[sim]") {
  auto data = make_synthetic(20'000, 9);
  search_engine search{data};
  std::string text = "stars:>=10";
  std::set<row_index> seen;
  for (int64_t offset = 0; offset < 1'000; offset += 100) {
    auto page = search.page(text, offset, 100);
    CHECK(page.rows.size() == 100);
    seen.insert(page.rows.begin(), page.rows.end());
  }
  CHECK(seen.size() < 1'000);
  auto first = search.page(text, 0, 100);
  auto again = search.page(text, 0, 100);
  CHECK_FALSE(std::equal(first.rows.begin(), first.rows.end(), again.rows.begin()));
}

TEST_CASE("broad counts are estimates, a few per cent off", "[sim]") {
  auto data = make_synthetic(260'000, 2);
  search_engine search{data};
  int64_t exact = 0;
  search.for_each_match(parse_search("stars:>=10", data), [&](row_index) { ++exact; });
  REQUIRE(exact > search_engine::broad);
  auto off = 0;
  for (auto text : {"stars:>=10", "stars:>=10 sort:stars", "stars:>9", "stars:10..*"}) {
    auto count = search.count(text);
    CHECK(count == search.count(text));
    CHECK(count >= exact * 94 / 100);
    CHECK(count <= exact * 101 / 100);
    off += count != exact ? 1 : 0;
  }
  CHECK(off > 0);
  int64_t narrow = 0;
  search.for_each_match(parse_search("stars:>=20", data), [&](row_index) { ++narrow; });
  REQUIRE(narrow < search_engine::broad);
  CHECK(search.count("stars:>=20") == narrow);
}
