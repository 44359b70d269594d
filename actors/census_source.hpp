#pragma once

#include "actors/id_reader.hpp"
#include "actors/source.hpp"

namespace gitstar {

/// All repositories with an id of a range, by asking for every id, or for those that REST lists.
///
/// What is expected of a partition are its ids less the holes that were found: at the end, the
/// repositories that exist. Until then, what was not asked for yet counts as missing.
class census_source : public source {
public:
  /// Partitions of any census: enough for fetchers to share, few enough for the ledger and for the
  /// memory of the PARTITIONER, however many ids there are (1.4 billion in 2026).
  static constexpr int64_t most_partitions = 16'384;

  explicit census_source(id_range ids, id_listing listing = id_listing::never)
      : ids_(ids), listing_(listing) {}

  std::string text() const override;
  std::vector<partition> roots(const crawl& run) const override;
  void equip(lease& work) const override;

private:
  id_range ids_;
  id_listing listing_;
};

} // namespace gitstar
