#pragma once

#include "messages/basic.hpp"

#include <string_view>

namespace gitstar::net {

/// Parses `Sun, 06 Nov 1994 08:49:37 GMT`, the one form of RFC 9110, 5.6.7 that servers may send.
/// Empty if malformed.
optional<timestamp> parse_http_date(std::string_view text);

} // namespace gitstar::net
