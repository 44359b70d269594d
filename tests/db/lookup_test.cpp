#include "db/lookup.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::test;

namespace {

// 2026-11-16 in UTC: the months of the history that a new database has begin there.
constexpr int64_t seen_first = 1'795'176'000;
constexpr int64_t day = 86'400;

class with_history : public with_store {
public:
  void see(repo_id id, int32_t stars, int64_t when, optional<std::string> language = caf::none) {
    see_all(id, {stars}, when, std::move(language));
  }

  /// The star counts of repositories whose ids begin with `first`.
  void see_all(repo_id first, const std::vector<int32_t>& stars, int64_t when,
               optional<std::string> language = caf::none) {
    batch work;
    work.crawl_id = current.id;
    work.epoch = current.epoch;
    work.observed_at = at(when);
    for (auto count : stars) {
      auto row = make_repository(first + static_cast<repo_id>(work.rows.size()));
      row.star_count = count;
      if (language)
        row.language = language;
      work.rows.push_back(std::move(row));
    }
    store.write(work);
  }

  std::vector<db::ranking_line> rank(db::rank_by by, const std::string& language = "",
                                     int64_t limit = 20, int64_t since = 0) {
    return db::rank_repositories({connection_string()}, {by, language, at(since), limit});
  }
};

} // namespace

TEST_CASE_METHOD(with_history, "a stored repository is found by its name with all that is known",
                 "[db]") {
  see(8, 100, seen_first);
  see(8, 103, seen_first + day);

  auto found = db::find_repository({connection_string()}, "owner1/name8");

  REQUIRE(found);
  auto expected = make_repository(8);
  expected.star_count = 103;
  CHECK(found->repository == expected);
  CHECK(found->first_seen_at == at(seen_first));
  CHECK(found->crawled_at == at(seen_first + day));
  REQUIRE(found->stars.size() == 2);
  CHECK(found->stars[0].star_count == 100);
  CHECK(found->stars[1].observed_at == at(seen_first + day));
  CHECK(found->namesakes.empty());
  CHECK_FALSE(db::find_repository({connection_string()}, "owner1/name9"));
}

TEST_CASE_METHOD(with_history, "of two repositories that had a name the newest one carries it",
                 "[db]") {
  see(8, 100, seen_first);
  see(9, 5, seen_first + day);
  ask("update repositories set full_name = 'owner1/name8' where repo_id = 9");

  auto found = db::find_repository({connection_string()}, "owner1/name8");

  REQUIRE(found);
  CHECK(found->repository.repo_id == 9);
  CHECK(found->namesakes == std::vector<repo_id>{8});
  CHECK_FALSE(found->gone_at);
  // Who is gone had the name.
  ask("update repositories set gone_at = to_timestamp(1795200000) where repo_id = 9");
  found = db::find_repository({connection_string()}, "owner1/name8");
  CHECK(found->repository.repo_id == 8);
  ask("update repositories set gone_at = to_timestamp(1795200001) where repo_id = 8");
  CHECK(db::find_repository({connection_string()}, "owner1/name8")->gone_at ==
        optional<timestamp>{at(1'795'200'000)});
}

TEST_CASE_METHOD(with_history, "who is gone is in no ranking", "[db]") {
  for (repo_id id : {1, 2}) {
    see(id, 10, seen_first);
    see(id, 20, seen_first + 2 * day);
  }
  ask("update repositories set gone_at = now() where repo_id = 1");
  for (auto by : {db::rank_by::stars, db::rank_by::issues, db::rank_by::growth}) {
    auto lines = rank(by, "", 1, seen_first + day);
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].repo_id == 2);
  }
}

TEST_CASE_METHOD(with_history, "a ranking by stars takes one language and so many lines", "[db]") {
  see(1, 10, seen_first);
  see(2, 30, seen_first, std::string{"Rust"});
  see(3, 20, seen_first);
  see(4, 20, seen_first);

  auto all = rank(db::rank_by::stars, "", 3);
  REQUIRE(all.size() == 3);
  CHECK(all[0].full_name == "owner2/name2");
  CHECK(all[0].language == "Rust");
  CHECK(all[0].value == 30);
  CHECK(all[1].full_name == "owner3/name3"); // ties by id
  auto some = rank(db::rank_by::stars, "C++");
  REQUIRE(some.size() == 3);
  CHECK(some[2].value == 10);
}

TEST_CASE_METHOD(with_history, "a ranking by issues leaves out whose number is unknown", "[db]") {
  see(7, 1, seen_first);
  see(9, 1, seen_first);
  see(8, 1, seen_first);
  ask("update repositories set open_issue_count = null where repo_id = 9");

  auto lines = rank(db::rank_by::issues);

  REQUIRE(lines.size() == 2);
  CHECK(lines[0].full_name == "owner1/name8");
  CHECK(lines[0].value == 8);
  CHECK(lines[1].value == 7);
}

TEST_CASE_METHOD(with_history, "growth is measured against the last count seen before", "[db]") {
  see(1, 1000, seen_first); // stands still
  see(2, 100, seen_first);
  see(2, 110, seen_first + day);
  see(2, 150, seen_first + 3 * day);
  see(3, 50, seen_first);
  see(3, 45, seen_first + 2 * day);   // loses
  see(4, 7000, seen_first + 2 * day); // first seen later: found, not grown
  see(4, 7020, seen_first + 3 * day);
  see(5, 100, seen_first);
  see(5, 900, seen_first + day); // before the beginning

  auto lines = rank(db::rank_by::growth, "", 20, seen_first + day);

  REQUIRE(lines.size() == 3);
  CHECK(lines[0].full_name == "owner2/name2");
  CHECK(lines[0].value == 40);
  CHECK(lines[0].baseline == optional<timestamp>{at(seen_first + day)});
  CHECK(lines[1].full_name == "owner4/name4");
  CHECK(lines[1].value == 20);
  CHECK(lines[1].baseline == optional<timestamp>{at(seen_first + 2 * day)});
  CHECK(lines[2].value == -5);
}

TEST_CASE_METHOD(with_history, "who grows most need not be among those with the most stars",
                 "[db]") {
  // More of them than a ranking of three looks at first; nobody gains over 6.
  std::vector<int32_t> before, after;
  for (auto i = 0; i < 200; ++i) {
    before.push_back(1000 + i);
    after.push_back(1000 + i + i % 7);
  }
  see_all(1000, before, seen_first);
  see_all(1000, after, seen_first + 2 * day);
  see(1, 10, seen_first);
  see(1, 90, seen_first + 2 * day);
  see(2, 0, seen_first);
  see(2, 6, seen_first + 2 * day); // the bound itself, and the lower id
  see(3, 0, seen_first);
  see(3, 5, seen_first + 2 * day);
  see(4, 30, seen_first + 2 * day); // found late
  see(4, 50, seen_first + 3 * day);

  auto lines = rank(db::rank_by::growth, "", 3, seen_first + day);

  REQUIRE(lines.size() == 3);
  CHECK(lines[0].repo_id == 1);
  CHECK(lines[0].value == 80);
  CHECK(lines[1].repo_id == 4);
  CHECK(lines[1].value == 20);
  CHECK(lines[1].baseline == optional<timestamp>{at(seen_first + 2 * day)});
  CHECK(lines[2].repo_id == 2);
  CHECK(lines[2].value == 6);
}

TEST_CASE_METHOD(with_history, "little growth among very many repositories is found as well",
                 "[db]") {
  see_all(10, std::vector<int32_t>(100'000, 50), seen_first);
  see_all(10, std::vector<int32_t>(3, 51), seen_first + 2 * day);
  see_all(100'008, {51, 53}, seen_first + 2 * day);

  auto lines = rank(db::rank_by::growth, "", 4, seen_first + day);

  REQUIRE(lines.size() == 4);
  CHECK(lines[0].repo_id == 100'009);
  CHECK(lines[0].value == 3);
  CHECK(lines[1].repo_id == 10);
  CHECK(lines[3].repo_id == 12);
  CHECK(lines[3].value == 1);
}
