#include "net/proxy.hpp"

#include <catch2/catch.hpp>

#include <map>

using namespace gitstar::net;

namespace {

using variables = std::map<std::string, std::string>;

std::optional<url> proxy_for(const std::string& origin, const variables& set) {
  return proxy_from_environment(parse_url(origin), [&](const char* name) {
    auto found = set.find(name);
    return found == set.end() ? std::string{} : found->second;
  });
}

} // namespace

TEST_CASE("the proxy is chosen by the origin's scheme", "[proxy]") {
  variables set{{"HTTPS_PROXY", "http://one:1"}, {"HTTP_PROXY", "two:2"}};
  CHECK(proxy_for("https://api.github.com", set) == parse_url("http://one:1"));
  CHECK(proxy_for("http://ghes.example", set) == parse_url("http://two:2"));
  CHECK(proxy_for("https://api.github.com", {}) == std::nullopt);
}

TEST_CASE("lower-case proxy variables win", "[proxy]") {
  variables set{{"HTTPS_PROXY", "http://one:1"}, {"https_proxy", "http://two:2"}};
  CHECK(proxy_for("https://api.github.com", set) == parse_url("http://two:2"));
}

TEST_CASE("NO_PROXY names hosts, domains and ports", "[proxy]") {
  auto [list, exempt] = GENERATE(table<std::string, bool>({
      {"*", true},
      {"github.com", true},
      {".github.com", true},
      {"*.github.com", true},
      {"API.GitHub.com", true},
      {"api.github.com:443", true},
      {"other.example , api.github.com", true},
      {"", false},
      {",", false},
      {"hub.com", false},
      {"api.github.com:80", false},
      {"api.github.com.example", false},
  }));
  CAPTURE(list);
  variables set{{"HTTPS_PROXY", "http://one:1"}, {"NO_PROXY", list}};
  CHECK(proxy_for("https://api.github.com", set).has_value() == !exempt);
}

TEST_CASE("this machine is never asked for through a proxy", "[proxy]") {
  variables set{{"HTTP_PROXY", "http://one:1"}};
  CHECK(proxy_for("http://127.0.0.1:8080", set) == std::nullopt);
  CHECK(proxy_for("http://localhost:8080", set) == std::nullopt);
}

TEST_CASE("a bad proxy variable is named", "[proxy]") {
  CHECK_THROWS_WITH(proxy_for("https://h", {{"HTTPS_PROXY", "http://"}}),
                    Catch::StartsWith("HTTPS_PROXY: "));
  CHECK_THROWS_WITH(proxy_for("https://h", {{"HTTPS_PROXY", "https://p"}}),
                    Catch::Contains("not supported"));
}
