#include "net/http_date.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using net::parse_http_date;

TEST_CASE("a date is read in the one form that servers may send", "[http_date]") {
  CHECK(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT") ==
        timestamp{std::chrono::seconds{784'111'777}});
}

TEST_CASE("a date in any other form is none", "[http_date]") {
  auto text = GENERATE("", "Sun, 06 Nov 1994 08:49:37 UTC", "Sun, 06 Nov 1994 08:49:37 GMT ",
                       "Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994",
                       "Sun, 06-Nov-1994 08:49:37 GMT", "Sun, 06 nov 1994 08:49:37 GMT",
                       "Sun, 31 Feb 1994 08:49:37 GMT", "Sun, 06 Nov 1994 24:49:37 GMT");
  CHECK_FALSE(parse_http_date(text));
}
