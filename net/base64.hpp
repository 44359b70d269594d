#pragma once

#include <string>
#include <string_view>

namespace gitstar::net {

/// RFC 4648, 4: with padding, as HTTP's Basic authentication wants it.
std::string base64(std::string_view bytes);

/// RFC 4648, 5: the alphabet of URLs without padding, as a JWT wants it.
std::string base64url(std::string_view bytes);

} // namespace gitstar::net
