#include "net/http_date.hpp"

#include "messages/time_text.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace gitstar::net {

optional<timestamp> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  constexpr std::string_view form = "Sun, 06 Nov 1994 08:49:37 GMT";
  if (text.size() != form.size() || text.substr(25) != form.substr(25))
    return caf::none;
  for (size_t i : {3, 4, 7, 11, 16})
    if (text[i] != form[i])
      return caf::none;
  auto month = std::find(months.begin(), months.end(), text.substr(8, 3)) - months.begin() + 1;
  auto month_text = std::to_string(month + 100).substr(1);
  std::string iso{text.substr(12, 4)};
  iso.append("-").append(month_text).append("-").append(text.substr(5, 2));
  iso.append("T").append(text.substr(17, 8)).append("Z");
  return parse_utc_text(iso);
}

} // namespace gitstar::net
