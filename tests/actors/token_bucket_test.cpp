#include "tests/actors/world.hpp"

#include <catch2/catch.hpp>

#include <algorithm>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

class permits : public world {
public:
  permits() {
    limits_on.known = true;
    limits_on.limit = 5000;
    limits_on.remaining = 4000;
    limits_on.cost = 1;
    limits_on.reset_at = clock.at(now()) + 30min;
  }

  void start() {
    books = spawn_ledger();
    ask_later<crawl>(books, open_atom_v); // budgets are saved by who owns the crawl
    uut = spawn(token_bucket, bucket_settings(), books);
  }

  /// A bucket that GitHub has told its budget.
  void start_told() {
    start();
    report(take());
  }

  pending<permit> ask_permit(uint64_t holder = 1, query_shape shape = query_shape::search_page) {
    return ask_later<permit>(uut, acquire_atom_v, shape, holder);
  }

  permit take(uint64_t holder = 1) {
    auto x = ask_permit(holder);
    if (!x.answered())
      throw std::runtime_error("no permit: " + status().waiting_for);
    return *x.get();
  }

  void report(const permit& x, outcome result = outcome::ok,
              optional<std::chrono::seconds> retry_after = caf::none) {
    query_report y;
    y.permit_id = x.id;
    if (x.identify && result == outcome::ok && viewers.contains(x.credential))
      y.identity = viewer{viewers.at(x.credential), "somebody"};
    y.fields = x.width;
    y.result = result;
    y.retry_after = retry_after;
    y.elapsed = 100ms;
    if (result == outcome::ok)
      y.limits = limits_on;
    tell(uut, report_atom_v, y);
  }

  bucket_status status() { return *ask<bucket_status>(uut, status_atom_v); }

  /// A query with each of `count` credentials, answered.
  void start_all_told(size_t count) {
    start();
    std::vector<permit> taken;
    for (size_t i = 0; i < count; ++i)
      taken.push_back(take());
    for (auto& x : taken)
      report(x);
  }

  void add_credential(const std::string& name,
                      config::credential_kind kind = config::credential_kind::unknown) {
    config::credential x;
    x.name = name;
    x.kind = kind;
    settings.credentials.push_back(x);
  }

  rate_limit limits_on;
  std::map<std::string, int64_t> viewers; ///< whose credential is whose
  ledger_actor books;
  token_bucket_actor uut;
};

} // namespace

TEST_CASE_METHOD(permits, "a permit names the credential and the width", "[token_bucket]") {
  settings.query_width.page_start = 3;
  start();
  auto x = take();
  CHECK(x.credential == "token-1");
  CHECK(x.width == 3);
  CHECK(status().in_flight == 1);
}

TEST_CASE_METHOD(permits, "the second permit waits for the first answer", "[token_bucket]") {
  start();
  auto first = take();
  auto second = ask_permit();
  auto third = ask_permit();
  CHECK_FALSE(second.answered());
  CHECK(status().waiting == 2);
  CHECK(status().waiting_for == "the first answer of token-1");
  report(first);
  CHECK(second.answered());
  CHECK(third.answered());
}

TEST_CASE_METHOD(permits, "no more queries are in flight than the limit", "[token_bucket]") {
  settings.limits.concurrent_requests = 2;
  start_told();
  auto first = take();
  take();
  auto third = ask_permit();
  CHECK_FALSE(third.answered());
  CHECK(status().waiting_for == "the queries in flight of token-1");
  report(first);
  CHECK(third.answered());
}

TEST_CASE_METHOD(permits, "of each budget as many queries are in flight as the limit allows",
                 "[token_bucket]") {
  settings.limits.concurrent_requests = 2;
  add_credential("token-2");
  viewers = {{"token-1", 1}, {"token-2", GENERATE(2, 1)}};
  start_all_told(2);
  auto budgets = viewers.at("token-2") == 1 ? 1u : 2u;
  std::map<std::string, uint32_t> sent;
  std::vector<permit> taken;
  for (auto i = 0u; i < 2 * budgets; ++i) {
    taken.push_back(take());
    ++sent[taken.back().credential];
  }
  auto next = ask_permit();
  CHECK_FALSE(next.answered());
  CHECK(status().in_flight == 2 * budgets);
  if (budgets == 2)
    CHECK(sent == std::map<std::string, uint32_t>{{"token-1", 2}, {"token-2", 2}});
  report(taken.back());
  REQUIRE(next.answered());
  if (budgets == 2)
    CHECK(next.get()->credential == taken.back().credential);
}

TEST_CASE_METHOD(permits, "listings are in flight with the queries of their user",
                 "[token_bucket]") {
  settings.limits.concurrent_requests = 2;
  start_told();
  report(*ask_permit(1, query_shape::id_list).get()); // so that REST is told, too
  auto first = take();
  CHECK(ask_permit(1, query_shape::id_list).answered());
  auto listing = ask_permit(1, query_shape::id_list);
  CHECK_FALSE(listing.answered());
  CHECK(status().waiting_for == "the queries in flight of token-1");
  report(first);
  CHECK(listing.answered());
}

TEST_CASE_METHOD(permits, "permits wait for the reset once the points are spent",
                 "[token_bucket]") {
  limits_on.remaining = 101;
  start_told();
  take();
  auto next = ask_permit();
  advance(30min);
  CHECK_FALSE(next.answered());
  CHECK(status().waiting_for == "new points of token-1 until 00:30 UTC");
  advance(1s);
  CHECK(next.answered());
}

TEST_CASE_METHOD(permits, "permits are given in the order they were asked for", "[token_bucket]") {
  settings.limits.points_per_minute = 1;
  start_told();
  std::vector<pending<permit>> asked;
  for (auto i = 0; i < 4; ++i)
    asked.push_back(ask_permit());
  for (size_t i = 0; i < 4; ++i) {
    CHECK_FALSE(asked[i].answered());
    advance(61s);
    CHECK(asked[i].answered());
    if (i < 3)
      CHECK_FALSE(asked[i + 1].answered());
  }
}

TEST_CASE_METHOD(permits, "a ban parks everybody for as long as GitHub says", "[token_bucket]") {
  start_told();
  report(take(), outcome::secondary_limit, 90s);
  auto next = ask_permit();
  advance(90s);
  CHECK_FALSE(next.answered());
  CHECK(status().waiting_for == "a ban of token-1 until 00:01 UTC");
  advance(1s);
  CHECK(next.answered());
}

TEST_CASE_METHOD(permits, "a ban is in the ledger at once and outlives the bucket",
                 "[token_bucket]") {
  start_told();
  report(take(), outcome::secondary_limit, 90s);
  CHECK(database->budgets.at("token-1").banned_until == clock.at(now()) + 91s);
  end(uut, caf::exit_reason::kill);
  uut = spawn(token_bucket, bucket_settings(), books);
  auto next = ask_permit();
  advance(90s);
  CHECK_FALSE(next.answered());
  advance(1s);
  CHECK(next.answered());
}

TEST_CASE_METHOD(permits, "a refusal is in the ledger at once and outlives the bucket",
                 "[token_bucket]") {
  start_told();
  report(take(), outcome::forbidden);
  CHECK(database->budgets.at("token-1").refusals == 1);
  end(uut, caf::exit_reason::kill);
  uut = spawn(token_bucket, bucket_settings(), books);
  auto next = ask_permit();
  advance(59s);
  CHECK_FALSE(next.answered());
  CHECK(status().waiting_for.starts_with("a refusal of token-1"));
  advance(2s);
  CHECK(next.answered());
}

TEST_CASE_METHOD(permits, "buckets that are killed send no more in a minute than one",
                 "[token_bucket]") {
  settings.limits.points_per_minute = 40;
  start();
  auto sent = 0;
  for (auto i = 0; i < 20; ++i) {
    for (auto next = ask_permit(); next.answered() && next.get(); next = ask_permit()) {
      ++sent;
      report(*next.get());
    }
    end(uut, caf::exit_reason::kill);
    uut = spawn(token_bucket, bucket_settings(), books);
    advance(2s);
  }
  CHECK(sent <= 40);
  CHECK(sent > 30); // what may be unknown after a kill costs little
  auto next = ask_permit();
  CHECK_FALSE(next.answered());
  advance(61s);
  CHECK(next.answered());
}

TEST_CASE_METHOD(permits, "what the ledger does not hear of is not sent", "[token_bucket]") {
  settings.limits.points_per_minute = 40;
  start_told();
  database->before = [](const std::string& call) {
    if (call == "save_budgets")
      throw db::store_error("connection refused", true);
  };
  auto sent = 0;
  auto next = ask_permit();
  for (; next.answered(); next = ask_permit()) {
    ++sent;
    report(*next.get());
  }
  CHECK(sent == 2);
  CHECK(status().waiting_for == "the ledger of token-1");
  database->before = nullptr;
  advance(30s); // when the store is tried again
  CHECK(next.answered());
}

TEST_CASE_METHOD(permits, "a bucket that is restarted goes on counting", "[token_bucket]") {
  auto cfg = bucket_settings();
  books = spawn_ledger();
  ask<crawl>(books, open_atom_v); // errors and budgets are saved by who owns the crawl
  uut = spawn(token_bucket, cfg, books);
  report(take());
  report(take(), outcome::timeout);
  end(uut, caf::exit_reason::kill);
  uut = spawn(token_bucket, cfg, books);
  for (auto i = 0; i < 4; ++i) // the host has answered: it is away, not misspelt
    report(take(), outcome::network);
  auto found = status();
  CHECK(found.requests == 6);
  CHECK(found.points == 1);
  CHECK(found.retries == 5);
  CHECK(found.errors == std::map<std::string, uint64_t>{{"network", 4}, {"timeout", 1}});
  advance(5s);
  CHECK(database->errors.begin()->second.at("timeout").count == 1);
}

TEST_CASE_METHOD(permits, "no permit is given before the ledger has told the budgets",
                 "[token_bucket]") {
  auto away = true;
  database->before = [&away](const std::string&) {
    if (away)
      throw db::store_error("connection refused", true);
  };
  start();
  auto first = ask_permit();
  CHECK_FALSE(first.answered());
  away = false;
  advance(5s);
  CHECK(first.answered());
}

TEST_CASE_METHOD(permits, "failures in a row open the breaker, a trial closes it",
                 "[token_bucket]") {
  start_told();
  for (auto i = 0; i < 5; ++i)
    report(take(), outcome::server_error);
  CHECK(status().breaker == "open");
  auto trial = ask_permit();
  auto next = ask_permit();
  advance(59s);
  CHECK_FALSE(trial.answered());
  CHECK(status().waiting_for == "the circuit breaker");
  advance(1s);
  REQUIRE(trial.answered());
  CHECK_FALSE(next.answered());
  CHECK(status().breaker == "half-open");
  report(*trial.get());
  CHECK(status().breaker == "closed");
  CHECK(next.answered());
}

TEST_CASE_METHOD(permits, "a trial that fails parks everybody again", "[token_bucket]") {
  start_told();
  for (auto i = 0; i < 5; ++i)
    report(take(), outcome::network);
  auto trial = ask_permit();
  auto next = ask_permit();
  advance(60s);
  report(*trial.get(), outcome::network);
  advance(59s);
  CHECK_FALSE(next.answered());
  advance(1s);
  CHECK(next.answered());
}

TEST_CASE_METHOD(permits, "a trial that is lost with its fetcher is tried again",
                 "[token_bucket]") {
  start_told();
  for (auto i = 0; i < 5; ++i)
    report(take(), outcome::network);
  auto trial = ask_permit(7);
  auto next = ask_permit(8);
  advance(60s);
  REQUIRE(trial.answered());
  tell(uut, lost_atom_v, uint64_t{7});
  CHECK_FALSE(next.answered());
  advance(60s);
  CHECK(next.answered());
}

TEST_CASE_METHOD(permits, "who is known to be dead gets no permit any more", "[token_bucket]") {
  start_told();
  tell(uut, lost_atom_v, uint64_t{7});
  auto late = ask_permit(7); // sent before it died
  REQUIRE(late.answered());
  CHECK(late.get().error() == errc::lease_lost);
  CHECK(status().in_flight == 0);
}

TEST_CASE_METHOD(permits, "limits and bad queries are no failures of the host", "[token_bucket]") {
  start_told();
  for (auto i = 0; i < 20; ++i)
    report(take(), outcome::resource_limit);
  CHECK(status().breaker == "closed");
}

TEST_CASE_METHOD(permits, "only the trial decides about a half-open breaker", "[token_bucket]") {
  settings.breaker.recovery = 1s;
  start_told();
  auto slow = take();
  for (auto i = 0; i < 5; ++i)
    report(take(), outcome::server_error);
  auto trial = ask_permit();
  auto next = ask_permit();
  advance(1s);
  REQUIRE(trial.answered());
  report(slow);
  CHECK(status().breaker == "half-open");
  CHECK_FALSE(next.answered());
  report(*trial.get());
  CHECK(status().breaker == "closed");
  CHECK(next.answered());
}

TEST_CASE_METHOD(permits, "queries that were too wide together are one failure of the host",
                 "[token_bucket]") {
  settings.query_width.page_start = 8;
  start_told();
  std::vector<permit> wide;
  for (auto i = 0; i < 6; ++i)
    wide.push_back(take());
  for (auto& x : wide)
    report(x, outcome::timeout);
  CHECK(status().breaker == "closed");
  CHECK(take().width == 5);
}

TEST_CASE_METHOD(permits, "a dead holder's permits are free and its questions forgotten",
                 "[token_bucket]") {
  settings.limits.concurrent_requests = 1;
  start_told();
  auto lost = take(7);
  auto waiting = ask_permit(7);
  auto next = ask_permit(8);
  tell(uut, lost_atom_v, uint64_t{7});
  CHECK_FALSE(waiting.answered());
  REQUIRE(next.answered());
  CHECK(status().in_flight == 1);
  report(lost); // comes too late
  CHECK(status().in_flight == 1);
}

TEST_CASE_METHOD(permits, "a rejected credential ends the bucket with the reason",
                 "[token_bucket]") {
  start();
  auto first = take();
  auto waiting = ask_permit();
  query_report bad;
  bad.permit_id = first.id;
  bad.result = outcome::unauthorized;
  bad.message = "Bad credentials";
  tell(uut, report_atom_v, bad);
  REQUIRE(waiting.answered());
  CHECK(waiting.get().error() == errc::no_credential_left);
  CHECK(describe(waiting.get().error()) ==
        "GitHub rejects every credential: token-1: Bad credentials");
  CHECK(ended(uut));
}

TEST_CASE_METHOD(permits, "with several credentials a rejected one is benched", "[token_bucket]") {
  add_credential("token-2");
  start();
  auto first = take();
  CHECK(first.credential == "token-1");
  auto second = take();
  CHECK(second.credential == "token-2");
  auto third = ask_permit();
  CHECK_FALSE(third.answered());
  report(first, outcome::unauthorized);
  report(second);
  REQUIRE(third.answered());
  CHECK(third.get()->credential == "token-2");
  CHECK(take().credential == "token-2");
  CHECK(status().budgets[0].benched);
  CHECK_FALSE(ended(uut));
}

TEST_CASE_METHOD(permits, "the first permit of each user credential asks whose it is",
                 "[token_bucket]") {
  add_credential("app-2", config::credential_kind::installation);
  start();
  auto first = take();
  auto second = take();
  CHECK(first.identify);
  CHECK(second.credential == "app-2");
  CHECK_FALSE(second.identify);
  report(first);
  report(second);
  CHECK_FALSE(take().identify);
}

TEST_CASE_METHOD(permits, "all budgets are spent in parallel, those of one user once",
                 "[token_bucket]") {
  add_credential("token-2");
  add_credential("token-3");
  viewers = {{"token-1", 7}, {"token-2", 7}, {"token-3", 8}};
  limits_on.remaining = 103;
  start_all_told(3);
  // Three points above the reserve are left of each user's budget.
  std::map<std::string, int> owners;
  for (auto i = 0; i < 6; ++i)
    ++owners[take().credential == "token-3" ? "eight" : "seven"];
  CHECK(owners == std::map<std::string, int>{{"seven", 3}, {"eight", 3}});
  CHECK_FALSE(ask_permit().answered());
}

TEST_CASE_METHOD(permits, "who shares a budget is in the ledger", "[token_bucket]") {
  add_credential("token-2");
  viewers = {{"token-1", 7}, {"token-2", 7}};
  start_all_told(2);
  end(uut);
  CHECK(database->budgets.at("token-1").viewer_id == 7);
  CHECK(database->budgets.at("token-2").viewer_id == 7);
  uut = spawn(token_bucket, bucket_settings(), books);
  take();
  CHECK_FALSE(ask_permit().answered()); // one budget, and one query that asks for it
}

TEST_CASE_METHOD(permits, "a daily cap and quiet hours are kept over a restart", "[token_bucket]") {
  settings.credentials[0].daily_points = 3;
  start_told();
  report(take());
  auto last = take();
  CHECK_FALSE(ask_permit().answered());
  CHECK(status().waiting_for == "the daily points of token-1 until 00:00 UTC");
  report(last);
  end(uut);
  CHECK(database->budgets.at("token-1").spent_today == 3);
  uut = spawn(token_bucket, bucket_settings(), books);
  auto tomorrow = ask_permit();
  advance(24h - 1s);
  CHECK_FALSE(tomorrow.answered());
  advance(1s);
  CHECK(tomorrow.answered());
}

TEST_CASE_METHOD(permits, "refusals without a reason end the run only after several",
                 "[token_bucket]") {
  start_told();
  report(take(), outcome::forbidden);
  auto next = ask_permit();
  CHECK(status().waiting_for == "a refusal of token-1 until 00:01 UTC");
  advance(60s);
  report(*next.get(), outcome::forbidden);
  next = ask_permit();
  advance(120s);
  report(*next.get(), outcome::forbidden);
  CHECK(ended(uut));
}

TEST_CASE_METHOD(permits, "who waits for a bucket that ends is told", "[token_bucket]") {
  start();
  take();
  auto waiting = ask_permit();
  end(uut);
  REQUIRE(waiting.answered());
  CHECK(waiting.get().error() == errc::stopping);
}

TEST_CASE_METHOD(permits, "a server with limits off gives permits without end", "[token_bucket]") {
  settings.limits.concurrent_requests = 1000;
  limits_on = {};
  limits_on.known = true;
  limits_on.enabled = false;
  start_told();
  for (auto i = 0; i < 500; ++i)
    take();
  CHECK(status().in_flight == 500);
  CHECK_FALSE(status().budgets[0].enabled);
}

TEST_CASE_METHOD(permits, "nobody polls", "[token_bucket]") {
  start_told();
  auto idle = timers();
  CHECK(idle == 1); // saves the budgets
  report(take(), outcome::secondary_limit, 90s);
  CHECK(timers() == idle);
  ask_permit();
  ask_permit();
  CHECK(timers() == idle + 1);
  advance(91s);
  CHECK(timers() == idle);
}

TEST_CASE_METHOD(permits, "a timer that was moved forward breeds no others", "[token_bucket]") {
  add_credential("token-2");
  settings.limits.points_per_minute = 1;
  start();
  auto first = take();
  auto second = take();
  auto idle = timers();
  report(first, outcome::secondary_limit, 300s);
  ask_permit();   // wakes the bucket when the ban ends,
  report(second); // and now sooner, for token-2
  for (auto i = 0; i < 20; ++i) {
    ask_permit();
    advance(61s);
  }
  CHECK(timers() <= idle + 1);
}

TEST_CASE_METHOD(permits, "errors are saved by kind every few seconds", "[token_bucket]") {
  start_told();
  auto run = ask<crawl>(books, open_atom_v)->id;
  report(take(), outcome::timeout);
  auto newest = clock.at(now());
  report(take(), outcome::timeout);
  CHECK(database->errors.empty());
  advance(5s);
  REQUIRE(database->errors[run].size() == 1);
  CHECK(database->errors[run]["timeout"] == error_record{"timeout", "", 2, newest});
  report(take(), outcome::timeout);
  advance(10s);
  CHECK(database->errors[run]["timeout"].count == 3);
  CHECK(std::count(database->calls.begin(), database->calls.end(), "save_errors") == 2);
}

TEST_CASE_METHOD(permits, "budgets are saved only when they have changed", "[token_bucket]") {
  start_told();
  advance(1min);
  auto saves = [&] {
    return std::count(database->calls.begin(), database->calls.end(), "save_budgets");
  };
  CHECK(saves() == 2); // before the first query, and after its answer
  CHECK(database->budgets.at("token-1").remaining == 4000);
  limits_on.remaining = 3999;
  report(take());
  end(uut);
  CHECK(saves() == 3);
  CHECK(database->budgets.at("token-1").remaining == 3999);
}

TEST_CASE_METHOD(permits, "each shape learns its own width", "[token_bucket]") {
  settings.query_width.page_start = 1;
  settings.query_width.count_start = 10;
  start_told();
  CHECK(take().width == 2);
  auto count = *ask_permit(1, query_shape::search_count).get();
  CHECK(count.width == 10);
  report(count, outcome::resource_limit);
  CHECK(ask_permit(1, query_shape::search_count).get()->width == 5);
  CHECK(take().width == 2);
}

TEST_CASE_METHOD(permits, "each kind of credential learns its own width, for good",
                 "[token_bucket]") {
  settings.credentials[0].kind = config::credential_kind::classic;
  add_credential("app-2", config::credential_kind::installation);
  settings.query_width.page_start = 4;
  start();
  auto classic = take();
  auto installation = take();
  report(classic);
  report(installation, outcome::resource_limit);
  std::vector<width_record> expected{{query_shape::search_page, "classic", 8},
                                     {query_shape::search_page, "installation", 2}};
  CHECK(status().widths == expected);
  end(uut);
  uut = spawn(token_bucket, bucket_settings(), books);
  CHECK(status().widths == expected);
  CHECK(take().width == 8);
  CHECK(take().width == 2);
}

TEST_CASE_METHOD(permits, "a permit that comes back unused costs nothing", "[token_bucket]") {
  settings.limits.points_per_minute = 3;
  settings.limits.concurrent_requests = 2;
  start_told();
  auto first = take();
  auto second = take();
  auto third = ask_permit();
  CHECK_FALSE(third.answered());
  tell(uut, return_atom_v, std::vector<uint64_t>{first.id, second.id, second.id}, false);
  REQUIRE(third.answered()); // of the minute's three, one is spent
  auto fourth = ask_permit();
  CHECK(fourth.answered());
  CHECK(status().requests == 3);
  CHECK(status().in_flight == 2);
  CHECK(status().budgets.at(0).remaining == 4000);
  report(first); // whatever comes late
  CHECK(status().in_flight == 2);
}

TEST_CASE_METHOD(permits, "a permit that was lost may have been used", "[token_bucket]") {
  settings.limits.concurrent_requests = 1;
  start_told();
  auto lost = take();
  auto next = ask_permit();
  CHECK_FALSE(next.answered());
  tell(uut, return_atom_v, std::vector<uint64_t>{lost.id}, true);
  CHECK(next.answered());
  CHECK(status().requests == 3);
  CHECK(status().budgets.at(0).remaining == 3999);
}

TEST_CASE_METHOD(permits, "a trial that comes back unused leaves the next one to decide",
                 "[token_bucket]") {
  settings.breaker.failures = 1;
  settings.breaker.recovery = 10s;
  start_told();
  report(take(), outcome::timeout);
  CHECK(status().breaker == "open");
  advance(10s);
  auto trial = take();
  auto next = ask_permit();
  CHECK_FALSE(next.answered());
  tell(uut, return_atom_v, std::vector<uint64_t>{trial.id}, false);
  REQUIRE(next.answered());
  report(*next.get());
  CHECK(status().breaker == "closed");
}

TEST_CASE_METHOD(permits, "the status adds up what was spent", "[token_bucket]") {
  start_told();
  limits_on.cost = 3;
  report(take());
  report(take(), outcome::timeout);
  auto x = status();
  CHECK(x.requests == 3);
  CHECK(x.points == 4);
  CHECK(x.retries == 1);
  CHECK(x.errors == std::map<std::string, uint64_t>{{"timeout", 1}});
  CHECK(x.page_queries == 2);
  CHECK(x.in_flight == 0);
}

TEST_CASE_METHOD(permits, "who waits for points does not hold up who wants to list",
                 "[token_bucket]") {
  start_told();
  auto list = [&] { return ask_permit(1, query_shape::id_list); };
  auto first = list();
  REQUIRE(first.answered());
  auto right = *first.get();
  CHECK(right.width == 1);
  CHECK_FALSE(right.identify);
  limits_on.limit = 5000;
  limits_on.remaining = 4000;
  limits_on.cost = -1;
  report(right);
  CHECK(status().points == 1); // of the query that was told
  CHECK(status().listings == 1);

  limits_on.remaining = 0;
  limits_on.cost = 1;
  report(take());
  auto waiting = ask_permit();
  CHECK_FALSE(waiting.answered());
  CHECK(list().answered());
  CHECK(status().waiting == 1);
  CHECK(status().waiting_for.find("new points") != std::string::npos);
  for (auto& x : status().widths)
    CHECK(x.shape != query_shape::id_list);
}

TEST_CASE_METHOD(permits, "who waits to list does not hold up who has points", "[token_bucket]") {
  start_told();
  auto list = [&] { return ask_permit(1, query_shape::id_list); };
  limits_on.remaining = 0;
  limits_on.cost = -1;
  report(*list().get());
  auto waiting = list();
  CHECK_FALSE(waiting.answered());
  CHECK(ask_permit().answered());
  // The window of the requests ends.
  advance(31min);
  CHECK(waiting.answered());
}
