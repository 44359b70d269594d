#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <thread>

using namespace gitstar;
using namespace gitstar::test;

namespace {

class with_ledger : public with_store {
public:
  void write(std::vector<partition> parts) { store.write(make_batch(std::move(parts))); }

  batch make_batch(std::vector<partition> parts) const {
    batch work;
    work.crawl_id = current.id;
    work.epoch = current.epoch;
    work.observed_at = at(1'795'176'000);
    work.partitions = std::move(parts);
    return work;
  }

  std::vector<partition> open_partitions() {
    return store.open_partitions(current.id, std::numeric_limits<int64_t>::min(), 1000);
  }
};

partition make_partition(int64_t id) {
  partition result;
  result.id = id;
  result.parent_id = -id;
  result.description = "stars:>=10 created:2020-01-01..2020-01-0" + std::to_string(id % 10);
  result.expected = 900;
  result.seen = 3;
  result.duplicates = 2;
  result.lease = 7;
  result.attempts = 1;
  result.pass = 2;
  result.pages_done = 0x8000'0001;
  result.cursor = "Y3Vyc29yOjEwMA==";
  result.seen_ids = {5, std::numeric_limits<repo_id>::max(), -1};
  result.reason = "it's \"short\" of 5 {rows}, with every sort";
  return result;
}

} // namespace

TEST_CASE_METHOD(with_ledger, "every field of an open partition comes back", "[db]") {
  std::vector<partition> parts{make_partition(-9), make_partition(1), make_partition(2)};
  parts[1].seen_ids.clear();
  parts[2].seen_ids.assign(1000, 4'000'000'000);
  write({parts[2], parts[0], parts[1]});
  CHECK(open_partitions() == parts);
}

TEST_CASE_METHOD(with_ledger, "open partitions are listed by id, page by page", "[db]") {
  std::vector<partition> parts;
  for (int64_t id = 1; id <= 10; ++id)
    parts.push_back(make_partition(id));
  parts[4].state = partition_state::done;
  write(parts);
  CHECK(store.open_partitions(current.id, 0, 3) ==
        std::vector<partition>{parts[0], parts[1], parts[2]});
  CHECK(store.open_partitions(current.id, 3, 3) ==
        std::vector<partition>{parts[3], parts[5], parts[6]});
  CHECK(store.open_partitions(current.id, 10, 3).empty());
}

TEST_CASE_METHOD(with_ledger, "a write of an older lease is skipped, its rows are kept", "[db]") {
  auto part = make_partition(1);
  write({part});
  auto late = part;
  late.lease = 6;
  late.seen = 100;
  auto work = make_batch({late});
  work.rows.push_back(make_repository(1));
  store.write(work);
  CHECK(open_partitions() == std::vector<partition>{part});
  CHECK(value<int>("select count(*) from repositories") == 1);

  auto newer = late;
  newer.lease = 8;
  write({newer});
  CHECK(open_partitions() == std::vector<partition>{newer});
}

TEST_CASE_METHOD(with_ledger, "of a partition that a batch repeats the newest lease counts",
                 "[db]") {
  auto a = make_partition(1);
  auto b = a;
  b.lease = 8;
  auto c = b;
  c.seen = 50;
  auto d = a;
  d.seen = 60;
  write({a, b, c, d});
  CHECK(open_partitions() == std::vector<partition>{c});
}

TEST_CASE_METHOD(with_ledger, "writing a partition again does not touch its row", "[db]") {
  write({make_partition(1)});
  auto before = value<std::string>("select concat_ws(' ', xmin, ctid) from partitions");
  write({make_partition(1)});
  CHECK(value<std::string>("select concat_ws(' ', xmin, ctid) from partitions") == before);
}

TEST_CASE_METHOD(with_ledger, "the same name and source take the unfinished crawl over", "[db]") {
  CHECK_FALSE(current.resumed);
  CHECK(current.epoch == 1);
  CHECK(current.state == "running");
  CHECK(current.threshold == -1);
  store.set_state(current.id, current.epoch, "stopped");

  auto again = store.open_crawl({"stars", "search stars:>=10", false});
  CHECK(again.id == current.id);
  CHECK(again.epoch == 2);
  CHECK(again.resumed);
  CHECK(again.state == "running");
  CHECK(again.started_at == current.started_at);

  auto other = store.open_crawl({"stars", "search stars:>=20", false});
  CHECK(other.id != current.id);
  CHECK_FALSE(other.resumed);
}

TEST_CASE_METHOD(with_ledger, "a finished crawl is not resumed", "[db]") {
  auto state = GENERATE("complete", "incomplete", "failed");
  store.set_state(current.id, current.epoch, state);
  CHECK(value<bool>("select finished_at is not null from crawls"));
  auto next = store.open_crawl({"stars", "search stars:>=10", false});
  CHECK(next.id != current.id);
  CHECK_FALSE(next.resumed);
}

TEST_CASE_METHOD(with_ledger, "a fresh crawl abandons the unfinished one and fences it", "[db]") {
  auto fresh = store.open_crawl({"stars", "search stars:>=10", true});
  CHECK(fresh.id != current.id);
  CHECK_FALSE(fresh.resumed);
  CHECK(value<std::string>("select state from crawls order by id limit 1") == "abandoned");
  CHECK_THROWS_AS(write({make_partition(1)}), db::fenced_error);
}

TEST_CASE_METHOD(with_ledger, "a process whose crawl was taken over cannot write", "[db]") {
  store.open_crawl({"stars", "search stars:>=10", false});
  auto work = make_batch({make_partition(1)});
  work.rows.push_back(make_repository(1));
  CHECK_THROWS_AS(store.write(work), db::fenced_error);
  work.threshold = 10;
  CHECK_THROWS_AS(store.write(work), db::fenced_error);
  CHECK_THROWS_AS(store.set_state(current.id, current.epoch, "complete"), db::fenced_error);
  CHECK(value<int>("select count(*) from repositories") == 0);
  CHECK(open_partitions().empty());
}

TEST_CASE_METHOD(with_ledger, "a takeover waits for the write in flight", "[db]") {
  pqxx::connection writer{connection_string()};
  pqxx::work in_flight{writer};
  in_flight.exec("select epoch from crawls where id = " + std::to_string(current.id) +
                 " for share");
  std::thread takeover{[this] {
    db::postgres_store other{connection_string()};
    other.open_crawl({"stars", "search stars:>=10", false});
  }};
  while (value<int>("select count(*) from pg_locks where not granted") == 0)
    std::this_thread::yield();
  CHECK(value<int64_t>("select epoch from crawls") == 1);
  in_flight.commit();
  takeover.join();
  CHECK(value<int64_t>("select epoch from crawls") == 2);
}

TEST_CASE_METHOD(with_ledger, "the threshold is stored with the batch that found it", "[db]") {
  auto work = make_batch({make_partition(1)});
  work.threshold = 123;
  store.write(work);
  CHECK(store.open_crawl({"stars", "search stars:>=10", false}).threshold == 123);
}

TEST_CASE_METHOD(with_ledger, "an unknown crawl state is refused", "[db]") {
  CHECK_THROWS_AS(store.set_state(current.id, current.epoch, "sleeping"), db::store_error);
}

TEST_CASE_METHOD(with_ledger, "the certificate adds up the partitions without the split ones",
                 "[db]") {
  CHECK(store.certify(current.id) == certificate{});
  std::vector<partition> parts;
  const partition_state states[] = {partition_state::open,       partition_state::split,
                                    partition_state::done,       partition_state::done,
                                    partition_state::incomplete, partition_state::dead};
  for (auto state : states) {
    parts.push_back(make_partition(static_cast<int64_t>(parts.size()) + 1));
    parts.back().state = state;
    parts.back().expected = 100;
    parts.back().seen = state == partition_state::done ? 101 : 90;
  }
  parts[0].expected = -1; // not counted yet
  parts[0].seen = 0;
  write(parts);
  certificate expected;
  expected.expected = 400;
  expected.seen = 2 * 101 + 2 * 90;
  expected.duplicates = 5 * 2;
  expected.missing = 20;
  expected.open = 1;
  expected.split = 1;
  expected.done = 2;
  expected.incomplete = 1;
  expected.dead = 1;
  CHECK(store.certify(current.id) == expected);
  CHECK(value<int64_t>("select sum(missing) from certificates where state <> 'split'") == 20);
}

TEST_CASE_METHOD(with_ledger, "budgets survive a restart", "[db]") {
  CHECK(store.load_budgets().empty());
  store.save_budgets({});
  budget_record a;
  a.credential = "alice's token";
  a.limit = 5000;
  a.remaining = 4321;
  a.reset_at = at(1'795'176'000);
  a.banned_until = at(0);
  budget_record b;
  b.credential = "bob";
  b.enabled = false;
  b.reset_at = at(0);
  b.banned_until = at(1'795'179'999);
  store.save_budgets({b, a});
  CHECK(store.load_budgets() == std::vector<budget_record>{a, b});
  a.remaining = 1;
  store.save_budgets({a});
  CHECK(store.load_budgets() == std::vector<budget_record>{a, b});
}

TEST_CASE_METHOD(with_ledger, "a broken connection fails one call and the next reconnects",
                 "[db]") {
  write({make_partition(1)});
  ask("select pg_terminate_backend(pid) from pg_stat_activity "
      "where pid <> pg_backend_pid() and application_name = 'gitstar'");
  try {
    write({make_partition(2)});
    FAIL("the connection was not broken");
  } catch (const db::store_error& error) {
    CHECK(error.transient());
    CHECK(std::string{error.what()}.find('\n') == std::string::npos);
  }
  write({make_partition(2)});
  CHECK(open_partitions().size() == 2);
}
