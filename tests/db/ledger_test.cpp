#include "db/connection.hpp"
#include "db/queries.hpp"
#include "db/sqlstate.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

#include <limits>
#include <thread>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

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

TEST_CASE_METHOD(with_ledger, "a partition that has ended stays as it is, whatever the lease",
                 "[db]") {
  auto state = GENERATE(partition_state::done, partition_state::incomplete, partition_state::dead,
                        partition_state::split);
  auto ended = make_partition(1);
  ended.state = state;
  write({ended});
  auto late = make_partition(1);
  late.lease = GENERATE(7, 8);
  late.seen = 1;
  write({late});
  CHECK(open_partitions().empty());
  CHECK(value<std::string>("select concat_ws(' ', state, seen, lease) from partitions") ==
        to_string(state) + " 3 7");
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
  store.save_budgets(current.id, current.epoch, {});
  budget_record a;
  a.credential = "alice's token";
  a.limit = 5000;
  a.remaining = 4321;
  a.reset_at = at(1'795'176'000);
  a.banned_until = at(0);
  a.bans = 2;
  a.paused_until = at(1'795'172'460);
  a.refusals = 1;
  a.minute_at = at(1'795'172'400);
  a.minute_queries = 1999;
  a.minute_response = milliseconds{59'001};
  a.unsaved_queries = 100;
  a.unsaved_response = milliseconds{6000};
  budget_record b;
  b.credential = "bob";
  b.enabled = false;
  b.reset_at = at(0);
  b.banned_until = at(1'795'179'999);
  b.viewer_id = int64_t{1} << 40;
  b.day = at(1'795'132'800);
  b.spent_today = 4'999;
  b.benched = true;
  store.save_budgets(current.id, current.epoch, {b, a});
  CHECK(store.load_budgets() == std::vector<budget_record>{a, b});
  a.remaining = 1;
  store.save_budgets(current.id, current.epoch, {a});
  CHECK(store.load_budgets() == std::vector<budget_record>{a, b});
  // Each resource has rows of its own.
  auto rest = a;
  rest.what = resource::core;
  rest.remaining = 4'999;
  store.save_budgets(current.id, current.epoch, {rest});
  CHECK(store.load_budgets() == std::vector<budget_record>{a, b, rest});
  rest.remaining = 4'998;
  a.remaining = 0;
  store.save_budgets(current.id, current.epoch, {rest, a});
  CHECK(store.load_budgets() == std::vector<budget_record>{a, b, rest});
}

TEST_CASE_METHOD(with_ledger, "who has been replaced does not save budgets", "[db]") {
  budget_record spent;
  spent.credential = "alice's token";
  spent.remaining = 1;
  auto next = store.open_crawl({"stars", "search stars:>=10"});
  store.save_budgets(next.id, next.epoch, {spent});
  auto outdated = spent;
  outdated.remaining = 4321;
  CHECK_THROWS_AS(store.save_budgets(current.id, current.epoch, {outdated}), db::fenced_error);
  CHECK(store.load_budgets() == std::vector<budget_record>{spent});
}

TEST_CASE_METHOD(with_ledger, "learned widths survive a restart", "[db]") {
  CHECK(store.load_widths().empty());
  store.save_widths({});
  std::vector<width_record> widths{{query_shape::search_count, "classic", 100},
                                   {query_shape::search_page, "classic", 9},
                                   {query_shape::search_page, "installation", 10}};
  store.save_widths(widths);
  CHECK(store.load_widths() == widths);
  widths[1].width = 4;
  store.save_widths({widths[1]});
  CHECK(store.load_widths() == widths);
  ask("insert into query_widths (shape, credential_kind, width) values ('newer', 'classic', 1)");
  CHECK(store.load_widths() == widths);
}

TEST_CASE_METHOD(with_ledger, "errors are added up by kind, and the oldest kinds are forgotten",
                 "[db]") {
  auto errors = [this] { return db::newest_crawl(connection_string(), "stars")->errors; };
  store.save_errors(current.id, {});
  CHECK(errors().empty());
  store.save_errors(current.id, {{"timeout", "first", 2, at(1'795'176'000)},
                                 {"network", "reset", 1, at(1'795'176'001)}});
  store.save_errors(current.id, {{"timeout", "second", 3, at(1'795'176'002)}});
  CHECK(errors() == std::vector<error_record>{{"timeout", "second", 5, at(1'795'176'002)},
                                              {"network", "reset", 1, at(1'795'176'001)}});

  std::vector<error_record> many;
  for (uint32_t i = 0; i < 2 * db::max_error_kinds; ++i)
    many.push_back({"kind-" + std::to_string(i), "x", 1, at(1'795'177'000 + i)});
  store.save_errors(current.id, many);
  REQUIRE(errors().size() == db::max_error_kinds);
  CHECK(errors().front() == many.back());
  CHECK(errors().back() == many[db::max_error_kinds]);
}

TEST_CASE_METHOD(with_ledger, "any bytes may be the message of an error", "[db]") {
  store.save_errors(current.id, {{"malformed", std::string("<\0\xff\n>", 5), 1, at(1)},
                                 {"timeout", std::string(10'000, 'x'), 1, at(0)}});
  auto stored = db::newest_crawl(connection_string(), "stars")->errors;
  REQUIRE(stored.size() == 2);
  CHECK(stored[0].message == "<" + std::string(3, '?') + ">");
  CHECK(stored[1].message == std::string(db::max_error_message, 'x'));
}

namespace {

/// A crawl with a partition in each state.
class with_repair : public with_ledger {
public:
  with_repair() {
    std::vector<partition> parts;
    for (auto state : {partition_state::open, partition_state::split, partition_state::done,
                       partition_state::incomplete, partition_state::dead}) {
      parts.push_back(make_partition(static_cast<int64_t>(parts.size()) + 1));
      parts.back().state = state;
    }
    write(parts);
  }

  crawl repair() { return store.open_crawl({"stars", "search stars:>=10", false, true}); }

  std::string states() {
    return value<std::string>("select string_agg(state, ' ' order by id) from partitions");
  }
};

} // namespace

TEST_CASE_METHOD(with_repair, "a repair opens incomplete and dead partitions from their beginning",
                 "[db]") {
  auto state = GENERATE("running", "stopped", "incomplete", "failed");
  store.set_state(current.id, current.epoch, state);
  auto before = open_partitions().at(0);

  auto run = repair();

  CHECK(run.id == current.id);
  CHECK(run.epoch == current.epoch + 1);
  CHECK(run.state == "running");
  CHECK(run.resumed);
  CHECK(value<bool>("select finished_at is null from crawls"));
  CHECK(states() == "open split done open open");
  auto open = open_partitions();
  REQUIRE(open.size() == 3);
  CHECK(open[0] == before);
  for (int64_t id : {4, 5}) {
    auto expected = make_partition(id);
    expected.seen = expected.duplicates = 0;
    expected.attempts = expected.pass = expected.pages_done = 0;
    expected.lease = 8;
    expected.cursor.clear();
    expected.seen_ids.clear();
    expected.reason.clear();
    CHECK(open[static_cast<size_t>(id) - 3] == expected);
  }
  CHECK_THROWS_AS(write({make_partition(9)}), db::fenced_error);
}

TEST_CASE_METHOD(with_repair, "a repair goes on with what lists and ranges lack", "[db]") {
  auto list = make_partition(11);
  list.description = "known 11";
  list.state = partition_state::dead;
  auto range = make_partition(12);
  range.description = "ids 1-900";
  range.state = partition_state::dead;
  write({list, range});
  store.set_state(current.id, current.epoch, "incomplete");
  repair();
  auto open = open_partitions();
  for (auto* expected : {&list, &range}) {
    expected->state = partition_state::open;
    expected->lease = 8;
    expected->attempts = 0;
    expected->reason.clear();
    CHECK(std::find(open.begin(), open.end(), *expected) != open.end());
  }
}

TEST_CASE_METHOD(with_repair, "a repair takes the newest crawl of its source", "[db]") {
  store.set_state(current.id, current.epoch, "incomplete");
  store.open_crawl({"stars", "search stars:>=20", false});
  CHECK(repair().id == current.id);
  store.set_state(current.id, current.epoch + 1, "incomplete");
  auto newer = store.open_crawl({"stars", "search stars:>=10", false});
  store.set_state(newer.id, newer.epoch, "complete");
  CHECK(repair().id != current.id); // the newest has nothing to repair: there is nothing to resume
  CHECK(states() == "open split done open open");
}

namespace {

/// Whatever is written to `partitions` fails with one error code.
class with_fault : public with_ledger {
public:
  void fail_with(const std::string& sqlstate) {
    ask("create or replace function fault() returns trigger language plpgsql as "
        "$$ begin raise exception 'injected' using errcode = '" +
        sqlstate + "'; end $$");
    ask("create or replace trigger fault before insert on partitions execute function fault()");
  }

  db::store_error failure() {
    try {
      write({make_partition(1)});
    } catch (const db::store_error& error) {
      return error;
    }
    throw std::runtime_error("nothing failed");
  }
};

} // namespace

TEST_CASE_METHOD(with_fault, "an error of PostgreSQL keeps its code and its meaning", "[db]") {
  for (std::string sqlstate :
       {"25006", "25P03", "28000", "3D000", "40001", "40P01", "42501", "42P01", "53000",
        "53100", "53200", "53400", "55006", "55P03", "57014", "57P01", "57P02", "57P03",
        "57P04", "57P05", "58030", "58P01", "23505", "54000", "XX000"}) {
    CAPTURE(sqlstate);
    fail_with(sqlstate);
    auto error = failure();
    CHECK(error.sqlstate() == sqlstate);
    CHECK(error.transient() == db::meaning_of(sqlstate).transient);
    CHECK_THAT(error.what(), Catch::Contains("injected"));
  }
  // libpqxx throws these away as broken connections.
  for (std::string sqlstate : {"08000", "08006", "53300"}) {
    CAPTURE(sqlstate);
    fail_with(sqlstate);
    CHECK(failure().transient());
  }
  ask("drop trigger fault on partitions");
  write({make_partition(1)});
  CHECK(open_partitions().size() == 1);
}

TEST_CASE_METHOD(with_ledger, "a read-only database is told by its code", "[db]") {
  ask("alter database gitstar set default_transaction_read_only = on");
  db::postgres_store other{connection_string()};
  try {
    other.write(make_batch({make_partition(1)}));
    FAIL("it was written");
  } catch (const db::store_error& error) {
    CHECK(error.sqlstate() == "25006");
    CHECK(error.transient());
  }
  pqxx::connection link{connection_string() + " options=-cdefault_transaction_read_only=off"};
  pqxx::nontransaction{link}.exec("alter database gitstar reset default_transaction_read_only");
  other.write(make_batch({make_partition(1)})); // it has connected again
  CHECK(open_partitions().size() == 1);
}

TEST_CASE_METHOD(with_ledger, "a lock time-out is told by its code", "[db]") {
  db::postgres_store other{connection_string() + " options=-clock_timeout=50ms"};
  pqxx::connection link{connection_string()};
  pqxx::work owner{link};
  owner.exec("lock table partitions in access exclusive mode");
  try {
    other.write(make_batch({make_partition(1)}));
    FAIL("it was written");
  } catch (const db::store_error& error) {
    CHECK(error.sqlstate() == "55P03");
    CHECK(error.transient());
  }
}

TEST_CASE_METHOD(with_ledger, "too many connections are told by their code", "[db]") {
  std::vector<std::unique_ptr<pqxx::connection>> others;
  try {
    for (int i = 0; i < 200; ++i)
      others.push_back(std::make_unique<pqxx::connection>(connection_string()));
    FAIL("there is no limit");
  } catch (const pqxx::broken_connection&) {
    db::postgres_store late{connection_string()};
    try {
      late.certify(current.id);
      FAIL("there was another connection");
    } catch (const db::store_error& error) {
      CHECK(error.sqlstate() == "53300");
      CHECK(error.transient());
    }
  }
}

TEST_CASE_METHOD(with_ledger, "a transaction that stands still loses its locks", "[db]") {
  db::connection frozen{connection_string(), 50ms};
  db::postgres_store other{connection_string() + " options=-clock_timeout=10s"};
  try {
    frozen.transaction([&](pqxx::work& work) {
      work.exec("select from crawls for share");
      other.open_crawl({current.name, current.source});
      work.exec("select 1");
    });
    FAIL("it still has its session");
  } catch (const db::store_error& error) {
    CHECK(error.sqlstate() == "08006"); // libpqxx 6 drops the server's own code
    CHECK(error.transient());
  }
  CHECK(frozen.transaction([](pqxx::work& work) { return work.exec1("select 1")[0].as<int>(); }) ==
        1);
}

TEST_CASE_METHOD(with_ledger, "a transaction whose rollback failed fails one call", "[db]") {
  db::connection database{connection_string()};
  auto leave_one_behind = [](pqxx::work& work) {
    work.abort();
    pqxx::nontransaction raw{work.conn()};
    raw.exec("begin");
    raw.exec("select 1 / 0");
  };
  CHECK_THROWS_AS(database.transaction(leave_one_behind), db::store_error);
  auto one = [](pqxx::work& work) { return work.exec1("select 1")[0].as<int>(); };
  try {
    database.transaction(one);
    FAIL("it is gone");
  } catch (const db::store_error& error) {
    CHECK(error.sqlstate() == "25P02");
    CHECK(error.transient());
  }
  CHECK(database.transaction(one) == 1);
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
    CHECK(error.sqlstate() == "08006"); // libpqxx 6 drops the server's own code
    CHECK(std::string{error.what()}.find('\n') == std::string::npos);
  }
  write({make_partition(2)});
  CHECK(open_partitions().size() == 2);
}
