#include "tools/gitstar/logging.hpp"

#include <catch2/catch.hpp>

#include <boost/json/parse.hpp>

TEST_CASE("whatever is logged stays inside its JSON string", "[logging]") {
  std::string nasty = "a \"quote\", a \\ and\na new line \x01 and \xc3\xa9";
  auto parsed = boost::json::parse('"' + gitstar::tool::json_escaped(nasty) + '"');
  CHECK(parsed.as_string() == boost::json::string_view{nasty.data(), nasty.size()});
}
