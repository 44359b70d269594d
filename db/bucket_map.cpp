#include "db/bucket_map.hpp"

namespace gitstar::db {

namespace {

// Transaction locks, not session locks: PgBouncer hands sessions around. Any constant will do.
// What follows is planned as if it read all parts of a partitioned table, and would be compiled
// each time, hence jit.
constexpr auto hold_statement = "set local jit = off; "
                                "select pg_advisory_xact_lock_shared(4046187210436509871); "
                                "select map_version from shard_identity";
constexpr auto lock_statement = "select pg_advisory_xact_lock(4046187210436509871)";

void refuse_unlisted(int bucket, int shard, size_t shard_count) {
  if (shard < 0 || static_cast<size_t>(shard) >= shard_count)
    throw store_error("bucket " + std::to_string(bucket) + " is on shard " + std::to_string(shard) +
                      ", but store.postgres lists only " + std::to_string(shard_count) +
                      " (counted from 0): list them all, in the old order");
}

} // namespace

std::vector<int> bucket_map::buckets_of(size_t shard) const {
  std::vector<int> result;
  for (int bucket = 0; bucket < bucket_count; ++bucket)
    if (shards[static_cast<size_t>(bucket)] == static_cast<int>(shard))
      result.push_back(bucket);
  return result;
}

bucket_map read_bucket_map(pqxx::work& ledger, size_t shard_count) {
  // One statement, for one snapshot of both tables.
  auto rows = ledger.exec("select b.bucket, b.shard, i.map_version, "
                          "coalesce(b.moving_to, b.leaving, b.shard) "
                          "from shard_identity i cross join buckets b order by b.bucket");
  if (rows.size() != bucket_count)
    throw store_error("the store has no map of buckets: run gitstar migrate");
  bucket_map result;
  result.version = rows[0][2].as<int64_t>();
  for (const auto& row : rows) {
    refuse_unlisted(row[0].as<int>(), row[1].as<int>(), shard_count);
    refuse_unlisted(row[0].as<int>(), row[3].as<int>(), shard_count);
    result.shards.push_back(row[1].as<int>());
  }
  return result;
}

void follow_departures(bucket_map& map, pqxx::work& shard, size_t shard_count) {
  for (const auto& row : shard.exec_params("select bucket, shard, map_version from "
                                           "departed_buckets where map_version > $1 "
                                           "order by map_version",
                                           map.version)) {
    refuse_unlisted(row[0].as<int>(), row[1].as<int>(), shard_count);
    map.shards.at(row[0].as<size_t>()) = row[1].as<int>();
    map.version = row[2].as<int64_t>();
  }
}

void hold_buckets(pqxx::work& shard, int64_t map_version) {
  auto found = shard.exec(hold_statement);
  if (found.empty())
    throw store_error("a database of store.postgres is not prepared: run gitstar migrate");
  if (auto version = found[0][0].as<int64_t>(); version > map_version)
    throw outdated_map(version);
}

void lock_buckets(pqxx::work& shard) { shard.exec(lock_statement); }

std::vector<std::vector<int>> unowned_buckets(pqxx::work& ledger, size_t shard_count) {
  std::vector<std::vector<int>> result(shard_count);
  for (const auto& row : ledger.exec("select bucket, moving_to from buckets "
                                     "where moving_to is not null union all "
                                     "select bucket, leaving from buckets "
                                     "where leaving is not null order by 1")) {
    auto shard = row[1].as<int>();
    refuse_unlisted(row[0].as<int>(), shard, shard_count);
    result[static_cast<size_t>(shard)].push_back(row[0].as<int>());
  }
  return result;
}

} // namespace gitstar::db
