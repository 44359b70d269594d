#include "net/url.hpp"

#include "config/authority.hpp"

#include <algorithm>
#include <utility>

namespace gitstar::net {

namespace {

bool starts_with_ignoring_case(std::string_view text, std::string_view lower_prefix) {
  return text.size() >= lower_prefix.size() &&
         std::equal(lower_prefix.begin(), lower_prefix.end(), text.begin(),
                    [](char want, char got) { return want == (got | 0x20) || want == got; });
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

void parse_authority(std::string_view text, url& result) {
  auto found = config::read_authority(text);
  if (auto bad = std::get_if<config::bad_authority>(&found))
    throw url_error{bad->why};
  auto& [host, port] = std::get<config::authority>(found);
  result.host = std::move(host);
  result.port = port.value_or(result.port);
}

} // namespace

std::string url::authority() const {
  auto result = host.find(':') == std::string::npos ? host : '[' + host + ']';
  if (port != (tls ? 443 : 80))
    result += ':' + std::to_string(port);
  return result;
}

std::string url::origin() const { return (tls ? "https://" : "http://") + authority(); }

bool url::is_loopback() const { return config::is_loopback(host); }

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
