// Short texts from HTTP that the program interprets. The first byte chooses what the rest is:
// d a date, u a URL, p an origin and its proxy settings (one per line), j a JSON body to repair.
#include "messages/time_text.hpp"
#include "net/http_date.hpp"
#include "net/proxy.hpp"
#include "net/utf8_repair.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <boost/json/parse.hpp>

#include <ctime>

using namespace gitstar;
using test::require;

namespace {

void read_date(std::string_view text) {
  auto time = net::parse_http_date(text);
  if (!time)
    return;
  auto seconds = static_cast<std::time_t>(time->time_since_epoch().count());
  std::tm parts{};
  char printed[64];
  auto length =
      std::strftime(printed, sizeof printed, "%d %b %Y %H:%M:%S GMT", gmtime_r(&seconds, &parts));
  std::string_view expected{printed, length};
  if (parts.tm_year + 1900 >= 1000) // strftime writes shorter years shorter
    require(text.substr(5) == expected, "a date means what it says", expected);
}

std::optional<net::url> read_url(std::string_view text) {
  try {
    return net::parse_url(text);
  } catch (const net::url_error& error) {
    require(test::is_storable(error.what()) || !test::is_storable(text), "an error can be shown",
            error.what());
    return std::nullopt;
  }
}

void check_url(std::string_view text) {
  auto found = read_url(text);
  if (!found)
    return;
  require(!found->host.empty() && found->port != 0, "a URL has a host and a port", text);
  require(found->target.starts_with('/'), "a target is a path", found->target);
  require(found->target.find_first_of(" \r\n\t") == std::string::npos,
          "a target cannot smuggle a second header", found->target);
  require(found->authority().find_first_of(" \r\n\t/@") == std::string::npos,
          "an authority cannot smuggle a second header", found->authority());
  auto again = read_url(found->origin() + found->target);
  found->user_info.clear();
  require(again == found, "an origin and a target are the URL again", found->origin());
}

void check_proxy(std::string_view text) {
  auto origin = read_url(test::take_until(text, '\n'));
  auto proxy = std::string{test::take_until(text, '\n')};
  if (!origin)
    return;
  auto lookup = [&](const char* name) {
    return std::string_view{name} == "no_proxy" ? std::string{text} : proxy;
  };
  try {
    auto found = net::proxy_from_environment(*origin, lookup);
    require(!found || !found->tls, "a proxy is reached without TLS", proxy);
    require(!found || !origin->is_loopback(), "this machine needs no proxy", origin->host);
  } catch (const net::url_error& error) {
    auto is_secret = proxy.find("secretsecret") < proxy.rfind('@');
    require(!is_secret || std::string_view{error.what()}.find("secretsecret") == std::string::npos,
            "an error keeps the password", error.what());
  }
}

void check_repair(std::string_view text) {
  auto repaired = net::repaired_text(text);
  require(test::is_one_line(repaired), "a repaired text can be stored and logged", repaired);
  require(net::repaired_text(repaired) == repaired, "a repaired text needs no repair", repaired);
  auto json = net::repaired_json_text(text);
  require(net::repaired_json_text(json) == json, "a repaired body needs no repair", json);
  auto is_json = [](std::string_view body) {
    boost::json::error_code ec;
    boost::json::parse({body.data(), body.size()}, ec);
    return !ec;
  };
  require(!is_json(text) || is_json(json), "repairing does no harm", json);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = test::text_of(data, size);
  auto kind = text.empty() ? ' ' : text[0];
  text.remove_prefix(text.empty() ? 0 : 1);
  if (kind == 'd')
    read_date(text);
  else if (kind == 'u')
    check_url(text);
  else if (kind == 'p')
    check_proxy(text);
  else if (kind == 'j')
    check_repair(text);
  else
    return -1;
  return 0;
}
