#pragma once

#include "messages/basic.hpp"

#include <string>
#include <string_view>

namespace gitstar {

/// `2014-03-09T05:10:10Z`: how GitHub writes a time and search qualifiers take one.
std::string to_utc_text(timestamp time);

/// Parses `YYYY-MM-DDTHH:MM:SS` followed by nothing, `Z` or `+HH:MM`/`-HH:MM`. Empty if malformed.
optional<timestamp> parse_utc_text(std::string_view text);

/// Parses `YYYY-MM-DD` as the first second of that UTC day. Empty if malformed.
optional<timestamp> parse_utc_day(std::string_view text);

} // namespace gitstar
