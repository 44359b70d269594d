#include "actors/listing_reader.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <functional>
#include <set>

using namespace gitstar;

namespace {

lease listed_ids(repo_id first, repo_id last, id_listing listing = id_listing::always) {
  lease x;
  x.shape = query_shape::nodes;
  x.part.description = to_string(id_range{first, last});
  x.part.expected = last - first + 1;
  x.listing = listing;
  return x;
}

/// Repositories as REST and GraphQL show them.
struct listed_world {
  std::set<repo_id> ids;
  std::set<repo_id> null_in_list{};
  std::set<repo_id> unlisted{}; ///< there all the same
  std::function<field_error(repo_id)> failure{};
  bool can_list = true;
  size_t per_listing = 100;

  field_answer list(repo_id since) const {
    field_answer result;
    if (!can_list) {
      result.error = field_error::not_found;
      return result;
    }
    for (auto x = ids.upper_bound(since); x != ids.end(); ++x) {
      if (unlisted.contains(*x))
        continue;
      result.has_next_page = result.ids.size() == per_listing;
      if (result.has_next_page)
        break;
      result.ids.push_back(null_in_list.contains(*x) ? 0 : *x);
    }
    return result;
  }

  field_answer look_up(const std::vector<repo_id>& wanted) const {
    field_answer result;
    for (uint32_t i = 0; i < wanted.size(); ++i) {
      auto error = ids.contains(wanted[i]) ? field_error::none : field_error::not_found;
      if (failure && failure(wanted[i]) != field_error::none)
        error = failure(wanted[i]);
      if (error != field_error::none) {
        result.lacking.push_back({i, error});
        continue;
      }
      repository row;
      row.repo_id = wanted[i];
      result.repositories.push_back(row);
    }
    return result;
  }
};

/// What reading has given, and what it cost.
struct listing_reading {
  findings found{};
  size_t listings = 0;
  size_t fields = 0;
  size_t asked = 0;
  size_t longest = 0;

  void step(lease_reader& reader, const listed_world& says) {
    auto shape = reader.shape();
    auto page = reader.next_page();
    REQUIRE(page);
    auto field = reader.field(*page);
    if (shape == query_shape::id_list) {
      ++listings;
      auto answer = says.list(std::stoll(field.after));
      if (answer.error != field_error::none)
        REQUIRE(reader.settles(*page, answer, found));
      else
        CHECK(reader.absorb(*page, answer, found));
    } else {
      REQUIRE(!field.ids.empty());
      ++fields;
      asked += field.ids.size();
      auto answer = says.look_up(field.ids);
      reader.absorb(*page, answer, found);
    }
    longest = std::max(longest, reader.part().seen_ids.size());
  }

  void to_end(lease_reader& reader, const listed_world& says) {
    for (auto i = 0; i < 20'000 && !reader.finished(); ++i)
      step(reader, says);
    REQUIRE(reader.finished());
    REQUIRE(reader.available() == 0);
  }

  std::set<repo_id> ids() const {
    std::set<repo_id> result;
    for (auto& x : found.rows)
      result.insert(x.repo_id);
    return result;
  }
};

std::set<repo_id> every(repo_id step, repo_id first, repo_id last) {
  std::set<repo_id> result;
  for (auto id = first; id <= last; id += step)
    result.insert(id);
  return result;
}

void check_done(const lease_reader& uut, int64_t there) {
  CHECK(uut.part().state == partition_state::done);
  CHECK(uut.part().seen == there);
  CHECK(uut.part().expected == there);
  CHECK(uut.part().seen_ids.empty());
}

} // namespace

TEST_CASE("only ids that are listed are asked for", "[listing_reader]") {
  // The range begins and ends in the middle of what there is.
  listed_world github{every(10, 5, 200'000)};
  listing_reader uut{listed_ids(1001, 86'000)};
  CHECK(uut.shape() == query_shape::id_list);
  CHECK(uut.available() == 1);
  listing_reading x;
  x.to_end(uut, github);
  CHECK(x.ids() == every(10, 1005, 85'995));
  CHECK(x.asked == 8500);
  CHECK(x.fields == 85);
  CHECK(x.listings == 86); // one reaches beyond the range
  CHECK(x.found.gone.empty());
  check_done(uut, 8500);
}

TEST_CASE("a range beyond the newest repository is listed once", "[listing_reader]") {
  listed_world github{every(10, 5, 900)};
  listing_reader uut{listed_ids(1001, 86'000)};
  listing_reading x;
  x.to_end(uut, github);
  CHECK(x.listings == 1);
  CHECK(x.fields == 0);
  check_done(uut, 0);
}

TEST_CASE("where nothing can be listed all ids are asked for", "[listing_reader]") {
  listed_world github{every(10, 5, 3000)};
  github.can_list = false;
  auto mode = GENERATE(id_listing::always, id_listing::automatic);
  listing_reader uut{listed_ids(1001, 5000, mode)};
  listing_reading x;
  x.to_end(uut, github);
  CHECK(x.listings == 1);
  CHECK(x.asked == 4000);
  check_done(uut, 200);
}

TEST_CASE("listing that ends in the middle of a range leaves the rest to be asked for",
          "[listing_reader]") {
  listed_world github{every(10, 5, 90'000)};
  listing_reader uut{listed_ids(1, 50'000)};
  listing_reading x;
  while (x.listings < 13)
    x.step(uut, github);
  github.can_list = false;
  x.to_end(uut, github);
  CHECK(x.ids() == every(10, 5, 50'000));
  CHECK(x.found.rows.size() == 5000); // none came twice
  check_done(uut, 5000);
}

TEST_CASE("known repositories that are not listed are gone only if nobody knows them",
          "[listing_reader]") {
  listed_world github{every(10, 5, 100'000)};
  github.unlisted = {2005, 80'005}; // there, but not listed
  listing_reader uut{listed_ids(1, 86'000)};
  CHECK(uut.wants_known() == id_range{1, 86'000});
  uut.know({105, 2005, 3333, 40'000, 80'005, 85'999});
  listing_reading x;
  x.to_end(uut, github);
  CHECK(x.ids() == every(10, 5, 86'000));
  CHECK(x.found.gone == std::vector<repo_id>{3333, 40'000, 85'999});
  check_done(uut, 8600);
}

TEST_CASE("more known repositories than a block has room for are asked for block by block",
          "[listing_reader]") {
  listed_world github{{90'000}};
  std::vector<repo_id> known;
  for (auto id : every(2, 2, 80'000))
    known.push_back(id);
  listing_reader uut{listed_ids(1, 86'000)};
  uut.know(known);
  listing_reading x;
  x.to_end(uut, github);
  CHECK(x.found.gone == known);
  CHECK(x.longest <= static_cast<size_t>(most_listed_ids));
  check_done(uut, 0);
}

TEST_CASE("where a listing shows null all ids in between are asked for", "[listing_reader]") {
  listed_world github{every(7, 7, 60'000)};
  SECTION("single ones") {
    for (repo_id n = 1; n < 8000; n += 37)
      github.null_in_list.insert(7 * n);
  }
  SECTION("the last ones") { github.null_in_list = every(7, 49'007, 60'000); }
  SECTION("the first ones") { github.null_in_list = every(7, 7, 1400); }
  SECTION("all of them") { github.null_in_list = github.ids; }
  listing_reader uut{listed_ids(1, 50'000)};
  listing_reading x;
  x.to_end(uut, github);
  CHECK(x.ids() == every(7, 7, 50'000));
  CHECK(x.found.rows.size() == 7142);
  check_done(uut, 7142);
}

TEST_CASE("a null before a great gap does not make a block too long", "[listing_reader]") {
  listed_world github{{5, 60'000, 60'001, 60'002}};
  github.null_in_list = {60'000};
  listing_reader uut{listed_ids(1, 86'000)};
  listing_reading x;
  x.to_end(uut, github);
  CHECK(x.ids() == github.ids);
  CHECK(x.longest <= static_cast<size_t>(most_listed_ids));
  check_done(uut, 4);
}

TEST_CASE("what comes without data gets another chance when the range ends", "[listing_reader]") {
  listed_world github{every(10, 5, 100'000)};
  auto closed = [](repo_id id) { return id == 1005 || id == 70'005; };
  github.failure = [&](repo_id id) {
    return closed(id) ? field_error::forbidden : field_error::none;
  };
  listing_reader uut{listed_ids(1, 86'000)};
  listing_reading x;
  SECTION("in vain") {
    x.to_end(uut, github);
    CHECK(uut.part().state == partition_state::incomplete);
    CHECK(uut.part().seen_ids == std::vector<repo_id>{1005, 70'005});
    CHECK(uut.part().expected == 8600);
    CHECK(uut.part().seen == 8598);
  }
  SECTION("with success") {
    while (x.listings < 86)
      x.step(uut, github);
    github.failure = {};
    x.to_end(uut, github);
    CHECK(x.found.rows.size() == 8600);
    check_done(uut, 8600);
  }
}

TEST_CASE("whoever takes a listed range over asks again for nothing that is stored",
          "[listing_reader]") {
  listed_world github{every(9, 4, 100'000)};
  github.unlisted = {4, 13, 40'000};
  const std::vector<repo_id> known{4, 13, 50, 40'000, 55'555};
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    auto random = seed;
    auto next = [&random](uint32_t below) {
      random = random * 1664525u + 1013904223u;
      return (random >> 8) % below;
    };
    auto work = listed_ids(1, 60'000);
    listing_reading x;
    std::unique_ptr<lease_reader> uut;
    auto begin = [&](const partition& part) {
      work.part = part;
      uut = make_reader(work);
      if (auto wanted = uut->wants_known()) {
        std::vector<repo_id> ids;
        std::copy_if(known.begin(), known.end(), std::back_inserter(ids),
                     [&](auto id) { return id >= wanted->first && id <= wanted->last; });
        uut->know(ids);
      }
    };
    begin(work.part);
    while (!uut->finished()) {
      x.step(*uut, github);
      if (next(5) == 0 && !uut->finished())
        begin(uut->part());
    }
    CAPTURE(seed);
    CHECK(x.ids() == every(9, 4, 60'000));
    CHECK(x.found.rows.size() == x.ids().size());
    CHECK(x.found.gone == std::vector<repo_id>{50, 55'555});
    check_done(*uut, static_cast<int64_t>(x.ids().size()));
  }
}

TEST_CASE("automatic lists where that spends less", "[listing_reader]") {
  // By the formula a page of 100 ids costs 1/w points unlisted, d requests and d/w points listed.
  struct example {
    repo_id step; // 1/d
    uint32_t width;
    bool lists;
  };
  auto x =
      GENERATE(example{3, 1, true}, example{1, 1, false}, example{2, 1, false}, example{5, 3, true},
               example{4, 3, false}, example{12, 10, true}, example{10, 10, false});
  CAPTURE(x.step, x.width);
  listed_world github{every(x.step, 1, 100'000)};
  listing_reader uut{listed_ids(1, 86'000, id_listing::automatic)};
  uut.learn_width(x.width);
  listing_reading found;
  found.to_end(uut, github);
  auto there = static_cast<int64_t>(every(x.step, 1, 86'000).size());
  check_done(uut, there);
  if (x.lists) {
    CHECK(found.asked == static_cast<size_t>(there));
  } else {
    CHECK(found.listings == 1); // the one that measured
    CHECK(found.asked == 86'000);
  }
}

TEST_CASE("automatic gives listing up where a range becomes dense", "[listing_reader]") {
  auto ids = every(20, 1, 40'000);
  ids.merge(every(1, 40'001, 100'000));
  listed_world github{ids};
  listing_reader uut{listed_ids(1, 80'000, id_listing::automatic)};
  listing_reading x;
  x.to_end(uut, github);
  check_done(uut, 42'000);
  CHECK(x.found.rows.size() == 42'000);
  CHECK(x.listings <= 40);
  CHECK(x.asked < 43'000);
}

TEST_CASE("a range that was begun listed goes on unlisted where listing was switched off",
          "[listing_reader]") {
  listed_world github{every(10, 5, 100'000)};
  auto steps = GENERATE(3, 10, 15, 25);
  listing_reading x;
  auto uut = make_reader(listed_ids(1, 30'000));
  for (auto i = 0; i < steps; ++i)
    x.step(*uut, github);
  auto work = listed_ids(1, 30'000, id_listing::never);
  work.part = uut->part();
  auto listed = x.listings;
  uut = make_reader(work);
  CHECK(!uut->wants_known());
  x.to_end(*uut, github);
  CHECK(x.listings == listed);
  CHECK(x.found.rows.size() == 3000);
  check_done(*uut, 3000);
}
