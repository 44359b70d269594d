#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Text helpers of the simulator: everything appends to a `std::string`, so that answers are
/// written once, straight into the buffer that is sent.
namespace gitstar::sim {

/// Seconds since 1970-01-01T00:00:00Z.
using unix_seconds = int64_t;

/// A time given in a query: the first and the last second that it covers. A date covers its day,
/// a date with a time covers one second.
struct time_span {
  unix_seconds first = 0;
  unix_seconds last = 0;
};

/// Appends `value` in decimal.
void append_number(std::string& out, int64_t value);

/// Appends `2014-03-09T05:10:10Z`.
void append_time(std::string& out, unix_seconds time);

/// The same as a JSON string, with its quotes.
void append_json_time(std::string& out, unix_seconds time);

/// Reads `2014-03-09`, `2014-03-09T05:10:10Z` or `2014-03-09T05:10:10+07:00`; UTC where no zone is
/// given. Nothing if the text is no such time.
std::optional<time_span> parse_time(std::string_view text);

/// Reads a whole decimal number; nothing if there is anything else in the text.
std::optional<int64_t> parse_number(std::string_view text);

/// Appends `text` as it stands between the quotes of a JSON string.
void append_json_escaped(std::string& out, std::string_view text);

/// Appends `text` as a JSON string, with its quotes.
void append_json_string(std::string& out, std::string_view text);

/// Appends what `append_json_escaped` was given.
void append_json_unescaped(std::string& out, std::string_view escaped);

/// Appends a CSV field (RFC 4180): always quoted, quotes doubled.
void append_csv_quoted(std::string& out, std::string_view text);

/// Appends a CSV field (RFC 4180), quoted where its content or its emptiness asks for it: an empty
/// text is `""`, so that an empty unquoted field can stand for null.
void append_csv_text(std::string& out, std::string_view text);

/// Base64 with padding.
std::string base64_encode(std::string_view bytes);

/// Base64url without padding.
std::string base64url_encode(std::string_view bytes);

/// Decodes both alphabets, with or without padding; nothing if the text is neither.
std::optional<std::string> base64_decode(std::string_view text);

/// Decodes `%41` and `+` of a URL's query part.
std::string url_decode(std::string_view text);

/// The value of a parameter in the query part of a URL, decoded; nothing if it is absent.
std::optional<std::string> url_parameter(std::string_view query, std::string_view name);

/// ASCII lower case.
std::string lower_case(std::string_view text);

/// A well mixed 64-bit value for `x`: the source of everything that looks random, so that the same
/// seed gives the same data.
constexpr uint64_t mix(uint64_t x) {
  x += 0x9e3779b97f4a7c15ULL;
  x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
  x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
  return x ^ (x >> 31);
}

/// A well mixed value for two.
constexpr uint64_t mix(uint64_t x, uint64_t y) { return mix(mix(x) ^ y); }

/// A well mixed value for a text.
uint64_t hash_text(std::string_view text);

} // namespace gitstar::sim
