#include "db/conninfo.hpp"
#include "db/crawl_store.hpp"
#include "db/postgres_store.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using Catch::Contains;

TEST_CASE("a connection string gets our defaults, but keeps what it says", "[db]") {
  CHECK(db::conninfo{"host=h dbname=d"}.to_connect() ==
        "connect_timeout='10' fallback_application_name='gitstar' keepalives_idle='30' "
        "keepalives_interval='10' keepalives_count='3' tcp_user_timeout='60000' "
        "dbname='d' host='h' client_encoding='UTF8'");
  CHECK_THAT(db::conninfo{"postgresql://u@h:5433/d?connect_timeout=3"}.to_connect(),
             Contains("connect_timeout='3'") && Contains("port='5433'"));
}

TEST_CASE("values with quotes and backslashes survive", "[db]") {
  auto text = db::conninfo{R"(host=h password='it\'s a \\ "secret"')"}.to_connect();
  CHECK(db::conninfo{text}.password() == R"(it's a \ "secret")");
}

TEST_CASE("an invalid connection string is an error that does not repeat it", "[db]") {
  auto text =
      GENERATE("postgresql://u:hunter2@[::1/d", "host=h hunter2", "postgresql://u@h/d?bad=hunter2");
  CHECK_THROWS_WITH(db::conninfo{text},
                    Contains("not a PostgreSQL connection string") && !Contains("hunter2"));
}

TEST_CASE("secrets are scrubbed from messages", "[db]") {
  db::conninfo info{"postgresql://u:hunter2@h/d"};
  CHECK(info.scrub("no hunter2 for hunter2") == "no *** for ***");
  CHECK(info.without_secrets() == "user='u' dbname='d' host='h'");
}

TEST_CASE("an unreachable server is one line without the password", "[db]") {
  db::postgres_store store{"postgresql://user:hunter2@127.0.0.1:1/db"};
  try {
    store.load_budgets();
    FAIL("connected");
  } catch (const db::store_error& error) {
    std::string text = error.what();
    CHECK_THAT(text, Contains("cannot connect to PostgreSQL") && Contains("127.0.0.1") &&
                         Contains("refused") && !Contains("hunter2") && !Contains("\n"));
    CHECK(error.transient());
  }
}

TEST_CASE("psql gets every setting that is no secret", "[db]") {
  auto command = db::psql_command("psql", "service=prod sslmode=require password=x", {});
  CHECK(command.argv ==
        std::vector<std::string>{"psql", "--dbname=service='prod' sslmode='require'"});
}

TEST_CASE("psql gets the password through its environment", "[db]") {
  auto command =
      db::psql_command("/usr/bin/psql", "postgresql://u:hunter2@h/d", {"-c", "select 1"});
  CHECK(command.argv == std::vector<std::string>{"/usr/bin/psql",
                                                 "--dbname=user='u' dbname='d' host='h'", "-c",
                                                 "select 1"});
  CHECK(command.environment ==
        std::vector<std::pair<std::string, std::string>>{{"PGPASSWORD", "hunter2"}});
}
