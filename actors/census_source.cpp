#include "actors/census_source.hpp"

#include <algorithm>

namespace gitstar {

std::string census_source::text() const {
  return "census: " + std::to_string(ids_.first) + "-" + std::to_string(ids_.last);
}

std::vector<partition> census_source::roots(const crawl& run) const {
  // Whole pages, and a window of them at least, so that one fetcher fills its queries from it.
  auto share = (ids_.size() + most_partitions - 1) / most_partitions;
  auto pages = std::max<int64_t>((share + ids_per_page - 1) / ids_per_page, page_window);
  std::vector<partition> result;
  for (auto first = ids_.first; first <= ids_.last; first += pages * ids_per_page) {
    id_range ids{first, std::min(ids_.last, first + pages * ids_per_page - 1)};
    result.push_back(new_partition(run.id, 0, to_string(ids), ids.size()));
  }
  return result;
}

void census_source::equip(lease& work) const {
  work.shape = query_shape::nodes;
  work.listing = listing_;
}

} // namespace gitstar
