#include "tools/sim/text.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <chrono>

namespace gitstar::sim {

namespace {

constexpr std::string_view base64_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::string_view base64url_alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
constexpr std::string_view hex_digits = "0123456789abcdef";

std::string encode(std::string_view bytes, std::string_view alphabet, bool padded) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  for (size_t i = 0; i < bytes.size(); i += 3) {
    auto left = std::min<size_t>(3, bytes.size() - i);
    uint32_t group = 0;
    for (size_t k = 0; k < 3; ++k)
      group = group << 8 | (k < left ? static_cast<uint8_t>(bytes[i + k]) : 0u);
    for (size_t k = 0; k < 4; ++k) {
      if (k <= left)
        out += alphabet[group >> (18 - 6 * k) & 63u];
      else if (padded)
        out += '=';
    }
  }
  return out;
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z')
    return c - 'A';
  if (c >= 'a' && c <= 'z')
    return c - 'a' + 26;
  if (c >= '0' && c <= '9')
    return c - '0' + 52;
  if (c == '+' || c == '-')
    return 62;
  if (c == '/' || c == '_')
    return 63;
  return -1;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  if (c >= 'a' && c <= 'f')
    return c - 'a' + 10;
  if (c >= 'A' && c <= 'F')
    return c - 'A' + 10;
  return -1;
}

void put_digits(char* at, unsigned value, int width) {
  while (width-- > 0) {
    at[width] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
}

/// `"2014-03-09T05:10:10Z"`
std::array<char, 22> quoted_time(unix_seconds time) {
  using namespace std::chrono;
  auto day = time >= 0 ? time / 86400 : (time - 86399) / 86400;
  auto second = static_cast<unsigned>(time - day * 86400);
  year_month_day date{sys_days{days{day}}};
  std::array<char, 22> text;
  std::copy_n("\"0000-00-00T00:00:00Z\"", text.size(), text.begin());
  put_digits(&text[1], static_cast<unsigned>(static_cast<int>(date.year())), 4);
  put_digits(&text[6], static_cast<unsigned>(date.month()), 2);
  put_digits(&text[9], static_cast<unsigned>(date.day()), 2);
  put_digits(&text[12], second / 3600, 2);
  put_digits(&text[15], second / 60 % 60, 2);
  put_digits(&text[18], second % 60, 2);
  return text;
}

/// Reads `width` digits at `pos`, or -1.
int read_digits(std::string_view text, size_t pos, size_t width) {
  if (pos + width > text.size())
    return -1;
  auto value = 0;
  for (auto c : text.substr(pos, width)) {
    if (c < '0' || c > '9')
      return -1;
    value = value * 10 + (c - '0');
  }
  return value;
}

/// Reads `Z`, `+07:00` or nothing as an offset in seconds.
std::optional<int> read_zone(std::string_view zone) {
  if (zone.empty() || zone == "Z" || zone == "z")
    return 0;
  auto hours = read_digits(zone, 1, 2);
  auto minutes = read_digits(zone, 4, 2);
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':' || hours < 0 ||
      minutes < 0)
    return std::nullopt;
  auto offset = hours * 3600 + minutes * 60;
  return zone[0] == '+' ? offset : -offset;
}

} // namespace

void append_number(std::string& out, int64_t value) {
  std::array<char, 24> digits;
  auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

void append_time(std::string& out, unix_seconds time) {
  out.append(quoted_time(time).data() + 1, 20);
}

void append_json_time(std::string& out, unix_seconds time) {
  out.append(quoted_time(time).data(), 22);
}

std::optional<time_span> parse_time(std::string_view text) {
  using namespace std::chrono;
  auto y = read_digits(text, 0, 4);
  auto m = read_digits(text, 5, 2);
  auto d = read_digits(text, 8, 2);
  if (y < 0 || m < 0 || d < 0 || text[4] != '-' || text[7] != '-')
    return std::nullopt;
  year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
  if (!date.ok())
    return std::nullopt;
  auto midnight = unix_seconds{sys_days{date}.time_since_epoch().count()} * 86400;
  if (text.size() == 10)
    return time_span{midnight, midnight + 86399};
  auto hour = read_digits(text, 11, 2);
  auto minute = read_digits(text, 14, 2);
  auto second = read_digits(text, 17, 2);
  if (text[10] != 'T' || hour < 0 || minute < 0 || second < 0 || hour > 23 || minute > 59 ||
      second > 59 || text[13] != ':' || text[16] != ':')
    return std::nullopt;
  auto zone = read_zone(text.substr(19));
  if (!zone)
    return std::nullopt;
  auto time = midnight + hour * 3600 + minute * 60 + second - *zone;
  return time_span{time, time};
}

std::optional<int64_t> parse_number(std::string_view text) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

void append_json_escaped(std::string& out, std::string_view text) {
  for (auto c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20) {
      out += "\\u00";
      out += hex_digits[static_cast<unsigned char>(c) >> 4];
      out += hex_digits[static_cast<unsigned char>(c) & 15];
    } else {
      out += c;
    }
  }
}

void append_json_string(std::string& out, std::string_view text) {
  out += '"';
  append_json_escaped(out, text);
  out += '"';
}

void append_json_unescaped(std::string& out, std::string_view escaped) {
  for (size_t i = 0; i < escaped.size(); ++i) {
    if (escaped[i] != '\\') {
      out += escaped[i];
    } else if (escaped[++i] == 'n') {
      out += '\n';
    } else if (escaped[i] == 'u') {
      out += static_cast<char>(hex_value(escaped[i + 3]) << 4 | hex_value(escaped[i + 4]));
      i += 4;
    } else {
      out += escaped[i];
    }
  }
}

void append_csv_quoted(std::string& out, std::string_view text) {
  out += '"';
  for (auto c : text) {
    if (c == '"')
      out += '"';
    out += c;
  }
  out += '"';
}

void append_csv_text(std::string& out, std::string_view text) {
  if (text.empty() || text.find_first_of(",\"\r\n") != std::string_view::npos)
    append_csv_quoted(out, text);
  else
    out += text;
}

std::string base64_encode(std::string_view bytes) { return encode(bytes, base64_alphabet, true); }

std::string base64url_encode(std::string_view bytes) {
  return encode(bytes, base64url_alphabet, false);
}

std::optional<std::string> base64_decode(std::string_view text) {
  while (!text.empty() && text.back() == '=')
    text.remove_suffix(1);
  if (text.size() % 4 == 1)
    return std::nullopt;
  std::string out;
  uint32_t bits = 0;
  auto have = 0;
  for (auto c : text) {
    auto value = base64_value(c);
    if (value < 0)
      return std::nullopt;
    bits = bits << 6 | static_cast<uint32_t>(value);
    have += 6;
    if (have >= 8) {
      have -= 8;
      out += static_cast<char>(bits >> have & 0xffu);
    }
  }
  return out;
}

std::string url_decode(std::string_view text) {
  std::string out;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hex_value(text[i + 1]) >= 0 &&
               hex_value(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::optional<std::string> url_parameter(std::string_view query, std::string_view name) {
  while (!query.empty()) {
    auto end = query.find('&');
    auto pair = query.substr(0, end);
    query = end == std::string_view::npos ? std::string_view{} : query.substr(end + 1);
    auto equals = pair.find('=');
    if (pair.substr(0, equals) == name)
      return equals == std::string_view::npos ? "" : url_decode(pair.substr(equals + 1));
  }
  return std::nullopt;
}

std::string lower_case(std::string_view text) {
  std::string out{text};
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c - 'A' + 'a');
  return out;
}

uint64_t hash_text(std::string_view text) {
  uint64_t hash = 0xcbf29ce484222325ULL;
  for (auto c : text)
    hash = (hash ^ static_cast<uint8_t>(c)) * 0x100000001b3ULL;
  return mix(hash);
}

} // namespace gitstar::sim
