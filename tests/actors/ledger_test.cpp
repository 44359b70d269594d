#include "tests/actors/world.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

class bookkeeping : public world {
public:
  /// PostgreSQL is away for the next `calls`.
  void away(size_t calls) {
    database->before = [calls](const std::string&) mutable {
      if (calls > 0) {
        --calls;
        throw db::store_error("connection refused", true);
      }
    };
  }

  batch work(const crawl& run, int64_t partition_id) const {
    batch x;
    x.crawl_id = run.id;
    x.epoch = run.epoch;
    partition part;
    part.id = partition_id;
    part.expected = 10;
    x.partitions.push_back(part);
    return x;
  }
};

} // namespace

TEST_CASE_METHOD(bookkeeping, "the ledger reads and writes what the store holds", "[ledger]") {
  auto uut = spawn_ledger();
  auto run = *ask<crawl>(uut, open_atom_v);
  CHECK(run.epoch == 1);
  CHECK(ask<batch_receipt>(uut, store_atom_v, work(run, 5)));
  auto open = *ask<std::vector<partition>>(uut, load_atom_v, run.id, int64_t{0}, uint32_t{10});
  REQUIRE(open.size() == 1);
  CHECK(open[0].id == 5);
  CHECK(ask<certificate>(uut, certify_atom_v, run.id)->missing == 10);
  CHECK(ask<void>(uut, state_atom_v, run.id, run.epoch, std::string{"stopped"}));
  CHECK(database->crawls[0].state == "stopped");
  budget_record budget;
  budget.credential = "token-1";
  budget.remaining = 17;
  CHECK(ask<void>(uut, budgets_atom_v, std::vector<budget_record>{budget}));
  CHECK(*ask<std::vector<budget_record>>(uut, budgets_atom_v) ==
        std::vector<budget_record>{budget});
}

TEST_CASE_METHOD(bookkeeping, "requests wait in order while PostgreSQL is away", "[ledger]") {
  auto uut = spawn_ledger();
  auto run = *ask<crawl>(uut, open_atom_v);
  away(3);
  auto first = ask_later<batch_receipt>(uut, store_atom_v, work(run, 5));
  auto second = ask_later<certificate>(uut, certify_atom_v, run.id);
  CHECK_FALSE(first.answered());
  CHECK_FALSE(second.answered());
  advance(700ms); // 100 + 200 + 400
  REQUIRE(first.answered());
  REQUIRE(second.answered());
  CHECK(second.get()->open == 1);
}

TEST_CASE_METHOD(bookkeeping, "a permanent failure answers its request alone", "[ledger]") {
  auto uut = spawn_ledger();
  auto run = *ask<crawl>(uut, open_atom_v);
  database->before = [](const std::string& call) {
    if (call == "certify")
      throw db::store_error("no such table");
  };
  auto failed = ask<certificate>(uut, certify_atom_v, run.id);
  REQUIRE_FALSE(failed);
  CHECK(failed.error() == errc::store_failed);
  CHECK(describe(failed.error()) == "no such table");
  CHECK(ask<batch_receipt>(uut, store_atom_v, work(run, 5)));
}

TEST_CASE_METHOD(bookkeeping, "a ledger that is started again keeps the epoch", "[ledger]") {
  auto first = spawn_ledger();
  auto run = *ask<crawl>(first, open_atom_v);
  auto change = work(run, 5);
  change.threshold = int64_t{40};
  REQUIRE(ask<batch_receipt>(first, store_atom_v, change));
  end(first);
  auto second = spawn_ledger();
  auto again = *ask<crawl>(second, open_atom_v);
  CHECK(again.epoch == run.epoch);
  CHECK(again.threshold == 40);
  CHECK(ask<batch_receipt>(second, store_atom_v, work(again, 6)));
}

TEST_CASE_METHOD(bookkeeping, "another process fences this one off", "[ledger]") {
  auto uut = spawn_ledger();
  auto run = *ask<crawl>(uut, open_atom_v);
  memory_store{database}.open_crawl({"test", "search", false});
  auto failed = ask<batch_receipt>(uut, store_atom_v, work(run, 5));
  REQUIRE_FALSE(failed);
  CHECK(failed.error() == errc::fenced);
}

TEST_CASE_METHOD(bookkeeping, "who waits for a ledger that ends is told", "[ledger]") {
  auto uut = spawn_ledger();
  away(1'000'000);
  auto run = ask_later<crawl>(uut, open_atom_v);
  auto totals = ask_later<certificate>(uut, certify_atom_v, int64_t{1});
  end(uut);
  REQUIRE(run.answered());
  REQUIRE(totals.answered());
  CHECK(run.get().error() == errc::stopping);
  CHECK(totals.get().error() == errc::stopping);
}

TEST_CASE_METHOD(bookkeeping, "errors belong to the crawl that is open", "[ledger]") {
  auto uut = spawn_ledger();
  std::vector<error_record> errors{{"timeout", "502", 2, database->now}};
  CHECK(ask<void>(uut, errors_atom_v, errors));
  CHECK(database->errors.empty()); // of none
  auto run = *ask<crawl>(uut, open_atom_v);
  CHECK(ask<void>(uut, errors_atom_v, errors));
  CHECK(database->errors[run.id]["timeout"] == errors[0]);
}

TEST_CASE_METHOD(bookkeeping, "who waits for PostgreSQL is known while it is away", "[ledger]") {
  auto cfg = ledger_settings();
  session = std::make_shared<crawl_session>();
  session->request = {"test", "search", false};
  cfg.session = session;
  auto uut = spawn(ledger, cfg);
  away(3);
  auto run = ask_later<crawl>(uut, open_atom_v);
  CHECK(cfg.health->waiting_for(now()) == "connection refused");
  CHECK(cfg.health->errors()["none"] == 1);
  advance(700ms); // 100 + 200 + 400
  CHECK(run.answered());
  CHECK(cfg.health->waiting_for(now()).empty());
  CHECK(cfg.health->errors()["none"] == 3);
  away(1'000'000);
  auto totals = ask_later<certificate>(uut, certify_atom_v, int64_t{1});
  CHECK_FALSE(cfg.health->waiting_for(now()).empty());
  end(uut);
  CHECK(cfg.health->waiting_for(now()).empty());
}
