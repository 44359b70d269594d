#include "net/url.hpp"

#include <catch2/catch.hpp>

using gitstar::net::parse_url;
using gitstar::net::url;

TEST_CASE("a URL is taken apart", "[url]") {
  CHECK(parse_url("https://api.github.com/graphql") ==
        url{true, "api.github.com", 443, "/graphql", ""});
  CHECK(parse_url("HTTP://Example.COM") == url{false, "example.com", 80, "/", ""});
  CHECK(parse_url("http://h:8080?a=b#there") == url{false, "h", 8080, "/?a=b", ""});
  CHECK(parse_url("https://[::1]:444/x?y=/z") == url{true, "::1", 444, "/x?y=/z", ""});
  CHECK(parse_url("http://me:p%40ss%3a@proxy:3128/") == url{false, "proxy", 3128, "/", "me:p@ss:"});
}

TEST_CASE("authority and origin leave the scheme's own port out", "[url]") {
  CHECK(parse_url("https://h:443/x").authority() == "h");
  CHECK(parse_url("https://h:80/x").authority() == "h:80");
  CHECK(parse_url("http://[::1]/x").authority() == "[::1]");
  CHECK(parse_url("http://u:p@h:81/x").origin() == "http://h:81");
}

TEST_CASE("loopback hosts are known", "[url]") {
  CHECK(parse_url("http://localhost").is_loopback());
  CHECK(parse_url("http://127.0.0.1").is_loopback());
  CHECK(parse_url("http://127.9.9.9").is_loopback());
  CHECK(parse_url("http://[::1]").is_loopback());
  CHECK_FALSE(parse_url("http://localhost.example").is_loopback());
  CHECK_FALSE(parse_url("http://127.0.0.1.example").is_loopback());
  CHECK_FALSE(parse_url("http://10.0.0.1").is_loopback());
}

TEST_CASE("a bad URL is refused with a reason that shows no password", "[url]") {
  auto [text, reason] = GENERATE(table<std::string, std::string>({
      {"", "http:// or https://"},
      {"api.github.com", "http:// or https://"},
      {"ftp://u:secret@h", "http:// or https://"},
      {"https://", "no host"},
      {"https:///graphql", "no host"},
      {"https://:80", "no host"},
      {"https://u:secret@/x", "no host"},
      {"https://u:secret/@h", "port is not a number"},
      {"https://h:0", "port is not a number"},
      {"https://h:65536", "port is not a number"},
      {"https://h:x", "port is not a number"},
      {"https://h:", "port is not a number"},
      {"https://[::1", "closing bracket"},
      {"https://[::1]x", "between"},
      {"https://[]", "no IPv6 address"},
      {"https://[host]", "no IPv6 address"},
      {"https://[::1%lo]", "no IPv6 address"},
      {"https://a b/", "space"},
      {"https://h/\r\nX: 1", "space or a control"},
      {"https://h!/", "no host name has"},
      {"https://u:secret%4@h", "% escape"},
      {"https://u:secret%zz@h", "% escape"},
  }));
  CAPTURE(text);
  CHECK_THROWS_WITH(parse_url(text), Catch::Contains(reason) && !Catch::Contains("secret"));
}
