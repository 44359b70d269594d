#include "actors/lease_reader.hpp"

#include "actors/id_reader.hpp"
#include "actors/listing_reader.hpp"
#include "actors/metadata_reader.hpp"
#include "actors/owner_reader.hpp"
#include "actors/page_reader.hpp"

namespace gitstar {

std::unique_ptr<lease_reader> make_reader(lease work, std::vector<metadata_watermark> marks) {
  if (is_metadata(work.shape))
    return std::make_unique<metadata_reader>(std::move(work), marks);
  if (work.shape == query_shape::nodes && listing_reader::fits(work))
    return std::make_unique<listing_reader>(std::move(work));
  if (work.shape == query_shape::nodes)
    return std::make_unique<id_reader>(std::move(work));
  if (work.shape == query_shape::owner_page)
    return std::make_unique<owner_reader>(std::move(work));
  return std::make_unique<page_reader>(std::move(work));
}

} // namespace gitstar
