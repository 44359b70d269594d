#include "net/proxy.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>

namespace gitstar::net {

namespace {

std::string trimmed_lower(std::string_view text) {
  std::string result;
  for (auto c : text)
    if (c != ' ' && c != '\t')
      result += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return result;
}

/// Does one entry of NO_PROXY cover the origin?
bool covers(std::string entry, const url& origin) {
  if (entry == "*")
    return true;
  auto port = std::to_string(origin.port).insert(0, 1, ':');
  if (entry.ends_with(port) && entry.find(':') == entry.size() - port.size())
    entry.resize(entry.size() - port.size());
  if (entry.starts_with("*."))
    entry.erase(0, 1);
  if (entry.starts_with('.'))
    entry.erase(0, 1);
  if (entry.empty())
    return false;
  return origin.host == entry || origin.host.ends_with(entry.insert(0, 1, '.'));
}

bool is_exempt(const url& origin, std::string_view no_proxy) {
  while (!no_proxy.empty()) {
    auto comma = std::min(no_proxy.find(','), no_proxy.size());
    if (covers(trimmed_lower(no_proxy.substr(0, comma)), origin))
      return true;
    no_proxy.remove_prefix(std::min(comma + 1, no_proxy.size()));
  }
  return false;
}

} // namespace

std::string process_environment(const char* name) {
  auto value = std::getenv(name);
  return value ? value : "";
}

std::optional<url> proxy_from_environment(const url& origin, const environment_lookup& lookup) {
  auto first_set = [&](const char* lower, const char* upper) {
    auto value = lookup(lower);
    return value.empty() ? lookup(upper) : value;
  };
  if (origin.is_loopback() || is_exempt(origin, first_set("no_proxy", "NO_PROXY")))
    return std::nullopt;
  auto variable = origin.tls ? "HTTPS_PROXY" : "HTTP_PROXY";
  auto text = origin.tls ? first_set("https_proxy", variable) : first_set("http_proxy", variable);
  if (text.empty())
    return std::nullopt;
  if (text.find("://") == std::string::npos)
    text.insert(0, "http://");
  try {
    auto proxy = parse_url(text);
    if (proxy.tls)
      throw url_error{"a proxy that is itself reached by https is not supported"};
    return proxy;
  } catch (const url_error& error) {
    throw url_error{std::string{variable} + ": " + error.what()};
  }
}

} // namespace gitstar::net
