#include "actors/id_reader.hpp"

#include "actors/census_source.hpp"

#include <catch2/catch.hpp>

#include <functional>
#include <set>

using namespace gitstar;

namespace {

lease leased_ids(repo_id first, repo_id last) {
  lease x;
  x.shape = query_shape::nodes;
  x.part.description = to_string(id_range{first, last});
  x.part.expected = last - first + 1;
  return x;
}

lease list(std::vector<repo_id> ids) {
  lease x;
  x.shape = query_shape::nodes;
  x.part.description = "known 1";
  x.part.expected = static_cast<int64_t>(ids.size());
  x.part.seen_ids = std::move(ids);
  return x;
}

/// What GitHub says of one id; `none`: there is such a repository.
using fates = std::function<field_error(repo_id)>;

field_answer answer(const search_field& field, const fates& says) {
  field_answer result;
  for (uint32_t i = 0; i < field.ids.size(); ++i) {
    auto error = says(field.ids[i]);
    if (error != field_error::none) {
      result.lacking.push_back({i, error});
      continue;
    }
    repository row;
    row.repo_id = field.ids[i];
    result.repositories.push_back(row);
  }
  return result;
}

/// What reading has given, and what it cost.
struct id_reading {
  findings found;
  size_t fields = 0;
  size_t stalls = 0;
  size_t widest = 0;

  void step(id_reader& reader, const fates& says) {
    auto page = reader.next_page();
    REQUIRE(page);
    auto field = reader.field(*page);
    REQUIRE(!field.ids.empty());
    widest = std::max(widest, field.ids.size());
    auto came = answer(field, says);
    stalls += !reader.absorb(*page, came, found);
    ++fields;
  }

  void to_end(id_reader& reader, const fates& says) {
    for (auto i = 0; i < 5000 && !reader.finished(); ++i)
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

field_error odd_ids_are_holes(repo_id id) {
  return id % 2 == 1 ? field_error::not_found : field_error::none;
}

field_error all_are_there(repo_id) { return field_error::none; }

} // namespace

TEST_CASE("a range is read in fields of a hundred ids, and holes are not expected", "[id_reader]") {
  id_reader uut{leased_ids(1001, 6050)};
  CHECK(uut.available() == page_window);
  id_reading x;
  x.to_end(uut, odd_ids_are_holes);
  CHECK(x.fields == 51);
  CHECK(x.widest == 100);
  CHECK(x.ids().size() == 2525);
  CHECK(x.found.rows.size() == 2525);
  CHECK(x.found.gone.size() == 2525);
  CHECK(uut.part().state == partition_state::done);
  CHECK(uut.part().seen == 2525);
  CHECK(uut.part().expected == 2525);
  CHECK(uut.part().seen_ids.empty());
}

TEST_CASE("whoever takes a range over asks again for no page that is stored", "[id_reader]") {
  // Answers come out of order, and after each one the reader may be replaced.
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    auto random = seed;
    auto next = [&random](uint32_t below) {
      random = random * 1664525u + 1013904223u;
      return (random >> 8) % below;
    };
    auto work = leased_ids(1, 9950);
    auto uut = std::make_unique<id_reader>(work);
    std::set<repo_id> stored;
    std::vector<std::pair<uint32_t, search_field>> under_way;
    findings found;
    while (!uut->finished()) {
      while (under_way.size() < 1 + next(8))
        if (auto page = uut->next_page())
          under_way.emplace_back(*page, uut->field(*page));
        else
          break;
      auto chosen = next(static_cast<uint32_t>(under_way.size()));
      auto [page, field] = under_way[chosen];
      under_way.erase(under_way.begin() + chosen);
      auto came = answer(field, odd_ids_are_holes);
      for (auto& row : came.repositories)
        REQUIRE(stored.insert(row.repo_id).second);
      uut->absorb(page, came, found);
      if (next(10) == 0 && !uut->finished()) {
        work.part = uut->part();
        uut = std::make_unique<id_reader>(work);
        under_way.clear();
      }
    }
    CHECK(uut->part().seen == 4975);
    CHECK(uut->part().expected == 4975);
    CHECK(stored.size() == 4975);
  }
}

TEST_CASE("only what an answer lacks is asked again", "[id_reader]") {
  id_reader uut{leased_ids(1, 100)};
  id_reading x;
  x.step(uut, [&](repo_id id) { return id > 90 ? field_error::transient : odd_ids_are_holes(id); });
  CHECK(x.found.rows.size() == 45);
  auto page = uut.next_page();
  REQUIRE(page);
  CHECK(uut.field(*page).ids == std::vector<repo_id>{91, 92, 93, 94, 95, 96, 97, 98, 99, 100});
  uut.put_back(*page);
  x.to_end(uut, odd_ids_are_holes);
  CHECK(uut.part().expected == 50);
  CHECK(x.ids().size() == 50);
}

TEST_CASE("a null without NOT_FOUND is never a hole", "[id_reader]") {
  id_reader uut{leased_ids(1, 300)};
  auto says = [](repo_id id) {
    if (id == 7)
      return field_error::forbidden;
    return id == 150 ? field_error::transient : field_error::none;
  };
  id_reading x;
  x.to_end(uut, says);
  CHECK(uut.part().state == partition_state::incomplete);
  CHECK(uut.part().expected == 300);
  CHECK(uut.part().seen == 298);
  CHECK(uut.part().seen_ids == std::vector<repo_id>{7, 150});
  CHECK(uut.part().reason.starts_with("2 repositories are there but"));
  CHECK(x.found.gone.empty());
  SECTION("and a repair asks for these alone") {
    lease again;
    again.part = uut.part();
    again.part.state = partition_state::open;
    id_reader repair{again};
    CHECK(repair.available() == 1);
    id_reading y;
    y.to_end(repair, all_are_there);
    CHECK(y.fields == 1);
    CHECK(y.ids() == std::set<repo_id>{7, 150});
    CHECK(repair.part().state == partition_state::done);
    CHECK(repair.part().expected == 300);
    CHECK(repair.part().seen == 300);
    CHECK(repair.part().seen_ids.empty());
  }
}

TEST_CASE("an id without data gets four tries and another four at the end", "[id_reader]") {
  id_reader uut{leased_ids(1, 100)};
  auto tries = 0;
  id_reading x;
  x.to_end(uut, [&](repo_id id) {
    tries += id == 50;
    return id == 50 && tries <= 4 ? field_error::transient : field_error::none;
  });
  CHECK(tries == 5);
  CHECK(x.stalls == 2); // nothing came but the same null
  CHECK(uut.part().state == partition_state::done);
  CHECK(uut.part().seen == 100);
}

TEST_CASE("after a resource limit fewer ids are asked for at once", "[id_reader]") {
  id_reader uut{leased_ids(1, 400)};
  id_reading x;
  size_t most = 30;
  auto page = uut.next_page();
  while (page) {
    auto field = uut.field(*page);
    auto limited = field.ids.size() > most;
    auto came = answer(
        field, [&](repo_id) { return limited ? field_error::resource_limit : field_error::none; });
    CHECK(uut.absorb(*page, came, x.found));
    ++x.fields;
    REQUIRE(x.fields < 100);
    page = uut.next_page();
  }
  CHECK(uut.part().state == partition_state::done);
  CHECK(x.ids().size() == 400);
}

TEST_CASE("who failed before asks for less", "[id_reader]") {
  auto work = leased_ids(1, 400);
  work.part.attempts = 3;
  id_reader uut{work};
  CHECK(uut.field(*uut.next_page()).ids.size() == 12);
  work.part.attempts = 40;
  id_reader least{work};
  CHECK(least.field(*least.next_page()).ids.size() == 1);
}

TEST_CASE("a list is read to its end, and names what is gone", "[id_reader]") {
  std::vector<repo_id> ids;
  for (repo_id id = 1; id <= 250; ++id)
    ids.push_back(3 * id);
  id_reader uut{list(ids)};
  CHECK(uut.available() == 3);
  id_reading x;
  x.to_end(uut, [](repo_id id) { return id == 30 ? field_error::not_found : field_error::none; });
  CHECK(x.fields == 3);
  CHECK(x.found.gone == std::vector<repo_id>{30});
  CHECK(uut.part().state == partition_state::done);
  CHECK(uut.part().expected == 249);
  CHECK(uut.part().seen == 249);
}

TEST_CASE("a page of a list that lacks something is read again after a crash", "[id_reader]") {
  std::vector<repo_id> ids;
  for (repo_id id = 1; id <= 200; ++id)
    ids.push_back(id);
  auto work = list(ids);
  id_reading x;
  auto says = [](repo_id id) { return id == 5 ? field_error::forbidden : field_error::none; };
  {
    id_reader uut{work};
    x.step(uut, says);
    work.part = uut.part();
  }
  CHECK(work.part.seen == 0);
  id_reader uut{work};
  CHECK(uut.available() == 2);
  x.to_end(uut, says);
  CHECK(uut.part().state == partition_state::incomplete);
  CHECK(uut.part().seen == 199);
  CHECK(uut.part().expected == 200);
  CHECK(uut.part().seen_ids == std::vector<repo_id>{5});
}

TEST_CASE("an answer about another repository settles nothing", "[id_reader]") {
  id_reader uut{list({1, 2})};
  findings found;
  auto page = *uut.next_page();
  field_answer wrong;
  wrong.repositories.resize(2);
  wrong.repositories[0].repo_id = 2;
  wrong.repositories[1].repo_id = 99;
  CHECK(uut.absorb(page, wrong, found));
  CHECK(found.rows.size() == 1);
  CHECK(uut.field(*uut.next_page()).ids == std::vector<repo_id>{1});
}

TEST_CASE("a census has few partitions, however many ids there are", "[census_source]") {
  crawl run;
  run.id = 3;
  for (auto last : {repo_id{1}, repo_id{3200}, repo_id{100'000}, repo_id{1'420'000'000}}) {
    auto roots = census_source{{1, last}}.roots(run);
    CHECK(roots.size() <= census_source::most_partitions);
    repo_id next = 1;
    std::set<int64_t> ids;
    for (auto& part : roots) {
      auto range = parse_id_range(part.description);
      REQUIRE(range);
      REQUIRE(range->first == next);
      REQUIRE(part.expected == range->size());
      next = range->last + 1;
      ids.insert(part.id);
    }
    CHECK(next == last + 1);
    CHECK(ids.size() == roots.size());
  }
  CHECK(census_source{{1, 100'000}}.roots(run).size() == 32);
  CHECK(census_source{{5, 9}}.text() == "census: 5-9");
}

TEST_CASE("a list whose ids are lost is incomplete, one that lacks none is done", "[id_reader]") {
  auto work = list({});
  CHECK(id_reader{work}.part().state == partition_state::done);
  work.part.expected = 10;
  work.part.seen = 7;
  id_reader lost{work};
  CHECK(lost.finished());
  CHECK(lost.part().state == partition_state::incomplete);
  CHECK(lost.part().reason == "which repositories it lacks is not known any more");
}
