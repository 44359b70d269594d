#include "messages/time_text.hpp"

#include <charconv>
#include <cstdio>

namespace gitstar {

namespace {

using namespace std::chrono;

/// The number that `text` consists of; -1 unless all of it is digits.
int number(std::string_view text) {
  int result = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), result);
  return code == std::errc{} && end == text.data() + text.size() && result >= 0 ? result : -1;
}

} // namespace

std::string to_utc_text(timestamp time) {
  auto day = floor<days>(time);
  year_month_day date{day};
  hh_mm_ss clock{time - day};
  char buffer[32];
  auto length = std::snprintf(
      buffer, sizeof buffer, "%04d-%02u-%02uT%02d:%02d:%02dZ", static_cast<int>(date.year()),
      static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
      static_cast<int>(clock.hours().count()), static_cast<int>(clock.minutes().count()),
      static_cast<int>(clock.seconds().count()));
  return {buffer, static_cast<size_t>(length)};
}

optional<timestamp> parse_utc_day(std::string_view text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-')
    return caf::none;
  auto y = number(text.substr(0, 4));
  auto m = number(text.substr(5, 2));
  auto d = number(text.substr(8, 2));
  if (y < 0 || m < 0 || d < 0)
    return caf::none;
  year_month_day date{year{y}, month{static_cast<unsigned>(m)}, day{static_cast<unsigned>(d)}};
  if (!date.ok())
    return caf::none;
  return timestamp{sys_days{date}};
}

optional<timestamp> parse_utc_text(std::string_view text) {
  auto result = parse_utc_day(text.substr(0, 10));
  if (!result || text.size() < 19 || text[10] != 'T' || text[13] != ':' || text[16] != ':')
    return caf::none;
  auto h = number(text.substr(11, 2));
  auto m = number(text.substr(14, 2));
  auto s = number(text.substr(17, 2));
  if (h < 0 || h > 23 || m < 0 || m > 59 || s < 0 || s > 59)
    return caf::none;
  *result += hours{h} + minutes{m} + seconds{s};
  auto zone = text.substr(19);
  if (zone.empty() || zone == "Z")
    return result;
  if (zone.size() != 6 || (zone[0] != '+' && zone[0] != '-') || zone[3] != ':')
    return caf::none;
  auto offset_hours = number(zone.substr(1, 2));
  auto offset_minutes = number(zone.substr(4, 2));
  if (offset_hours < 0 || offset_hours > 23 || offset_minutes < 0 || offset_minutes > 59)
    return caf::none;
  auto offset = hours{offset_hours} + minutes{offset_minutes};
  *result += zone[0] == '+' ? -offset : offset;
  return result;
}

} // namespace gitstar
