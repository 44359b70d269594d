#include "actors/budget_book.hpp"
#include "tests/actors/still_clock.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

config::credential named(const std::string& name) {
  config::credential x;
  x.name = name;
  x.kind = config::credential_kind::classic;
  return x;
}

/// One credential by itself.
credential_account account(const config::credential& settings) {
  return {settings, config::limits_section{}, still_clock()};
}

query_report good(int64_t remaining = 4000, std::chrono::seconds reset_in = 30min) {
  query_report x;
  x.limits = {true, true, 5000, remaining, 1, wall_start + reset_in};
  x.elapsed = 100ms;
  return x;
}

query_report good_of(int64_t viewer_id, int64_t remaining = 4000) {
  auto x = good(remaining);
  x.identity = viewer{viewer_id, "user-" + std::to_string(viewer_id)};
  return x;
}

query_report bad(outcome result, const std::string& message = "no") {
  query_report x;
  x.result = result;
  x.message = message;
  return x;
}

/// A book to send and answer with.
class book {
public:
  explicit book(std::vector<config::credential> credentials)
      : uut(settings(std::move(credentials)), still_clock()) {
    uut.recorded(uut.recording());
  }

  /// The name of the credential that the next query would be sent with; empty: none.
  std::string next(time_point now = start) {
    auto choice = uut.choose(now, 1);
    why = choice.why;
    wake = choice.wake;
    return choice.credential ? uut.credential(*choice.credential).name() : "";
  }

  uint64_t send(time_point now = start) {
    auto choice = uut.choose(now, 1);
    REQUIRE(choice.credential);
    uut.sent(now, ++last, *choice.credential, 1);
    uut.recorded(uut.recording());
    return last;
  }

  uint64_t send_with(const std::string& name, time_point now = start) {
    for (size_t i = 0;; ++i)
      if (uut.credential(i).name() == name) {
        uut.sent(now, ++last, i, 1);
        uut.recorded(uut.recording());
        return last;
      }
  }

  budget_book::news answer(uint64_t query, const query_report& report, time_point now = start) {
    auto news = uut.answered(now, query, report);
    uut.recorded(uut.recording());
    return news;
  }

  budget_book uut;
  std::string why;
  std::optional<time_point> wake;
  uint64_t last = 0;

private:
  static config::github_section settings(std::vector<config::credential> credentials) {
    config::github_section result;
    result.credentials = std::move(credentials);
    return result;
  }
};

} // namespace

// -- one credential -----------------------------------------------------------

TEST_CASE("no query is sent in quiet hours", "[credential]") {
  auto settings = named("alice");
  settings.quiet_hours = config::daily_span{6h, 8h + 30min};
  auto x = account(settings);
  CHECK(x.ready_at(start, 1) == start);
  CHECK(x.ready_at(start + 6h - 1s, 1) == start + 6h - 1s);
  CHECK(x.ready_at(start + 6h, 1) == start + 8h + 30min);
  CHECK(x.why() == "the quiet hours");
  CHECK(x.ready_at(start + 8h + 30min, 1) == start + 8h + 30min);
  CHECK(x.ready_at(start + 31h, 1) == start + 32h + 30min);
}

TEST_CASE("quiet hours may reach over midnight", "[credential]") {
  auto settings = named("alice");
  settings.quiet_hours = config::daily_span{22h, 6h};
  auto x = account(settings);
  CHECK(x.ready_at(start, 1) == start + 6h);
  CHECK(x.ready_at(start + 6h, 1) == start + 6h);
  CHECK(x.ready_at(start + 22h, 1) == start + 30h);
  CHECK(x.ready_at(start + 25h, 1) == start + 30h);
}

TEST_CASE("no more points are spent in a UTC day than its cap", "[credential]") {
  auto settings = named("alice");
  settings.daily_points = 3;
  auto x = account(settings);
  auto now = start + 20h;
  REQUIRE(x.ready_at(now, 1) == now);
  x.sent(1);
  x.answered(now, {now, 1}, good()); // whose it is
  x.sent(1);
  x.sent(1);
  CHECK(x.ready_at(now, 1) == start + 24h);
  CHECK(x.why() == "the daily points");
  x.answered(now, {now, 1}, bad(outcome::timeout)); // charged, too
  x.abandoned(now, {now, 1});
  CHECK(x.ready_at(now, 1) == start + 24h);
  CHECK(x.ready_at(start + 24h, 3) == start + 24h);
}

TEST_CASE("the points of the day survive a restart, those of yesterday do not count",
          "[credential]") {
  auto settings = named("alice");
  settings.daily_points = 3;
  auto x = account(settings);
  REQUIRE(x.ready_at(start, 1) == start);
  x.sent(2);
  budget_record saved;
  x.describe(saved);
  CHECK(saved.spent_today == 2);
  CHECK(saved.day == wall_start);
  auto y = account(settings);
  y.restore(saved);
  CHECK(y.ready_at(start + 1h, 1) == start + 1h);
  CHECK(y.ready_at(start + 1h, 2) == start + 24h);
  CHECK(y.ready_at(start + 25h, 2) == start + 25h);
}

TEST_CASE("until it is known whose a credential is, one query at a time asks", "[credential]") {
  auto x = account(named("alice"));
  CHECK(x.wants_identity());
  x.sent(1);
  CHECK_FALSE(x.ready_at(start, 1));
  CHECK(x.why() == "the first answer");
  SECTION("and asks again where the answer failed") {
    x.answered(start, {start, 1}, bad(outcome::timeout));
    CHECK(x.wants_identity());
  }
  SECTION("until it is told") {
    x.answered(start, {start, 1}, good_of(7));
    CHECK_FALSE(x.wants_identity());
    CHECK(x.viewer_id() == 7);
    CHECK(x.login() == "user-7");
    x.sent(1);
    CHECK(x.ready_at(start, 1) == start);
  }
  SECTION("or GitHub does not tell") {
    x.answered(start, {start, 1}, good());
    CHECK_FALSE(x.wants_identity());
    CHECK(x.viewer_id() == 0);
  }
}

TEST_CASE("an installation is never asked whose it is", "[credential]") {
  auto settings = named("app-1");
  settings.kind = config::credential_kind::installation;
  auto x = account(settings);
  CHECK_FALSE(x.wants_identity());
  x.sent(1);
  CHECK(x.ready_at(start, 1) == start);
}

TEST_CASE("a revoked credential is benched at once", "[credential]") {
  auto x = account(named("alice"));
  x.sent(1);
  x.answered(start, {start, 1}, bad(outcome::unauthorized, "Bad credentials"));
  CHECK(x.benched());
  CHECK(x.rejection() == "Bad credentials");
}

TEST_CASE("a refusal without a reason pauses a credential, the third in a row benches it",
          "[credential]") {
  auto x = account(named("alice"));
  auto now = start;
  for (auto pause : {60s, 120s}) {
    x.sent(1);
    x.answered(now, {now, 1}, bad(outcome::forbidden));
    CHECK_FALSE(x.benched());
    CHECK(x.ready_at(now, 1) == now + pause);
    CHECK(x.why() == "a refusal");
    now += pause;
  }
  x.sent(1);
  SECTION("") {
    x.answered(now, {now, 1}, bad(outcome::forbidden, "suspended"));
    CHECK(x.benched());
    CHECK(x.rejection() == "suspended");
  }
  SECTION("unless it works in between") {
    x.answered(now, {now, 1}, good());
    x.sent(1);
    x.answered(now, {now, 1}, bad(outcome::forbidden));
    CHECK_FALSE(x.benched());
    CHECK(x.ready_at(now, 1) == now + 60s);
  }
}

TEST_CASE("a pause and the number of refusals survive a restart", "[credential]") {
  auto x = account(named("alice"));
  x.sent(1);
  x.answered(start, {start, 1}, bad(outcome::forbidden));
  x.sent(1);
  x.answered(start + 60s, {start + 60s, 1}, bad(outcome::forbidden));
  budget_record saved;
  x.describe(saved);
  CHECK(saved.refusals == 2);
  auto y = account(named("alice"));
  y.restore(saved);
  CHECK(y.ready_at(start + 100s, 1) == start + 181s);
  CHECK(y.why() == "a refusal");
  y.sent(1);
  y.answered(start + 181s, {start + 181s, 1}, bad(outcome::forbidden));
  CHECK(y.benched());
}

TEST_CASE("queries that were refused together are one refusal", "[credential]") {
  auto x = account(named("alice"));
  for (auto i = 0; i < 5; ++i)
    x.sent(1);
  for (auto i = 0; i < 5; ++i)
    x.answered(start + 1s, {start, 1}, bad(outcome::forbidden));
  CHECK_FALSE(x.benched());
  CHECK(x.ready_at(start + 1s, 1) == start + 61s);
}

// -- all of them --------------------------------------------------------------

TEST_CASE("credentials whose user is not known yet ask in parallel", "[budget_book]") {
  book x{{named("a"), named("b"), named("c")}};
  CHECK(x.next() == "a");
  x.send();
  CHECK(x.next() == "b");
  x.send();
  x.send();
  CHECK(x.next().empty());
  CHECK(x.why == "the first answer of a");
  CHECK_FALSE(x.wake);
}

TEST_CASE("credentials of one user share one budget", "[budget_book]") {
  book x{{named("a"), named("b"), named("c")}};
  auto a = x.send();
  auto b = x.send();
  auto c = x.send();
  CHECK(x.answer(a, good_of(7, 150)).shares_with.empty());
  CHECK(x.answer(c, good_of(8)).shares_with.empty());
  CHECK(x.answer(b, good_of(7, 120)).shares_with == "a");
  auto views = x.uut.views();
  CHECK(views[0].remaining == 120);
  CHECK(views[1].remaining == 120);
  CHECK(views[2].remaining == 4000);
  CHECK(views[0].owner == "user-7");
  CHECK(views[1].owner == "user-7");
  CHECK(views[2].owner == "user-8");
  // What one spends the other has not, and a ban of one is a ban of both.
  x.answer(x.send_with("a"), good_of(7, 110));
  CHECK(x.uut.views()[1].remaining == 110);
  x.answer(x.send_with("b", start + 1s), bad(outcome::secondary_limit), start + 1s);
  CHECK(x.uut.views()[0].banned_until == wall_start + 62s);
}

TEST_CASE("queries under way when budgets become one are answered to it", "[budget_book]") {
  auto settings = named("app");
  settings.kind = config::credential_kind::installation;
  book x{{named("a"), named("b"), settings}};
  auto a = x.send_with("a");
  auto b = x.send_with("b");
  x.answer(a, good_of(7, 200));
  auto late = x.send_with("a");
  auto lost = x.send_with("a");
  x.answer(b, good_of(7, 199));
  x.answer(late, good_of(7, 198));
  CHECK(x.uut.views()[0].remaining == 198);
  CHECK(x.uut.records(start, false)[0].remaining == 197); // one is still under way
  x.uut.abandoned(start, lost);                           // and may have been charged
  for (size_t i = 0; i < 2; ++i)
    CHECK(x.uut.views()[i].remaining == 197);
}

TEST_CASE("installations of one App never share", "[budget_book]") {
  auto first = named("app-1");
  auto second = named("app-2");
  first.kind = second.kind = config::credential_kind::installation;
  book x{{first, second}};
  auto a = x.send();
  auto b = x.send();
  x.answer(a, good_of(7, 100));
  x.answer(b, good_of(7, 4000));
  CHECK(x.uut.views()[0].remaining == 100);
  CHECK(x.uut.views()[1].remaining == 4000);
  CHECK(x.uut.views()[0].owner == "app-1");
}

TEST_CASE("who shares is remembered, and asked again", "[budget_book]") {
  std::vector<budget_record> saved;
  {
    book x{{named("a"), named("b")}};
    auto a = x.send();
    auto b = x.send();
    x.answer(a, good_of(7, 300));
    x.answer(b, good_of(7, 299));
    saved = x.uut.records(start, false);
    CHECK(saved[0].viewer_id == 7);
  }
  saved[0].remaining = 250;
  book y{{named("a"), named("b")}};
  y.uut.restore(start, saved);
  CHECK(y.uut.views()[0].remaining == 250);
  CHECK(y.uut.views()[1].remaining == 250);
  CHECK(y.uut.credential(1).wants_identity());
  CHECK(y.uut.views()[1].owner == "a");
  auto a = y.send();
  CHECK(y.next().empty()); // both know that it is one budget, which one query asks for
  y.answer(a, good_of(7, 240));
  CHECK(y.uut.views()[1].owner == "user-7");
  auto b = y.send_with("b");
  SECTION("the name stands for the same user's token") {
    CHECK(y.answer(b, good_of(7, 239)).shares_with.empty());
    CHECK(y.uut.views()[0].remaining == 239);
    CHECK(y.uut.views()[1].remaining == 239);
  }
  SECTION("the name stands for another user's token now") {
    y.answer(b, good_of(9, 4999));
    CHECK(y.uut.views()[0].remaining == 239); // the query was charged to it before
    CHECK(y.uut.views()[1].remaining == 4999);
    CHECK(y.uut.records(start, false)[1].viewer_id == 9);
  }
}

TEST_CASE("queries go where the most points per second expire", "[budget_book]") {
  book x{{named("a"), named("b"), named("c")}};
  auto a = x.send();
  auto b = x.send();
  auto c = x.send();
  x.answer(a, good(1100, 50min));
  x.answer(b, good(1100, 10min));
  x.answer(c, good(5000, 50min));
  std::map<std::string, int> sent;
  for (auto i = 0; i < 600; ++i) {
    ++sent[x.next()];
    x.answer(x.send(), [&] {
      auto report = good();
      report.limits.known = false;
      return report;
    }());
  }
  // b has a fifth of c's points and a fifth of its time: both are spent alike, and a can wait.
  CHECK(sent == std::map<std::string, int>{{"b", 116}, {"c", 484}});
}

TEST_CASE("a window that has not begun comes first", "[budget_book]") {
  book x{{named("a"), named("b")}};
  x.answer(x.send(), good(5000, 10min));
  CHECK(x.next() == "b");
  x.answer(x.send(), good(5000, 5min));
  CHECK(x.next() == "b");
  x.answer(x.send_with("b", start + 1s), good(100, 5min), start + 1s);
  CHECK(x.next(start + 1s) == "a");
  CHECK(x.next(start + 5min + 1s) == "b");
}

TEST_CASE("servers without limits are asked with all credentials alike", "[budget_book]") {
  book x{{named("a"), named("b")}};
  query_report off;
  off.limits.known = true;
  off.limits.enabled = false;
  auto a = x.send();
  auto b = x.send();
  x.answer(a, off);
  x.answer(b, off);
  for (auto i = 0; i < 10; ++i)
    x.send();
  CHECK(x.next() == "a");
  x.send();
  CHECK(x.next() == "b");
}

TEST_CASE("each credential leaves its own reserve alone", "[budget_book]") {
  auto careful = named("careful");
  careful.reserve = 0.5;
  book x{{careful, named("b")}};
  auto a = x.send();
  auto b = x.send();
  x.answer(a, good_of(7, 2501));
  x.answer(b, good_of(7, 2500));
  CHECK(x.next() == "b");
  x.answer(x.send_with("b"), bad(outcome::unauthorized));
  CHECK(x.next().empty());
  CHECK(x.why == "new points of careful until 00:30 UTC");
  CHECK(x.wake == start + 30min + 1s);
}

TEST_CASE("what keeps everybody waiting is said with its end", "[budget_book]") {
  auto sleeper = named("alice");
  sleeper.quiet_hours = config::daily_span{23h, 6h};
  book x{{sleeper, named("bob")}};
  CHECK(x.next() == "bob");
  x.answer(x.send(), good_of(7, 100));
  CHECK(x.next().empty());
  CHECK(x.why == "new points of bob until 00:30 UTC");
  x.answer(x.send_with("bob", start + 1s), bad(outcome::unauthorized), start + 1s);
  CHECK(x.next().empty());
  CHECK(x.why == "the quiet hours of alice until 06:00 UTC");
  CHECK(x.wake == start + 6h);
}

TEST_CASE("a rejected credential is left out; the last one ends it all", "[budget_book]") {
  book x{{named("a"), named("b")}};
  auto a = x.send();
  auto b = x.send();
  CHECK(x.answer(a, bad(outcome::unauthorized, "Bad credentials")).benched);
  CHECK_FALSE(x.uut.all_benched());
  CHECK_FALSE(x.answer(b, good()).benched);
  CHECK(x.next() == "b");
  CHECK(x.answer(x.send(), bad(outcome::unauthorized, "revoked")).benched);
  CHECK(x.uut.all_benched());
  CHECK(x.next().empty());
  CHECK(x.uut.rejections() == "a: Bad credentials; b: revoked");
}

TEST_CASE("resets are read on GitHub's clock", "[budget_book]") {
  book x{{named("a")}};
  auto report = good(100);
  report.server_clock_skew = -300s;
  x.answer(x.send(), report);
  CHECK(x.next().empty());
  CHECK(x.wake == start + 35min + 1s);
  // What the header's rounding makes of it changes nothing.
  report = bad(outcome::timeout);
  report.server_clock_skew = -301s;
  x.answer(x.send_with("a"), report);
  x.next();
  CHECK(x.wake == start + 35min + 1s);
}

// -- two resources ------------------------------------------------------------

namespace {

/// A credential that has told whose it is, with a budget of REST besides.
class two_budgets : public book {
public:
  explicit two_budgets(const std::vector<config::credential>& credentials) : book(credentials) {
    list(start);
    uut.recorded(uut.recording());
  }

  optional<size_t> list(time_point now = start) {
    auto choice = uut.choose(now, 1, resource::core);
    why = choice.why;
    wake = choice.wake;
    return choice.credential ? optional<size_t>{*choice.credential} : caf::none;
  }

  uint64_t send_listing(time_point now = start) {
    auto choice = list(now);
    REQUIRE(choice);
    uut.sent(now, ++last, *choice, 1, resource::core);
    uut.recorded(uut.recording());
    return last;
  }
};

query_report listed(int64_t remaining, std::chrono::seconds reset_in = 30min) {
  query_report x;
  x.limits = {true, true, 5000, remaining, -1, wall_start + reset_in};
  x.elapsed = 100ms;
  return x;
}

} // namespace

TEST_CASE("each resource is spent by itself", "[budget_book]") {
  two_budgets x{{named("alice")}};
  x.answer(x.send(), good_of(1, 4000));
  x.answer(x.send_listing(), listed(101, 20min));
  // The reserve of 2 % is 100 requests.
  CHECK(x.list());
  x.answer(x.send_listing(), listed(100, 20min));
  CHECK_FALSE(x.list());
  CHECK(x.why.find("new points") != std::string::npos);
  CHECK(x.wake == start + 20min + 1s);
  CHECK(x.next() == "alice");
  auto views = x.uut.views();
  REQUIRE(views.size() == 2);
  CHECK(views[0].what == resource::graphql);
  CHECK(views[0].remaining == 4000);
  CHECK(views[1].what == resource::core);
  CHECK(views[1].remaining == 100);
  CHECK(views[1].owner == views[0].owner);
}

TEST_CASE("a secondary limit of one resource bans both, a spent budget does not", "[budget_book]") {
  two_budgets x{{named("alice")}};
  x.answer(x.send(), good_of(1));
  x.answer(x.send_listing(), listed(4000));
  auto spent = listed(0);
  spent.result = outcome::primary_limit;
  x.answer(x.send_listing(), spent);
  CHECK_FALSE(x.list());
  CHECK(x.next() == "alice");
  auto later = start + 31min;
  auto banned = bad(outcome::secondary_limit);
  banned.retry_after = 60s;
  x.answer(x.send_listing(later), banned, later);
  CHECK(x.next(later) == "");
  CHECK(x.why.find("a ban") != std::string::npos);
  CHECK(x.wake == later + 61s);
  CHECK(x.next(later + 61s) == "alice");
}

TEST_CASE("requests of REST are no points of a day, and tell no user", "[budget_book]") {
  auto settings = named("alice");
  settings.daily_points = 1;
  two_budgets x{{settings}};
  x.answer(x.send_listing(), listed(4000));
  CHECK(x.uut.credential(0).wants_identity()); // the answer was good, but not GraphQL's
  x.answer(x.send(), good_of(1));
  CHECK(x.next() == "");
  CHECK(x.why.find("the daily points") != std::string::npos);
  CHECK(x.list());
}

TEST_CASE("credentials of one user share the requests, too", "[budget_book]") {
  two_budgets x{{named("alice"), named("alice-2")}};
  x.answer(x.send_with("alice"), good_of(1));
  x.answer(x.send_with("alice-2"), good_of(1));
  x.answer(x.send_listing(), listed(100));
  CHECK_FALSE(x.list());
}

TEST_CASE("at most 900 requests of REST go out in a minute", "[budget_book]") {
  two_budgets x{{named("alice")}};
  x.answer(x.send(), good_of(1));
  auto quick = listed(4999);
  quick.elapsed = 1ms;
  for (auto i = 0; i < 900; ++i) {
    quick.limits.remaining = 4999 - i;
    x.answer(x.send_listing(start + 1s), quick, start + 1s);
  }
  CHECK_FALSE(x.list(start + 2s));
  CHECK(x.why.find("the queries per minute") != std::string::npos);
  CHECK(x.wake == start + 62s);
  CHECK(x.next(start + 2s) == "alice");
}

TEST_CASE("both budgets survive a restart, and what nobody lists with is not recorded",
          "[budget_book]") {
  two_budgets x{{named("alice")}};
  x.answer(x.send(), good_of(1, 4000));
  x.answer(x.send_listing(), listed(3000));
  auto records = x.uut.records(start, true);
  REQUIRE(records.size() == 2);
  CHECK(records[1].what == resource::core);
  CHECK(records[1].remaining == 3000);
  CHECK(records[1].viewer_id == 1);

  two_budgets y{{named("alice")}};
  y.uut.restore(start, records);
  auto views = y.uut.views();
  REQUIRE(views.size() == 2);
  CHECK(views[0].remaining == 4000);
  CHECK(views[1].remaining == 3000);

  book z{{named("alice")}};
  z.answer(z.send(), good_of(1));
  CHECK(z.uut.records(start, true).size() == 1);
  CHECK(z.uut.views().size() == 1);
}
