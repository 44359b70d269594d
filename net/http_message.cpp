#include "net/http_message.hpp"

#include <boost/beast/core/string.hpp>

namespace gitstar::net {

std::string_view http_response::header(std::string_view name) const {
  for (const auto& [key, value] : headers)
    if (boost::beast::iequals(key, boost::beast::string_view{name.data(), name.size()}))
      return value;
  return {};
}

} // namespace gitstar::net
