#include "net/id_list.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>

namespace gitstar::net {

namespace json = boost::json;

std::optional<std::vector<repo_id>> parse_id_list(std::string_view body, repo_id since) {
  json::monotonic_resource memory;
  json::error_code failure;
  auto page = json::parse(json::string_view{body.data(), body.size()}, failure, &memory);
  if (failure || !page.is_array())
    return std::nullopt;
  std::vector<repo_id> result;
  auto last = since;
  for (const auto& element : page.get_array()) {
    if (element.is_null()) {
      result.push_back(0);
      continue;
    }
    const auto* repository = element.if_object();
    const auto* id = repository != nullptr ? repository->if_contains("id") : nullptr;
    if (id == nullptr || !id->is_int64() || id->get_int64() <= last)
      return std::nullopt;
    last = id->get_int64();
    result.push_back(last);
  }
  return result;
}

bool has_next_page(std::string_view link) {
  return link.find("rel=\"next\"") != std::string_view::npos;
}

} // namespace gitstar::net
