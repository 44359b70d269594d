#include "tools/gitstar/terminal_line.hpp"

#include <catch2/catch.hpp>

using gitstar::tool::putting_above;
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

TEST_CASE("what is logged goes above the line that is rewritten", "[terminal]") {
  CHECK(putting_above("50 %", "a log\n", 80) == "\r\x1b[Ka log\n\r50 %\x1b[K");
  CHECK(putting_above("12345678", "longer than that\n", 8) ==
        "\r\x1b[Klonger than that\n\r1234567\x1b[K");
  CHECK(putting_above("", "a log\n", 80) == "a log\n");
}
