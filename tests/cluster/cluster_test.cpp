#include "actors/census_source.hpp"
#include "cluster/node.hpp"
#include "tests/cluster/workers.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

/// A worker that asks for what it is told to, and never says that it is alive.
struct silent {
  std::vector<permit> permits;
  std::vector<lease> leases;
  uint32_t waited = 0;
  bool at_once = false;
  bool over = false;
  bool drain = false;
  uint32_t blocks = 0;
};

link_actor::behavior_type silent_link(link_actor::pointer, silent* x) {
  return {
      [x](grant_atom, const grant_block& block) {
        ++x->blocks;
        for (auto& [shape, permits] : block.permits)
          x->permits.insert(x->permits.end(), permits.begin(), permits.end());
        x->leases.insert(x->leases.end(), block.leases.begin(), block.leases.end());
        x->waited += block.waited;
        x->at_once = x->at_once || block.at_once;
        x->over = x->over || block.over;
        x->drain = x->drain || block.drain;
      },
      [](join_atom, const caf::actor&) {},
      [](news_atom, const worker_news&, bool) {},
      [](leave_atom, uint64_t) {},
      [](wake_atom) {},
      [](tick_atom) {},
  };
}

class cluster : public workers {
public:
  /// `repositories` on GitHub, and a coordinator without workers.
  void begin(size_t repositories) {
    github = std::make_shared<fake_github>(random_repositories(repositories, 1));
    coordinator = start(0);
    run();
    entrance = open_gate();
  }

  worker join(uint32_t fetchers, const std::string& name = "w") {
    return workers::join(fetcher_settings(github), fetchers, coordinator.writer, name);
  }

  /// A fake worker's desk.
  desk_actor join_silent(silent& x) {
    auto me = spawn(silent_link, &x);
    return caf::actor_cast<desk_actor>(*ask<caf::actor>(entrance, join_atom_v, greeting("silent"),
                                                        caf::actor_cast<caf::actor>(me)));
  }

  bucket_status bucket() { return *ask<bucket_status>(coordinator.bucket, status_atom_v); }
  cluster_status status() { return *ask<cluster_status>(entrance, status_atom_v); }
  crawl_progress planned() { return progress(coordinator); }

  void check_complete(size_t repositories) {
    CHECK(finished->phase == "complete");
    CHECK(database->repositories.size() == repositories);
    CHECK(finished->totals.missing == 0);
  }
};

} // namespace

TEST_CASE_METHOD(cluster, "workers crawl what a coordinator plans", "[cluster]") {
  settings.query_width.page_max = 2;
  begin(5000);
  join(4);
  join(4);
  CHECK(status().workers == 2);
  wait_for_end();
  check_complete(5000);
}

TEST_CASE_METHOD(cluster, "workers list the ids of a census with permits of their own",
                 "[cluster]") {
  source = [] { return std::make_unique<census_source>(id_range{1, 20'000}, id_listing::always); };
  begin(5000); // ids 1000, 1003, ...
  join(4);
  join(4);
  wait_for_end();
  check_complete(5000);
  advance(1s); // what was not used has gone back
  CHECK(bucket().in_flight == 0);
  CHECK(bucket().requests == github->requests.size());
  CHECK(bucket().listings >= 50);
  auto is_listing = [](auto& x) { return x.shape == query_shape::id_list; };
  CHECK(bucket().listings == static_cast<uint64_t>(std::count_if(
                                 github->requests.begin(), github->requests.end(), is_listing)));
}

TEST_CASE_METHOD(cluster, "every permit is closed exactly once", "[cluster]") {
  settings.query_width.page_max = 1;
  begin(5000);
  auto one = join(4);
  auto two = join(4);
  wait_for_end();
  advance(1s); // what was not used has gone back
  CHECK(bucket().in_flight == 0);
  CHECK(bucket().requests == github->requests.size());
  CHECK(status().permits_out == 0);
  CHECK(status().leases_out == 0);
  CHECK(ask<bucket_status>(one.permits, status_atom_v)->in_flight == 0);
  CHECK(ask<bucket_status>(two.permits, status_atom_v)->in_flight == 0);
}

TEST_CASE_METHOD(cluster, "what a killed worker held is with the others at once", "[cluster]") {
  settings.query_width.page_max = 1;
  settings.limits.concurrent_requests = 6;
  begin(5000);
  auto dies = join(4);
  advance_until([&] { return planned().totals.seen > 1000; }, 1h);
  auto lives = join(4);
  REQUIRE(status().workers == 2);
  crash_worker(dies);
  CHECK(status().workers == 1);
  wait_for_end();
  check_complete(5000);
  advance(1s); // what was not used goes back
  CHECK(bucket().in_flight == 0);
}

TEST_CASE_METHOD(cluster, "permits and leases of a dead worker go back without delay",
                 "[cluster]") {
  begin(5000);
  silent x;
  auto its_desk = join_silent(x);
  worker_news news;
  news.permits = {{query_shape::search_count, 1}};
  news.waiting_leases = 1;
  tell(its_desk, news_atom_v, news);
  REQUIRE(x.permits.size() == 1);
  REQUIRE(x.leases.size() == 1);
  CHECK(status().permits_out == 1);
  CHECK(bucket().in_flight == 1);
  end(its_desk, caf::exit_reason::kill);
  CHECK(status().workers == 0);
  CHECK(bucket().in_flight == 0);
  advance(2s);
  CHECK(planned().leased == 0);
  CHECK(planned().ready == 1);
}

TEST_CASE_METHOD(cluster, "a silent worker is lost after a while", "[cluster]") {
  begin(5000);
  silent x;
  auto its_desk = join_silent(x);
  worker_news news;
  news.permits = {{query_shape::search_count, 1}};
  tell(its_desk, news_atom_v, news);
  advance(2900ms);
  CHECK(status().workers == 1);
  tell(its_desk, news_atom_v, worker_news{}); // a sign of life
  advance(2900ms);
  CHECK(status().workers == 1);
  CHECK(x.blocks >= 10); // the coordinator has shown that it is alive
  advance(700ms);
  CHECK(status().workers == 0);
  CHECK(bucket().in_flight == 0);
  // Its late words count for nothing.
  tell(its_desk, news_atom_v, news);
  CHECK(bucket().in_flight == 0);
}

TEST_CASE_METHOD(cluster, "a desk closes only its own permits, and each once", "[cluster]") {
  begin(5000);
  silent x;
  silent y;
  auto first = join_silent(x);
  auto second = join_silent(y);
  worker_news news;
  news.permits = {{query_shape::search_count, 1}};
  tell(first, news_atom_v, news);
  REQUIRE(x.permits.size() == 1);
  worker_news stolen;
  stolen.unused_permits = {x.permits[0].id};
  tell(second, news_atom_v, stolen);
  CHECK(bucket().in_flight == 1);
  tell(first, news_atom_v, stolen);
  CHECK(bucket().in_flight == 0);
  CHECK(bucket().requests == 0);
  tell(first, news_atom_v, stolen);
  CHECK(bucket().in_flight == 0);
}

TEST_CASE_METHOD(cluster, "leases at once are answered when there are none", "[cluster]") {
  begin(5000);
  silent x;
  auto its_desk = join_silent(x);
  worker_news news;
  news.leases_at_once = 3;
  tell(its_desk, news_atom_v, news);
  CHECK(x.leases.size() == 1); // the root
  CHECK(x.at_once);
  CHECK(x.waited == 0);
}

TEST_CASE_METHOD(cluster, "a fetcher that dies gives back its lease and its permit alone",
                 "[cluster]") {
  settings.query_width.page_max = 1;
  begin(5000);
  auto x = join(3);
  advance_until([&] { return planned().totals.seen > 1000; }, 1h);
  auto dead = x.fetchers.back();
  end(dead, caf::exit_reason::kill);
  tell(x.leases, lost_atom_v, uint64_t{dead.id()});
  tell(x.permits, lost_atom_v, uint64_t{dead.id()});
  wait_for_end();
  check_complete(5000);
  advance(1s);
  CHECK(bucket().in_flight == 0);
  CHECK(status().leases_out == 0);
}

TEST_CASE_METHOD(cluster, "an agent that dies ends its session", "[cluster]") {
  begin(5000);
  auto x = join(2);
  end(x.permits, caf::exit_reason::kill);
  CHECK(ended(x.connection));
  CHECK(status().workers == 0);
}

TEST_CASE_METHOD(cluster, "a worker that ends in order leaves nothing behind", "[cluster]") {
  settings.query_width.page_max = 1;
  begin(5000);
  auto x = join(3);
  advance_until([&] { return planned().totals.seen > 1000; }, 1h);
  std::vector<pending<void>> drained;
  for (auto& fetcher : x.fetchers)
    drained.push_back(ask_later<void>(fetcher, drain_atom_v));
  advance(100ms);
  for (auto& answer : drained)
    CHECK(answer.answered());
  for (auto& fetcher : x.fetchers)
    end(fetcher);
  end(x.leases);
  end(x.permits);
  auto sent = github->requests.size();
  end(x.connection);
  CHECK(status().workers == 0);
  CHECK(bucket().in_flight == 0);
  CHECK(bucket().requests == sent);
  join(3);
  wait_for_end();
  check_complete(5000);
}

TEST_CASE_METHOD(cluster, "permits that a leaving worker has not heard of are unused",
                 "[cluster]") {
  begin(5000);
  silent x;
  auto its_desk = join_silent(x);
  worker_news news;
  news.permits = {{query_shape::search_count, 1}};
  tell(its_desk, news_atom_v, news);
  REQUIRE(x.permits.size() == 1);
  query_report answer;
  answer.permit_id = x.permits[0].id;
  answer.fields = 1;
  answer.limits.known = true;
  answer.limits.limit = answer.limits.remaining = 5000;
  answer.limits.cost = 1;
  answer.limits.reset_at = clock.at(now()) + 30min;
  worker_news told;
  told.reports = {answer}; // then more than one permit is given at a time
  told.permits = {{query_shape::search_count, 1}};
  tell(its_desk, news_atom_v, told);
  REQUIRE(x.permits.size() == 2);
  auto heard = x.blocks;
  tell(its_desk, news_atom_v, news);
  REQUIRE(x.permits.size() == 3); // on its way when the worker leaves
  CHECK(bucket().requests == 3);
  tell(its_desk, leave_atom_v, uint64_t{heard});
  CHECK(status().workers == 0);
  CHECK(bucket().in_flight == 0);
  CHECK(bucket().requests == 2); // the second may have been used
}

TEST_CASE_METHOD(cluster, "a worker notices when its desk is gone", "[cluster]") {
  begin(5000);
  auto x = join(2);
  advance(4s);
  CHECK(x.news->lost == 0);
  end(entrance); // and its desks with it
  CHECK(x.news->lost == 1);
  advance(10s);
  CHECK(x.news->lost == 1);
}

TEST_CASE_METHOD(cluster, "a worker notices when its desk is silent", "[cluster]") {
  auto mute = [](desk_actor::pointer, int) -> desk_actor::behavior_type {
    return {
        [](news_atom, const worker_news&) {},
        [](leave_atom, uint64_t) {},
        [](drain_atom) {},
        [](finished_atom) {},
        [](status_atom) -> caf::result<cluster_status> { return cluster_status{}; },
        [](wake_atom) {},
        [](tick_atom) {},
    };
  };
  auto its_desk = caf::actor_cast<caf::actor>(spawn(mute, 1));
  auto admit = [](gate_actor::pointer, const caf::actor& to) -> gate_actor::behavior_type {
    return {
        [to](join_atom, const worker_greeting&, const caf::actor&) -> caf::result<caf::actor> {
          return to;
        },
        [](drain_atom) {},
        [](finished_atom) {},
        [](status_atom) -> caf::result<cluster_status> { return cluster_status{}; },
    };
  };
  entrance = spawn(admit, its_desk);
  auto x = join(0);
  advance(3s);
  CHECK(x.news->lost == 0);
  advance(600ms);
  CHECK(x.news->lost == 1);
}

TEST_CASE_METHOD(cluster, "workers hear that the crawl is finished, also those that come late",
                 "[cluster]") {
  begin(2000);
  auto x = join(2);
  wait_for_end();
  tell(entrance, finished_atom_v);
  auto y = join(2);
  CHECK(x.news->finished == 1);
  CHECK(y.news->finished == 1);
}

TEST_CASE_METHOD(cluster, "a coordinator that stops lets its workers finish", "[cluster]") {
  begin(5000);
  auto x = join(2);
  tell(entrance, drain_atom_v);
  CHECK(x.news->drain == 1);
  auto late = ask<caf::actor>(entrance, join_atom_v, greeting("late"),
                              caf::actor_cast<caf::actor>(x.connection));
  CHECK(late.error() == errc::not_leading);
}

TEST_CASE_METHOD(cluster, "a coordinator that may not lead grants nothing", "[cluster]") {
  begin(5000);
  silent x;
  silent y;
  auto first = join_silent(x);
  auto second = join_silent(y);
  worker_news news;
  news.permits = {{query_shape::search_count, 2}}; // until the first answer one is given at a time
  news.waiting_leases = 2;                         // there is one, the root
  tell(first, news_atom_v, news);
  REQUIRE(x.permits.size() == 1);
  REQUIRE(x.leases.size() == 1);
  leads = false;
  advance(500ms);
  CHECK(x.drain);
  CHECK(y.drain);
  // What was asked for before and comes now goes back, and new wishes are not heard.
  worker_news unused;
  unused.unused_permits = {x.permits[0].id};
  unused.returned = {{x.leases[0].part, ""}};
  tell(first, news_atom_v, unused);
  tell(second, news_atom_v, news);
  CHECK(x.permits.size() == 1);
  CHECK(x.leases.size() == 1);
  CHECK(y.permits.empty());
  CHECK(y.leases.empty());
  CHECK(status().permits_out == 0);
  CHECK(status().leases_out == 0);
  CHECK(bucket().in_flight == 0);
  CHECK(bucket().requests == 0);
  CHECK(planned().leased == 0);
  CHECK(planned().ready == 1);
  // A worker that was let go joins again.
  leads = true;
  tell(first, news_atom_v, news);
  CHECK(x.permits.size() == 1);
  silent z;
  tell(join_silent(z), news_atom_v, news);
  CHECK(z.permits.size() == 1);
  CHECK(z.leases.size() == 1);
}

TEST_CASE_METHOD(cluster, "what is granted but not sent when a coordinator may not lead goes back",
                 "[cluster]") {
  begin(5000);
  silent x;
  auto its_desk = join_silent(x);
  leads = false; // the next sign of life would tell the desk; the wish comes before
  worker_news news;
  news.permits = {{query_shape::search_count, 1}};
  news.leases_at_once = 1;
  tell(its_desk, news_atom_v, news);
  CHECK(x.blocks > 0);
  CHECK(x.drain);
  CHECK(x.permits.empty());
  CHECK(x.leases.empty());
  CHECK(status().permits_out == 0);
  CHECK(bucket().requests == 0);
  CHECK(planned().leased == 0);
  CHECK(planned().ready == 1);
}

TEST_CASE_METHOD(cluster, "workers that a coordinator let go lose nothing", "[cluster]") {
  settings.query_width.page_max = 1;
  begin(5000);
  std::vector<worker> crew{join(4), join(4)};
  advance_until([&] { return planned().totals.seen > 1000; }, 1h);
  leads = false;
  advance(1s); // what is under way is finished
  auto sent = github->requests.size();
  advance(5s);
  CHECK(github->requests.size() == sent);
  for (auto& x : crew) {
    CHECK(x.news->drain == 1);
    CHECK(x.news->lost == 0);
    for (auto& fetcher : x.fetchers)
      CHECK(ask_later<void>(fetcher, drain_atom_v).answered());
    for (auto& fetcher : x.fetchers)
      end(fetcher);
    end(x.leases);
    end(x.permits);
    end(x.connection);
  }
  CHECK(status().workers == 0);
  CHECK(bucket().in_flight == 0);
  CHECK(bucket().requests == sent);
  leads = true;
  join(4);
  wait_for_end();
  check_complete(5000);
  advance(1s); // what was not used has gone back
  CHECK(bucket().requests == github->requests.size());
}

TEST_CASE_METHOD(cluster, "a worker of another crawl is refused with the reason", "[cluster]") {
  begin(100);
  silent x;
  auto me = caf::actor_cast<caf::actor>(spawn(silent_link, &x));
  auto refusal = [&](const worker_greeting& who) {
    return describe(ask<caf::actor>(entrance, join_atom_v, who, me).error());
  };
  CHECK(refusal({"w", "other", "search", {"token-1"}}) ==
        "it is configured for the crawl 'other', the coordinator for 'test'");
  CHECK(refusal({"w", "test", "census", {"token-1"}}) ==
        "its source is 'census', the coordinator's is 'search'");
  CHECK(refusal({"w", "test", "search", {"token-2"}}) ==
        "it has no credential 'token-1', which permits may name");
  leads = false;
  CHECK(ask<caf::actor>(entrance, join_atom_v, greeting("w"), me).error() == errc::not_leading);
}

TEST_CASE_METHOD(cluster, "the door refuses another build and who does not lead", "[cluster]") {
  auto leading = true;
  auto door = spawn_door(sys, [&] { return leading; });
  adopt(door);
  CHECK_FALSE(ask<void>(door, join_atom_v, protocol_build()).error());
  auto refused = ask<void>(door, join_atom_v, std::string{"0.0.9-abc"});
  CHECK(refused.error() == errc::refused);
  CHECK(describe(refused.error()) == "the worker is build 0.0.9-abc, the coordinator is build " +
                                         protocol_build() + ": all nodes must be of one build");
  leading = false;
  CHECK(ask<void>(door, join_atom_v, protocol_build()).error() == errc::not_leading);
}

TEST_CASE_METHOD(cluster, "blocks save messages", "[cluster]") {
  settings.query_width.page_max = 1;
  begin(20000);
  join(16);
  wait_for_end();
  auto text = metrics->text();
  auto count = [&](const std::string& direction) {
    auto line = "gitstar_cluster_messages_total{direction=\"" + direction + "\"} ";
    return std::stod(text.substr(text.find(line) + line.size()));
  };
  // A request, its answer and its report for each query, and as much for its lease: that would be
  // more than three for each query.
  CHECK(count("in") + count("out") < 2.5 * static_cast<double>(github->requests.size()));
}
