#include "db/migrations.hpp"

#include "db/connection.hpp"
#include "db/store_layout.hpp"

#include <chrono>
#include <map>
#include <thread>

namespace gitstar::db {

namespace {

// Any constant will do; it only has to be ours.
constexpr auto lock_statement = "select pg_advisory_xact_lock(7236718540519254321)";

constexpr auto create_table = R"(
create table if not exists schema_migrations (
  version    integer primary key,
  name       text not null,
  checksum   text not null,
  applied_at timestamptz not null default now()
))";

// A change of a table waits for who works on it, and all others queue behind it meanwhile: rather
// give up soon, let them go first, and try again. So with a crawl that waits for us and holds what
// we need.
constexpr auto wait_shortly = "set local lock_timeout = '100ms'";
constexpr std::string_view lock_not_available = "55P03";
constexpr std::string_view deadlock = "40P01";
constexpr auto between_attempts = std::chrono::milliseconds{300};
constexpr int most_attempts = 1000; // some minutes

using checksums = std::map<int, std::string>;

checksums applied_migrations(pqxx::work& work) {
  checksums result;
  if (work.exec1("select to_regclass('schema_migrations')")[0].is_null())
    return result;
  for (const auto& row : work.exec("select version, checksum from schema_migrations"))
    result.emplace(row[0].as<int>(), row[1].as<std::string>());
  return result;
}

void refuse_foreign_schema(const checksums& applied, const std::vector<migration>& wanted) {
  auto known = wanted.empty() ? 0 : wanted.back().version;
  if (!applied.empty() && applied.rbegin()->first > known)
    throw store_error("the database has schema version " + std::to_string(applied.rbegin()->first) +
                      ", this program knows only " + std::to_string(known) +
                      ": use a newer gitstar");
  for (const auto& x : wanted) {
    auto i = applied.find(x.version);
    if (i != applied.end() && i->second != x.checksum)
      throw store_error("migration " + std::to_string(x.version) + " (" + x.name +
                        ") has changed since it was applied to the database");
  }
}

void refuse_old_server(pqxx::work& work) {
  constexpr int oldest = 130000; // as libpq numbers 13.0
  auto version = work.conn().server_version();
  if (version < oldest)
    throw store_error("PostgreSQL " + std::to_string(version / 10000) +
                      " is not supported: version 13 or newer is needed");
}

void refuse_other_layout(pqxx::work& work, const config::partitioning& wanted) {
  auto found = stored_partitioning(work);
  if (found != wanted)
    throw layout_error("the config says " + to_string(wanted) +
                       ", but the database was made with " + to_string(found) + " and keeps that");
}

/// What one transaction has done.
struct migration_step {
  int applied = 0;
  bool more = false;
};

/// A new database is made as a whole. Of one in use each transaction changes a little, so that its
/// locks are held shortly.
migration_step apply_missing(pqxx::work& work, const std::vector<migration>& wanted,
                             const config::partitioning& layout) {
  refuse_old_server(work);
  work.exec(lock_statement);
  work.exec(create_table);
  auto applied = applied_migrations(work);
  refuse_foreign_schema(applied, wanted);
  work.exec(wait_shortly);
  migration_step result;
  for (const auto& x : wanted) {
    if (applied.count(x.version) != 0)
      continue;
    if (!applied.empty() && result.applied > 0) {
      result.more = true;
      return result;
    }
    work.exec(x.sql);
    if (x.version == 1)
      divide_repositories(work, layout);
    work.exec_params0("insert into schema_migrations (version, name, checksum) values ($1, $2, $3)",
                      x.version, x.name, x.checksum);
    ++result.applied;
  }
  if (applied.empty())
    store_partitioning(work, layout);
  return result;
}

/// Runs `body` in a transaction, again where locks were not to be had.
template <class Body>
auto patiently(connection& database, Body body) {
  for (int i = 1;; ++i) {
    try {
      return database.transaction(body);
    } catch (const store_error& failure) {
      auto& code = failure.sqlstate();
      if ((code != lock_not_available && code != deadlock) || i == most_attempts)
        throw;
      std::this_thread::sleep_for(between_attempts);
    }
  }
}

} // namespace

migration_report migrate(const std::string& connection_string, const std::vector<migration>& wanted,
                         const std::optional<config::partitioning>& layout) {
  connection database{connection_string, frozen_after};
  migration_report report;
  auto step = [&](pqxx::work& work) {
    auto applied = applied_migrations(work);
    refuse_foreign_schema(applied, wanted);
    migration_step result;
    if (applied.size() < wanted.size())
      result = apply_missing(work, wanted, layout.value_or(config::partitioning{}));
    if (layout && !result.more)
      refuse_other_layout(work, *layout);
    return result;
  };
  for (auto more = true; more;) {
    auto done = patiently(database, step);
    report.applied += done.applied;
    more = done.more;
  }
  if (!wanted.empty())
    report.version = wanted.back().version;
  return report;
}

void build_query_indexes(const std::string& connection_string) {
  connection database{connection_string, frozen_after};
  database.transaction([](pqxx::work& work) { work.exec("select build_query_indexes()"); });
}

} // namespace gitstar::db
