#include "actors/refresh_source.hpp"

#include "messages/search_query.hpp"

namespace gitstar {

std::string refresh_source::text() const {
  search_query stars;
  stars.stars = {which_.stars_first, which_.stars_last};
  auto result = "refresh: " + to_string(stars);
  if (which_.older_than_s > 0)
    result += " older than " + std::to_string(which_.older_than_s) + " s";
  if (which_.limit > 0)
    result += " limit " + std::to_string(which_.limit);
  return result;
}

} // namespace gitstar
