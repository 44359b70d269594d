#include "db/leadership.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

#include <thread>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;
using answer = db::leadership::answer;

namespace {

class electing : public with_store {
public:
  std::unique_ptr<db::leadership> candidate(const std::string& node,
                                            std::chrono::milliseconds takeover_after = 10min) {
    return std::make_unique<db::leadership>(connection_string(), "stars", "search stars:>=10", node,
                                            takeover_after);
  }

  void finish() { store.set_state(current.id, current.epoch, "complete"); }

  /// The leader has been silent for longer than any candidate waits.
  void silence() { ask("update coordinators set seen_at = seen_at - interval '1 hour'"); }

  /// The leader's process is gone, and long enough.
  void bury(std::unique_ptr<db::leadership>& leader) {
    leader.reset();
    silence();
  }

  /// The lock of a session that ended is free a moment later.
  answer try_for_a_while(db::leadership& x) {
    for (auto i = 0; i < 200; ++i) {
      if (auto result = x.try_lead(); result != answer::waits)
        return result;
      std::this_thread::sleep_for(10ms);
    }
    return answer::waits;
  }
};

} // namespace

TEST_CASE_METHOD(electing, "one of two coordinators leads until it is gone", "[leadership]") {
  auto first = candidate("a:1");
  auto second = candidate("b:2");
  CHECK(first->try_lead() == answer::leads);
  CHECK(second->try_lead() == answer::waits);
  CHECK(second->leader() == "a:1");
  CHECK(first->renew());
  bury(first);
  CHECK(try_for_a_while(*second) == answer::leads);
  CHECK(second->renew());
  CHECK(value<int64_t>("select term from coordinators") == 2);
}

TEST_CASE_METHOD(electing, "a leader whose session ended is not replaced before it has been silent",
                 "[leadership]") {
  auto first = candidate("a:1");
  auto second = candidate("b:2");
  CHECK(first->try_lead() == answer::leads);
  CHECK(first->renew());
  first.reset(); // its lock goes, but its process might still count on having been seen
  for (auto i = 0; i < 20; ++i) {
    CHECK(second->try_lead() == answer::waits);
    std::this_thread::sleep_for(5ms);
  }
  auto soon = candidate("c:3", 300ms);
  CHECK(try_for_a_while(*soon) == answer::leads);
}

TEST_CASE_METHOD(electing, "a leader that resigns is replaced at once", "[leadership]") {
  auto first = candidate("a:1");
  auto second = candidate("b:2");
  CHECK(first->try_lead() == answer::leads);
  CHECK(second->try_lead() == answer::waits);
  second->resign(); // what it does not have
  CHECK(first->renew());
  first->resign();
  first.reset();
  CHECK(try_for_a_while(*second) == answer::leads);
}

TEST_CASE_METHOD(electing, "another crawl has another leader", "[leadership]") {
  auto first = candidate("a:1");
  db::leadership other{connection_string(), "other", "search stars:>=10", "b:2", 10min};
  CHECK(first->try_lead() == answer::leads);
  CHECK(other.try_lead() == answer::leads);
}

TEST_CASE_METHOD(electing, "a leader that is silent is replaced, and knows it when it wakes up",
                 "[leadership]") {
  auto frozen = candidate("a:1");
  auto standby = candidate("b:2", 2s);
  CHECK(frozen->try_lead() == answer::leads);
  CHECK(standby->try_lead() == answer::waits);
  CHECK(frozen->renew()); // it is alive, so it stays
  std::this_thread::sleep_for(2200ms);
  CHECK(try_for_a_while(*standby) == answer::leads);
  auto still_leads = true;
  try {
    still_leads = frozen->renew();
  } catch (const db::store_error& failure) {
    CHECK(failure.transient()); // its session was ended; it connects again
    still_leads = frozen->renew();
  }
  CHECK_FALSE(still_leads);
  CHECK(standby->renew());
  CHECK(frozen->try_lead() == answer::waits);
}

TEST_CASE_METHOD(electing, "a leader whose connection broke goes on if nobody led in between",
                 "[leadership]") {
  auto leader = candidate("a:1");
  CHECK(leader->try_lead() == answer::leads);
  auto break_it = [&] {
    ask("select pg_terminate_backend(backend, 5000) from coordinators");
    CHECK_THROWS_AS(leader->renew(), db::store_error);
  };
  auto standby = candidate("b:2");
  break_it();
  CHECK(standby->try_lead() == answer::waits);
  CHECK(leader->renew());
  break_it();
  silence();
  CHECK(try_for_a_while(*standby) == answer::leads);
  standby.reset();
  // The lock is free again, but the term is over.
  for (auto i = 0; i < 50; ++i) {
    CHECK_FALSE(leader->renew());
    std::this_thread::sleep_for(2ms);
  }
}

TEST_CASE_METHOD(electing, "who waited for a crawl that is finished ends with it", "[leadership]") {
  auto leader = candidate("a:1");
  auto standby = candidate("b:2");
  CHECK(leader->try_lead() == answer::leads);
  CHECK(standby->try_lead() == answer::waits);
  finish();
  leader->conclude();
  leader.reset();
  CHECK(try_for_a_while(*standby) == answer::finished);
  standby.reset();
  auto next = candidate("c:3"); // begins the next crawl
  CHECK(try_for_a_while(*next) == answer::leads);
}

TEST_CASE_METHOD(electing, "who comes while a finished crawl's leader winds up ends with it",
                 "[leadership]") {
  auto leader = candidate("a:1");
  CHECK(leader->try_lead() == answer::leads);
  finish();
  auto standby = candidate("b:2");
  CHECK(standby->try_lead() == answer::waits);
  leader->conclude();
  leader.reset();
  CHECK(try_for_a_while(*standby) == answer::finished);
}

TEST_CASE_METHOD(electing, "a replaced leader ends with the crawl that its successor finished",
                 "[leadership]") {
  auto frozen = candidate("a:1");
  CHECK(frozen->try_lead() == answer::leads);
  ask("select pg_terminate_backend(backend, 5000) from coordinators");
  silence();
  auto standby = candidate("b:2");
  CHECK(try_for_a_while(*standby) == answer::leads);
  finish();
  standby->conclude();
  standby.reset();
  // It wakes up when there is no leader any more.
  CHECK_THROWS_AS(frozen->renew(), db::store_error);
  CHECK(try_for_a_while(*frozen) == answer::finished);
}

TEST_CASE_METHOD(electing, "the result that a dead leader owes is reported by the next",
                 "[leadership]") {
  auto leader = candidate("a:1");
  CHECK(leader->try_lead() == answer::leads);
  finish();
  bury(leader); // killed before its last word
  auto again = candidate("a:2");
  CHECK(try_for_a_while(*again) == answer::finished);
  again->conclude();
  again.reset();
  auto next = candidate("c:3");
  CHECK(try_for_a_while(*next) == answer::leads);
}

TEST_CASE_METHOD(electing, "a leader that dies before it has begun a crawl ends nobody's run",
                 "[leadership]") {
  finish(); // the run of yesterday
  auto leader = candidate("a:1");
  CHECK(leader->try_lead() == answer::leads);
  auto standby = candidate("b:2");
  CHECK(standby->try_lead() == answer::waits);
  bury(leader);
  CHECK(try_for_a_while(*standby) == answer::leads);
  CHECK(value<int64_t>("select after_crawl from coordinators") == current.id);
}

TEST_CASE_METHOD(electing, "a worker without coordinator hears from the store that all is over",
                 "[leadership]") {
  finish(); // the run of yesterday
  db::run_watch watch{connection_string(), "stars", "search stars:>=10"};
  CHECK_FALSE(watch.is_over());
  auto next = store.open_crawl({"stars", "search stars:>=10"});
  CHECK_FALSE(watch.is_over());
  store.set_state(next.id, next.epoch, "stopped");
  CHECK_FALSE(watch.is_over());
  next = store.open_crawl({"stars", "search stars:>=10"});
  store.set_state(next.id, next.epoch, "incomplete");
  CHECK(watch.is_over());
  store.open_crawl({"stars", "search stars:>=10"}); // already the one after it
  CHECK_FALSE(watch.is_over());
  empty_the_database();
  db::run_watch early{connection_string(), "stars", "search stars:>=10"};
  CHECK_FALSE(early.is_over());
}
