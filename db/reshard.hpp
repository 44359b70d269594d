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

/// Spreads the buckets evenly over all databases, the newly listed ones too. As many as hold
/// `repositories_at_once` (more or less, at least one) are copied together while crawls write to
/// them; then writers of their shard wait until what has changed meanwhile is copied and every
/// repository with its history is found to have the same checksum in both places; then they belong
/// to the new shard, and their old rows are deleted. What repository_checks says of them follows at
/// the end, each entry once. May be killed at any moment: the next call goes on. `tell` hears how
/// far it is.
///
/// The databases must have been migrated together (`migrate_shards`). A crawl must know the whole
/// list: one that was begun with a shorter list ends with an error when it meets a bucket
/// elsewhere. Throws `store_error`, also while another process does the same.
reshard_report reshard(const std::vector<std::string>& connection_strings,
                       const std::function<void(const reshard_report&)>& tell,
                       int64_t repositories_at_once = 20'000);

} // namespace gitstar::db
