#include "tests/actors/world.hpp"

#include <catch2/catch.hpp>

#include <deque>
#include <functional>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

/// What the fake partners of a fetcher have been told, and what they will answer.
struct script {
  std::deque<lease> leases; // handed out one by one
  bool no_more = false;     // then: the crawl is over
  uint32_t width = 3;
  std::vector<bool> waits; // of each question for a lease
  std::vector<lease_result> done;
  std::vector<count_result> counted;
  std::vector<std::pair<partition, std::string>> failed;
  int renewed = 0;
  std::vector<query_report> reports;
  std::vector<uint64_t> unused; ///< permits that came back
  bool hold_permits = false;
  bool hold_commits = false;
  std::vector<batch> batches;
  std::vector<caf::typed_response_promise<std::vector<lease>>> waiting;
  std::vector<caf::typed_response_promise<permit>> permits;
  std::vector<caf::typed_response_promise<batch_receipt>> commits;
  uint64_t next_permit = 1;
  /// A promise can only be kept by the actor that made it, while it runs.
  std::function<void()> inside;
};

partitioner_actor::behavior_type fake_partitioner(partitioner_actor::pointer self, script* x) {
  return {
      [=](lease_atom, uint64_t, uint32_t, uint32_t, bool wait) -> caf::result<std::vector<lease>> {
        x->waits.push_back(wait);
        if (x->no_more)
          return caf::make_error(errc::stopping);
        auto promise = self->make_response_promise<std::vector<lease>>();
        if (x->leases.empty() && wait) {
          x->waiting.push_back(promise);
          return promise;
        }
        std::vector<lease> result;
        if (!x->leases.empty()) {
          result.push_back(x->leases.front());
          x->leases.pop_front();
        }
        promise.deliver(std::move(result));
        return promise;
      },
      [=](renew_atom, uint64_t) { ++x->renewed; },
      [=](counted_atom, const count_result& y) { x->counted.push_back(y); },
      [=](done_atom, const lease_result& y) { x->done.push_back(y); },
      [=](failed_atom, const partition& part, const std::string& reason) {
        x->failed.emplace_back(part, reason);
      },
      [](lost_atom, uint64_t) {},
      [](lost_atom, int64_t, int64_t) {},
      [](drain_atom) {},
      [](status_atom) -> caf::result<crawl_progress> { return crawl_progress{}; },
      [=](wake_atom) { x->inside(); },
  };
}

token_bucket_actor::behavior_type fake_bucket(token_bucket_actor::pointer self, script* x) {
  return {
      [=](acquire_atom, query_shape, uint64_t) -> caf::result<permit> {
        auto promise = self->make_response_promise<permit>();
        if (x->hold_permits)
          x->permits.push_back(promise);
        else
          promise.deliver(permit{x->next_permit++, "token-1", x->width});
        return promise;
      },
      [=](report_atom, const query_report& y) { x->reports.push_back(y); },
      [](lost_atom, uint64_t) {},
      [=](return_atom, const std::vector<uint64_t>& permits, bool used) {
        if (!used)
          x->unused.insert(x->unused.end(), permits.begin(), permits.end());
      },
      [](status_atom) -> caf::result<bucket_status> { return bucket_status{}; },
      [=](wake_atom) { x->inside(); },
      [](tick_atom) {},
  };
}

writer_actor::behavior_type fake_writer(writer_actor::pointer self, script* x) {
  return {
      [=](store_atom, const batch& work) -> caf::result<batch_receipt> {
        x->batches.push_back(work);
        auto promise = self->make_response_promise<batch_receipt>();
        if (x->hold_commits)
          x->commits.push_back(promise);
        else
          promise.deliver(batch_receipt{});
        return promise;
      },
      [](select_atom, repo_id, repo_id) { return std::vector<repo_id>{}; },
      [](load_atom, const std::vector<repo_id>&,
         const std::vector<std::string>&) -> caf::result<std::vector<metadata_watermark>> {
        return std::vector<metadata_watermark>{};
      },
      [=](wake_atom) { x->inside(); },
  };
}

class fetching : public world {
public:
  void start(size_t repositories = 1000) {
    github = std::make_shared<fake_github>(random_repositories(repositories, 1));
    prepare();
    learn_width();
  }

  /// The first permit of each shape tells the width.
  void learn_width() {
    offer(counts(98, {"stars:>=1"}));
    offer(pages(99, 100));
    github->requests.clear();
    x.waits.clear();
    x.done.clear();
    x.counted.clear();
    x.batches.clear();
    x.reports.clear();
  }

  void prepare() {
    fetcher_config cfg;
    cfg.api = github;

    cfg.retries = settings.retries;
    cfg.clock = clock;
    cfg.metrics = metrics;
    plan_actor = spawn(fake_partitioner, &x);
    bucket = spawn(fake_bucket, &x);
    store = spawn(fake_writer, &x);
    uut = spawn(fetcher, cfg, fetcher_partners{plan_actor, bucket, store});
  }

  /// Pages of all repositories with one more language excluded for each id, so that texts differ.
  lease pages(int64_t id, int64_t expected, cursor_mode mode = cursor_mode::predicted) {
    lease result;
    result.crawl_id = 1;
    result.epoch = 1;
    result.part.id = id;
    result.part.lease = 1;
    result.part.expected = expected;
    result.part.description = "-language:none" + std::to_string(id);
    result.cursors = mode;
    result.splittable = false;
    result.sorts = pass_texts(result.part.description);
    return result;
  }

  lease counts(int64_t id, std::vector<std::string> texts) {
    lease result;
    result.part.id = id;
    result.part.lease = 1;
    result.counts = std::move(texts);
    return result;
  }

  /// Ends the wait of the fetcher for a lease.
  void offer(lease work) {
    REQUIRE_FALSE(x.waiting.empty());
    auto promise = x.waiting.back();
    x.waiting.pop_back();
    x.inside = [&] { promise.deliver(std::vector<lease>{std::move(work)}); };
    tell(plan_actor, wake_atom_v);
  }

  void commit_one() {
    REQUIRE_FALSE(x.commits.empty());
    auto promise = x.commits.front();
    x.commits.erase(x.commits.begin());
    x.inside = [&] { promise.deliver(batch_receipt{}); };
    tell(store, wake_atom_v);
  }

  std::vector<size_t> widths() const {
    std::vector<size_t> result;
    for (auto& request : github->requests)
      result.push_back(request.fields.size());
    return result;
  }

  void answer_with(outcome result, size_t times) {
    github->change = [result, times](const api_request&, api_response& response) mutable {
      if (times > 0) {
        --times;
        response = failure(result);
      }
    };
  }

  script x;
  partitioner_actor plan_actor;
  token_bucket_actor bucket;
  writer_actor store;
  fetcher_actor uut;
};

} // namespace

TEST_CASE_METHOD(fetching, "queries are filled from several leases", "[fetcher]") {
  start(100);
  x.leases = {pages(1, 100), pages(2, 100), pages(3, 100), pages(4, 100)};
  offer(pages(5, 100));
  CHECK(widths() == std::vector<size_t>{3, 2});
  CHECK(x.done.size() == 5);
  CHECK(x.failed.empty());
  CHECK(x.reports.size() == 2);
  CHECK_FALSE(x.waits.front()); // it had something to do already
}

TEST_CASE_METHOD(fetching, "what is counted goes first, and back once it is whole", "[fetcher]") {
  start(100);
  x.leases = {counts(2, {"stars:>=1", "stars:>=5"}), counts(3, {"stars:>=9"})};
  offer(pages(1, 100));
  REQUIRE_FALSE(github->requests.empty());
  REQUIRE(x.counted.size() == 2);
  CHECK(x.counted[0].partition_id == 2);
  CHECK(x.counted[0].counts ==
        std::vector<int64_t>{github->count("stars:>=1"), github->count("stars:>=5")});
  CHECK(x.done.size() == 1);
}

TEST_CASE_METHOD(fetching, "rows and progress go to the writer together", "[fetcher]") {
  start(250);
  offer(pages(1, 250));
  REQUIRE(x.batches.size() == 1);
  CHECK(x.batches[0].rows.size() == 250);
  REQUIRE(x.batches[0].partitions.size() == 1);
  CHECK(x.batches[0].partitions[0].state == partition_state::done);
  CHECK(x.batches[0].crawl_id == 1);
  CHECK(x.batches[0].epoch == 1);
  CHECK(x.batches[0].observed_at == clock.at(now()));
}

TEST_CASE_METHOD(fetching, "at most two batches wait for their commit", "[fetcher]") {
  start(1000);
  x.hold_commits = true;
  x.width = 1;
  offer(pages(1, 1000));
  CHECK(github->requests.size() == 2);
  CHECK(x.commits.size() == 2);
  commit_one();
  CHECK(github->requests.size() == 3);
  CHECK(x.commits.size() == 2);
}

TEST_CASE_METHOD(fetching, "a lease is done only when its last batch is committed", "[fetcher]") {
  start(100);
  x.hold_commits = true;
  offer(pages(1, 100));
  CHECK(x.done.empty());
  commit_one();
  REQUIRE(x.done.size() == 1);
  CHECK(x.done[0].predicted == true);
}

TEST_CASE_METHOD(fetching, "a lease that has nothing to read ends its partition", "[fetcher]") {
  start(100);
  lease nothing;
  nothing.crawl_id = 1;
  nothing.epoch = 1;
  nothing.part.id = 7;
  nothing.part.lease = 1;
  nothing.part.description = "known 7";
  nothing.part.expected = nothing.part.seen = GENERATE(0, 3);
  nothing.shape = GENERATE(query_shape::nodes, query_shape::metadata_list);
  offer(nothing);
  REQUIRE(x.done.size() == 1);
  CHECK(x.done[0].part.id == 7);
  CHECK(x.done[0].part.state == partition_state::done);
  REQUIRE(x.batches.size() == 1);
  CHECK(x.batches[0].partitions.at(0).state == partition_state::done);
  CHECK(github->requests.empty());
  offer(pages(8, 100)); // and it goes on
  CHECK(x.done.size() == 2);
}

TEST_CASE_METHOD(fetching, "a limit or a rejected credential is not the lease's fault",
                 "[fetcher]") {
  start(100);
  answer_with(GENERATE(outcome::primary_limit, outcome::secondary_limit, outcome::unauthorized,
                       outcome::forbidden),
              3);
  offer(pages(1, 100));
  CHECK(github->requests.size() == 4); // the bucket paces them
  CHECK(x.done.size() == 1);
  CHECK(x.failed.empty());
}

TEST_CASE_METHOD(fetching, "after a failure of the host it waits, longer each time", "[fetcher]") {
  start(100);
  answer_with(GENERATE(outcome::network, outcome::server_error), 3);
  offer(pages(1, 100));
  CHECK(github->requests.size() == 1);
  advance(499ms);
  CHECK(github->requests.size() == 1);
  CHECK(advance_until([&] { return github->requests.size() == 2; }, 501ms));
  advance(999ms);
  CHECK(github->requests.size() == 2);
  advance(10s);
  CHECK(x.done.size() == 1);
  CHECK(x.failed.empty());
}

TEST_CASE_METHOD(fetching, "several fields that failed together are asked again", "[fetcher]") {
  start(300);
  answer_with(
      GENERATE(outcome::timeout, outcome::resource_limit, outcome::malformed, outcome::oversized),
      1);
  offer(pages(1, 300));
  x.width = 1;
  advance(1s);
  CHECK(widths() == std::vector<size_t>{3, 1, 1, 1});
  CHECK(x.failed.empty());
  CHECK(x.done.size() == 1);
}

TEST_CASE_METHOD(fetching, "a field that fails alone is given back with the reason", "[fetcher]") {
  start(100);
  answer_with(outcome::timeout, 1);
  offer(pages(1, 100));
  REQUIRE(x.failed.size() == 1);
  CHECK(x.failed[0].first.id == 1);
  CHECK(x.failed[0].second == "timeout: no");
}

TEST_CASE_METHOD(fetching, "the good fields of a partial answer are kept", "[fetcher]") {
  start(300);
  github->change = [](const api_request& request, api_response& response) {
    if (request.fields.size() < 3)
      return;
    response.result = outcome::partial;
    response.fields[1] = {};
    response.fields[1].error = field_error::resource_limit;
  };
  offer(pages(1, 300));
  CHECK(widths() == std::vector<size_t>{3, 1});
  REQUIRE(x.batches.size() == 2);
  CHECK(x.batches[0].rows.size() == 200);
  CHECK(x.batches[0].partitions[0].pages_done == 0b101);
  CHECK(x.done.size() == 1);
}

TEST_CASE_METHOD(fetching, "a refused field gives its lease back, the others go on", "[fetcher]") {
  start(100);
  github->change = [](const api_request& request, api_response& response) {
    for (size_t i = 0; i < request.fields.size(); ++i)
      if (request.fields[i].query.starts_with("-language:none2")) {
        response.result = outcome::partial;
        response.fields[i] = {};
        response.fields[i].error = field_error::rejected;
        response.fields[i].message = "bad text";
      }
  };
  x.leases = {pages(2, 100), pages(3, 100)};
  offer(pages(1, 100));
  CHECK(x.done.size() == 2);
  REQUIRE(x.failed.size() == 1);
  CHECK(x.failed[0].first.id == 2);
  CHECK(x.failed[0].second == "rejected: bad text");
}

TEST_CASE_METHOD(fetching, "what a lease has stored is committed before it is given back",
                 "[fetcher]") {
  start(300);
  x.hold_commits = true;
  github->change = [](const api_request&, api_response& response) {
    response.result = outcome::partial;
    response.fields[2] = {};
    response.fields[2].error = field_error::forbidden;
  };
  offer(pages(1, 300));
  REQUIRE(x.batches.size() == 1);
  REQUIRE(x.batches[0].partitions.size() == 1);
  CHECK(x.batches[0].partitions[0].pages_done == 0b011);
  CHECK(x.batches[0].rows.size() == 200);
  CHECK(x.failed.empty());
  commit_one();
  REQUIRE(x.failed.size() == 1);
  CHECK(x.failed[0].first.pages_done == 0b011);
}

TEST_CASE_METHOD(fetching, "a lease is given back although a later batch is not committed",
                 "[fetcher]") {
  start(300);
  x.hold_commits = true;
  github->change = [](const api_request& request, api_response& response) {
    if (!request.fields[0].query.starts_with("-language:none1"))
      return;
    response.result = outcome::partial;
    response.fields[2] = {};
    response.fields[2].error = field_error::forbidden;
  };
  offer(pages(1, 300));
  offer(pages(2, 300));
  REQUIRE(x.batches.size() == 2);
  CHECK(x.failed.empty());
  commit_one();
  REQUIRE(x.failed.size() == 1);
  CHECK(x.failed[0].first.id == 1);
}

TEST_CASE_METHOD(fetching, "a query that GitHub refuses as a whole ends the fetcher", "[fetcher]") {
  start(100);
  answer_with(outcome::rejected, 1);
  offer(pages(1, 100));
  CHECK(ended(uut));
  CHECK(x.reports.size() == 1);
}

TEST_CASE_METHOD(fetching, "a writer that fails ends the fetcher", "[fetcher]") {
  start(100);
  x.hold_commits = true;
  offer(pages(1, 100));
  x.inside = [&] {
    x.commits[0].deliver(caf::make_error(errc::fenced, std::string{"taken over"}));
  };
  tell(store, wake_atom_v);
  CHECK(ended(uut));
  CHECK(x.done.empty());
}

TEST_CASE_METHOD(fetching, "draining waits for the answer and its commit", "[fetcher]") {
  start(300);
  github->hold = true;
  x.hold_commits = true;
  x.width = 1;
  offer(pages(1, 300));
  REQUIRE(github->in_flight() == 1);
  auto drained = ask_later<void>(uut, drain_atom_v);
  CHECK_FALSE(drained.answered());
  github->release_one();
  run();
  CHECK_FALSE(drained.answered());
  commit_one();
  CHECK(drained.answered());
  CHECK(github->requests.size() == 1);
}

TEST_CASE_METHOD(fetching, "an idle fetcher is drained at once", "[fetcher]") {
  start(100);
  CHECK(ask<void>(uut, drain_atom_v));
}

TEST_CASE_METHOD(fetching, "a permit that comes after draining is not used", "[fetcher]") {
  start(100);
  x.hold_permits = true;
  offer(pages(1, 100));
  REQUIRE(x.permits.size() == 1);
  CHECK(ask<void>(uut, drain_atom_v));
  x.inside = [&] { x.permits[0].deliver(permit{1, "token-1", 3}); };
  tell(bucket, wake_atom_v);
  CHECK(github->requests.empty());
  CHECK(x.unused == std::vector<uint64_t>{1});
}

TEST_CASE_METHOD(fetching, "who waits for a fetcher that ends is told", "[fetcher]") {
  start(300);
  github->hold = true;
  offer(pages(1, 300));
  auto drained = ask_later<void>(uut, drain_atom_v);
  end(uut);
  REQUIRE(drained.answered());
  CHECK(drained.get().error() == errc::stopping);
}

TEST_CASE_METHOD(fetching, "an answer for a fetcher that has ended is dropped", "[fetcher]") {
  start(300);
  github->hold = true;
  offer(pages(1, 300));
  end(uut, caf::exit_reason::kill);
  github->release_all();
  run();
  CHECK(x.batches.empty());
}

TEST_CASE_METHOD(fetching, "leases are renewed as long as something is uncommitted", "[fetcher]") {
  start(100);
  advance(200s);
  CHECK(x.renewed == 0);
  x.hold_commits = true;
  offer(pages(1, 100));
  advance(200s);
  CHECK(x.renewed == 2);
  commit_one();
  advance(200s);
  CHECK(x.renewed == 2);
}

TEST_CASE_METHOD(fetching, "what it holds is finished although no lease is left", "[fetcher]") {
  start(100);
  x.no_more = true;
  offer(pages(1, 100));
  CHECK(x.done.size() == 1);
  CHECK_FALSE(ended(uut));
}

TEST_CASE_METHOD(fetching, "who is turned away sends no query without fields", "[fetcher]") {
  start(100);
  x.no_more = true;
  x.hold_commits = true;
  offer(pages(1, 100));
  commit_one();
  CHECK(x.done.size() == 1);
  CHECK(github->requests.size() == 1);
}

TEST_CASE_METHOD(fetching, "opaque cursors that one lease shows hold for the next", "[fetcher]") {
  github = std::make_shared<fake_github>(random_repositories(300, 1));
  github->opaque_cursors = true;
  prepare();
  offer(pages(1, 300, cursor_mode::unverified));
  CHECK(x.done.size() == 1);
  CHECK(x.done[0].predicted == false);
  offer(pages(2, 300, cursor_mode::unverified));
  REQUIRE(x.done.size() == 2);
  CHECK_FALSE(x.done[1].predicted);
}
