#include "net/http_date.hpp"

#include "messages/time_text.hpp"

#include <algorithm>
#include <array>
#include <string>

namespace gitstar::net {

optional<timestamp> parse_http_date(std::string_view text) {
  constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                    "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  if (text.size() != 29 || text.substr(25) != " GMT")
    return caf::none;
  auto month = std::find(months.begin(), months.end(), text.substr(8, 3)) - months.begin() + 1;
  auto month_text = std::to_string(month + 100).substr(1);
  std::string iso{text.substr(12, 4)};
  iso.append("-").append(month_text).append("-").append(text.substr(5, 2));
  iso.append("T").append(text.substr(17, 8)).append("Z");
  return parse_utc_text(iso);
}

} // namespace gitstar::net
