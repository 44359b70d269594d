#include "tools/sim/text.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim;

namespace {

std::string shown(unix_seconds time) {
  std::string out;
  append_time(out, time);
  return out;
}

} // namespace

TEST_CASE("times are written as GitHub writes them", "[sim]") {
  CHECK(shown(0) == "1970-01-01T00:00:00Z");
  CHECK(shown(951'782'400) == "2000-02-29T00:00:00Z");
  CHECK(shown(1'394'341'810) == "2014-03-09T05:10:10Z");
}

TEST_CASE("a date covers its day and a time its second", "[sim]") {
  auto day = parse_time("2014-03-09");
  REQUIRE(day);
  CHECK(shown(day->first) == "2014-03-09T00:00:00Z");
  CHECK(shown(day->last) == "2014-03-09T23:59:59Z");
  auto second = parse_time("2014-03-09T05:10:10+07:00");
  REQUIRE(second);
  CHECK(second->first == second->last);
  CHECK(shown(second->first) == "2014-03-08T22:10:10Z");
  for (auto bad : {"", "2014", "2014-13-01", "2014-02-30", "2014-03-09T25:00:00Z",
                   "2014-03-09 05:10:10", "2014-03-09T05:10:10X", "yesterday!"})
    CHECK_FALSE(parse_time(bad));
}

TEST_CASE("what is escaped for JSON comes back", "[sim]") {
  std::string text = "a \"b\" \\ \n \x01 caf\u00e9 \U0001f680 \x7f";
  std::string escaped;
  append_json_escaped(escaped, text);
  CHECK(escaped.find('\n') == std::string::npos);
  std::string back;
  append_json_unescaped(back, escaped);
  CHECK(back == text);
}

TEST_CASE("null and empty differ in CSV", "[sim]") {
  auto csv = [](std::string_view text) {
    std::string out;
    append_csv_text(out, text);
    return out;
  };
  CHECK(csv("") == "\"\"");
  CHECK(csv("plain") == "plain");
  CHECK(csv("a,b") == "\"a,b\"");
  CHECK(csv("say \"x\"") == "\"say \"\"x\"\"\"");
}

TEST_CASE("base64 is read in both alphabets", "[sim]") {
  CHECK(base64_encode("cursor:1") == "Y3Vyc29yOjE=");
  CHECK(base64_encode("cursor:10") == "Y3Vyc29yOjEw");
  CHECK(base64_decode("Y3Vyc29yOjE=") == "cursor:1");
  CHECK(base64_decode("Y3Vyc29yOjE") == "cursor:1");
  std::string bytes{"\xfb\xff\xfe", 3};
  CHECK(base64_decode(base64url_encode(bytes)) == bytes);
  CHECK(base64_decode(base64_encode(bytes)) == bytes);
  CHECK_FALSE(base64_decode("a"));
  CHECK_FALSE(base64_decode("ab*d"));
}

TEST_CASE("parameters of a URL are decoded", "[sim]") {
  CHECK(url_parameter("a=1&query=stars%3A%3E%3D10+x%20y&b", "query") == "stars:>=10 x y");
  CHECK(url_parameter("a=1&b", "b") == "");
  CHECK_FALSE(url_parameter("ab=1", "a"));
}
