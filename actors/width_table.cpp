#include "actors/width_table.hpp"

namespace gitstar {

void width_table::restore(const std::vector<width_record>& records) {
  using config::credential_kind;
  for (auto& x : records)
    for (auto kind :
         {credential_kind::unknown, credential_kind::classic, credential_kind::fine_grained,
          credential_kind::oauth, credential_kind::user_app, credential_kind::installation})
      if (to_string(kind) == x.credential_kind)
        widths_.insert_or_assign({x.shape, kind}, query_width::remembered(x.width, max(x.shape)));
}

std::vector<width_record> width_table::records() const {
  std::vector<width_record> result;
  for (auto& [key, width] : widths_)
    result.push_back({key.first, to_string(key.second), width.current()});
  return result;
}

query_width& width_table::of(query_shape shape, config::credential_kind kind) {
  auto initial = query_width{start(shape), max(shape)};
  return widths_.try_emplace({shape, kind}, initial).first->second;
}

// Lists of metadata are short for the most part: more of them than of pages of repositories fit. A
// probe asks for next to nothing, and a sync may be over before anything is learned.
uint32_t width_table::start(query_shape shape) const {
  switch (shape) {
  case query_shape::search_count:
    return settings_.count_start;
  case query_shape::metadata_probe:
  case query_shape::metadata_list:
    return std::min(settings_.page_max, max(shape));
  default:
    return settings_.page_start;
  }
}

uint32_t width_table::max(query_shape shape) const {
  auto many = shape == query_shape::search_count || shape == query_shape::metadata_list;
  return many ? settings_.count_max : settings_.page_max;
}

} // namespace gitstar
