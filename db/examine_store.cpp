#include "db/examine_store.hpp"

#include "db/connection.hpp"
#include "db/migrations.hpp"

namespace gitstar::db {

store_examination examine_store(const std::string& connection_string) {
  connection database{connection_string};
  return database.transaction([](pqxx::work& work) {
    store_examination result;
    result.server_version = work.exec1("show server_version")[0].as<std::string>();
    if (!work.exec1("select to_regclass('schema_migrations')")[0].is_null())
      result.schema_version =
          work.exec1("select coalesce(max(version), 0) from schema_migrations")[0].as<int>();
    if (auto& known = built_in_migrations(); !known.empty())
      result.program_version = known.back().version;
    return result;
  });
}

table_sizes measure_tables(const std::string& connection_string) {
  connection database{connection_string};
  return database.transaction([](pqxx::work& work) {
    auto size = [&](const std::string& table) {
      // A partitioned table is its parts; one that is not has no tree.
      return work
          .exec1(
              "select pg_total_relation_size('" + table +
              "') + coalesce(sum(pg_total_relation_size(relid)) filter (where isleaf), 0)::bigint "
              "from pg_partition_tree('" +
              table + "')")[0]
          .as<int64_t>();
    };
    return table_sizes{size("repositories"), size("star_history")};
  });
}

} // namespace gitstar::db
