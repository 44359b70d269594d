#include "db/migrations.hpp"

#include "db/connection.hpp"
#include "db/store_layout.hpp"

#include <map>

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

int apply_missing(pqxx::work& work, const std::vector<migration>& wanted,
                  const config::partitioning& layout) {
  refuse_old_server(work);
  work.exec(lock_statement);
  work.exec(create_table);
  auto applied = applied_migrations(work);
  refuse_foreign_schema(applied, wanted);
  int count = 0;
  for (const auto& x : wanted) {
    if (applied.count(x.version) != 0)
      continue;
    work.exec(x.sql);
    if (x.version == 1)
      divide_repositories(work, layout);
    work.exec_params0("insert into schema_migrations (version, name, checksum) values ($1, $2, $3)",
                      x.version, x.name, x.checksum);
    ++count;
  }
  if (applied.empty())
    store_partitioning(work, layout);
  return count;
}

} // namespace

migration_report migrate(const std::string& connection_string, const std::vector<migration>& wanted,
                         const std::optional<config::partitioning>& layout) {
  connection database{connection_string};
  return database.transaction([&](pqxx::work& work) {
    migration_report report;
    auto applied = applied_migrations(work);
    refuse_foreign_schema(applied, wanted);
    if (applied.size() < wanted.size())
      report.applied = apply_missing(work, wanted, layout.value_or(config::partitioning{}));
    if (layout)
      refuse_other_layout(work, *layout);
    if (!wanted.empty())
      report.version = wanted.back().version;
    return report;
  });
}

void build_query_indexes(const std::string& connection_string) {
  connection database{connection_string};
  database.transaction([](pqxx::work& work) { work.exec("select build_query_indexes()"); });
}

} // namespace gitstar::db
