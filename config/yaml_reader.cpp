#include "config/yaml_reader.hpp"

#include <yaml-cpp/anchor.h>
#include <yaml-cpp/emitterstyle.h>
#include <yaml-cpp/eventhandler.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <map>
#include <numeric>
#include <sstream>

namespace gitstar::config {

namespace {

/// Far above any config and any key; a device or a pipe may have no end.
constexpr size_t largest_file = 1 << 20;

[[noreturn]] void fail(location at, std::string message) {
  throw failure{{std::move(at), std::move(message)}};
}

/// What a person calls the kind of a node.
std::string kind_of(const YAML::Node& node) {
  switch (node.Type()) {
  case YAML::NodeType::Scalar:
    return "a single value";
  case YAML::NodeType::Sequence:
    return "a list";
  case YAML::NodeType::Map:
    return "a mapping";
  default:
    return "nothing";
  }
}

location at_mark(location at, const YAML::Mark& mark) {
  if (mark.line >= 0) {
    at.line = mark.line + 1;
    at.column = mark.column + 1;
  }
  return at;
}

/// The number of single-letter edits from one text to the other.
size_t edit_distance(const std::string& from, const std::string& to) {
  std::vector<size_t> row(to.size() + 1);
  std::iota(row.begin(), row.end(), size_t{0});
  for (size_t i = 1; i <= from.size(); ++i) {
    auto diagonal = std::exchange(row[0], i);
    for (size_t j = 1; j <= to.size(); ++j) {
      auto replaced = diagonal + (from[i - 1] == to[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({replaced, row[j] + 1, row[j - 1] + 1});
    }
  }
  return row.back();
}

/// The key that was probably meant, else all that there are.
std::string hint(const std::string& key, const std::vector<std::string>& known) {
  auto closest = std::min_element(known.begin(), known.end(), [&](auto& a, auto& b) {
    return edit_distance(key, a) < edit_distance(key, b);
  });
  if (edit_distance(key, *closest) <= 1 + closest->size() / 4)
    return "did you mean \"" + *closest + "\"?";
  auto list = known.front();
  for (size_t i = 1; i < known.size(); ++i)
    list += ", " + known[i];
  return "expected " + std::string{known.size() > 1 ? "one of " : ""} + list;
}

/// Fact sheet 1. The old tokens of 40 digits and those of a server's own making say nothing.
credential_kind kind_of_token(const std::string& token) {
  constexpr std::pair<std::string_view, credential_kind> prefixes[] = {
      {"ghp_", credential_kind::classic},
      {"github_pat_", credential_kind::fine_grained},
      {"gho_", credential_kind::oauth},
      {"ghu_", credential_kind::user_app},
      {"ghs_", credential_kind::installation}};
  for (auto& [prefix, kind] : prefixes)
    if (token.starts_with(prefix))
      return kind;
  return credential_kind::unknown;
}

/// Remembers where a text stood first; fails where it comes again.
class first_places {
public:
  explicit first_places(std::string what) : what_(std::move(what)) {}

  void add(const std::string& text, const location& at) {
    auto [first, is_new] = places_.try_emplace(text, &at);
    if (!is_new)
      fail(at, "the same " + what_ + " as at " + to_string(*first->second));
  }

private:
  std::string what_;
  std::map<std::string, const location*> places_;
};

/// One budget must not be counted as two, nor one name mean two credentials.
void refuse_twins(const std::vector<credential>& all) {
  first_places names{"name"};
  first_places tokens{"token"};
  first_places apps{"installation"};
  for (auto& each : all) {
    if (!each.token.empty())
      tokens.add(each.token.reveal(), each.at);
    if (each.app)
      apps.add(each.app->id + "/" + std::to_string(each.app->installation), each.at);
    names.add(each.name, each.at);
  }
}

bool is_variable_name(const std::string& name) {
  auto letter = [](char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; };
  auto letter_or_digit = [&](char c) { return letter(c) || (c >= '0' && c <= '9'); };
  return !name.empty() && letter(name.front()) &&
         std::all_of(name.begin(), name.end(), letter_or_digit);
}

} // namespace

yaml_reader::yaml_reader(const document& doc, const YAML::Node& mapping, location at)
    : doc_(doc), mapping_(mapping), at_(std::move(at)) {
  auto empty = !mapping_.IsDefined() || mapping_.IsNull();
  if (!empty && !mapping_.IsMap())
    fail(at_, "expected a mapping of keys, found " + kind_of(mapping_));
}

bool yaml_reader::is_present(const char* name) const { return child(name).IsDefined(); }

bool yaml_reader::is_null(const char* name) const {
  auto node = child(name);
  return node.IsDefined() && node.IsNull();
}

YAML::Node yaml_reader::child(const char* name) const {
  // A missing key gives a node that throws when asked for its type; ours may be asked.
  if (mapping_.IsMap() && mapping_[name])
    return mapping_[name];
  return YAML::Node{YAML::NodeType::Undefined};
}

location yaml_reader::location_of(const char* name) const {
  auto at = at_;
  at.key += (at.key.empty() ? "" : ".") + std::string{name};
  auto node = child(name);
  return node.IsDefined() ? at_mark(std::move(at), node.Mark()) : at;
}

yaml_reader yaml_reader::nested(const char* name) const {
  return yaml_reader{doc_, child(name), location_of(name)};
}

auto yaml_reader::scalar(const char* name, presence need, const std::string& expected) const
    -> std::optional<scalar_text> {
  auto node = child(name);
  auto at = location_of(name);
  if (!node.IsDefined()) {
    if (need == presence::required)
      fail(at, "required but missing; expected " + expected);
    return std::nullopt;
  }
  return scalar_at(node, at, expected);
}

auto yaml_reader::scalar_at(const YAML::Node& node, const location& at,
                            const std::string& expected) const -> scalar_text {
  if (!node.IsScalar())
    fail(at, "expected " + expected + ", found " + kind_of(node));
  return {node.Scalar(), expand(node.Scalar(), at)};
}

std::string yaml_reader::expand(const std::string& written, const location& at) const {
  std::string text;
  size_t end = 0;
  for (auto begin = written.find("${"); begin != std::string::npos;
       begin = written.find("${", end)) {
    text.append(written, end, begin - end);
    auto close = written.find('}', begin);
    if (close == std::string::npos)
      fail(at, "\"${\" has no closing \"}\"");
    auto name = written.substr(begin + 2, close - begin - 2);
    std::optional<std::string> fallback;
    if (auto mark = name.find(":-"); mark != std::string::npos) {
      fallback = name.substr(mark + 2);
      name.resize(mark);
    }
    if (!is_variable_name(name))
      fail(at, "expected the name of an environment variable in \"${}\", found \"" + name + "\"");
    auto value = doc_.env(name);
    if (!fallback && !value)
      fail(at, "the environment variable " + name + " is not set");
    text += fallback && (!value || value->empty()) ? *fallback : *value;
    end = close + 1;
  }
  return text.append(written, end);
}

void yaml_reader::refuse_unknown(const std::vector<std::string>& known) const {
  if (!mapping_.IsMap())
    return;
  std::vector<std::string> seen;
  for (const auto& entry : mapping_) {
    auto at = at_mark(at_, entry.first.Mark());
    if (!entry.first.IsScalar())
      fail(at, "expected the name of a key, found " + kind_of(entry.first));
    auto key = entry.first.Scalar();
    at.key += (at.key.empty() ? "" : ".") + key;
    if (std::find(seen.begin(), seen.end(), key) != seen.end())
      fail(at, "given twice");
    if (std::find(known.begin(), known.end(), key) == known.end())
      fail(at, "unknown key; " + hint(key, known));
    seen.push_back(key);
  }
}

void yaml_reader::refuse(const char* name, const scalar_text& found, const std::string& message,
                         const std::string& expected) const {
  auto at = location_of(name);
  // A value from the environment may be a secret in the wrong place: show the variable's name, and
  // no message, which may quote the value.
  if (!message.empty() && found.written == found.expanded)
    fail(at, message);
  auto shown = found.written == found.expanded ? "\"" + found.written + "\""
                                               : "the value of \"" + found.written + "\"";
  fail(at, "expected " + expected + ", found " + shown);
}

void yaml_reader::value(const char* name, std::optional<endpoint>& member,
                        const listen_address& rule) {
  auto found = scalar(name, presence::optional, rule.expected());
  if (!found)
    return;
  auto outcome = rule.read(found->expanded);
  if (auto no = std::get_if<refusal>(&outcome))
    refuse(name, *found, no->message, rule.expected());
  member = std::move(std::get<0>(outcome));
}

void yaml_reader::value(const char* name, secret& member, const secret_text& rule, presence need) {
  if (rule.is_token && doc_.use == tokens::unused)
    return;
  if (auto found = scalar(name, need, rule.expected()))
    member = read_secret(std::move(found->expanded), location_of(name), rule);
}

secret yaml_reader::read_secret(std::string text, const location& at,
                                const secret_text& rule) const {
  constexpr std::string_view from_file = "file:";
  if (text.starts_with(from_file)) {
    text = read_file(text.substr(from_file.size()), at);
    text.erase(text.find_last_not_of(" \t\r\n") + 1);
  }
  if (text.empty())
    fail(at, "expected " + rule.expected() + ", found an empty text");
  if (!rule.has_many_lines && text.find_first_of("\r\n") != std::string::npos)
    fail(at, "expected one line, found several");
  if (auto reason = rule.why_not ? rule.why_not(text) : std::string{}; !reason.empty())
    fail(at, reason);
  return secret{std::move(text)};
}

void yaml_reader::value(const char* name, std::vector<secret>& members, const server_list& rule) {
  auto list = child(name);
  if (!list.IsDefined())
    return;
  if (!list.IsSequence()) {
    auto found = scalar(name, presence::optional, rule.expected());
    members = {read_secret(std::move(found->expanded), location_of(name), rule.each)};
    return;
  }
  auto at = location_of(name);
  if (list.size() == 0 || list.size() > most_servers)
    fail(at, "expected a list of 1 to " + std::to_string(most_servers) +
                 " connection strings, found " + std::to_string(list.size()));
  std::vector<location> places;
  for (size_t i = 0; i < list.size(); ++i) {
    auto& place = places.emplace_back(at_mark(at, list[i].Mark()));
    place.key += "[" + std::to_string(i) + "]";
  }
  first_places known{"server"};
  std::vector<secret> found;
  for (size_t i = 0; i < list.size(); ++i) {
    auto text = scalar_at(list[i], places[i], "a connection string");
    found.push_back(read_secret(std::move(text.expanded), places[i], rule.each));
    if (list.size() > 1 && found.back().reveal() == rule.each.open_word)
      fail(places[i], "\"" + rule.each.open_word +
                          "\" is one server: it cannot stand in a list "
                          "with others");
    known.add(found.back().reveal(), places[i]);
  }
  members = std::move(found);
}

void yaml_reader::value(const char* name, partitioning& member, const partitioning_choice& rule) {
  using method = partitioning::method;
  auto node = child(name);
  if (node.IsDefined() && node.IsMap()) {
    partitioning_mapping chosen;
    nested(name).read(chosen);
    if (chosen.hash.has_value() == chosen.range.has_value())
      fail(location_of(name), "expected " + rule.expected() + ", found " +
                                  (chosen.hash ? "both hash and range" : "neither hash nor range"));
    member = chosen.hash ? partitioning{method::hash, *chosen.hash}
                         : partitioning{method::range, *chosen.range};
    return;
  }
  auto found = scalar(name, presence::optional, rule.expected());
  if (!found)
    return;
  if (found->expanded != "none")
    refuse(name, *found, {}, rule.expected());
  member = {};
}

void yaml_reader::elements(const char* name, std::vector<credential>& members, size_t most) {
  auto list = child(name);
  auto at = location_of(name);
  auto expected = "expected a list of 1 to " + std::to_string(most) + " credentials";
  if (!list.IsDefined())
    fail(at, "required but missing; " + expected);
  if (!list.IsSequence())
    fail(at, expected + ", found " + kind_of(list));
  if (list.size() == 0 || list.size() > most)
    fail(at, expected + ", found " + std::to_string(list.size()));
  for (size_t i = 0; i < list.size(); ++i) {
    auto place = at_mark(at, list[i].Mark());
    place.key += "[" + std::to_string(i) + "]";
    yaml_reader element{doc_, list[i], std::move(place)};
    auto& last = members.emplace_back();
    element.read(last);
    element.finish(last, i + 1);
  }
  refuse_twins(members);
}

std::vector<std::string> yaml_reader::list_of_texts(
    const char* name, const std::string& noun, const std::string& expected,
    const std::function<reading<std::string>(const std::string&)>& read) const {
  std::vector<std::string> members;
  constexpr std::string_view from_file = "file:";
  auto node = child(name);
  auto at = location_of(name);
  auto add = [&](const std::string& text, const location& place) {
    auto outcome = read(text);
    if (std::holds_alternative<refusal>(outcome))
      fail(place, "expected " + expected + ", found \"" + text + "\"");
    members.push_back(std::get<0>(std::move(outcome)));
  };
  if (node.IsDefined() && node.IsScalar() && node.Scalar().starts_with(from_file)) {
    auto file = expand(node.Scalar(), at).substr(from_file.size());
    std::istringstream lines{read_file(file, at)};
    location place{file, 0, 1, at.key};
    for (std::string line; std::getline(lines, line);) {
      ++place.line;
      line.erase(line.find_last_not_of(" \t\r") + 1);
      if (!line.empty() && line.front() != '#')
        add(line, place);
    }
  } else if (node.IsDefined() && node.IsSequence()) {
    for (const auto& element : node) {
      auto place = at_mark(at, element.Mark());
      if (!element.IsScalar())
        fail(place, "expected " + expected + ", found " + kind_of(element));
      add(expand(element.Scalar(), place), place);
    }
  } else {
    fail(at, (node.IsDefined() ? std::string{} : "required but missing; ") + "expected a list of " +
                 noun + "s or file:PATH with one on each line");
  }
  if (members.empty())
    fail(at, "expected at least one " + noun);
  return members;
}

/// What the keys of a credential say together. `number` counts from 1.
void yaml_reader::finish(credential& read, size_t number) const {
  auto has_token = is_present("token") && !is_null("token");
  if (has_token && read.app)
    fail(location_of("app"), "expected either token or app, found both");
  if (!has_token && !read.app)
    fail(at_, "expected token or app, found neither");
  read.at = location_of(has_token ? "token" : "app");
  read.kind = read.app ? credential_kind::installation : kind_of_token(read.token.reveal());
  if (read.name.empty())
    read.name = (read.app ? "app-" : "token-") + std::to_string(number);
}

void yaml_reader::check(const char* name, bool holds, const char* message) const {
  if (!holds)
    fail(location_of(name), message);
}

void yaml_reader::require(bool holds, const char* message) const {
  if (!holds)
    fail(at_, message);
}

namespace {

/// Notes where a document begins.
class document_finder : public YAML::EventHandler {
public:
  const YAML::Mark& begin() const { return begin_; }

  void OnDocumentStart(const YAML::Mark& mark) override { begin_ = mark; }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}

private:
  YAML::Mark begin_;
};

/// Where the second document begins. `YAML::LoadAll` would find documents without end, and keep
/// them all, where the text begins with a comma.
std::optional<YAML::Mark> second_document(const std::string& text) {
  std::istringstream in{text};
  YAML::Parser parser{in};
  document_finder found;
  auto has_two = parser.HandleNextDocument(found) && parser.HandleNextDocument(found);
  return has_two ? std::optional{found.begin()} : std::nullopt;
}

} // namespace

void read_document(const std::string& text, const document& doc, settings& target) {
  YAML::Node root;
  std::optional<YAML::Mark> second;
  location at{doc.file, 1, 1}; // of what has no place of its own, such as an empty document
  try {
    second = second_document(text);
    if (!second)
      root.reset(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    fail(at_mark(at, error.mark), "not valid YAML: " + error.msg);
  }
  if (second)
    fail(at_mark(at, *second), "expected one YAML document, found several");
  yaml_reader{doc, root, at_mark(at, root.Mark())}.read(target);
}

std::string read_file(const std::filesystem::path& file, const location& at) {
  auto place = at.file == file.string() ? std::string{} : "\"" + file.string() + "\" ";
  std::error_code ignored;
  if (std::filesystem::is_directory(file, ignored))
    fail(at, place + "is a directory");
  std::ifstream in(file, std::ios::binary);
  if (!in)
    fail(at, place + "cannot be read: " + std::strerror(errno));
  std::string content(largest_file + 1, '\0');
  in.read(content.data(), static_cast<std::streamsize>(content.size()));
  content.resize(static_cast<size_t>(in.gcount()));
  if (content.size() > largest_file)
    fail(at, place + "is larger than 1 MiB");
  return content;
}

} // namespace gitstar::config
