#pragma once

#include <algorithm>
#include <string_view>

namespace gitstar::config {

/// Whether an HTTP header can carry `text` as a token: no space, no control character, no byte
/// beyond ASCII.
inline bool fits_into_header(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

} // namespace gitstar::config
