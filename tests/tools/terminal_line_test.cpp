#include "tools/gitstar/terminal_line.hpp"

#include <catch2/catch.hpp>

using gitstar::tool::rewriting;

TEST_CASE("a line that fits is shown as a whole, and what stood there is erased", "[terminal]") {
  CHECK(rewriting("done 1 of 2", 80) == "\rdone 1 of 2\x1b[K");
  CHECK(rewriting("", 80) == "\r\x1b[K");
}

TEST_CASE("a line never reaches the last column", "[terminal]") {
  CHECK(rewriting("1234567", 8) == "\r1234567\x1b[K");
  CHECK(rewriting("12345678", 8) == "\r1234567\x1b[K");
  CHECK(rewriting(std::string(200, 'x'), 80) == '\r' + std::string(79, 'x') + "\x1b[K");
  CHECK(rewriting("1", 1) == "\r\x1b[K");
}

TEST_CASE("a line is cut between characters", "[terminal]") {
  CHECK(rewriting("\xc3\xa9\xc3\xa9\xc3\xa9", 3) == "\r\xc3\xa9\xc3\xa9\x1b[K");
  CHECK(rewriting("\xc3\xa9\xc3\xa9", 3) == "\r\xc3\xa9\xc3\xa9\x1b[K");
}
