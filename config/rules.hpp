/// Internal to config/: how the text of one value becomes the value of a member, and back. A rule
/// gives `read` (the value, or why not), `write` (as YAML would have it), `expected` (for errors)
/// and `describe` (for `list_keys`).
#pragma once

#include "config/config.hpp"

#include <initializer_list>
#include <string_view>
#include <utility>

namespace gitstar::config {

/// A value that cannot be taken. Without a message it is "expected ..., found ...".
struct refusal {
  std::string message;
};

template <class T>
using reading = std::variant<T, refusal>;

struct whole_number {
  uint64_t minimum;
  uint64_t maximum;

  reading<uint64_t> read(const std::string& text) const;
  std::string write(uint64_t value) const { return std::to_string(value); }
  std::string expected() const;
  void describe(key_info& key) const;
};

/// A number from 0 to `maximum`.
struct decimal {
  uint64_t maximum;

  reading<double> read(const std::string& text) const;
  std::string write(double value) const;
  std::string expected() const { return "a number from 0 to " + std::to_string(maximum); }
  void describe(key_info& key) const;
};

struct share : decimal {
  share() : decimal{1} {}
};

struct price : decimal {
  price() : decimal{1'000'000} {}
};

struct yes_or_no {
  reading<bool> read(const std::string& text) const;
  std::string write(bool value) const { return value ? "true" : "false"; }
  std::string expected() const { return "true or false"; }
  void describe(key_info& key) const { key.kind = value_kind::boolean; }
};

/// A whole number with the unit ms, s, m or h.
struct time_span {
  milliseconds minimum{1};

  reading<milliseconds> read(const std::string& text) const;
  std::string write(milliseconds value) const;
  std::string expected() const;
  void describe(key_info& key) const { key.kind = value_kind::duration; }
};

/// A whole number of bytes with the unit B, KiB, MiB or GiB.
struct byte_size {
  reading<uint64_t> read(const std::string& text) const;
  std::string write(uint64_t bytes) const;
  std::string expected() const { return "a size from 1KiB to 4GiB, such as 64KiB or 1MiB"; }
  void describe(key_info& key) const { key.kind = value_kind::size; }
};

/// One of a few words.
template <class Enum>
struct one_of {
  std::initializer_list<std::pair<const char*, Enum>> words;

  reading<Enum> read(const std::string& text) const {
    for (auto& [word, value] : words) {
      if (text == word)
        return value;
    }
    return refusal{};
  }
  std::string write(Enum chosen) const {
    for (auto& [word, value] : words) {
      if (value == chosen)
        return word;
    }
    return {};
  }
  std::string expected() const {
    std::string list = "one of";
    for (auto& [word, value] : words)
      list += std::string{list == "one of" ? " " : ", "} + word;
    return list;
  }
  void describe(key_info& key) const {
    key.kind = value_kind::choice;
    for (auto& [word, value] : words)
      key.choices.emplace_back(word);
  }
};

/// Rules whose value is the text itself.
struct text_rule {
  std::string write(const std::string& value) const { return value; }
  void describe(key_info& key) const { key.kind = value_kind::text; }
};

/// The name of a crawl or a credential.
struct plain_name : text_rule {
  reading<std::string> read(const std::string& text) const;
  std::string expected() const { return "1 to 63 characters of a-z, 0-9 and -"; }
};

/// Such as EUR.
struct currency_code : text_rule {
  reading<std::string> read(const std::string& text) const;
  std::string expected() const { return "three capital letters such as EUR"; }
};

/// How a GitHub App is known: `Iv23liAbC...` or 1234.
struct app_id : text_rule {
  reading<std::string> read(const std::string& text) const;
  std::string expected() const { return "the App's id or client id"; }
  void describe(key_info& key) const { key.kind = value_kind::text_or_number; }
};

/// `HH:MM-HH:MM`.
struct daily_hours {
  reading<daily_span> read(const std::string& text) const;
  std::string write(const daily_span& value) const;
  std::string expected() const { return "hours of UTC such as \"22:00-06:00\""; }
  void describe(key_info& key) const { key.kind = value_kind::text; }
};

/// A search text that leaves the crawler room for what it adds: the window and the sort.
struct search_text : text_rule {
  /// GitHub measurably refuses search texts of more than about 200 characters (fact sheet section
  /// 5). A window of `created`, a star threshold, a split by size and language, and a sort are
  /// added.
  size_t longest = 100;

  search_text() = default;
  explicit search_text(size_t characters) : longest(characters) {}

  reading<std::string> read(const std::string& text) const;
  std::string expected() const { return "a GitHub search text such as \"stars:>=10\""; }
};

/// A search text that is a range of stars and nothing else.
struct star_range : text_rule {
  reading<std::string> read(const std::string& text) const;
  std::string expected() const { return "a range of stars such as \"stars:>=10\""; }
};

/// A day or a second of UTC.
struct moment {
  reading<std::chrono::sys_seconds> read(const std::string& text) const;
  std::string write(std::chrono::sys_seconds value) const;
  std::string expected() const {
    return "a time of UTC such as 2026-11-01 or 2026-11-01T08:30:00Z";
  }
  void describe(key_info& key) const { key.kind = value_kind::text; }
};

/// A whole number with the unit m, h or d; 0 too.
struct age {
  reading<std::chrono::seconds> read(const std::string& text) const;
  std::string write(std::chrono::seconds value) const;
  std::string expected() const { return "an age from 0d to 3650d, such as 30m, 12h or 7d"; }
  void describe(key_info& key) const { key.kind = value_kind::duration; }
};

/// A user or an organization.
struct login : text_rule {
  static constexpr const char* noun = "login";
  reading<std::string> read(const std::string& text) const;
  std::string expected() const { return "a login of 1 to 39 letters, digits and -"; }
};

/// A kind of metadata, by the name of its table.
struct kind_name : text_rule {
  static constexpr const char* noun = "kind";
  reading<std::string> read(const std::string& text) const;
  std::string expected() const;
};

/// Whether each of the kinds can be read from one of the others, or from the repository itself.
bool kinds_fit(const metadata_source& of);

/// A condition of the operator's own store; PostgreSQL says whether it is one.
struct sql_condition : text_rule {
  reading<std::string> read(const std::string& text) const;
  std::string expected() const {
    return "a condition in SQL on the columns of repositories, such as \"star_count >= 100\"";
  }
};

/// An absolute http or https URL without user, query and fragment.
struct web_address : text_rule {
  reading<std::string> read(const std::string& text) const;
  std::string expected() const { return "an http:// or https:// URL"; }
};

struct file_path {
  reading<std::filesystem::path> read(const std::string& text) const;
  std::string write(const std::filesystem::path& value) const { return value.string(); }
  std::string expected() const { return "a path"; }
  void describe(key_info& key) const { key.kind = value_kind::text; }
};

/// `host:port`, or nothing at all for "off".
struct listen_address {
  reading<std::optional<endpoint>> read(const std::string& text) const;
  std::string write(const std::optional<endpoint>& value) const;
  std::string expected() const { return "HOST:PORT such as 127.0.0.1:9464, or \"\" for none"; }
  void describe(key_info& key) const { key.kind = value_kind::text; }
};

/// Several `host:port`, separated by commas; or nothing at all.
struct node_addresses {
  reading<std::vector<endpoint>> read(const std::string& text) const;
  std::string write(const std::vector<endpoint>& value) const;
  std::string expected() const { return "HOST:PORT, several separated by commas"; }
  void describe(key_info& key) const { key.kind = value_kind::text; }
};

/// A text that is never shown; `yaml_reader` lets it come from a file.
struct secret_text {
  std::string what;                                     ///< what is expected
  bool is_token = false;                                ///< may be left out, see `tokens`
  bool has_many_lines = false;                          ///< else one line
  std::string open_word{};                              ///< the one value that is no secret
  std::string (*why_not)(const std::string&) = nullptr; ///< what is wrong with a text, or nothing

  std::string write(const secret& value) const {
    return value.reveal() == open_word ? open_word : to_string(value);
  }
  std::string expected() const { return what + ", ${VARIABLE} or file:PATH"; }
  void describe(key_info& key) const { key.kind = value_kind::secret; }
};

/// One server or a list of them.
struct server_list {
  secret_text each;

  std::string write(const std::vector<secret>& servers) const {
    std::string text;
    for (auto& x : servers)
      text += (text.empty() ? "" : ", ") + each.write(x);
    return text;
  }
  std::string expected() const { return each.expected() + ", or a list of connection strings"; }
  void describe(key_info& key) const { key.kind = value_kind::secrets; }
};

/// `none`, `{ hash: N }` or `{ range: STEP }`.
struct partitioning_choice {
  std::string write(const partitioning& value) const { return to_string(value); }
  std::string expected() const { return "none, { hash: PARTS } or { range: IDS }"; }
  void describe(key_info& key) const {
    key.kind = value_kind::choice_or_mapping;
    key.choices = {"none"};
  }
};

secret_text token_text();
secret_text private_key_text();
server_list servers();
server_list replicas();

} // namespace gitstar::config
