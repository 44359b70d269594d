#include "net/utf8_repair.hpp"

#include <charconv>

namespace gitstar::net {

namespace {

constexpr std::string_view replacement = "\xEF\xBF\xBD";

unsigned char byte_at(std::string_view text, size_t i) {
  return i < text.size() ? static_cast<unsigned char>(text[i]) : 0;
}

bool is_between(unsigned char byte, int low, int high) { return byte >= low && byte <= high; }

/// Length of the well-formed UTF-8 sequence at the start of `text`, 0 if there is none (Unicode 15,
/// table 3-7).
size_t sequence_length(std::string_view text) {
  auto first = byte_at(text, 0);
  auto second = byte_at(text, 1);
  auto tail = [&](size_t i) { return is_between(byte_at(text, i), 0x80, 0xBF); };
  if (first < 0x80)
    return 1;
  if (is_between(first, 0xC2, 0xDF))
    return tail(1) ? 2 : 0;
  if (is_between(first, 0xE0, 0xEF)) {
    auto good = is_between(second, first == 0xE0 ? 0xA0 : 0x80, first == 0xED ? 0x9F : 0xBF);
    return good && tail(2) ? 3 : 0;
  }
  if (is_between(first, 0xF0, 0xF4)) {
    auto good = is_between(second, first == 0xF0 ? 0x90 : 0x80, first == 0xF4 ? 0x8F : 0xBF);
    return good && tail(2) && tail(3) ? 4 : 0;
  }
  return 0;
}

/// The code unit of a `\uXXXX` at the start of `text`; -1 if there is none.
int escaped_unit(std::string_view text) {
  if (text.size() < 6 || text[0] != '\\' || text[1] != 'u')
    return -1;
  int unit = 0;
  auto [end, code] = std::from_chars(text.data() + 2, text.data() + 6, unit, 16);
  return code == std::errc{} && end == text.data() + 6 ? unit : -1;
}

bool is_high_surrogate(int unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
bool is_low_surrogate(int unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }

/// Copies the escape at the start of `text` and returns its length.
size_t copy_escape(std::string_view text, std::string& result) {
  auto unit = escaped_unit(text);
  if (is_high_surrogate(unit) && is_low_surrogate(escaped_unit(text.substr(6)))) {
    result += text.substr(0, 12);
    return 12;
  }
  if (is_high_surrogate(unit) || is_low_surrogate(unit)) {
    result += replacement;
    return 6;
  }
  auto length = text.size() < 2 ? size_t{1} : size_t{2};
  result += text.substr(0, length);
  return length;
}

/// Copies the character at the start of `text`, or what stands for it, and returns its length.
size_t copy_character(std::string_view text, std::string& result) {
  auto length = sequence_length(text);
  if (length == 0)
    result += replacement;
  else if (static_cast<unsigned char>(text.front()) < ' ')
    result += ' ';
  else
    result += text.substr(0, length);
  return length == 0 ? 1 : length;
}

} // namespace

std::string repaired_text(std::string_view text) {
  std::string result;
  result.reserve(text.size());
  while (!text.empty())
    text.remove_prefix(copy_character(text, result));
  return result;
}

std::string repaired_json_text(std::string_view json) {
  std::string result;
  result.reserve(json.size());
  while (!json.empty()) {
    auto length = json.front() == '\\' ? copy_escape(json, result) : copy_character(json, result);
    json.remove_prefix(length);
  }
  return result;
}

} // namespace gitstar::net
