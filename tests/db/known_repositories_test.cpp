/// Reading known repositories again: which are gone, when each was read, and in what order.
#include "db/change_model.hpp"
#include "db/queries.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

#include <limits>

using namespace gitstar;
using namespace gitstar::test;

namespace {

constexpr int64_t a_day = 86'400;

class with_known : public with_store {
public:
  /// Reads repositories at a time in days before the crawl began.
  batch_receipt read(std::vector<repository> rows, double days_ago,
                     std::vector<repo_id> gone = {}) {
    batch work;
    work.crawl_id = current.id;
    work.epoch = current.epoch;
    work.observed_at =
        current.started_at - std::chrono::seconds{static_cast<int64_t>(days_ago * a_day)};
    work.rows = std::move(rows);
    work.gone = std::move(gone);
    return store.write(work);
  }

  static repository with_stars(repo_id id, int32_t stars) {
    auto result = make_repository(id);
    result.star_count = stars;
    return result;
  }

  std::vector<repo_id> select(known_selection which = everything()) {
    ask("delete from partitions");
    auto chosen = store.select_known(current, which);
    std::vector<repo_id> result;
    for (auto& part : store.open_partitions(current.id, 0, 1000)) {
      CHECK(part.expected == static_cast<int64_t>(part.seen_ids.size()));
      CHECK(part.description == "known " + std::to_string(part.id));
      result.insert(result.end(), part.seen_ids.begin(), part.seen_ids.end());
    }
    CHECK(chosen == static_cast<int64_t>(result.size()));
    return result;
  }

  static known_selection everything() { return {0, 0, 0, std::numeric_limits<int64_t>::max()}; }

  std::string gone() {
    return value<std::string>("select coalesce(string_agg(repo_id::text, ',' order by repo_id), "
                              "'') from repositories where gone_at is not null");
  }
};

} // namespace

TEST_CASE_METHOD(with_known, "a known repository is gone until somebody sees it again", "[db]") {
  read({make_repository(1), make_repository(2), make_repository(3)}, 3);
  read({}, 2, {2, 3, 77});
  CHECK(gone() == "2,3");
  CHECK(value<int64_t>("select count(*) from repositories") == 3);
  auto first = value<std::string>("select gone_at::text from repositories where repo_id = 2");
  read({}, 1, {2});
  CHECK(value<std::string>("select gone_at::text from repositories where repo_id = 2") == first);
  auto receipt = read({make_repository(2)}, 0);
  CHECK(receipt.updated == 1);
  CHECK(receipt.history == 0);
  CHECK(gone() == "3");
}

TEST_CASE_METHOD(with_known, "when a repository was read is known without a row write", "[db]") {
  read({make_repository(1), make_repository(2)}, 9);
  auto receipt = read({make_repository(1)}, 4);
  CHECK(receipt.updated == 0);
  read({make_repository(1)}, 2);
  ask("select compact_repository_checks()");
  auto seen = ask("select id, checks, round(extract(epoch from to_timestamp(" +
                  std::to_string(current.started_at.time_since_epoch().count()) +
                  ") - checked_at) / 86400)::int from repository_checks, unnest(repo_ids) id "
                  "order by id");
  REQUIRE(seen.size() == 2);
  CHECK(seen[0][1].as<int64_t>() == 3);
  CHECK(seen[0][2].as<int64_t>() == 2);
  CHECK(seen[1][1].as<int64_t>() == 1);
  CHECK(seen[1][2].as<int64_t>() == 9);
  auto before = value<int64_t>("select count(*) from repository_checks");
  ask("select compact_repository_checks()");
  CHECK(value<int64_t>("select count(*) from repository_checks") == before);
  auto quantiles = db::staleness({connection_string()}, everything());
  REQUIRE(quantiles.size() == 4);
  CHECK(quantiles[0].seconds / a_day == 2);
  CHECK(quantiles[3].fraction == 1);
  CHECK(quantiles[3].seconds / a_day == 9);
}

TEST_CASE_METHOD(with_known, "those that most likely have changed are selected first", "[db]") {
  // Each is read several times; what came of that, the class and the age differ.
  struct past {
    int32_t stars;
    std::vector<double> days_ago;  // of readings, the star count growing by one at each
    std::vector<double> unchanged; // and of those that show the same
  };
  const std::vector<past> pasts = {{0, {20}, {10, 5, 1}},
                                   {3, {20}, {2}},
                                   {50, {20, 15, 12, 11}, {9, 3}},
                                   {70, {40}, {20, 8}},
                                   {500, {9}, {}},
                                   {2000, {12, 11, 10}, {}},
                                   {2000, {12}, {11, 1}},
                                   {7000, {6}, {}},
                                   {20'000, {30, 20, 10}, {}},
                                   {90'000, {3}, {2, 1}},
                                   {200, {9, 8, 7, 6}, {0.1}}};
  std::vector<std::pair<double, repo_id>> expected;
  for (size_t i = 0; i < pasts.size(); ++i) {
    auto& x = pasts[i];
    auto id = static_cast<repo_id>(i + 1);
    auto stars = x.stars;
    for (auto days : x.days_ago)
      read({with_stars(id, stars++)}, days);
    for (auto days : x.unchanged)
      read({with_stars(id, stars - 1)}, days);
    db::check_history history;
    history.stars = stars - 1;
    history.changes = static_cast<int64_t>(x.days_ago.size()) - 1;
    history.intervals = history.changes + static_cast<int64_t>(x.unchanged.size());
    history.age_days = x.unchanged.empty() ? x.days_ago.back() : x.unchanged.back();
    history.observed_days = x.days_ago.front() - history.age_days;
    expected.emplace_back(-db::change_chance(history), id);
  }
  std::sort(expected.begin(), expected.end());
  std::vector<repo_id> ids;
  for (auto& [chance, id] : expected)
    ids.push_back(id);
  CHECK(select() == ids);
}

TEST_CASE_METHOD(with_known, "age, stars and a limit bound what is selected", "[db]") {
  for (repo_id id = 1; id <= 9; ++id)
    read({with_stars(id, static_cast<int32_t>(10 * id))}, static_cast<double>(id));
  read({}, 0, {9});
  auto which = everything();
  which.older_than_s = 4 * a_day;
  which.stars_last = 70;
  auto found = select(which);
  std::sort(found.begin(), found.end());
  CHECK(found == std::vector<repo_id>{4, 5, 6, 7});
  which.limit = 2;
  CHECK(select(which).size() == 2);
  CHECK(db::count_known({connection_string()}, which) == 2);
  which.limit = 0;
  which.stars_first = 55;
  found = select(which);
  std::sort(found.begin(), found.end());
  CHECK(found == std::vector<repo_id>{6, 7});
}

TEST_CASE_METHOD(with_known, "lists hold a thousand ids each, in order", "[db]") {
  std::vector<repository> rows;
  for (repo_id id = 1; id <= 21'500; ++id)
    rows.push_back(with_stars(id, static_cast<int32_t>(id)));
  read(rows, 1);
  auto found = select();
  CHECK(found.size() == 21'500);
  auto parts = store.open_partitions(current.id, 0, 1000);
  REQUIRE(parts.size() == 22);
  for (size_t i = 0; i < parts.size(); ++i) {
    CHECK(parts[i].id == static_cast<int64_t>(i + 1));
    CHECK(parts[i].seen_ids.size() == (i < 21 ? 1000 : 500));
  }
  CHECK(store.certify(current.id).expected == 21'500);
  std::sort(found.begin(), found.end());
  CHECK(std::unique(found.begin(), found.end()) == found.end());
}

TEST_CASE_METHOD(with_known, "a process that was replaced selects nothing", "[db]") {
  read({make_repository(1)}, 1);
  auto late = current;
  --late.epoch;
  CHECK_THROWS_AS(store.select_known(late, everything()), db::fenced_error);
  CHECK(value<int64_t>("select count(*) from partitions") == 0);
}

TEST_CASE_METHOD(with_known, "a repair of ids goes on with those that are missing", "[db]") {
  partition part;
  part.id = 1;
  part.description = "ids 1-5000";
  part.state = partition_state::incomplete;
  part.expected = 4000;
  part.seen = 3998;
  part.cursor = "50";
  part.lease = 3;
  part.attempts = 2;
  part.seen_ids = {7, 9};
  part.reason = "closed";
  batch work;
  work.crawl_id = current.id;
  work.epoch = current.epoch;
  work.partitions = {part};
  store.write(work);
  store.set_state(current.id, current.epoch, "incomplete");
  store.open_crawl({current.name, current.source, false, true});
  auto open = store.open_partitions(current.id, 0, 10);
  REQUIRE(open.size() == 1);
  part.state = partition_state::open;
  part.lease = 4;
  part.attempts = 0;
  part.reason.clear();
  CHECK(open[0] == part);
}

TEST_CASE_METHOD(with_known, "a crawl knows when the complete one before it began", "[db]") {
  CHECK(current.previous_at == timestamp{});
  store.set_state(current.id, current.epoch, "complete");
  ask("update crawls set started_at = started_at - interval '1 hour'");
  auto next = store.open_crawl({current.name, current.source, false});
  CHECK(next.id != current.id);
  CHECK(next.previous_at == current.started_at - std::chrono::hours{1});
  store.set_state(next.id, next.epoch, "incomplete");
  auto third = store.open_crawl({current.name, current.source, false});
  CHECK(third.previous_at == next.previous_at);
  // And whoever resumes it is told the same.
  CHECK(store.open_crawl({current.name, current.source, false}).previous_at == third.previous_at);
}
