#include "db/shards.hpp"

#include "db/bucket_map.hpp"
#include "db/examine_store.hpp"

#include <future>
#include <set>

namespace gitstar::db {

namespace {

// Any constant will do; it only has to be ours.
constexpr auto lock_statement = "select pg_advisory_xact_lock(5390126614470962513)";

struct identity {
  std::string store_id;
  int shard = 0;
};

optional<identity> identity_of(pqxx::work& work) {
  auto found = work.exec("select store_id, shard from shard_identity");
  if (found.empty())
    return caf::none;
  return identity{found[0][0].as<std::string>(), found[0][1].as<int>()};
}

void refuse_other_place(const identity& found, int wanted) {
  if (found.shard != wanted)
    throw store_error("this database is shard " + std::to_string(found.shard) +
                      " of its store: list the databases of store.postgres in the old order");
}

/// Returns the store's id.
std::string prepare_ledger(const std::string& where, size_t shard_count) {
  connection database{where};
  return database.transaction([&](pqxx::work& work) {
    if (auto found = identity_of(work)) {
      refuse_other_place(*found, 0);
      return found->store_id;
    }
    work.exec(lock_statement);
    if (auto found = identity_of(work))
      return found->store_id;
    auto id = work.exec1("insert into shard_identity (store_id, shard) "
                         "values (gen_random_uuid(), 0) returning store_id")[0]
                  .as<std::string>();
    work.exec_params0("insert into buckets (bucket, shard) select b, case "
                      "when exists (select from repositories) then 0 else b % $2 end "
                      "from generate_series(0, $1 - 1) b",
                      bucket_count, static_cast<int>(shard_count));
    return id;
  });
}

void prepare_shard(const std::string& where, int shard, const std::string& store_id) {
  connection database{where};
  database.transaction([&](pqxx::work& work) {
    work.exec_params0("insert into shard_identity (store_id, shard) select $1, $2 "
                      "where not exists (select from repositories) on conflict do nothing",
                      store_id, shard);
    auto found = identity_of(work);
    if (!found || found->store_id != store_id)
      throw store_error("this database holds the repositories of another store");
    refuse_other_place(*found, shard);
  });
}

void check_map(const std::string& ledger, size_t shard_count) {
  connection database{ledger};
  database.transaction([&](pqxx::work& work) { read_bucket_map(work, shard_count); });
}

std::string about_shard(size_t shard, const std::string& text) {
  return shard == 0 ? text : "shard " + std::to_string(shard) + ": " + text;
}

template <class Call>
auto naming(size_t shard, Call call) {
  try {
    return call();
  } catch (const layout_error& failure) {
    throw layout_error(about_shard(shard, failure.what()));
  } catch (const store_error& failure) {
    throw named_failure(shard, failure);
  }
}

} // namespace

std::vector<std::string> readable_shards(const std::vector<std::string>& connection_strings,
                                         const std::vector<std::string>& replicas,
                                         const std::function<void(const std::string&)>& warn) {
  auto result = connection_strings;
  std::string store_id;
  std::set<int> found;
  for (auto& where : replicas) {
    try {
      if (examine_store(where).pending() != 0)
        throw store_error("it has another schema version than this program");
      connection database{where};
      auto of = database.transaction([](pqxx::work& work) { return identity_of(work); });
      if (!of || of->shard >= static_cast<int>(connection_strings.size()))
        throw store_error("it is a copy of no database of store.postgres");
      if (!store_id.empty() && of->store_id != store_id)
        throw store_error("it is a copy of another store than those before it");
      store_id = of->store_id;
      if (found.insert(of->shard).second)
        result[static_cast<size_t>(of->shard)] = where;
    } catch (const store_error& failure) {
      warn(failure.what());
    }
  }
  return result;
}

store_error named_failure(size_t shard, const store_error& failure) {
  auto text = about_shard(shard, failure.what());
  return failure.sqlstate().empty() ? store_error{text, failure.transient()}
                                    : store_error{text, failure.sqlstate()};
}

migration_report migrate_shards(const std::vector<std::string>& connection_strings,
                                const std::optional<config::partitioning>& layout) {
  migration_report result;
  std::string store_id;
  for (size_t i = 0; i < connection_strings.size(); ++i) {
    auto& where = connection_strings[i];
    auto done = naming(i, [&] {
      auto report = migrate(where, built_in_migrations(), layout);
      if (i == 0)
        store_id = prepare_ledger(where, connection_strings.size());
      else
        prepare_shard(where, static_cast<int>(i), store_id);
      return report;
    });
    result.applied += done.applied;
    result.version = done.version;
  }
  check_map(connection_strings.front(), connection_strings.size());
  return result;
}

void build_query_indexes(const std::vector<std::string>& connection_strings) {
  std::vector<std::future<void>> shards;
  for (size_t i = 0; i < connection_strings.size(); ++i)
    shards.push_back(std::async(std::launch::async, [&, i] {
      naming(i, [&] { build_query_indexes(connection_strings[i]); });
    }));
  for (auto& x : shards)
    x.get();
}

} // namespace gitstar::db
