#include "actors/owner_reader.hpp"

#include "actors/owners_source.hpp"

#include <catch2/catch.hpp>

#include <set>

using namespace gitstar;

namespace {

lease owner(const std::string& login, bool forks = true) {
  lease x;
  x.shape = query_shape::owner_page;
  x.forks = forks;
  x.part.description = owner_description(login);
  return x;
}

/// A list of repositories with the ids 1 to `count`, as GitHub pages it; every third is a fork.
field_answer page_of(const search_field& field, int64_t count, std::set<repo_id> nulls = {}) {
  auto begin = field.after.empty() ? 0 : std::stoll(field.after.substr(2));
  auto end = std::min<int64_t>(begin + 100, count);
  field_answer result;
  result.match_count = count;
  for (auto id = begin + 1; id <= end; ++id) {
    if (nulls.contains(id)) {
      ++result.null_count;
      continue;
    }
    repository row;
    row.repo_id = id;
    row.is_fork = id % 3 == 0;
    result.repositories.push_back(row);
  }
  result.has_next_page = end < count;
  if (end > begin)
    result.end_cursor = "v2" + std::to_string(end);
  return result;
}

} // namespace

TEST_CASE("an owner's list is read page after page", "[owner_reader]") {
  auto forks = GENERATE(true, false);
  auto work = owner("octocat", forks);
  findings found;
  auto pages = 0;
  // Whoever takes over goes on behind the last page.
  for (;;) {
    owner_reader uut{work};
    REQUIRE(uut.available() == 1);
    auto page = *uut.next_page();
    CHECK(uut.available() == 0);
    CHECK(uut.field(page).query == "octocat");
    auto answer = page_of(uut.field(page), 250);
    CHECK(uut.absorb(page, answer, found));
    ++pages;
    work.part = uut.part();
    if (uut.finished())
      break;
    CHECK(work.part.expected > work.part.seen);
  }
  CHECK(pages == 3);
  CHECK(work.part.state == partition_state::done);
  CHECK(work.part.seen == (forks ? 250 : 167));
  CHECK(work.part.expected == work.part.seen);
  CHECK(found.rows.size() == static_cast<size_t>(work.part.seen));
}

TEST_CASE("an owner without repositories is done", "[owner_reader]") {
  owner_reader uut{owner("empty")};
  findings found;
  auto answer = page_of(uut.field(*uut.next_page()), 0);
  uut.absorb(0, answer, found);
  CHECK(uut.part().state == partition_state::done);
  CHECK(uut.part().expected == 0);
}

TEST_CASE("what comes as null is asked for once more, and then missing", "[owner_reader]") {
  owner_reader uut{owner("octocat")};
  findings found;
  auto pages = 0;
  auto cured = GENERATE(true, false);
  while (!uut.finished()) {
    auto page = *uut.next_page();
    auto again = ++pages > 2;
    auto answer =
        page_of(uut.field(page), 150, again && cured ? std::set<repo_id>{} : std::set<repo_id>{7});
    uut.absorb(page, answer, found);
    REQUIRE(pages < 10);
  }
  CHECK(pages == 4);
  CHECK(uut.part().expected == 150);
  CHECK(uut.part().seen == (cured ? 150 : 149));
  CHECK(uut.part().state == (cured ? partition_state::done : partition_state::incomplete));
  if (!cured)
    CHECK(uut.part().reason == "read twice, 1 of 150 did not turn up, 1 came as null");
}

TEST_CASE("an owner that does not exist is recorded with the reason", "[owner_reader]") {
  owner_reader uut{owner("nobody")};
  findings found;
  uut.next_page();
  field_answer answer;
  answer.error = field_error::transient;
  CHECK_FALSE(uut.settles(0, answer, found));
  answer.error = field_error::not_found;
  answer.message = "Could not resolve to a User with the login of 'nobody'.";
  CHECK(uut.settles(0, answer, found));
  CHECK(uut.finished());
  CHECK(uut.part().state == partition_state::incomplete);
  CHECK(uut.part().reason == "no such user or organization: " + answer.message);
}

TEST_CASE("each owner is a partition, however it is spelt", "[owners_source]") {
  owners_source uut{{"b", "A", "B", "a"}, false};
  crawl run;
  run.id = 1;
  auto roots = uut.roots(run);
  REQUIRE(roots.size() == 2);
  CHECK(roots[0].description == "owner a");
  CHECK(roots[1].description == "owner b");
  CHECK(uut.text() == "owners: a b");
  std::vector<std::string> many;
  for (auto i = 0; i < 100; ++i)
    many.push_back("o" + std::to_string(i));
  owners_source long_list{many, true};
  CHECK(long_list.text().starts_with("owners with forks: 100, list "));
  many.back() = "another";
  CHECK(long_list.text() != owners_source(many, true).text());
}
