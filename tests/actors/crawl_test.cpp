// Whole crawls: all actors but the supervisors, against a fake GitHub and a store in memory.

#include "actors/census_source.hpp"
#include "actors/refresh_source.hpp"
#include "tests/actors/world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <random>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

class crawling : public world {
public:
  void use(std::vector<repository> repositories) {
    github = std::make_shared<fake_github>(std::move(repositories));
  }

  /// What the crawl should have stored.
  std::map<repo_id, repository> wanted(int64_t least_stars) const {
    std::map<repo_id, repository> result;
    for (auto& x : github->repositories())
      if (x.star_count >= least_stars)
        result.emplace(x.repo_id, x);
    return result;
  }

  uint64_t asked(query_shape shape) const {
    uint64_t fields = 0;
    for (auto& x : github->requests)
      if (x.shape == shape)
        fields += x.fields.size();
    return fields;
  }

  /// Pages that were asked for although the ledger said that they are stored.
  std::vector<std::string>
  asked_again(size_t first_request,
              const std::set<std::pair<std::string, std::string>>& committed) const {
    std::vector<std::string> result;
    for (auto i = first_request; i < github->requests.size(); ++i)
      for (auto& field : github->requests[i].fields)
        if (committed.contains({field.query, field.after}))
          result.push_back(field.query + " after " + field.after);
    return result;
  }

  /// As `gitstar repair` does for lists.
  void repair_newest() {
    for (auto& [id, part] : database->partitions[1])
      if (part.state == partition_state::dead) {
        part.state = partition_state::open;
        ++part.lease;
        part.attempts = 0;
        part.reason.clear();
      }
    database->crawls.back().state = "running";
  }

  void check_sums(const certificate& totals) {
    CHECK(totals.expected == totals.seen + totals.missing);
    CHECK(totals.open == 0);
    std::set<int64_t> parents;
    for (auto& [id, part] : database->partitions[1])
      parents.insert(part.parent_id);
    for (auto& [id, part] : database->partitions[1])
      CHECK(part.seen_ids.empty());
  }
};

} // namespace

TEST_CASE_METHOD(crawling, "a crawl stores every repository that matches", "[crawl]") {
  auto fetchers = GENERATE(1u, 2u, 8u);
  CAPTURE(fetchers);
  use(random_repositories(12'000, 1));
  query = "stars:>=2";
  auto end = crawl_to_end(fetchers);
  CHECK(end.phase == "complete");
  CHECK(database->repositories == wanted(2));
  CHECK(end.totals.expected == static_cast<int64_t>(wanted(2).size()));
  CHECK(end.totals.missing == 0);
  CHECK(database->crawls[0].state == "complete");
  check_sums(end.totals);
}

TEST_CASE_METHOD(crawling, "queries are not much more than the repositories need", "[crawl]") {
  use(random_repositories(30'000, 2));
  query = "stars:>=0";
  crawl_to_end(1);
  CHECK(database->repositories.size() == 30'000);
  CHECK(asked(query_shape::search_page) <= 30'000 / 100 * 107 / 100);
  CHECK(github->requests.size() <= 30'000 / 100 / 9 * 125 / 100);
}

TEST_CASE_METHOD(crawling, "top crawls everything above the threshold it finds", "[crawl]") {
  use(random_repositories(12'000, 3));
  query = "stars:>=0";
  top = 3000;
  settings.query_width.page_max = 1; // the threshold is exact up to a query's pages
  auto end = crawl_to_end(4);
  CHECK(end.phase == "complete");
  auto threshold = database->crawls[0].threshold;
  CHECK(threshold > 0);
  CHECK(database->repositories == wanted(threshold));
  CHECK(end.totals.seen >= 3000);
  CHECK(end.run.threshold == threshold);
}

TEST_CASE_METHOD(crawling, "where estimates promised too much, the band below is crawled",
                 "[crawl]") {
  use(random_repositories(12'000, 4));
  query = "stars:>=0";
  top = 3000;
  // Broad counts are a third too high.
  github->shown_count = [](const search_field& field, int64_t exact) {
    return field.query.find("created:") == std::string::npos ? exact * 4 / 3 : exact;
  };
  auto end = crawl_to_end(4);
  CHECK(end.totals.seen >= 3000);
  CHECK(end.phase == "complete");
  CHECK(database->repositories == wanted(database->crawls[0].threshold));
}

TEST_CASE_METHOD(crawling, "a top beyond what exists, promised by estimates, ends incomplete",
                 "[crawl]") {
  use(random_repositories(2000, 5));
  query = "stars:>=1";
  top = 2500;
  github->shown_count = [](const search_field& field, int64_t exact) {
    return field.query.find("created:") == std::string::npos ? exact * 4 / 3 : exact;
  };
  auto end = crawl_to_end(2);
  CHECK(end.totals.seen == 2000);
  CHECK(database->repositories == wanted(1));
}

TEST_CASE_METHOD(crawling, "a second with thousands of repositories is crawled whole", "[crawl]") {
  use(random_repositories(9000, 6, 4000));
  query = "stars:>=0";
  auto end = crawl_to_end(3);
  CHECK(end.phase == "complete");
  CHECK(database->repositories.size() == 9000);
}

TEST_CASE_METHOD(crawling, "opaque cursors cost queries, not repositories", "[crawl]") {
  use(random_repositories(6000, 7));
  github->opaque_cursors = true;
  query = "stars:>=0";
  auto end = crawl_to_end(4);
  CHECK(end.phase == "complete");
  CHECK(database->repositories.size() == 6000);
  CHECK(asked(query_shape::search_page) <= 6000 / 100 * 110 / 100);
}

TEST_CASE_METHOD(crawling, "memory holds a window of the ledger", "[crawl]") {
  use(random_repositories(20'000, 8));
  query = "stars:>=0";
  plan.window = 4;
  auto x = start(3);
  auto most = 0u;
  REQUIRE(advance_until(
      [&] {
        auto y = progress(x);
        most = std::max(most, y.ready + y.leased + y.waiting);
        return finished.has_value();
      },
      24h));
  CHECK(finished->phase == "complete");
  CHECK(database->repositories.size() == 20'000);
  CHECK(most <= 2 * plan.window);
}

TEST_CASE_METHOD(crawling, "a census stores every repository of its range", "[crawl]") {
  auto fetchers = GENERATE(1u, 4u);
  CAPTURE(fetchers);
  use(random_repositories(8000, 1)); // ids 1000, 1003, ...
  source = [] { return std::make_unique<census_source>(id_range{1, 30'000}); };
  auto end = crawl_to_end(fetchers);
  CHECK(end.phase == "complete");
  CHECK(database->repositories == wanted(0));
  CHECK(end.totals.expected == 8000);
  CHECK(end.totals.seen == 8000);
  CHECK(end.totals.missing == 0);
  CHECK(database->gone.size() == 22'000);
  CHECK(asked(query_shape::nodes) == 300);
  check_sums(end.totals);
}

TEST_CASE_METHOD(crawling, "a census lists first what exists, and asks for nothing else",
                 "[crawl]") {
  auto fetchers = GENERATE(1u, 4u);
  CAPTURE(fetchers);
  use(random_repositories(8000, 1)); // ids 1000, 1003, ...
  github->is_null_in_list = [](const repository& x) {
    return x.repo_id > 2000 && x.repo_id % 500 == 0;
  };
  source = [] { return std::make_unique<census_source>(id_range{1, 30'000}, id_listing::always); };
  auto end = crawl_to_end(fetchers);
  CHECK(end.phase == "complete");
  CHECK(database->repositories == wanted(0));
  CHECK(end.totals.expected == 8000);
  CHECK(end.totals.seen == 8000);
  CHECK(end.totals.missing == 0);
  CHECK(database->gone.size() > 15); // between a null and its neighbours
  CHECK(database->gone.size() <= 15 * 4);
  size_t ids = 0;
  for (auto& x : github->requests)
    for (auto& field : x.fields)
      ids += field.ids.size();
  CHECK(ids == 8000 + database->gone.size());
  CHECK(asked(query_shape::id_list) <= 110);
  check_sums(end.totals);
}

TEST_CASE_METHOD(crawling, "an automatic census spends less than either way by itself", "[crawl]") {
  // A dense half and an empty one.
  auto repositories = random_repositories(16'000, 1);
  for (size_t i = 0; i < repositories.size(); ++i)
    repositories[i].repo_id = static_cast<repo_id>(i < 15'000 ? 1 + i : 20'000 + 40 * (i - 15'000));
  use(repositories);
  settings.query_width.page_max = 1;
  auto spent = [&](id_listing mode) {
    database = std::make_shared<memory_database>();
    github->requests.clear();
    source = [mode] { return std::make_unique<census_source>(id_range{1, 60'000}, mode); };
    auto end = crawl_to_end(4);
    CHECK(end.phase == "complete");
    CHECK(end.totals.missing == 0);
    CHECK(database->repositories.size() == 16'000);
    return github->requests.size();
  };
  auto automatic = spent(id_listing::automatic);
  CHECK(automatic < spent(id_listing::never));
  CHECK(automatic < spent(id_listing::always));
}

TEST_CASE_METHOD(crawling, "a census that lists finds out which known repositories are gone",
                 "[crawl]") {
  use(random_repositories(2000, 1));
  for (repo_id id : {1001, 1500, 4445, 9999}) { // not there any more
    repository x;
    x.repo_id = id;
    database->repositories.emplace(id, x);
  }
  auto mode = GENERATE(id_listing::always, id_listing::automatic);
  source = [mode] { return std::make_unique<census_source>(id_range{1, 10'000}, mode); };
  auto end = crawl_to_end(3);
  CHECK(end.phase == "complete");
  CHECK(end.totals.seen == 2000);
  for (repo_id id : {1001, 1500, 4445, 9999})
    CHECK(database->gone.contains(id));
}

TEST_CASE_METHOD(crawling, "a crash in a census that lists costs no stored page again", "[crawl]") {
  use(random_repositories(6000, 1));
  source = [] { return std::make_unique<census_source>(id_range{1, 20'000}, id_listing::always); };
  settings.query_width.page_max = 2;
  auto crashes = 0;
  for (auto more : {12u, 17u, 23u}) {
    auto x = start(3);
    auto until = github->requests.size() + more;
    REQUIRE(advance_until([&] { return github->requests.size() >= until || finished; }, 24h));
    REQUIRE(!finished);
    crash(x);
    ++crashes;
  }
  auto end = crawl_to_end(3);
  CHECK(end.phase == "complete");
  CHECK(database->repositories == wanted(0));
  CHECK(end.totals.expected == 6000);
  CHECK(end.totals.seen == 6000);
  // Of each fetcher and crash one request and two batches.
  auto repeated = static_cast<size_t>(crashes) * 3 * 3;
  size_t ids = 0;
  for (auto& x : github->requests)
    for (auto& field : x.fields)
      ids += field.ids.size();
  CHECK(ids <= 6000 + repeated * 2 * 100);
  CHECK(asked(query_shape::id_list) <= 70 + repeated);
}

TEST_CASE_METHOD(crawling, "a repository that is closed to us is missing in a census", "[crawl]") {
  use(random_repositories(1000, 1));
  github->is_null = [](const search_field&, const repository& x) { return x.repo_id == 1300; };
  source = [] { return std::make_unique<census_source>(id_range{1, 5000}); };
  auto end = crawl_to_end(2);
  CHECK(end.phase == "incomplete");
  CHECK(end.totals.expected == 1000);
  CHECK(end.totals.missing == 1);
  CHECK(!database->gone.contains(1300));
}

TEST_CASE_METHOD(crawling, "an id that comes as null for a while is asked for again later",
                 "[crawl]") {
  use(random_repositories(1000, 1));
  settings.query_width.page_max = 1;
  auto nulls = 3;
  github->change = [&](const api_request& request, api_response& response) {
    auto& field = response.fields.at(0);
    if (request.shape == query_shape::nodes && request.fields[0].ids.front() == 3001 &&
        nulls-- > 0) {
      field.repositories.clear();
      field.lacking.clear();
      for (uint32_t i = 0; i < request.fields[0].ids.size(); ++i)
        field.lacking.push_back({i, field_error::transient});
      response.result = outcome::partial;
    }
  };
  source = [] { return std::make_unique<census_source>(id_range{1, 5000}); };
  auto begun = now();
  auto end = crawl_to_end(1);
  CHECK(end.phase == "complete");
  CHECK(end.totals.missing == 0);
  CHECK(database->repositories.size() == 1000);
  CHECK(now() - begun > 2s); // it waited between the tries
}

TEST_CASE_METHOD(crawling, "a crash in a census costs no stored page again", "[crawl]") {
  use(random_repositories(6000, 1));
  source = [] { return std::make_unique<census_source>(id_range{1, 20'000}); };
  settings.query_width.page_max = 2;
  auto crashes = 0;
  for (auto more : {12u, 17u, 23u}) {
    auto x = start(3);
    auto until = github->requests.size() + more;
    REQUIRE(advance_until([&] { return github->requests.size() >= until || finished; }, 24h));
    REQUIRE(!finished);
    crash(x);
    ++crashes;
  }
  auto end = crawl_to_end(3);
  CHECK(end.phase == "complete");
  CHECK(database->repositories == wanted(0));
  CHECK(end.totals.expected == 6000);
  CHECK(end.totals.seen == 6000);
  // Of each fetcher and crash one query in flight and two batches, of two fields each.
  CHECK(asked(query_shape::nodes) <= 200u + static_cast<size_t>(crashes) * 3 * 3 * 2);
}

TEST_CASE_METHOD(crawling, "a refresh reads the repositories of the store once each", "[crawl]") {
  use(random_repositories(20'000, 1));
  for (auto& x : github->repositories())
    if (x.repo_id % 2 == 0)
      database->repositories.emplace(x.repo_id, x);
  database->repositories.begin()->second.star_count = 77;
  auto known = database->repositories.size();
  source = [] {
    known_selection all;
    all.stars_last = std::numeric_limits<int64_t>::max();
    return std::make_unique<refresh_source>(all);
  };
  settings.query_width.page_max = 1;
  auto end = crawl_to_end(4);
  CHECK(end.phase == "complete");
  CHECK(end.totals.seen == static_cast<int64_t>(known));
  CHECK(database->repositories.size() == known);
  CHECK(database->repositories.begin()->second == github->repositories().front());
  // 100,000 repositories in at most 1,010 points.
  CHECK(github->requests.size() <= known / 100 * 101 / 100);
}

TEST_CASE_METHOD(crawling, "a list that was a dead letter is read when it is repaired", "[crawl]") {
  use(random_repositories(3000, 1));
  for (auto& x : github->repositories())
    database->repositories.emplace(x.repo_id, x);
  source = [] {
    known_selection all;
    all.stars_last = std::numeric_limits<int64_t>::max();
    return std::make_unique<refresh_source>(all);
  };
  settings.retries.max_attempts = 2;
  auto refused = github->repositories()[1500].repo_id;
  github->change = [=](const api_request& request, api_response& response) {
    for (size_t i = 0; i < response.fields.size(); ++i)
      if (auto& ids = request.fields[i].ids;
          std::find(ids.begin(), ids.end(), refused) != ids.end()) {
        response.fields[i] = {};
        response.fields[i].error = field_error::rejected;
        response.fields[i].message = "no";
      }
  };
  auto end = crawl_to_end(2);
  CHECK(end.phase == "incomplete");
  CHECK(end.totals.dead == 1);
  CHECK(end.totals.missing > 0);
  github->change = nullptr;
  auto dead = std::find_if(database->partitions[1].begin(), database->partitions[1].end(),
                           [](auto& x) { return x.second.state == partition_state::dead; });
  REQUIRE(dead != database->partitions[1].end());
  CHECK_FALSE(dead->second.seen_ids.empty());
  repair_newest();
  end = crawl_to_end(2);
  CHECK(end.phase == "complete");
  CHECK(end.totals.seen == 3000);
  CHECK(end.totals.missing == 0);
}

TEST_CASE_METHOD(crawling, "a refresh of an empty store is complete at once", "[crawl]") {
  use(random_repositories(100, 1));
  source = [] { return std::make_unique<refresh_source>(known_selection{}); };
  auto end = crawl_to_end(2);
  CHECK(end.phase == "complete");
  CHECK(github->requests.empty());
}

TEST_CASE_METHOD(crawling, "what no search shows is missing in the certificate", "[crawl]") {
  use(random_repositories(3000, 9));
  query = "stars:>=0";
  std::set<repo_id> hidden;
  for (size_t i = 0; i < 3000; i += 500)
    hidden.insert(github->repositories()[i].repo_id);
  github->is_hidden = [&](const search_field&, const repository& x) {
    return hidden.contains(x.repo_id);
  };
  auto end = crawl_to_end(4);
  CHECK(end.phase == "incomplete");
  CHECK(end.totals.expected == 3000);
  CHECK(end.totals.missing == 6);
  CHECK(end.totals.seen == 2994);
  CHECK(database->crawls[0].state == "incomplete");
  check_sums(end.totals);
}

TEST_CASE_METHOD(crawling, "failures at random cost time, not repositories", "[crawl]") {
  use(random_repositories(6000, 10));
  query = "stars:>=0";
  std::mt19937 random{10};
  github->change = [&](const api_request& request, api_response& response) {
    constexpr outcome failures[] = {
        outcome::timeout,        outcome::network,   outcome::server_error,   outcome::malformed,
        outcome::resource_limit, outcome::oversized, outcome::secondary_limit};
    if (random() % 6 == 0) {
      response = failure(failures[random() % std::size(failures)]);
    } else if (random() % 6 == 0) {
      auto& field = response.fields[random() % request.fields.size()];
      field = {};
      field.error = random() % 2 ? field_error::transient : field_error::resource_limit;
      response.result = outcome::partial;
    }
  };
  auto end = crawl_to_end(4);
  CHECK(end.phase == "complete");
  CHECK(database->repositories.size() == 6000);
  check_sums(end.totals);
}

TEST_CASE_METHOD(crawling, "PostgreSQL going away costs time, not repositories", "[crawl]") {
  use(random_repositories(6000, 11));
  query = "stars:>=0";
  std::mt19937 random{11};
  database->before = [&](const std::string&) {
    if (random() % 3 == 0)
      throw db::store_error("connection refused", true);
  };
  auto end = crawl_to_end(4);
  CHECK(end.phase == "complete");
  CHECK(database->repositories.size() == 6000);
}

TEST_CASE_METHOD(crawling, "a crawl that was killed goes on without asking again what is stored",
                 "[crawl]") {
  auto seed = GENERATE(range(0u, 8u));
  CAPTURE(seed);
  use(random_repositories(9000, 12));
  query = "stars:>=0";
  if (seed % 2) {
    top = 4000;
    query = "stars:>=1";
  }
  std::mt19937 random{seed};
  constexpr auto fetchers = 4u;
  auto kills = 0;
  for (; kills < 10; ++kills) {
    auto first_request = github->requests.size();
    auto committed = committed_pages(*database, 1);
    auto x = start(fetchers);
    for (auto jobs = random() % 400; jobs > 0 && !finished; --jobs) {
      if (sched.has_job())
        sched.run_once();
      else
        advance(10ms);
    }
    auto done = finished.has_value();
    crash(x);
    CHECK(asked_again(first_request, committed).empty());
    if (done)
      break;
  }
  if (!finished) {
    auto first_request = github->requests.size();
    auto committed = committed_pages(*database, 1);
    crawl_to_end(fetchers);
    CHECK(asked_again(first_request, committed).empty());
  }
  CHECK(database->crawls.size() == 1);
  CHECK(database->crawls[0].state == "complete");
  CHECK(database->repositories == wanted(top > 0 ? database->crawls[0].threshold : 0));
  CHECK(finished->totals.expected == static_cast<int64_t>(database->repositories.size()));
  check_sums(finished->totals);
}

TEST_CASE_METHOD(crawling, "a fetcher that dies is missed by nobody", "[crawl]") {
  use(random_repositories(9000, 13));
  query = "stars:>=0";
  std::mt19937 random{13};
  auto x = start(4);
  for (auto deaths = 0; deaths < 20 && !finished; ++deaths) {
    for (auto jobs = random() % 200; jobs > 0 && !finished; --jobs) {
      if (sched.has_job())
        sched.run_once();
      else
        advance(10ms);
    }
    auto& victim = x.fetchers[random() % x.fetchers.size()];
    auto id = victim.id();
    end(victim, caf::exit_reason::kill);
    tell(x.partitioner, lost_atom_v, uint64_t{id});
    tell(x.bucket, lost_atom_v, uint64_t{id});
    victim = start_fetcher(x);
  }
  auto end = wait_for_end();
  CHECK(end.phase == "complete");
  CHECK(database->repositories.size() == 9000);
  CHECK(ask<bucket_status>(x.bucket, status_atom_v)->in_flight == 0);
}

TEST_CASE_METHOD(crawling, "limits are kept and the crawl waits for resets", "[crawl]") {
  use(random_repositories(6000, 14));
  query = "stars:>=0";
  settings.query_width.page_max = 1;
  int64_t left = 40;
  auto reset = database->now + 1h;
  auto spent_too_much = false;
  github->change = [&](const api_request&, api_response& response) {
    auto wall = clock.at(now());
    if (wall >= reset) {
      reset = wall + 1h;
      left = 40;
    }
    spent_too_much = spent_too_much || left == 0;
    left = std::max<int64_t>(left - 1, 0);
    response.limits = {true, true, 40, left, 1, reset};
  };
  auto end = crawl_to_end(8);
  CHECK(end.phase == "complete");
  CHECK(database->repositories.size() == 6000);
  CHECK_FALSE(spent_too_much);
}

TEST_CASE_METHOD(crawling, "an empty search is complete at once", "[crawl]") {
  use({});
  auto end = crawl_to_end(2);
  CHECK(end.phase == "complete");
  CHECK(end.totals.done == 1);
  CHECK(github->requests.size() == 1);
}

TEST_CASE_METHOD(crawling, "timers do not pile up", "[crawl]") {
  auto repositories = GENERATE(2000u, 20'000u);
  CAPTURE(repositories);
  use(random_repositories(repositories, 15));
  query = "stars:>=0";
  crawl_to_end(4);
  advance(10min);
  CHECK(timers() < 20);
}
