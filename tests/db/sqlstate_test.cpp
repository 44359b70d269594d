#include "db/crawl_store.hpp"
#include "db/sqlstate.hpp"
#include "db/store_health.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

using namespace gitstar;
using namespace std::chrono_literals;

namespace {

/// What PostgreSQL sends, and whether a crawl waits then: one line at least for each row of the
/// table.
struct expectation {
  std::string sqlstate;
  bool waits;
};

const expectation expectations[] = {
    {"08000", true},  {"08001", true},  {"08003", true},  {"08006", true},  {"08007", true},
    {"08P01", true},  {"25006", true},  {"25P02", true},  {"25P03", true},  {"28000", false},
    {"28P01", false}, {"3D000", false}, {"40000", true},  {"40001", true},  {"40003", true},
    {"40P01", true},  {"42501", false}, {"42601", false}, {"42P01", false}, {"53000", true},
    {"53100", true},  {"53200", true},  {"53300", true},  {"53400", true},  {"55006", true},
    {"55P03", true},  {"57014", true},  {"57P01", true},  {"57P02", true},  {"57P03", true},
    {"57P04", false}, {"57P05", true},  {"58000", true},  {"58030", true},  {"22021", false},
    {"23505", false}, {"54000", false}, {"55000", false}, {"57000", false}, {"P0001", false},
    {"XX000", false}, {"XX001", false}, {"", false},
};

db::store_error error(std::string_view sqlstate) { return {"what PostgreSQL said", sqlstate}; }

} // namespace

TEST_CASE("every error code either waits or ends the crawl", "[db][sqlstate]") {
  for (auto& x : expectations) {
    CAPTURE(x.sqlstate);
    CHECK(db::meaning_of(x.sqlstate).transient == x.waits);
    CHECK(error(x.sqlstate).transient() == x.waits);
  }
}

TEST_CASE("every row of the table of error codes is reached", "[db][sqlstate]") {
  std::set<std::string_view> reached;
  for (auto& x : expectations)
    reached.insert(db::meaning_of(x.sqlstate).code);
  for (auto& row : db::sqlstate_meanings()) {
    CAPTURE(row.code);
    CHECK(reached.contains(row.code));
    CHECK_FALSE(row.words.empty());
  }
}

TEST_CASE("a connection that fails is understood by the server's words", "[db][sqlstate]") {
  auto code = [](const char* words) { return db::sqlstate_from_words(words, db::cannot_connect); };
  CHECK(code("could not connect to server: Connection refused") == "08001");
  CHECK(code("connection to server on socket \"/s\" failed: No such file or directory") == "08001");
  CHECK(code("FATAL:  the database system is starting up") == "57P03");
  CHECK(code("FATAL:  the database system is shutting down") == "57P03");
  CHECK(code("FATAL:  the database system is in recovery mode") == "57P03");
  CHECK(code("FATAL:  sorry, too many clients already") == "53300");
  CHECK(code("FATAL:  too many connections for role \"gitstar\"") == "53300");
  CHECK(code("FATAL:  remaining connection slots are reserved for non-replication superuser") ==
        "53300");
  CHECK(code("FATAL:  no more connections allowed (max_client_conn)") == "53300");
  CHECK(code("FATAL:  terminating connection due to administrator command") == "57P01");
  CHECK(code("WARNING:  terminating connection because of crash of another server process") ==
        "57P02");
  CHECK(code("FATAL:  could not write init file: No space left on device") == "53100");
  CHECK(code("FATAL:  password authentication failed for user \"x\"") == "28P01");
  CHECK(code("FATAL:  no pg_hba.conf entry for host \"x\"") == "28000");
  CHECK(code("FATAL:  role \"nobody\" does not exist") == "28000");
  CHECK(code("FATAL:  database \"nowhere\" does not exist") == "3D000");
  CHECK(code("FATAL:  permission denied for database \"x\"") == "42501");
}

TEST_CASE("a store error names its cause and its code", "[db][sqlstate]") {
  CHECK(error("53100").cause() == "the disk is full (53100)");
  CHECK(db::store_error{"initdb failed"}.cause() == "initdb failed");
  CHECK_FALSE(db::store_error{"initdb failed"}.transient());
  CHECK(db::store_error{"connection refused", true}.transient());
}

namespace {

class patients {
public:
  auto fail(uint64_t user, std::string_view sqlstate) {
    health.called(user, now);
    return health.failed(user, error(sqlstate), now);
  }

  auto answer(uint64_t user) {
    health.called(user, now);
    return health.answered(user, now);
  }

  db::store_health health;
  db::store_health::time_point now{};
};

} // namespace

TEST_CASE_METHOD(patients, "a cause is logged once, and again after half a minute",
                 "[db][store_health]") {
  CHECK(health.waiting_for(now).empty());
  CHECK(fail(1, "53100") ==
        "waiting for PostgreSQL: the disk is full (53100): what PostgreSQL said");
  CHECK_FALSE(fail(2, "53100"));
  now += 29s;
  CHECK_FALSE(fail(1, "53100"));
  now += 1s;
  CHECK(fail(2, "53100") ==
        "waiting for PostgreSQL since 30 s: the disk is full (53100): what PostgreSQL said");
  CHECK_FALSE(fail(1, "53100"));
  CHECK(health.waiting_for(now) == "the disk is full (53100)");
  CHECK(health.errors() == std::map<std::string, uint64_t>{{"53100", 5}});
}

TEST_CASE_METHOD(patients, "another cause is logged at once", "[db][store_health]") {
  fail(1, "57P01");
  now += 1s;
  CHECK(fail(1, "57P03") == "waiting for PostgreSQL since 1 s: the server is starting or stopping "
                            "(57P03): what PostgreSQL said");
  CHECK_FALSE(fail(1, "57P01"));
  CHECK(health.waiting_for(now) == "the server is shutting down (57P01)");
}

TEST_CASE_METHOD(patients, "PostgreSQL is back when nobody waits any more", "[db][store_health]") {
  CHECK_FALSE(answer(1));
  fail(1, "57P01");
  fail(2, "57P01");
  now += 12s;
  CHECK_FALSE(answer(3));
  CHECK_FALSE(answer(1));
  CHECK_FALSE(health.waiting_for(now).empty());
  CHECK(answer(2) == "PostgreSQL is back after 12 s");
  CHECK(health.waiting_for(now).empty());
  CHECK_FALSE(answer(2));
}

TEST_CASE_METHOD(patients, "a store that fails again and again does not fill the log",
                 "[db][store_health]") {
  CHECK(fail(1, "08006"));
  CHECK(answer(1) == "PostgreSQL is back after 0 s");
  now += 1s;
  CHECK_FALSE(fail(1, "08006"));
  CHECK(health.waiting_for(now) == "the connection was lost (08006)");
  CHECK_FALSE(answer(1));
  now += 29s;
  CHECK(fail(1, "08006"));
  CHECK(answer(1));
}

TEST_CASE_METHOD(patients, "who is gone does not wait", "[db][store_health]") {
  fail(1, "57P01");
  health.called(2, now);
  health.left(1);
  health.left(2);
  CHECK(health.waiting_for(now + 1h).empty());
}

TEST_CASE_METHOD(patients, "a call that hangs is told after ten seconds", "[db][store_health]") {
  health.called(1, now);
  now += 9s;
  CHECK_FALSE(health.look(now));
  CHECK(health.waiting_for(now).empty());
  now += 1s;
  CHECK(health.look(now) == "waiting for PostgreSQL: no answer since 10 s");
  CHECK(health.waiting_for(now) == "no answer since 10 s");
  now += 29s;
  CHECK_FALSE(health.look(now));
  now += 1s;
  CHECK(health.look(now) == "waiting for PostgreSQL: no answer since 40 s");
  CHECK(health.answered(1, now) == "PostgreSQL is back after 40 s");
  health.called(1, now);
  CHECK_FALSE(health.answered(1, now));
  CHECK_FALSE(health.look(now));
  CHECK(health.waiting_for(now).empty());
}
