#include "tests/actors/world.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

class writing : public world {
public:
  writing() { run = memory_store{database}.open_crawl({"test", "search", false}); }

  void start(uint32_t rows = 100) { uut = spawn(writer, writer_settings(rows)); }

  batch work(repo_id first, int64_t rows) const {
    batch x;
    x.crawl_id = run.id;
    x.epoch = run.epoch;
    for (repo_id id = first; id < first + rows; ++id) {
      repository row;
      row.repo_id = id;
      x.rows.push_back(row);
    }
    partition part;
    part.id = first;
    x.partitions.push_back(part);
    return x;
  }

  pending<batch_receipt> store(repo_id first, int64_t rows) {
    return ask_later<batch_receipt>(uut, store_atom_v, work(first, rows));
  }

  /// The next `times` writes fail.
  void fail(size_t times, bool transient) {
    database->before = [times, transient](const std::string& call) mutable {
      if (call == "write" && times > 0) {
        --times;
        throw db::store_error("the disk is full", transient);
      }
    };
  }

  crawl run;
  writer_actor uut;
};

} // namespace

TEST_CASE_METHOD(writing, "batches are committed together after the delay", "[writer]") {
  start();
  auto first = store(1, 10);
  advance(30ms);
  auto second = store(101, 20);
  advance(19ms);
  CHECK_FALSE(first.answered());
  CHECK(database->writes.empty());
  advance(1ms);
  REQUIRE(first.answered());
  REQUIRE(second.answered());
  REQUIRE(database->writes.size() == 1);
  CHECK(database->writes[0].rows.size() == 30);
  CHECK(database->writes[0].partitions.size() == 2);
  CHECK(first.get()->rows == 30);
}

TEST_CASE_METHOD(writing, "enough rows are committed at once", "[writer]") {
  start(30);
  auto first = store(1, 10);
  auto second = store(101, 20);
  CHECK(first.answered());
  CHECK(second.answered());
  CHECK(database->repositories.size() == 30);
}

TEST_CASE_METHOD(writing, "a batch after a commit waits for its own delay at most", "[writer]") {
  start(10);
  store(1, 10);
  auto late = store(101, 1);
  advance(50ms);
  CHECK(late.answered());
}

TEST_CASE_METHOD(writing, "while PostgreSQL is away batches are kept and tried again", "[writer]") {
  start(10);
  fail(3, true);
  auto first = store(1, 10);
  CHECK_FALSE(first.answered());
  auto second = store(101, 10);
  CHECK_FALSE(second.answered());
  advance(99ms);
  CHECK_FALSE(first.answered());
  advance(1s);
  REQUIRE(first.answered());
  REQUIRE(second.answered());
  CHECK(first.get());
  CHECK(database->repositories.size() == 20);
  CHECK(database->writes.size() == 1);
}

TEST_CASE_METHOD(writing, "retries slow down to one in five seconds", "[writer]") {
  start(10);
  fail(1'000'000, true);
  auto first = store(1, 10);
  advance(100s);
  CHECK_FALSE(first.answered());
  CHECK(database->calls.size() > 20);
  CHECK(database->calls.size() < 35);
}

TEST_CASE_METHOD(writing, "a permanent failure is everybody's answer and the writer's end",
                 "[writer]") {
  start();
  fail(1, false);
  auto first = store(1, 10);
  auto second = store(101, 10);
  advance(50ms);
  REQUIRE(first.answered());
  REQUIRE(second.answered());
  CHECK(first.get().error() == errc::store_failed);
  CHECK(describe(second.get().error()) == "the disk is full");
  CHECK(ended(uut));
}

TEST_CASE_METHOD(writing, "a crawl that was taken over fences the writer off", "[writer]") {
  start();
  memory_store{database}.open_crawl({"test", "search", false});
  auto first = store(1, 10);
  advance(50ms);
  REQUIRE(first.answered());
  CHECK(first.get().error() == errc::fenced);
  CHECK(database->repositories.empty());
}

TEST_CASE_METHOD(writing, "what is left is committed at the end", "[writer]") {
  start();
  auto first = store(1, 10);
  end(uut);
  REQUIRE(first.answered());
  CHECK(first.get());
  CHECK(database->repositories.size() == 10);
}

TEST_CASE_METHOD(writing, "nobody waits for a writer that ends without PostgreSQL", "[writer]") {
  start();
  fail(1'000'000, true);
  auto first = store(1, 10);
  advance(50ms);
  end(uut);
  REQUIRE(first.answered());
  CHECK(first.get().error() == errc::stopping);
}

TEST_CASE_METHOD(writing, "the threshold is committed with the batch", "[writer]") {
  start();
  auto x = work(1, 1);
  x.threshold = int64_t{17};
  auto first = ask_later<batch_receipt>(uut, store_atom_v, x);
  store(101, 1);
  advance(50ms);
  CHECK(database->crawls[0].threshold == 17);
}

TEST_CASE_METHOD(writing, "an idle writer has no timer", "[writer]") {
  start();
  store(1, 10);
  advance(1s);
  CHECK(timers() == 0);
}
