#include "tests/actors/world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

using leases = std::vector<lease>;

/// A ledger whose answers to `load` can be held back.
struct slow_ledger {
  std::shared_ptr<memory_database> database;
  bool hold = false;
  std::vector<
      std::pair<caf::typed_response_promise<std::vector<partition>>, std::vector<partition>>>
      held;

  /// A promise can only be kept by the actor that made it, while it runs.
  void release() {
    for (auto& [promise, answer] : std::exchange(held, {}))
      promise.deliver(std::move(answer));
  }
};

ledger_actor::behavior_type fake_ledger(ledger_actor::pointer self, slow_ledger* x) {
  auto store = std::make_shared<memory_store>(x->database);
  return {
      [=](open_atom) -> caf::result<crawl> {
        return store->open_crawl({"test", "search", false});
      },
      [=](load_atom, int64_t id, int64_t after,
          uint32_t limit) -> caf::result<std::vector<partition>> {
        auto promise = self->make_response_promise<std::vector<partition>>();
        auto found = store->open_partitions(id, after, limit);
        if (x->hold)
          x->held.emplace_back(promise, std::move(found));
        else
          promise.deliver(std::move(found));
        return promise;
      },
      [=](select_atom, const crawl& run, const known_selection& which) -> caf::result<int64_t> {
        return store->select_known(run, which);
      },
      [=](store_atom, const batch& work) -> caf::result<batch_receipt> {
        return store->write(work);
      },
      [=](certify_atom, int64_t id) -> caf::result<certificate> { return store->certify(id); },
      [=](state_atom, int64_t id, int64_t epoch, const std::string& state) {
        store->set_state(id, epoch, state);
      },
      [=](budgets_atom) -> caf::result<std::vector<budget_record>> {
        return store->load_budgets();
      },
      [](budgets_atom, const std::vector<budget_record>&) {},
      [=](widths_atom) -> caf::result<std::vector<width_record>> { return store->load_widths(); },
      [=](widths_atom, const std::vector<width_record>& x1) { store->save_widths(x1); },
      [](errors_atom, const std::vector<error_record>&) {},
      [=](wake_atom) { x->release(); },
  };
}

/// The test plays the fetchers.
class planning : public world {
public:
  planning() { cuts.cell = cuts.window; }

  void start() { start_with(spawn_ledger()); }

  void start_with(ledger_actor books) { uut = spawn(partitioner, plan_settings(), books); }

  /// A crawl whose root is split into `count` windows of `each` matches.
  void start_with_windows(size_t count, int64_t each = 800) {
    start();
    split_into(count, each);
  }

  void split_into(size_t count, int64_t each) {
    auto root = take();
    auto promised = count == 1 ? each : cuts.window * static_cast<int64_t>(count);
    tell(uut, counted_atom_v, count_result{root.part.id, root.part.lease, {promised}});
    if (count == 1)
      return;
    auto cells = static_cast<uint32_t>(count);
    plan_cells(take(1, cells), each);
  }

  /// Every cell has `each` matches.
  void plan_cells(const lease& work, int64_t each) {
    tell(uut, counted_atom_v,
         count_result{work.part.id, work.part.lease,
                      std::vector<int64_t>(work.counts.size(), each)});
  }

  pending<leases> ask_lease(uint64_t holder = 1, uint32_t counts = 10, bool wait = true) {
    return ask_later<leases>(uut, lease_atom_v, holder, 1u, counts, wait);
  }

  lease take(uint64_t holder = 1, uint32_t counts = 10) {
    auto x = ask_lease(holder, counts);
    if (!x.answered() || !x.get())
      throw std::runtime_error("no lease");
    return x.get()->at(0);
  }

  /// What a fetcher stores and says of a lease that it has read to its end.
  partition finish(const lease& work, int64_t seen, partition_state state = partition_state::done) {
    auto part = work.part;
    part.seen = seen;
    part.expected = std::max(part.expected, seen);
    part.state = state;
    commit(work, part);
    tell(uut, done_atom_v, lease_result{part, caf::none});
    return part;
  }

  void commit(const lease& work, const partition& part) {
    batch x;
    x.crawl_id = work.crawl_id;
    x.epoch = work.epoch;
    x.partitions.push_back(part);
    memory_store{database}.write(x);
  }

  crawl_progress progress() { return *ask<crawl_progress>(uut, status_atom_v); }

  partitioner_actor uut;
};

} // namespace

TEST_CASE_METHOD(planning, "a crawl begins with counting its search", "[partitioner]") {
  start();
  auto work = take();
  CHECK(work.counts == std::vector<std::string>{work.part.description});
  CHECK(work.crawl_id == 1);
  CHECK(work.epoch == 1);
  CHECK(work.part.lease == 1);
  CHECK(database->partitions[1].size() == 1);
  CHECK(progress().phase == "planning");
  CHECK(progress().leased == 1);
}

TEST_CASE_METHOD(planning, "children are in the ledger before anybody works on them",
                 "[partitioner]") {
  start_with_windows(5);
  CHECK(progress().ready == 5);
  CHECK(progress().totals.expected == 4000);
  CHECK(progress().totals.split == 1);
  auto work = take();
  CHECK(work.counts.empty());
  CHECK(work.sorts.size() == 4);
  auto& stored = database->partitions[1];
  CHECK(stored.contains(work.part.id));
  CHECK(std::count_if(stored.begin(), stored.end(),
                      [](auto& x) { return x.second.state == partition_state::open; }) == 5);
}

TEST_CASE_METHOD(planning, "a fetcher that waits gets the first work there is", "[partitioner]") {
  start();
  auto root = take(1);
  auto waiting = ask_lease(2);
  CHECK_FALSE(waiting.answered());
  auto impatient = ask_lease(3, 10, false);
  REQUIRE(impatient.answered());
  CHECK(impatient.get()->empty());
  tell(uut, counted_atom_v, count_result{root.part.id, root.part.lease, {500}});
  REQUIRE(waiting.answered());
  CHECK(waiting.get()->at(0).part.id == root.part.id);
}

TEST_CASE_METHOD(planning, "a lease that is given back without a reason is somebody else's at once",
                 "[partitioner]") {
  start();
  auto root = take(1);
  auto waiting = ask_lease(2);
  tell(uut, failed_atom_v, root.part, std::string{});
  REQUIRE(waiting.answered());
  CHECK(waiting.get()->at(0).part.lease == 2);
  CHECK(waiting.get()->at(0).part.attempts == 0);
}

TEST_CASE_METHOD(planning, "a lease that failed waits, longer each time", "[partitioner]") {
  start();
  auto delay = 1s;
  auto work = take(1);
  for (auto i = 0; i < 4; ++i, delay *= 2) {
    tell(uut, failed_atom_v, work.part, std::string{"timeout"});
    auto next = ask_lease(1);
    CHECK(progress().waiting == 1);
    advance(delay - 1ms);
    CHECK_FALSE(next.answered());
    advance(1ms);
    REQUIRE(next.answered());
    work = next.get()->at(0);
  }
}

TEST_CASE_METHOD(planning, "what fails too often is a dead letter with its reason",
                 "[partitioner]") {
  settings.retries.max_attempts = 3;
  start_with_windows(2);
  auto other = take();
  auto work = take();
  for (auto i = 0; i < 3; ++i) {
    tell(uut, failed_atom_v, work.part, std::string{"timeout: too slow"});
    if (i == 2)
      break;
    auto next = ask_lease();
    advance(1min);
    work = next.get()->at(0);
  }
  auto& dead = database->partitions[1].at(work.part.id);
  CHECK(dead.state == partition_state::dead);
  CHECK(dead.reason == "timeout: too slow");
  CHECK(progress().totals.dead == 1);
  finish(other, 800);
  CHECK(progress().phase == "incomplete");
  CHECK(progress().totals.missing == 800);
  CHECK(database->crawls[0].state == "incomplete");
}

TEST_CASE_METHOD(planning, "a dead letter keeps the ids that a repair goes on with",
                 "[partitioner]") {
  settings.retries.max_attempts = 1;
  start_with_windows(1);
  auto part = take().part;
  part.seen_ids = {1, 2, 3};
  tell(uut, failed_atom_v, part, std::string{"timeout: too slow"});
  auto& dead = database->partitions[1].at(part.id);
  CHECK(dead.state == partition_state::dead);
  CHECK(dead.seen_ids == std::vector<repo_id>{1, 2, 3});
}

TEST_CASE_METHOD(planning, "a count that is answered forgives the failures before it",
                 "[partitioner]") {
  settings.retries.max_attempts = 2;
  start();
  auto root = take();
  tell(uut, failed_atom_v, root.part, std::string{"timeout: too slow"});
  auto again = ask_lease();
  advance(1min);
  REQUIRE(again.answered());
  root = again.get()->at(0);
  tell(uut, counted_atom_v, count_result{root.part.id, root.part.lease, {2000}});
  tell(uut, failed_atom_v, take().part, std::string{"timeout: too slow"});
  CHECK(progress().totals.dead == 0);
}

TEST_CASE_METHOD(planning, "a lease that is not renewed runs out", "[partitioner]") {
  start_with_windows(1);
  auto work = take(1);
  auto waiting = ask_lease(2);
  advance(5min - 1s);
  CHECK_FALSE(waiting.answered());
  advance(10s);
  REQUIRE(waiting.answered());
  CHECK(waiting.get()->at(0).part.id == work.part.id);
  CHECK(waiting.get()->at(0).part.lease == work.part.lease + 1);
}

TEST_CASE_METHOD(planning, "a renewed lease lives on", "[partitioner]") {
  start_with_windows(1);
  take(1);
  auto waiting = ask_lease(2);
  for (auto i = 0; i < 20; ++i) {
    advance(100s);
    tell(uut, renew_atom_v, uint64_t{1});
  }
  CHECK_FALSE(waiting.answered());
  advance(301s);
  advance(10s);
  CHECK(waiting.answered());
}

TEST_CASE_METHOD(planning, "what a dead fetcher has stored is not asked for again",
                 "[partitioner]") {
  auto dies = GENERATE(true, false);
  start_with_windows(1);
  auto work = take(1);
  auto part = work.part;
  part.pages_done = 0b111;
  part.seen = 3;
  part.seen_ids = {1, 2, 3};
  commit(work, part);
  auto waiting = ask_lease(2);
  if (dies)
    tell(uut, lost_atom_v, uint64_t{1});
  advance(dies ? 1s : 310s);
  REQUIRE(waiting.answered());
  CHECK(waiting.get()->at(0).part.pages_done == 0b111);
  CHECK(waiting.get()->at(0).part.seen_ids.size() == 3);
  CHECK(waiting.get()->at(0).part.lease == work.part.lease + 1);
}

TEST_CASE_METHOD(planning, "losses in a row bury a partition, losses between commits do not",
                 "[partitioner]") {
  settings.retries.max_attempts = 3;
  start_with_windows(1);
  auto moves = GENERATE(true, false);
  auto work = take(1);
  auto part = work.part;
  for (auto holder = uint64_t{1}; holder <= 7; ++holder) {
    if (moves) {
      part = work.part;
      part.pages_done |= 1u << holder;
      part.attempts = 0; // as a reader does that has read something
      commit(work, part);
    }
    auto waiting = ask_lease(holder + 1);
    tell(uut, lost_atom_v, holder);
    advance(10s);
    if (!moves && holder == 3) {
      CHECK(progress().totals.dead == 1);
      return;
    }
    REQUIRE(waiting.answered());
    work = waiting.get()->at(0);
    CHECK(work.part.attempts == (moves ? 1 : holder));
  }
  CHECK(progress().totals.dead == 0);
  finish(work, 800);
  CHECK(progress().phase == "complete");
}

TEST_CASE_METHOD(planning, "a partition that its dead fetcher has finished is done",
                 "[partitioner]") {
  start_with_windows(2);
  auto work = take(1);
  auto part = work.part;
  part.state = partition_state::done;
  part.seen = 800;
  commit(work, part);
  tell(uut, lost_atom_v, uint64_t{1});
  CHECK(progress().totals.done == 1);
  CHECK(progress().totals.seen == 800);
  finish(take(2), 800);
  CHECK(progress().phase == "complete");
}

TEST_CASE_METHOD(planning, "of a holder that lives one lease alone can be lost", "[partitioner]") {
  start_with_windows(2);
  auto lost = take(1);
  auto kept = take(1);
  auto part = lost.part;
  part.pages_done = 0b11;
  part.seen = 2;
  part.seen_ids = {1, 2};
  commit(lost, part);
  tell(uut, lost_atom_v, lost.part.id, lost.part.lease + 1); // somebody else's
  CHECK(progress().leased == 2);
  tell(uut, lost_atom_v, lost.part.id, lost.part.lease);
  advance(1s);
  auto again = take(1);
  CHECK(again.part.id == lost.part.id);
  CHECK(again.part.pages_done == 0b11);
  finish(kept, 800);
  CHECK(progress().totals.done == 1);
}

TEST_CASE_METHOD(planning, "a lost portion of counts is handed out again", "[partitioner]") {
  start();
  auto root = take(1);
  tell(uut, lost_atom_v, root.part.id, root.part.lease);
  advance(1s);
  CHECK(take(1).counts == root.counts);
}

TEST_CASE_METHOD(planning, "a dead fetcher's question is forgotten", "[partitioner]") {
  start();
  auto root = take(1);
  auto dead = ask_lease(2);
  auto alive = ask_lease(3);
  tell(uut, lost_atom_v, uint64_t{2});
  tell(uut, counted_atom_v, count_result{root.part.id, root.part.lease, {500}});
  CHECK_FALSE(dead.answered());
  CHECK(alive.answered());
}

TEST_CASE_METHOD(planning, "who is known to be dead gets no lease any more", "[partitioner]") {
  start();
  tell(uut, lost_atom_v, uint64_t{1});
  auto late = ask_lease(1); // sent before it died
  REQUIRE(late.answered());
  CHECK(late.get().error() == errc::lease_lost);
  CHECK(ask_lease(2).answered());
}

TEST_CASE_METHOD(planning, "the word of an old lease does not count", "[partitioner]") {
  start();
  auto old = take(1);
  tell(uut, failed_atom_v, old.part, std::string{});
  auto work = take(2);
  tell(uut, counted_atom_v, count_result{old.part.id, old.part.lease, {500}});
  CHECK(progress().totals.expected == 0);
  tell(uut, failed_atom_v, old.part, std::string{"late"});
  CHECK(progress().leased == 1);
  tell(uut, counted_atom_v, count_result{work.part.id, work.part.lease, {500}});
  CHECK(progress().totals.expected == 500);
}

TEST_CASE_METHOD(planning, "what cursors show is told to the next fetchers", "[partitioner]") {
  start_with_windows(3);
  auto work = take();
  CHECK(work.cursors == cursor_mode::unverified);
  auto part = work.part;
  part.state = partition_state::done;
  part.seen = 800;
  commit(work, part);
  auto opaque = GENERATE(true, false);
  tell(uut, done_atom_v, lease_result{part, !opaque});
  CHECK(take().cursors == (opaque ? cursor_mode::serial : cursor_mode::predicted));
}

TEST_CASE_METHOD(planning, "an overfull partition is cut", "[partitioner]") {
  start_with_windows(1);
  auto work = take();
  auto part = work.part;
  part.expected = 1200;
  part.seen = 1000;
  commit(work, part);
  tell(uut, done_atom_v, lease_result{part, caf::none});
  auto again = take();
  CHECK(again.part.id == part.id);
  CHECK(again.counts.size() >= 2);
}

TEST_CASE_METHOD(planning, "after draining there is no more work", "[partitioner]") {
  start_with_windows(2);
  auto work = take(1);
  take(2);
  auto waiting = ask_lease(3);
  CHECK(ask<void>(uut, drain_atom_v));
  REQUIRE(waiting.answered());
  CHECK(waiting.get().error() == errc::stopping);
  CHECK(ask_lease(4).get().error() == errc::stopping);
  finish(work, 800);
  CHECK(progress().totals.done == 1);
}

TEST_CASE_METHOD(planning, "who waits when the partitioner ends is told", "[partitioner]") {
  start();
  take(1);
  auto waiting = ask_lease(2);
  end(uut);
  REQUIRE(waiting.answered());
  CHECK(waiting.get().error() == errc::stopping);
}

TEST_CASE_METHOD(planning, "a top beyond the matches ends it with the reason", "[partitioner]") {
  top = 100;
  start();
  auto work = take();
  CHECK(progress().phase == "threshold");
  tell(uut, counted_atom_v,
       count_result{work.part.id, work.part.lease, std::vector<int64_t>(work.counts.size(), 5)});
  CHECK(ended(uut));
}

TEST_CASE_METHOD(planning, "a partition that ends while the ledger is read stays ended",
                 "[partitioner]") {
  plan.window = 4;
  slow_ledger books{database, false, {}};
  auto slow = spawn(fake_ledger, &books);
  start_with(slow);
  split_into(12, 800); // memory takes eight of them
  std::vector<lease> held;
  for (auto i = 0; i < 8; ++i)
    held.push_back(take());
  std::sort(held.begin(), held.end(), [](auto& a, auto& b) { return a.part.id < b.part.id; });
  books.hold = true;
  for (size_t i = 1; i < held.size(); ++i)
    finish(held[i], 800);
  REQUIRE(books.held.size() == 1);
  finish(held[0], 800);
  books.hold = false;
  tell(slow, wake_atom_v); // still has the one that has ended meanwhile
  for (auto i = 0; i < 4; ++i) {
    auto work = take();
    CHECK(work.part.id != held[0].part.id);
    finish(work, 800);
  }
  CHECK(progress().phase == "complete");
  CHECK(progress().totals.seen == 12 * 800);
}

TEST_CASE_METHOD(planning, "the counts of one partition fill the queries of several fetchers",
                 "[partitioner]") {
  cuts.cell = 16; // 50 where a query carries 10 counts
  start();
  auto root = take(1, 10);
  tell(uut, counted_atom_v, count_result{root.part.id, root.part.lease, {2000}});
  auto even = take(1, 10); // 10 cells of 200
  REQUIRE(even.counts.size() == 10);
  tell(uut, counted_atom_v,
       count_result{even.part.id, even.part.lease, std::vector<int64_t>(10, 200)});
  std::vector<lease> portions;
  for (uint64_t holder = 1; holder <= 4; ++holder)
    portions.push_back(take(holder, 10));
  std::set<std::string> asked;
  for (auto& x : portions) {
    CHECK(x.part.id == even.part.id);
    CHECK(x.counts.size() == 10);
    asked.insert(x.counts.begin(), x.counts.end());
  }
  CHECK(asked.size() == 40);
  CHECK_FALSE(ask_lease(5, 10, false).get()->size());
  // One fetcher dies, one gives back, one is silent: others count what they had.
  tell(uut, lost_atom_v, uint64_t{1});
  advance(1s);
  auto first = take(5, 10);
  CHECK(first.counts == portions[0].counts);
  tell(uut, failed_atom_v, portions[1].part, std::string{});
  auto second = take(6, 10);
  CHECK(second.counts == portions[1].counts);
  advance(4min);
  tell(uut, renew_atom_v, uint64_t{4});
  tell(uut, renew_atom_v, uint64_t{5});
  tell(uut, renew_atom_v, uint64_t{6});
  auto waiting = ask_lease(7, 10);
  advance(2min);
  REQUIRE(waiting.answered());
  auto third = waiting.get()->at(0);
  CHECK(third.counts == portions[2].counts);
  for (auto& x : {first, second, third, portions[3]}) {
    CHECK(progress().totals.split == 0);
    tell(uut, counted_atom_v, count_result{x.part.id, x.part.lease, std::vector<int64_t>(10, 50)});
  }
  CHECK(progress().totals.split == 1);
  CHECK(progress().totals.expected == 2000);
}

TEST_CASE_METHOD(planning, "only leases keep a timer", "[partitioner]") {
  start_with_windows(2);
  CHECK(timers() == 1); // the leases of the counts
  advance(10min);
  CHECK(timers() == 0);
  take();
  take();
  CHECK(timers() == 1);
}
