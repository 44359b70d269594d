/// Buckets move between databases: nothing is lost, doubled or stale, whoever writes and whoever is
/// killed.
#include "db/bucket_map.hpp"
#include "db/reshard.hpp"
#include "db/shards.hpp"
#include "messages/metadata/registry.hpp"
#include "tests/db/test_shards.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <map>
#include <numeric>
#include <thread>

using namespace gitstar;
using namespace gitstar::test;
using Catch::Contains;

namespace {

class with_reshard : public with_shards {
public:
  db::reshard_report reshard() {
    return db::reshard(connection_strings(), [](auto&) {});
  }

  /// Few repositories for their ids, up to 210 million: most runs of most buckets are empty.
  void write_scattered(repo_id count) {
    auto work = make_batch(1, 0);
    for (repo_id i = 1; i <= count; ++i)
      work.rows.push_back(make_repository(i * 70'001));
    store().write(work);
  }

  /// How often each repository was read and when last, as the entries of all databases say
  /// together.
  std::vector<std::string> checks() {
    std::map<std::string, std::pair<int64_t, std::string>> found;
    for (size_t i = 0; i < connection_strings().size(); ++i)
      for (const auto& row : ask(i, "select id, sum(checks), max(checked_at) "
                                    "from repository_checks, unnest(repo_ids) id group by id")) {
        auto& x = found[row[0].c_str()];
        x.first += row[1].as<int64_t>();
        x.second = std::max(x.second, std::string{row[2].c_str()});
      }
    std::vector<std::string> result;
    for (auto& [id, x] : found)
      result.push_back(id + ": " + std::to_string(x.first) + " until " + x.second);
    return result;
  }

  /// The store with databases added that hold nothing yet.
  void grow(size_t databases) {
    while (connection_strings().size() < databases)
      connection_strings().push_back(add_database());
    open();
  }

  static std::vector<std::string> tables() {
    std::vector<std::string> result{"repositories", "star_history", "metadata_watermarks"};
    for (const auto* kind : metadata::all_kinds())
      result.emplace_back(kind->name);
    return result;
  }

  /// Everything about repositories, whichever database it lies in.
  std::vector<std::string> content() {
    std::vector<std::string> result;
    for (size_t i = 0; i < connection_strings().size(); ++i)
      for (const auto& table : tables())
        for (const auto& row : ask(i, "select r::text from " + table + " r"))
          result.push_back(row[0].as<std::string>());
    std::sort(result.begin(), result.end());
    return result;
  }

  /// Rows that lie where their bucket is not.
  int64_t misplaced() {
    int64_t result = 0;
    for (size_t i = 0; i < connection_strings().size(); ++i) {
      std::string owned = "-1";
      for (const auto& row :
           ask(0, "select bucket from buckets where shard = " + std::to_string(i)))
        owned += ", " + row[0].as<std::string>();
      auto places = tables();
      places.emplace_back("(select unnest(repo_ids) as repo_id from repository_checks) c");
      places.emplace_back("(select unnest(repo_ids) as repo_id from departing_checks) c");
      for (const auto& ids : places)
        result += std::stoll(value(i, "select count(*) from " + ids +
                                          " where bucket_of(repo_id) not in (" + owned + ")"));
    }
    return result;
  }

  std::string unsettled() {
    return value(0, "select count(*) from buckets where coalesce(moving_to, leaving) is not null");
  }
};

} // namespace

TEST_CASE("as few buckets move as have to", "[db][reshard]") {
  std::vector<int> all_in_one(1024, 0);
  CHECK(db::plan_moves(all_in_one, 1).empty());
  auto moves = db::plan_moves(all_in_one, 3);
  CHECK(moves.size() == 682); // 342 stay
  auto spread = all_in_one;
  for (auto& x : moves) {
    CHECK(x.from == 0);
    spread[static_cast<size_t>(x.bucket)] = x.to;
  }
  CHECK(std::count(spread.begin(), spread.end(), 1) == 341);
  CHECK(std::count(spread.begin(), spread.end(), 2) == 341);
  CHECK(db::plan_moves(spread, 3).empty());
  CHECK(db::plan_moves(spread, 4).size() == 256);
}

TEST_CASE_METHOD(with_reshard, "repositories move with their histories", "[db][reshard]") {
  auto [before, after] = GENERATE(std::pair<size_t, size_t>{1, 2}, std::pair<size_t, size_t>{2, 3});
  make(before);
  write(1, 40'000);
  write(1, 20'000, 5); // a second row of history
  auto wanted = content();
  REQUIRE(wanted.size() == 100'000);
  grow(after);
  auto done = reshard();
  CHECK(done.moved == (before == 1 ? 512 : 341));
  CHECK(done.moved == done.to_move);
  CHECK(std::accumulate(done.buckets.begin(), done.buckets.end(), 0) == 1024);
  CHECK(content() == wanted);
  CHECK(misplaced() == 0);
  CHECK(unsettled() == "0");
  CHECK(std::stoll(value(after - 1, "select count(*) from repositories")) > 5000);
  auto again = reshard();
  CHECK(again.moved == 0);
  CHECK(write(1, 20'000, 5).updated == 0);
  CHECK(stored() == 40'000);
}

TEST_CASE_METHOD(with_reshard, "repositories move with their metadata", "[db][reshard][metadata]") {
  make(2);
  auto work = make_batch(1, 4000);
  work.metadata = {{"pull_request_commits", {}}, {"issue_comments", {}}};
  for (repo_id id = 1; id <= 4000; ++id) {
    auto text = std::to_string(id);
    for (const auto* sha : {"a", "b"})
      work.metadata[0].rows.push_back({{text, std::string{"7"}, std::string{sha}, text}});
    work.metadata[1].rows.push_back(
        {{text, text, std::string{"7"}, caf::none, std::string{"NONE"},
          std::string{"a \"body\" \xe6\xbc\xa2"}, std::string{"2026-01-02T03:04:05Z"},
          std::string{"2026-01-02T03:04:05Z"}}});
    work.watermarks.push_back({id, "issues", at(id), R"({"cursor": "x"})"});
  }
  CHECK(store().write(work).items_inserted == 12'000);
  CHECK(misplaced() == 0);
  batch gone = make_batch(1, 0);
  for (auto text : {"1", "300", "700"})
    gone.lists.push_back({"issue_comments", {"repo_id", "number"}, {text, "7"}, {}});
  CHECK(store().write(gone).items_gone == 3);
  auto wanted = content();
  REQUIRE(wanted.size() == 24'000);
  grow(3);
  CHECK(reshard().moved == 341);
  CHECK(content() == wanted);
  CHECK(misplaced() == 0);
  work.epoch = current().epoch;
  CHECK(store().write(work).items_updated == 3); // those that were gone
}

TEST_CASE_METHOD(with_reshard, "writers go on while buckets move", "[db][reshard]") {
  make(2);
  write(1, 30'000);
  grow(3);
  std::atomic<bool> over{false};
  std::atomic<int32_t> rounds{0};
  std::vector<std::string> failures(2);
  std::vector<std::thread> writers;
  // Each writer has its own half of the ids, so that the last value is known.
  for (int i = 0; i < 2; ++i)
    writers.emplace_back([&, i] {
      db::sharded_store own{connection_strings()};
      try {
        for (int32_t more = 1; !over || more <= 3; ++more) {
          for (repo_id first = 1 + i * 15'000; first < (i + 1) * 15'000; first += 1500)
            own.write(make_batch(first, first + 1499, more));
          ++rounds;
        }
        own.write(make_batch(1 + i * 15'000, (i + 1) * 15'000, 1000));
      } catch (const std::exception& failure) {
        failures[static_cast<size_t>(i)] = failure.what();
      }
    });
  auto done = reshard();
  over = true;
  for (auto& x : writers)
    x.join();
  CHECK(failures == std::vector<std::string>(2));
  CHECK(done.moved == 341);
  CHECK(rounds >= 2);
  CHECK(misplaced() == 0);
  CHECK(stored() == 30'000);
  for (size_t i = 0; i < 3; ++i) {
    CAPTURE(i);
    CHECK(value(i, "select count(*) from repositories where star_count <> repo_id % 1000 + 1000") ==
          "0");
    // The newest of a repository's history is what it has.
    CHECK(value(i, "select count(*) from repositories r where not exists (select from star_history "
                   "h where h.repo_id = r.repo_id and h.star_count = r.star_count)") == "0");
  }
}

TEST_CASE_METHOD(with_reshard, "what was killed goes on", "[db][reshard]") {
  make(2);
  write(1, 20'000);
  auto wanted = content();
  grow(3);
  int heard = 0;
  for (auto stop_after : {1, 7, 50}) {
    heard = 0;
    auto die = [&](const db::reshard_report&) {
      if (++heard > stop_after)
        throw std::runtime_error("killed");
    };
    CHECK_THROWS(db::reshard(connection_strings(), die, 1)); // one bucket at a time
  }
  auto done = reshard();
  CHECK(done.moved == 341 - 1 - 7 - 50);
  CHECK(content() == wanted);
  CHECK(misplaced() == 0);
}

TEST_CASE_METHOD(with_reshard, "a bucket belongs to its new shard before the ledger says so",
                 "[db][reshard]") {
  make(2);
  write(1, 20'000);
  auto before = content();
  grow(3);
  db::sharded_store old_map{connection_strings()};
  old_map.write(make_batch(1, 1));
  // The ledger cannot follow: as good as a kill between the two commits.
  ask(0, "alter table buckets add constraint never check (leaving is null or leaving = 0)");
  CHECK_THROWS_AS(reshard(), db::store_error);
  CHECK(std::stoi(value(1, "select count(*) from departed_buckets")) > 1);
  CHECK(value(1, "select count(distinct map_version) from departed_buckets") == "1");
  auto bucket = value(1, "select min(bucket) from departed_buckets");
  CHECK(value(0, "select shard from buckets where bucket = " + bucket) == "1");
  auto id = std::stoll(bucket) * 256 + 1;
  // Who knows only the old map, and who reads the ledger now, write to the new shard.
  old_map.write(make_batch(id, id, 7));
  auto stars = "select star_count from repositories where repo_id = " + std::to_string(id);
  auto of = [&](int32_t more) { return std::to_string(make_repository(id).star_count + more); };
  CHECK(value(2, stars) == of(7));
  CHECK(value(1, stars) == of(0));
  db::sharded_store new_map{connection_strings()};
  new_map.write(make_batch(id, id, 9));
  CHECK(value(2, stars) == of(9));
  ask(0, "alter table buckets drop constraint never");
  reshard();
  CHECK(value(2, stars) == of(9));
  CHECK(stored() == 20'000);
  CHECK(misplaced() == 0);
  CHECK(content().size() == before.size() + 2); // two rows of history
}

TEST_CASE_METHOD(with_reshard, "repositories that are far apart move as well", "[db][reshard]") {
  make(1);
  write_scattered(3000);
  auto wanted = content();
  grow(2);
  auto at_once = GENERATE(int64_t{500}, int64_t{20'000});
  auto done = db::reshard(
      connection_strings(), [](auto&) {}, at_once);
  CHECK(done.moved == 512);
  CHECK(done.repositories > 1000);
  CHECK(content() == wanted);
  CHECK(misplaced() == 0);
}

TEST_CASE_METHOD(with_reshard, "what is known of reads moves once, whoever is killed",
                 "[db][reshard]") {
  make(2);
  write(1, 20'000);
  write(5000, 9000);
  auto wanted = checks();
  REQUIRE(wanted.size() == 20'000);
  grow(3);
  // Nothing arrives; then it arrives and cannot be forgotten where it came from.
  ask(2, "alter table repository_checks add constraint never check (checks < 0)");
  CHECK_THROWS_AS(reshard(), db::store_error);
  ask(2, "alter table repository_checks drop constraint never");
  ask(1, "create function refuse() returns trigger language plpgsql as "
         "$$ begin raise 'no'; end $$; "
         "create trigger refuse before delete on departing_checks "
         "for each row execute function refuse()");
  CHECK_THROWS_AS(reshard(), db::store_error);
  CHECK(value(1, "select count(*) from departing_checks") != "0");
  CHECK(value(2, "select count(*) from repository_checks") != "0");
  CHECK(unsettled() != "0");
  ask(1, "drop trigger refuse on departing_checks");
  CHECK(reshard().moved == 0);
  CHECK(checks() == wanted);
  CHECK(misplaced() == 0);
  CHECK(unsettled() == "0");
  CHECK(value(1, "select count(*) from departing_checks") == "0");
}

TEST_CASE_METHOD(with_reshard, "a copy that differs keeps the bucket where it is",
                 "[db][reshard]") {
  make(1);
  write(1, 20'000);
  auto wanted = content();
  grow(2);
  ask(1,
      "create function spoil() returns trigger language plpgsql as "
      "$$ begin new.star_count := new.star_count + 1; return new; end $$; "
      "create trigger spoil before insert on repositories for each row execute function spoil()");
  CHECK_THROWS_WITH(reshard(), Contains("differs from its copy on shard 1"));
  CHECK(value(0, "select count(*) from buckets where shard <> 0 or leaving is not null") == "0");
  CHECK(value(0, "select count(*) from repositories") == "20000");
  ask(1, "drop trigger spoil on repositories");
  reshard();
  CHECK(content() == wanted);
}

TEST_CASE_METHOD(with_reshard, "one process at a time moves buckets", "[db][reshard]") {
  make(1);
  write(1, 1000);
  grow(2);
  std::string refused;
  db::reshard(connection_strings(), [&](const db::reshard_report& so_far) {
    if (so_far.moved == 0)
      return;
    try {
      reshard();
    } catch (const db::store_error& failure) {
      refused = failure.what();
    }
  });
  CHECK(refused == "another gitstar reshard is moving buckets of this store");
}

TEST_CASE_METHOD(with_reshard, "a store that knows fewer databases says so", "[db][reshard]") {
  make(1);
  write(1, 1000);
  db::sharded_store old_list{connection_strings()};
  old_list.write(make_batch(1, 1));
  grow(2);
  reshard();
  CHECK_THROWS_WITH(old_list.write(make_batch(1, 100'000)),
                    Contains("but store.postgres lists only 1"));
}

TEST_CASE_METHOD(with_reshard, "stores that are divided differently exchange buckets",
                 "[db][reshard]") {
  make(1);
  write(1, 20'000);
  auto wanted = content();
  auto other = add_database();
  db::migrate(other, db::built_in_migrations(),
              config::partitioning{config::partitioning::method::range, 5000});
  connection_strings().push_back(other);
  open();
  reshard();
  CHECK(content() == wanted);
  CHECK(value(1, "select count(*) from pg_inherits where inhparent = 'repositories'::regclass") !=
        "0");
}
