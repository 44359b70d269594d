/// Moves buckets between the databases of a store while crawls write.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace gitstar::db {

/// A bucket's way from one shard to another.
struct bucket_move {
  int bucket = 0;
  int from = 0;
  int to = 0;
  bool operator==(const bucket_move&) const = default;
};

/// The fewest moves after which all shards hold equally many buckets, give or take one. `shards` is
/// where each bucket is.
std::vector<bucket_move> plan_moves(const std::vector<int>& shards, size_t shard_count);

struct reshard_report {
  int moved = 0;            ///< buckets whose move this call completed
  int to_move = 0;          ///< of how many
  int64_t repositories = 0; ///< that went along,
  int64_t history = 0;      ///< with so many rows of star_history
  std::vector<int> buckets; ///< per shard, at the end
};

/// Spreads the buckets evenly over all databases, the newly listed ones too. Each bucket is copied
/// while crawls write to it; then writers of its shard wait until what has changed meanwhile is
/// copied and every repository with its history is found to have the same checksum in both places;
/// then it belongs to the new shard, and its old rows are deleted. May be killed at any moment: the
/// next call goes on. `tell` hears of every bucket.
///
/// The databases must have been migrated together (`migrate_shards`). A crawl must know the whole
/// list: one that was begun with a shorter list ends with an error when it meets a bucket
/// elsewhere. Throws `store_error`, also while another process does the same.
reshard_report reshard(const std::vector<std::string>& connection_strings,
                       const std::function<void(const reshard_report&)>& tell);

} // namespace gitstar::db
