#include "tests/db/test_server.hpp"

#include "db/migrations.hpp"

#include <cstdlib>
#include <stdexcept>

#include <sys/stat.h>

namespace fs = std::filesystem;

namespace gitstar::test {

temporary_directory::temporary_directory() {
  std::string name = "/tmp/gitstar-test-XXXXXX";
  if (mkdtemp(name.data()) == nullptr || chmod(name.c_str(), 0755) != 0)
    throw std::runtime_error("no temporary directory");
  path_ = name;
}

temporary_directory::~temporary_directory() {
  std::error_code ignored;
  fs::remove_all(path_, ignored);
}

db::embedded_postgres& shared_server() {
  static temporary_directory directory;
  static db::embedded_postgres server{{directory.path() / "postgres", {}, directory.path()}};
  // It need not survive a power cut, and making databases waits for little but the disk.
  static auto without_fsync = [] {
    pqxx::connection link{server.connection_string()};
    pqxx::nontransaction work{link};
    work.exec("alter system set fsync = off");
    return work.exec("select pg_reload_conf()");
  }();
  return server;
}

void empty_the_database() { empty_the_database(shared_server().connection_string()); }

void empty_the_database(const std::string& connection_string) {
  pqxx::connection link{connection_string + " options=-cclient_min_messages=error"};
  pqxx::work work{link};
  work.exec("drop schema public cascade; create schema public");
  work.commit();
}

namespace {

const std::string& migrated_database() {
  empty_the_database();
  db::migrate(shared_server().connection_string());
  return shared_server().connection_string();
}

} // namespace

with_store::with_store()
    : store(migrated_database()), current(store.open_crawl({"stars", "search stars:>=10", false})),
      link_(shared_server().connection_string()) {}

pqxx::result with_store::ask(const std::string& sql) {
  pqxx::work work{link_};
  auto result = work.exec(sql);
  work.commit();
  return result;
}

repository make_repository(repo_id id) {
  repository result;
  result.repo_id = id;
  result.full_name = "owner" + std::to_string(id % 7) + "/name" + std::to_string(id);
  result.star_count = static_cast<int32_t>(id % 1000);
  result.fork_count = static_cast<int32_t>(id % 100);
  result.open_issue_count = static_cast<int32_t>(id % 10);
  result.watcher_count = static_cast<int32_t>(id % 50);
  result.language = std::string{"C++"};
  result.license = std::string{"mit"};
  result.description = "Repository number " + std::to_string(id);
  result.visibility = "public";
  result.disk_usage_kb = static_cast<int32_t>(id % 5000);
  result.created_at = at(1'400'000'000 + id);
  result.updated_at = at(1'500'000'000 + id);
  result.pushed_at = at(1'600'000'000 + id);
  return result;
}

timestamp at(int64_t seconds) { return timestamp{std::chrono::seconds{seconds}}; }

} // namespace gitstar::test
