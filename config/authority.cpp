#include "config/authority.hpp"

#include <algorithm>
#include <charconv>

namespace gitstar::config {

namespace {

std::string lower_case(std::string_view text) {
  std::string result{text};
  for (auto& c : result)
    if (c >= 'A' && c <= 'Z')
      c = static_cast<char>(c | 0x20);
  return result;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }

bool is_host_character(char c) {
  return (c >= 'a' && c <= 'z') || is_digit(c) || c == '-' || c == '.' || c == '_';
}

bool is_address_character(char c) {
  return (c >= 'a' && c <= 'f') || is_digit(c) || c == ':' || c == '.';
}

bool consists_of(const std::string& text, bool (*fits)(char)) {
  return std::all_of(text.begin(), text.end(), fits);
}

std::optional<uint16_t> read_port(std::string_view text) {
  unsigned port = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (code != std::errc{} || end != text.data() + text.size() || port == 0 || port > 65535)
    return std::nullopt;
  return static_cast<uint16_t>(port);
}

} // namespace

std::variant<authority, bad_authority> read_authority(std::string_view text) {
  authority result;
  auto in_brackets = text.starts_with('[');
  auto end_of_host = in_brackets ? text.find(']') : text.find(':');
  if (in_brackets) {
    if (end_of_host == std::string_view::npos)
      return bad_authority{"the URL's IPv6 address has no closing bracket"};
    result.host = lower_case(text.substr(1, end_of_host - 1));
    if (result.host.find(':') == std::string::npos ||
        !consists_of(result.host, is_address_character))
      return bad_authority{"the URL has no IPv6 address in its brackets"};
    ++end_of_host;
  } else {
    result.host = lower_case(text.substr(0, end_of_host));
    if (!consists_of(result.host, is_host_character))
      return bad_authority{"the URL's host name has a character that no host name has"};
  }
  if (result.host.empty())
    return bad_authority{"the URL has no host"};
  auto rest = end_of_host < text.size() ? text.substr(end_of_host) : std::string_view{};
  if (rest.empty())
    return result;
  if (rest.front() != ':')
    return bad_authority{"the URL has text between its host and its path"};
  result.port = read_port(rest.substr(1));
  if (!result.port)
    // What stands there may be a password with a slash in it.
    return bad_authority{"the URL's port is not a number from 1 to 65535"};
  return result;
}

bool is_loopback(const std::string& host) {
  auto is_address = host.find_first_not_of("0123456789.") == std::string::npos;
  return host == "localhost" || host == "::1" || (is_address && host.starts_with("127."));
}

} // namespace gitstar::config
