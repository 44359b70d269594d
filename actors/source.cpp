#include "actors/source.hpp"

namespace gitstar {

int64_t partition_id(int64_t crawl_id, std::string_view description) {
  // FNV-1a with a finalizer: two of 500,000 partitions collide with a chance below 1 in 10^7.
  uint64_t hash = 14695981039346656037ull;
  auto add = [&hash](uint8_t byte) { hash = (hash ^ byte) * 1099511628211ull; };
  for (int shift = 0; shift < 64; shift += 8)
    add(static_cast<uint8_t>(static_cast<uint64_t>(crawl_id) >> shift));
  for (auto c : description)
    add(static_cast<uint8_t>(c));
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93ull;
  hash ^= hash >> 32;
  return static_cast<int64_t>(hash >> 1); // positive: easier to read and to copy
}

partition new_partition(int64_t crawl_id, int64_t parent_id, std::string description,
                        int64_t expected) {
  partition result;
  result.id = partition_id(crawl_id, description);
  result.parent_id = parent_id;
  result.description = std::move(description);
  result.expected = expected;
  return result;
}

} // namespace gitstar
