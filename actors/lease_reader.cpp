#include "actors/lease_reader.hpp"

#include "actors/page_reader.hpp"

namespace gitstar {

std::unique_ptr<lease_reader> make_reader(lease work) {
  return std::make_unique<page_reader>(std::move(work));
}

} // namespace gitstar
