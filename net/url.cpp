#include "net/url.hpp"

#include <algorithm>
#include <charconv>

namespace gitstar::net {

namespace {

bool starts_with_ignoring_case(std::string_view text, std::string_view lower_prefix) {
  return text.size() >= lower_prefix.size() &&
         std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(),
                    [](char want, char got) { return want == (got | 0x20) || want == got; });
}

std::string to_lower(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c | 0x20);
  return result;
}

int hex_value(char c) {
  if (c >= '0' && c <= '9')
    return c - '0';
  c = static_cast<char>(c | 0x20);
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

std::string percent_decoded(std::string_view text) {
  std::string result;
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      result += text[i];
      continue;
    }
    auto complete = i + 2 < text.size();
    auto high = complete ? hex_value(text[i + 1]) : -1;
    auto low = complete ? hex_value(text[i + 2]) : -1;
    if (high < 0 || low < 0)
      throw url_error{"the URL's user information has a malformed % escape"};
    result += static_cast<char>(high * 16 + low);
    i += 2;
  }
  return result;
}

uint16_t parse_port(std::string_view text) {
  unsigned port = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (code != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535)
    // What stands there may be a password with a slash in it.
    throw url_error{"the URL's port is not a number from 1 to 65535"};
  return static_cast<uint16_t>(port);
}

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_';
}

bool is_address_character(char c) { return hex_value(c) >= 0 || c == ':' || c == '.'; }

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
void parse_authority(std::string_view text, url& result) {
  auto end_of_host = text.front() == '[' ? text.find(']') : text.find(':');
  if (text.front() == '[') {
    if (end_of_host == std::string_view::npos)
      throw url_error{"the URL's IPv6 address has no closing bracket"};
    result.host = to_lower(text.substr(1, end_of_host - 1));
    if (result.host.find(':') == std::string::npos ||
        !std::all_of(result.host.begin(), result.host.end(), is_address_character))
      throw url_error{"the URL has no IPv6 address in its brackets"};
    ++end_of_host;
  } else {
    result.host = to_lower(text.substr(0, end_of_host));
    if (!std::all_of(result.host.begin(), result.host.end(), is_host_character))
      throw url_error{"the URL's host name has a character that no host name has"};
  }
  if (result.host.empty())
    throw url_error{"the URL has no host"};
  auto rest = end_of_host < text.size() ? text.substr(end_of_host) : std::string_view{};
  if (rest.empty())
    return;
  if (rest.front() != ':')
    throw url_error{"the URL has text between its host and its path"};
  result.port = parse_port(rest.substr(1));
}

} // namespace

std::string url::authority() const {
  auto result = host.find(':') == std::string::npos ? host : '[' + host + ']';
  if (port != (tls ? 443 : 80))
    result += ':' + std::to_string(port);
  return result;
}

std::string url::origin() const { return (tls ? "https://" : "http://") + authority(); }

bool url::is_loopback() const {
  auto is_address = host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "::1" || (is_address && host.starts_with("127."));
}

url parse_url(std::string_view text) {
  url result;
  if (starts_with_ignoring_case(text, "https://"))
    result.tls = true;
  else if (!starts_with_ignoring_case(text, "http://"))
    throw url_error{"the URL must begin with http:// or https://"};
  result.port = result.tls ? 443 : 80;
  text.remove_prefix(result.tls ? 8 : 7);
  auto is_bad = [](unsigned char c) { return c <= ' ' || c == 0x7f; };
  if (std::any_of(text.begin(), text.end(), is_bad))
    throw url_error{"the URL has a space or a control character"};
  text = text.substr(0, text.find('#'));
  auto end_of_authority = text.find_first_of("/?");
  auto authority = text.substr(0, end_of_authority);
  if (auto at = authority.rfind('@'); at != std::string_view::npos) {
    result.user_info = percent_decoded(authority.substr(0, at));
    authority.remove_prefix(at + 1);
  }
  if (authority.empty())
    throw url_error{"the URL has no host"};
  parse_authority(authority, result);
  if (end_of_authority != std::string_view::npos)
    result.target = text.substr(end_of_authority);
  if (result.target.empty() || result.target.front() != '/')
    result.target.insert(0, 1, '/');
  return result;
}

} // namespace gitstar::net
