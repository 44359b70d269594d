/// What all fuzz targets share. Each defines libFuzzer's `LLVMFuzzerTestOneInput`.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

namespace gitstar::test {

inline std::string_view text_of(const uint8_t* data, size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

/// Ends the run with a finding where a promise does not hold.
inline void require(bool holds, std::string_view promise, std::string_view found = {}) {
  if (holds)
    return;
  std::cerr << "broken promise: " << promise << "\nfound: " << found << std::endl;
  std::abort();
}

/// Takes the text before the first `end` off the front of `rest`, and `end` with it.
inline std::string_view take_until(std::string_view& rest, char end) {
  auto at = rest.find(end);
  auto taken = rest.substr(0, at);
  rest = at == std::string_view::npos ? std::string_view{} : rest.substr(at + 1);
  return taken;
}

/// Whether PostgreSQL would store it: UTF-8 (Unicode 15, table 3-7) without U+0000.
inline bool is_storable(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    auto byte = [&](size_t at) {
      return at < text.size() ? static_cast<unsigned char>(text[at]) : 0u;
    };
    auto first = byte(i);
    auto length = first < 0x80   ? 1u
                  : first < 0xC2 ? 0u
                  : first < 0xE0 ? 2u
                  : first < 0xF0 ? 3u
                                 : 4u;
    if (first == 0 || length == 0 || first > 0xF4)
      return false;
    uint32_t code = length == 1 ? first : first & (0x7Fu >> length);
    for (size_t tail = 1; tail < length; ++tail) {
      if ((byte(i + tail) & 0xC0u) != 0x80u)
        return false;
      code = code << 6 | (byte(i + tail) & 0x3Fu);
    }
    auto lowest = length == 4 ? 0x10000u : length == 3 ? 0x800u : 0u;
    if (code < lowest || code > 0x10FFFFu || (code >= 0xD800u && code <= 0xDFFFu))
      return false;
    i += length;
  }
  return true;
}

/// Whether it is one line for a log.
inline bool is_one_line(std::string_view text) {
  return is_storable(text) && text.find_first_of("\r\n") == std::string_view::npos;
}

} // namespace gitstar::test
