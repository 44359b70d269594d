#include "config/rules.hpp"

#include "config/authority.hpp"
#include "config/header_text.hpp"
#include "config/rsa_key.hpp"
#include "messages/errors.hpp"
#include "messages/metadata/registry.hpp"
#include "messages/search_query.hpp"
#include "messages/time_text.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <charconv>
#include <cmath>
#include <sstream>

namespace gitstar::config {

namespace {

constexpr size_t longest_name = 63;

/// Client ids have 20 characters; nothing says that they stay that short.
constexpr size_t longest_app_id = 100;

struct unit {
  std::string_view name;
  uint64_t factor;
};

constexpr std::array time_units{unit{"h", 3'600'000}, unit{"m", 60'000}, unit{"s", 1'000},
                                unit{"ms", 1}};
constexpr std::array size_units{unit{"GiB", 1ull << 30}, unit{"MiB", 1ull << 20},
                                unit{"KiB", 1ull << 10}, unit{"B", 1}};
constexpr std::array age_units{unit{"d", 86'400}, unit{"h", 3'600}, unit{"m", 60}};
constexpr uint64_t greatest_age = 3650ull * 86'400;
constexpr uint64_t longest_time_ms = 24ull * 3'600'000;
constexpr uint64_t smallest_size = 1ull << 10;
constexpr uint64_t largest_size = 4ull << 30;

std::optional<uint64_t> to_number(std::string_view digits) {
  uint64_t value = 0;
  auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
    return std::nullopt;
  return value;
}

/// Reads "<whole number><unit>" as a multiple of the smallest unit; nothing above `maximum`.
template <size_t N>
std::optional<uint64_t> read_with_unit(std::string_view text, const std::array<unit, N>& units,
                                       uint64_t maximum) {
  auto digits = text.substr(0, std::min(text.find_first_not_of("0123456789"), text.size()));
  auto name = text.substr(digits.size());
  auto found = std::find_if(units.begin(), units.end(), [&](auto& u) { return u.name == name; });
  auto count = to_number(digits);
  if (found == units.end() || !count || *count > maximum / found->factor)
    return std::nullopt;
  return *count * found->factor;
}

/// Writes with the largest unit that gives a whole number.
template <size_t N>
std::string write_with_unit(uint64_t value, const std::array<unit, N>& units) {
  for (auto& u : units) {
    if ((value >= u.factor && value % u.factor == 0) || u.factor == 1)
      return std::to_string(value / u.factor) + std::string{u.name};
  }
  return {};
}

/// Reads `HH:MM`, 00:00 to 24:00, as the time since midnight.
std::optional<std::chrono::minutes> read_time_of_day(std::string_view text) {
  auto hours = to_number(text.substr(0, 2));
  auto minutes = to_number(text.substr(3));
  if (!hours || !minutes || text[2] != ':' || *minutes >= 60 || *hours * 60 + *minutes > 24 * 60)
    return std::nullopt;
  return std::chrono::minutes{*hours * 60 + *minutes};
}

std::string write_time_of_day(std::chrono::minutes time) {
  auto two_digits = [](int64_t number) { return std::to_string(100 + number).substr(1); };
  return two_digits(time.count() / 60) + ":" + two_digits(time.count() % 60);
}

/// What no HTTP header can carry is no token.
std::string why_no_token(const std::string& text) {
  return fits_into_header(text) ? std::string{}
                                : "has a space or another character that no token has";
}

std::string why_no_key(const std::string& text) {
  return read_rsa_key(text) ? std::string{}
                            : "no RSA private key without a passphrase, in PEM (\"-----BEGIN RSA "
                              "PRIVATE KEY-----\"), could be read";
}

/// Characters as a person counts them: UTF-8 continuation bytes do not.
size_t character_count(std::string_view text) {
  return static_cast<size_t>(std::count_if(text.begin(), text.end(), [](char c) {
    return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  }));
}

/// The text with everything between double quotes blanked out.
std::string without_quoted_parts(std::string text) {
  bool quoted = false;
  for (auto& c : text) {
    if (c == '"')
      quoted = !quoted;
    else if (quoted)
      c = '_';
  }
  return text;
}

bool has_qualifier(const std::string& query, std::string_view name) {
  auto plain = without_quoted_parts(query);
  std::transform(plain.begin(), plain.end(), plain.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  for (auto at = plain.find(name); at != std::string::npos; at = plain.find(name, at + 1)) {
    if (at == 0 || plain[at - 1] == ' ' || plain[at - 1] == '-' || plain[at - 1] == '(')
      return true;
  }
  return false;
}

bool is_control(char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }

} // namespace

// -- numbers ------------------------------------------------------------------

reading<uint64_t> whole_number::read(const std::string& text) const {
  auto value = to_number(text);
  if (!value || *value < minimum || *value > maximum)
    return refusal{};
  return *value;
}

std::string whole_number::expected() const {
  return "a whole number from " + std::to_string(minimum) + " to " + std::to_string(maximum);
}

void whole_number::describe(key_info& key) const {
  key.kind = value_kind::integer;
  key.minimum = static_cast<double>(minimum);
  key.maximum = static_cast<double>(maximum);
}

reading<double> decimal::read(const std::string& text) const {
  double value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  auto whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || !std::isfinite(value) || value < 0 || value > static_cast<double>(maximum))
    return refusal{};
  return value;
}

std::string decimal::write(double value) const {
  std::array<char, 32> buffer;
  auto [end, error] = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value);
  std::string text(buffer.data(), end);
  return text.find('.') == std::string::npos ? text + ".0" : text;
}

void decimal::describe(key_info& key) const {
  key.kind = value_kind::fraction;
  key.minimum = 0;
  key.maximum = static_cast<double>(maximum);
}

reading<bool> yes_or_no::read(const std::string& text) const {
  if (text != "true" && text != "false")
    return refusal{};
  return text == "true";
}

// -- quantities ---------------------------------------------------------------

reading<milliseconds> time_span::read(const std::string& text) const {
  auto value = read_with_unit(text, time_units, longest_time_ms);
  if (!value || milliseconds{*value} < minimum)
    return refusal{};
  return milliseconds{*value};
}

std::string time_span::write(milliseconds value) const {
  return write_with_unit(static_cast<uint64_t>(value.count()), time_units);
}

std::string time_span::expected() const {
  return "a duration from " + write(minimum) + " to " + write(milliseconds{longest_time_ms}) +
         ", such as 500ms, 10s or 2m";
}

reading<uint64_t> byte_size::read(const std::string& text) const {
  auto value = read_with_unit(text, size_units, largest_size);
  if (!value || *value < smallest_size)
    return refusal{};
  return *value;
}

std::string byte_size::write(uint64_t bytes) const { return write_with_unit(bytes, size_units); }

reading<daily_span> daily_hours::read(const std::string& text) const {
  constexpr std::string_view form = "HH:MM-HH:MM";
  if (text.size() != form.size() || text[5] != '-')
    return refusal{};
  auto from = read_time_of_day(std::string_view{text}.substr(0, 5));
  auto to = read_time_of_day(std::string_view{text}.substr(6));
  if (!from || !to)
    return refusal{};
  if (*from == *to)
    return refusal{"begins and ends at the same time"};
  return daily_span{*from, *to};
}

std::string daily_hours::write(const daily_span& value) const {
  return write_time_of_day(value.from) + "-" + write_time_of_day(value.to);
}

// -- texts --------------------------------------------------------------------

reading<std::string> plain_name::read(const std::string& text) const {
  auto bad = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-");
  if (text.empty() || text.size() > longest_name || bad != std::string::npos)
    return refusal{};
  return text;
}

reading<std::string> currency_code::read(const std::string& text) const {
  auto is_capital = [](char c) { return c >= 'A' && c <= 'Z'; };
  if (text.size() != 3 || !std::all_of(text.begin(), text.end(), is_capital))
    return refusal{};
  return text;
}

reading<std::string> app_id::read(const std::string& text) const {
  auto is_good = [](unsigned char c) {
    return std::isalnum(c) || c == '.' || c == '_' || c == '-';
  };
  if (text.empty() || text.size() > longest_app_id ||
      !std::all_of(text.begin(), text.end(), is_good))
    return refusal{};
  return text;
}

reading<std::string> kind_name::read(const std::string& text) const {
  if (metadata::find_kind(text) == nullptr)
    return refusal{};
  return text;
}

std::string kind_name::expected() const {
  std::string list = "one of";
  for (const auto* kind : metadata::all_kinds())
    list.append(list == "one of" ? " " : ", ").append(kind->name);
  return list;
}

bool kinds_fit(const metadata_source& of) {
  auto is_chosen = [&](std::string_view name) {
    return std::find(of.kinds.begin(), of.kinds.end(), name) != of.kinds.end();
  };
  auto is_left_out = [&](std::string_view kind, std::string_view parent) {
    return kind == "issue_comments" &&
           ((of.depth.comments == comments_of::issues && parent != "issues") ||
            (of.depth.comments == comments_of::pull_requests && parent != "pull_requests"));
  };
  return std::all_of(of.kinds.begin(), of.kinds.end(), [&](const std::string& name) {
    const auto& lists = metadata::find_kind(name)->lists;
    return std::any_of(lists.begin(), lists.end(), [&](const metadata::list& x) {
      return x.parent.empty() || (is_chosen(x.parent) && !is_left_out(name, x.parent));
    });
  });
}

reading<std::string> sql_condition::read(const std::string& text) const {
  auto is_blank = text.find_first_not_of(" \t\n") == std::string::npos;
  if (is_blank || text.find(';') != std::string::npos || text.find('\0') != std::string::npos)
    return refusal{};
  return text;
}

reading<std::string> login::read(const std::string& text) const {
  constexpr size_t longest_login = 39;
  // Enterprise users of GitHub have a _ in their logins.
  auto is_good = [](unsigned char c) { return std::isalnum(c) || c == '-' || c == '_'; };
  if (text.empty() || text.size() > longest_login ||
      !std::all_of(text.begin(), text.end(), is_good))
    return refusal{};
  return text;
}

reading<std::string> star_range::read(const std::string& text) const {
  auto query = parse_search_query(text);
  search_query stars;
  if (query)
    stars.stars = query->stars;
  if (!query || *query != stars || stars.stars.unbounded())
    return refusal{};
  return text;
}

reading<std::chrono::sys_seconds> moment::read(const std::string& text) const {
  auto time = parse_utc_text(text);
  if (!time)
    time = parse_utc_day(text);
  if (!time)
    return refusal{};
  return *time;
}

std::string moment::write(std::chrono::sys_seconds value) const { return to_utc_text(value); }

reading<std::chrono::seconds> age::read(const std::string& text) const {
  auto value = read_with_unit(text, age_units, greatest_age);
  if (!value)
    return refusal{};
  return std::chrono::seconds{*value};
}

std::string age::write(std::chrono::seconds value) const {
  auto written = write_with_unit(static_cast<uint64_t>(value.count()), age_units);
  return written.empty() ? "0d" : written;
}

reading<std::string> search_text::read(const std::string& text) const {
  if (text.find_first_not_of(' ') == std::string::npos)
    return refusal{};
  if (std::any_of(text.begin(), text.end(), is_control))
    return refusal{"a search text is one line without control characters"};
  if (auto length = character_count(text); length > longest)
    return refusal{"at most " + std::to_string(longest) + " characters, found " +
                   std::to_string(length) +
                   "; GitHub takes about 200, and the crawler adds its own qualifiers"};
  if (std::count(text.begin(), text.end(), '"') % 2 != 0)
    return refusal{"a double quote is not closed"};
  if (has_qualifier(text, "sort:"))
    return refusal{"leave out `sort:`; the crawler sorts as it needs"};
  if (has_qualifier(text, "fork:"))
    return refusal{"leave out `fork:`; set include_forks instead"};
  if (auto query = parse_search_query(text); !query)
    return refusal{gitstar::describe(query.error())};
  return text;
}

reading<std::string> web_address::read(const std::string& text) const {
  std::string_view rest = text;
  for (std::string_view scheme : {"http://", "https://"}) {
    if (rest.starts_with(scheme))
      rest.remove_prefix(scheme.size());
  }
  auto host = rest.substr(0, rest.find('/'));
  if (rest.size() == text.size() || host.empty() || rest.find_first_of("?# \"") != rest.npos ||
      std::any_of(rest.begin(), rest.end(), is_control))
    return refusal{};
  if (host.find('@') != host.npos)
    return refusal{"a URL without user and password; credentials have their own key"};
  auto found = read_authority(host);
  if (auto bad = std::get_if<bad_authority>(&found))
    return refusal{bad->why};
  return text;
}

reading<std::filesystem::path> file_path::read(const std::string& text) const {
  if (text.empty())
    return refusal{};
  return std::filesystem::path{text};
}

reading<std::optional<endpoint>> listen_address::read(const std::string& text) const {
  if (text.empty())
    return std::optional<endpoint>{};
  auto colon = text.rfind(':');
  if (colon == std::string::npos)
    return refusal{};
  auto host = text.substr(0, colon);
  if (host.starts_with('[') && host.ends_with(']'))
    host = host.substr(1, host.size() - 2);
  else if (host.find(':') != std::string::npos)
    return refusal{};
  auto port = to_number(std::string_view{text}.substr(colon + 1));
  if (host.empty() || !port || *port > 65535)
    return refusal{};
  return std::optional<endpoint>{endpoint{host, static_cast<uint16_t>(*port)}};
}

reading<std::vector<endpoint>> node_addresses::read(const std::string& text) const {
  std::vector<endpoint> addresses;
  std::istringstream parts{text};
  for (std::string part; std::getline(parts, part, ',');) {
    auto begin = part.find_first_not_of(' ');
    if (begin == std::string::npos)
      return refusal{};
    auto address =
        listen_address{}.read(part.substr(begin, part.find_last_not_of(' ') + 1 - begin));
    auto one = std::get_if<std::optional<endpoint>>(&address);
    if (one == nullptr || !*one || (*one)->port == 0)
      return refusal{};
    addresses.push_back(**one);
  }
  return addresses;
}

std::string node_addresses::write(const std::vector<endpoint>& value) const {
  std::string addresses;
  for (auto& x : value)
    addresses.append(addresses.empty() ? "" : ", ").append(to_string(x));
  return addresses;
}

secret_text token_text() {
  secret_text rule{"a token", true};
  rule.why_not = why_no_token;
  return rule;
}

secret_text private_key_text() {
  secret_text rule{"an RSA private key in PEM", true, true};
  rule.why_not = why_no_key;
  return rule;
}

server_list servers() {
  server_list rule{{"embedded or a connection string"}};
  rule.each.open_word = "embedded";
  return rule;
}

server_list replicas() { return {{"a connection string"}}; }

std::string listen_address::write(const std::optional<endpoint>& value) const {
  return value ? to_string(*value) : std::string{};
}

} // namespace gitstar::config
