#include "messages/time_text.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;

namespace {

timestamp time_at(int64_t second) { return timestamp{std::chrono::seconds{second}}; }

} // namespace

TEST_CASE("a time is written as GitHub writes it", "[time]") {
  CHECK(to_utc_text(time_at(0)) == "1970-01-01T00:00:00Z");
  CHECK(to_utc_text(time_at(1394341810)) == "2014-03-09T05:10:10Z");
  CHECK(to_utc_text(time_at(951782400)) == "2000-02-29T00:00:00Z");
}

TEST_CASE("a time is read with a zone, an offset or neither", "[time]") {
  CHECK(parse_utc_text("2014-03-09T05:10:10Z") == time_at(1394341810));
  CHECK(parse_utc_text("2014-03-09T05:10:10") == time_at(1394341810));
  CHECK(parse_utc_text("2014-03-09T07:10:10+02:00") == time_at(1394341810));
  CHECK(parse_utc_text("2014-03-08T23:40:10-05:30") == time_at(1394341810));
}

TEST_CASE("a malformed time is refused", "[time]") {
  auto text =
      GENERATE("", "2014", "2014-03-09", "2014-03-09 05:10:10", "2014-13-09T05:10:10Z",
               "2014-02-30T05:10:10Z", "2014-03-09T24:10:10Z", "2014-03-09T05:60:10Z",
               "2014-03-09T05:10:60Z", "2014-03-09T05:10:10X", "2014-03-09T05:10:10+2:00",
               "2014-03-09T05:10:10+02:0", "2014-03-09T05:10:1", "20x4-03-09T05:10:10Z",
               "2014-03-09T-5:10:10Z", "2014-03-09T05:10:10+99:00", "2014-03-09T05:10:10+00:60");
  CAPTURE(text);
  CHECK_FALSE(parse_utc_text(text));
}

TEST_CASE("a day is its first second", "[time]") {
  CHECK(parse_utc_day("1970-01-02") == time_at(86'400));
  auto text = GENERATE("", "1970-1-2", "1970-00-02", "1970-02-29", "1970-01-02T", "1970/01/02");
  CAPTURE(text);
  CHECK_FALSE(parse_utc_day(text));
}
