#include "db/conninfo.hpp"
#include "db/crawl_store.hpp"
#include "db/embedded_postgres.hpp"
#include "db/migrations.hpp"
#include "db/postgres_store.hpp"
#include "db/process.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

#include <atomic>
#include <csignal>
#include <fstream>
#include <regex>
#include <set>
#include <thread>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fs = std::filesystem;

using namespace gitstar;
using namespace gitstar::test;
using Catch::Contains;
using db::embedded_options;
using db::embedded_postgres;

namespace {

bool is_alive(pid_t pid) {
  waitpid(pid, nullptr, WNOHANG);
  return kill(pid, 0) == 0 && fs::exists("/proc/" + std::to_string(pid) + "/cwd");
}

void wait_until_gone(pid_t pid) {
  while (is_alive(pid))
    std::this_thread::yield();
}

std::string ask(const embedded_postgres& server, const std::string& sql) {
  pqxx::connection link{server.connection_string()};
  return pqxx::work{link}.exec1(sql)[0].c_str();
}

/// What `body` prints into a pipe in a process of its own, which then dies by SIGKILL.
template <class Body>
std::string in_killed_process(Body body) {
  int ends[2];
  REQUIRE(pipe2(ends, O_CLOEXEC) == 0); // or the server would keep it open
  auto child = fork();
  if (child == 0) {
    auto text = body();
    if (write(ends[1], text.data(), text.size()) < 0)
      _exit(1);
    raise(SIGKILL);
  }
  close(ends[1]);
  std::string text;
  char buffer[64];
  for (ssize_t count = 0; (count = read(ends[0], buffer, sizeof buffer)) > 0;)
    text.append(buffer, static_cast<std::size_t>(count));
  close(ends[0]);
  waitpid(child, nullptr, 0);
  return text;
}

class with_directory {
public:
  embedded_options options() const { return {directory.path() / "data_dir", {}, directory.path()}; }

  temporary_directory directory;
};

} // namespace

TEST_CASE("the embedded server listens on a private socket only", "[db]") {
  CHECK(ask(shared_server(), "show listen_addresses").empty());
  auto sockets = ask(shared_server(), "show unix_socket_directories");
  CHECK((fs::status(sockets).permissions() & fs::perms::mask) == fs::perms::owner_all);
}

TEST_CASE("the embedded server loses no committed row", "[db]") {
  for (auto setting : {"fsync", "synchronous_commit", "full_page_writes"})
    CHECK(ask(shared_server(), std::string{"show "} + setting) == "on");
}

TEST_CASE("psql reaches the embedded server", "[db]") {
  auto command = db::psql_command(shared_server().psql(), shared_server().connection_string(),
                                  {"--tuples-only", "--no-align", "--command=select 6 * 7"});
  CHECK(command.environment.empty());
  CHECK(db::first_line_of_output(command.argv) == "42");
}

TEST_CASE_METHOD(with_directory, "a program knows no variables but those it is given", "[db]") {
  auto output = directory.path() / "output";
  auto child = db::start_program({"/usr/bin/env"}, db::current_account(), output, {"GIVEN=1"});
  REQUIRE(db::wait_for_success(child));
  std::set<std::string> names;
  std::ifstream lines{output};
  for (std::string line; std::getline(lines, line);)
    names.insert(line.substr(0, line.find('=')));
  CHECK(names == std::set<std::string>{"GIVEN", "PATH", "TZ"});
}

TEST_CASE_METHOD(with_directory, "the last one out stops the server, and data stay", "[db]") {
  auto first = std::make_unique<embedded_postgres>(options());
  auto pid = first->server_pid();
  auto second = std::make_unique<embedded_postgres>(options());
  CHECK(second->server_pid() == pid);
  CHECK(second->connection_string() == first->connection_string());
  db::migrate(second->connection_string());
  first.reset();
  CHECK(is_alive(pid));
  CHECK(ask(*second, "select 1") == "1");
  second.reset();
  CHECK_FALSE(is_alive(pid));
  CHECK_FALSE(fs::exists(options().data_dir / "data" / "postmaster.pid"));

  embedded_postgres third{options()};
  CHECK(ask(third, "select count(*) from crawls") == "0");
}

TEST_CASE_METHOD(with_directory, "a server whose user was killed is reused, then stopped", "[db]") {
  auto pid = static_cast<pid_t>(std::stol(in_killed_process(
      [this] { return std::to_string((new embedded_postgres{options()})->server_pid()); })));
  CHECK(is_alive(pid));
  {
    embedded_postgres server{options()};
    CHECK(server.server_pid() == pid);
    CHECK(ask(server, "select 1") == "1");
  }
  wait_until_gone(pid); // not our child, so nobody else may have collected it yet
}

TEST_CASE_METHOD(with_directory, "a start that is stopped leaves no server", "[db]") {
  std::stop_source asked;
  asked.request_stop();
  auto stopped = options();
  stopped.stop = asked.get_token();
  auto data = options().data_dir / "data";
  SECTION("while it initialises its data") {
    CHECK_THROWS_WITH(embedded_postgres{stopped}, Contains("a stop was asked for"));
    CHECK_FALSE(fs::exists(data));
  }
  SECTION("while it starts") {
    embedded_postgres{options()};
    CHECK_THROWS_WITH(embedded_postgres{stopped}, Contains("a stop was asked for"));
    auto started = std::ifstream{options().data_dir / "started"};
    pid_t pid = 0;
    started >> pid;
    wait_until_gone(pid);
    CHECK_FALSE(fs::exists(data / "postmaster.pid"));
  }
  CHECK(ask(embedded_postgres{options()}, "select 1") == "1");
}

TEST_CASE_METHOD(with_directory, "a server that was killed is started again", "[db]") {
  auto first = std::make_unique<embedded_postgres>(options());
  auto sockets = ask(*first, "show unix_socket_directories");
  kill(first->server_pid(), SIGKILL);
  wait_until_gone(first->server_pid());
  SECTION("by the one who used it") {
    auto before = first->connection_string();
    first->ensure_running();
    CHECK(first->connection_string() == before);
    CHECK(ask(*first, "select 1") == "1");
  }
  SECTION("by the next") {
    first.reset();
    embedded_postgres second{options()};
    CHECK(ask(second, "select 1") == "1");
  }
}

TEST_CASE_METHOD(with_directory, "a stale pid file that names a living process is no obstacle",
                 "[db]") {
  auto pid_file = options().data_dir / "data" / "postmaster.pid";
  { embedded_postgres server{options()}; }
  std::ofstream{pid_file} << getpid() << "\n/nowhere\n0\n5432\n/nowhere\n\n0 0\nready\n";
  embedded_postgres server{options()};
  CHECK(ask(server, "select 1") == "1");
}

TEST_CASE_METHOD(with_directory, "an initdb that was killed is begun again", "[db]") {
  fs::create_directories(options().data_dir / "data.new" / "base");
  embedded_postgres server{options()};
  CHECK(ask(server, "select 1") == "1");
}

TEST_CASE_METHOD(with_directory, "an initdb that outlives its killed parent is waited for",
                 "[db]") {
  auto initdb_is_writing = [&] { return fs::exists(options().data_dir / "data.new/base/1"); };
  auto child = fork();
  if (child == 0) {
    embedded_postgres server{options()};
    _exit(0);
  }
  while (!initdb_is_writing())
    std::this_thread::yield();
  kill(child, SIGKILL);
  wait_until_gone(child);
  embedded_postgres server{options()};
  CHECK(ask(server, "select 1") == "1");
}

TEST_CASE_METHOD(with_directory,
                 "a server that was joined before its database had a name is usable", "[db]") {
  embedded_postgres first{options()};
  pqxx::connection link{
      std::regex_replace(first.connection_string(), std::regex{"dbname=.*"}, "dbname=template1")};
  pqxx::nontransaction{link}.exec("alter database gitstar rename to postgres");
  embedded_postgres second{options()};
  CHECK(ask(second, "select 1") == "1");
}

TEST_CASE_METHOD(with_directory, "committed rows survive the death of PostgreSQL in a write",
                 "[db]") {
  embedded_postgres server{options()};
  db::migrate(server.connection_string());
  db::postgres_store store{server.connection_string()};
  auto current = store.open_crawl({"stars", "search", false});
  auto batch_of = [&current](int64_t number) {
    batch work;
    work.crawl_id = current.id;
    work.epoch = current.epoch;
    work.observed_at = at(1'795'176'000);
    for (int64_t i = 0; i < 200; ++i)
      work.rows.push_back(make_repository(number * 200 + i));
    return work;
  };
  std::atomic<int64_t> committed = 0;
  std::thread killer{[&] {
    while (committed < 5)
      std::this_thread::yield();
    kill(server.server_pid(), SIGKILL);
  }};
  bool transient = false;
  try {
    for (;;) {
      store.write(batch_of(committed));
      ++committed;
    }
  } catch (const db::store_error& error) {
    transient = error.transient();
  }
  killer.join();
  CHECK(transient);
  wait_until_gone(server.server_pid());

  server.ensure_running();
  CHECK(std::stol(ask(server, "select count(*) from repositories")) >= 200 * committed);
  store.write(batch_of(committed));
  CHECK(ask(server, "select concat(count(*), ' ', min(repo_id), ' ', max(repo_id)) "
                    "from repositories") ==
        std::to_string(200 * (committed + 1)) + " 0 " + std::to_string(200 * (committed + 1) - 1));
  CHECK(ask(server, "select count(*) from star_history") == std::to_string(200 * (committed + 1)));
}

TEST_CASE_METHOD(with_directory, "a data directory too deep for a socket works", "[db]") {
  auto deep = options();
  deep.data_dir /= std::string(120, 'd');
  std::string sockets;
  {
    embedded_postgres server{deep};
    CHECK(ask(server, "select 1") == "1");
    sockets = ask(server, "show unix_socket_directories");
    CHECK(fs::is_directory(sockets));
  }
  CHECK_FALSE(fs::exists(sockets));
}

TEST_CASE_METHOD(with_directory, "a data directory with strange characters works", "[db]") {
  auto strange = options();
  strange.data_dir /= "it's a \"data, directory\" \\";
  embedded_postgres server{strange};
  CHECK(ask(server, "select 1") == "1");
}

TEST_CASE_METHOD(with_directory, "as root the data may lie where PostgreSQL cannot go", "[db]") {
  if (geteuid() != 0) {
    WARN("skipped: needs root");
    return;
  }
  auto closed = directory.path() / "root";
  fs::create_directory(closed);
  REQUIRE(chmod(closed.c_str(), 0700) == 0);
  embedded_options inside{closed / "postgres", {}, directory.path() / "fallback"};
  {
    embedded_postgres server{inside};
    db::migrate(server.connection_string());
  }
  CHECK(fs::is_symlink(inside.data_dir / "cluster"));
  embedded_postgres server{inside};
  CHECK(ask(server, "select count(*) from crawls") == "0");
}

TEST_CASE_METHOD(with_directory, "a data directory that cannot be written is one clear error",
                 "[db]") {
  std::ofstream{directory.path() / "file"} << "no directory";
  auto bad = options();
  bad.data_dir = GENERATE_COPY(directory.path() / "file" / "postgres", fs::path{"/proc/gitstar"});
  CHECK_THROWS_WITH(embedded_postgres{bad},
                    Contains("cannot write to the data directory " + bad.data_dir.string()) &&
                        !Contains("\n"));
}

TEST_CASE_METHOD(with_directory, "an unsupported PostgreSQL is one clear error", "[db]") {
  auto fake = directory.path() / "bin";
  fs::create_directory(fake);
  std::ofstream{fake / "postgres"} << "#!/bin/sh\necho 'postgres (PostgreSQL) 12.22'\n";
  fs::permissions(fake / "postgres", fs::perms::owner_all);
  auto old = options();
  old.bin_dir = fake;
  CHECK_THROWS_WITH(embedded_postgres{old},
                    Contains("PostgreSQL 12") && Contains("needs 13 or newer"));
  old.bin_dir = directory.path() / "nothing";
  CHECK_THROWS_WITH(embedded_postgres{old}, Contains("no PostgreSQL server is installed in"));
}

TEST_CASE_METHOD(with_directory, "data of another PostgreSQL version are one clear error", "[db]") {
  fs::create_directories(options().data_dir / "data");
  std::ofstream{options().data_dir / "data" / "PG_VERSION"} << "99\n";
  if (geteuid() == 0)
    REQUIRE(chown((options().data_dir / "data").c_str(), 65534, 65534) == 0);
  CHECK_THROWS_WITH(embedded_postgres{options()},
                    Contains("belongs to PostgreSQL 99, which is not installed"));
}

TEST_CASE_METHOD(with_directory, "what keeps the server from starting is in the error", "[db]") {
  { embedded_postgres server{options()}; }
  std::ofstream{options().data_dir / "data" / "postgresql.conf"} << "no_such_setting = 1\n";
  CHECK_THROWS_WITH(embedded_postgres{options()},
                    Contains("PostgreSQL does not start") && !Contains("\n"));
}
