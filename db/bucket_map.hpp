/// Which shard holds which repositories. A store has a fixed number of buckets (`bucket_of` in
/// 0009_shards.sql); `buckets` in the ledger says where each of them is.
///
/// How a bucket leaves a shard while others write: the shard itself decides, by a commit of its own
/// that notes the departure and raises its `map_version`. Every transaction that writes rows holds
/// the shard's buckets (`hold_buckets`) and stops where the shard's version is newer than its map.
/// The ledger follows; whoever comes in between reads `departed_buckets`.
#pragma once

#include "db/connection.hpp"
#include "messages/basic.hpp"

#include <string>
#include <vector>

namespace gitstar::db {

inline constexpr int bucket_count = 1024;

/// Must agree with the function of the same name in 0009_shards.sql.
inline int bucket_of(repo_id id) { return static_cast<int>(id / 256 % bucket_count); }

struct bucket_map {
  int64_t version = 0;
  std::vector<int> shards; ///< by bucket

  int shard_of(repo_id id) const { return shards[static_cast<size_t>(bucket_of(id))]; }
  std::vector<int> buckets_of(size_t shard) const;
};

/// A shard has given a bucket away since the map was read.
class outdated_map : public store_error {
public:
  explicit outdated_map(int64_t of_shard)
      : store_error("the map of buckets is outdated", true), version(of_shard) {}

  int64_t version; ///< of the shard
};

/// The map in the ledger, of a store with `shard_count` shards. Throws `store_error` where it
/// names a shard that is not listed.
bucket_map read_bucket_map(pqxx::work& ledger, size_t shard_count);

/// Applies what `shard` has given away and the ledger does not know yet.
void follow_departures(bucket_map& map, pqxx::work& shard, size_t shard_count);

/// Keeps buckets from leaving this database until the transaction ends, and checks that none has
/// left that `map_version` does not know of. Throws `outdated_map`.
void hold_buckets(pqxx::work& shard, int64_t map_version);

/// Waits for all that hold buckets of this database, and keeps new ones waiting until the
/// transaction ends.
void lock_buckets(pqxx::work& shard);

/// By shard: the buckets that it has rows of and does not own, because they are being moved.
/// Readers of several shards leave them out.
std::vector<std::vector<int>> unowned_buckets(pqxx::work& ledger, size_t shard_count);

} // namespace gitstar::db
