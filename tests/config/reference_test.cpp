/// The parser, reference.yaml and schema.json must say the same: every key of one is in the others,
/// with the same default, kind and bounds.
#include "config/config.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>
#include <yaml-cpp/yaml.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

using namespace gitstar::config;
namespace json = boost::json;

namespace {

std::string content_of(const std::string& file) {
  std::ifstream in(file);
  std::ostringstream text;
  text << in.rdbuf();
  return text.str();
}

/// The parser's keys by path.
std::map<std::string, key_info> parser_keys(const settings& of = {}) {
  std::map<std::string, key_info> keys;
  for (auto& key : list_keys(of))
    keys.emplace(key.path, key);
  return keys;
}

void collect_yaml(const YAML::Node& node, const std::string& path,
                  std::map<std::string, std::string>& values) {
  if (node.IsMap()) {
    for (const auto& entry : node)
      collect_yaml(entry.second, (path.empty() ? "" : path + ".") + entry.first.Scalar(), values);
  } else if (node.IsSequence()) {
    for (const auto& element : node)
      collect_yaml(element, path + "[]", values);
  } else {
    values[path] = node.IsNull() ? "null" : node.Scalar();
  }
}

/// The values of reference.yaml by path.
std::map<std::string, std::string> reference_values() {
  std::map<std::string, std::string> values;
  collect_yaml(YAML::LoadFile("config/reference.yaml"), {}, values);
  return values;
}

/// What the schema says of one key that has a value of its own.
struct schema_key {
  json::object rule;
  bool required = false;
};

void add_required(const json::object& node, std::set<std::string>& names) {
  if (auto list = node.if_contains("required")) {
    for (auto& name : list->as_array())
      names.insert(json::value_to<std::string>(name));
  }
}

void collect_schema(const json::object& node, const std::string& path, bool required,
                    std::map<std::string, schema_key>& keys) {
  CAPTURE(path);
  REQUIRE(node.contains("description"));
  CHECK_FALSE(node.at("description").as_string().empty());
  if (node.contains("items")) {
    collect_schema(node.at("items").as_object(), path + "[]", required, keys);
  } else if (node.contains("properties")) {
    CHECK(node.at("additionalProperties") == false);
    std::set<std::string> needed;
    add_required(node, needed);
    if (auto list = node.if_contains("oneOf")) {
      for (auto& alternative : list->as_array())
        add_required(alternative.as_object(), needed);
    }
    for (auto& [name, rule] : node.at("properties").as_object())
      collect_schema(rule.as_object(), (path.empty() ? "" : path + ".") + std::string{name},
                     needed.count(std::string{name}) > 0, keys);
  } else {
    keys[path] = {node, required};
  }
}

std::map<std::string, schema_key> schema_keys() {
  std::map<std::string, schema_key> keys;
  collect_schema(json::parse(content_of("config/schema.json")).as_object(), {}, false, keys);
  return keys;
}

template <class Map>
std::set<std::string> paths(const Map& keys) {
  std::set<std::string> names;
  for (auto& [path, value] : keys)
    names.insert(path);
  return names;
}

/// The types that a schema must allow for a kind of value. Numbers may be `${VARIABLE}`.
std::set<std::string> schema_types(const key_info& key) {
  std::set<std::string> types;
  switch (key.kind) {
  case value_kind::integer:
  case value_kind::text_or_number:
    types = {"integer", "string"};
    break;
  case value_kind::fraction:
    types = {"number", "string"};
    break;
  case value_kind::boolean:
    types = {"boolean"};
    break;
  case value_kind::choice:
    break; // an enum needs no type
  case value_kind::choice_or_mapping:
    types = {"string", "object"};
    break;
  case value_kind::secrets:
    types = {"string", "array"};
    break;
  default:
    types = {"string"};
  }
  if (!key.required && !key.value)
    types.insert("null");
  return types;
}

std::set<std::string> strings(const json::object& rule, const char* name) {
  std::set<std::string> found;
  if (auto value = rule.if_contains(name)) {
    if (value->is_string())
      found.insert(json::value_to<std::string>(*value));
    else
      for (auto& element : value->as_array())
        found.insert(element.is_string() ? json::value_to<std::string>(element)
                                         : json::serialize(element));
  }
  return found;
}

/// A default of the schema as YAML writes it.
std::string schema_default(const json::object& rule) {
  auto& value = rule.at("default");
  if (value.is_string())
    return json::value_to<std::string>(value);
  if (!value.is_double())
    return json::serialize(value);
  std::ostringstream text;
  text << value.as_double();
  return text.str().find('.') == std::string::npos ? text.str() + ".0" : text.str();
}

} // namespace

TEST_CASE("reference.yaml has the parser's keys and no other", "[config]") {
  CHECK(paths(reference_values()) == paths(parser_keys()));
}

TEST_CASE("schema.json has the parser's keys and no other", "[config]") {
  CHECK(paths(schema_keys()) == paths(parser_keys()));
}

TEST_CASE("reference.yaml shows the parser's defaults", "[config]") {
  auto shown = reference_values();
  for (auto& [path, key] : parser_keys()) {
    CAPTURE(path);
    if (!key.required)
      CHECK(shown.at(path) == key.value.value_or("null"));
  }
}

TEST_CASE("the parser reads reference.yaml as the defaults", "[config]") {
  // A config has one source; the reference shows all.
  auto chosen = GENERATE("search", "census", "refresh", "incremental", "owners", "metadata");
  auto reference = YAML::LoadFile("config/reference.yaml");
  auto sources = reference["crawl"]["source"];
  std::vector<std::string> others;
  for (const auto& entry : sources)
    if (entry.first.Scalar() != chosen)
      others.push_back(entry.first.Scalar());
  REQUIRE(others.size() == 5);
  for (auto& each : others)
    sources.remove(each);
  auto outcome = parse(
      YAML::Dump(reference), "reference.yaml",
      [](auto&) { return std::optional<std::string>{"x"}; }, tokens::unused);
  if (auto bad = std::get_if<problem>(&outcome))
    FAIL(to_string(*bad));
  auto defaults = parser_keys();
  for (auto& [path, key] : parser_keys(std::get<settings>(outcome))) {
    CAPTURE(path);
    if (!key.required)
      CHECK(key.value == defaults.at(path).value);
  }
}

TEST_CASE("every key of reference.yaml stands under a comment", "[config]") {
  std::istringstream lines(content_of("config/reference.yaml"));
  std::string before;
  for (std::string line; std::getline(lines, line); before = line) {
    auto text = line.substr(std::min(line.find_first_not_of(" -"), line.size()));
    if (text.empty() || text.front() == '#')
      continue;
    CAPTURE(line);
    CHECK(before.find("# ") != std::string::npos);
    CHECK((before.back() == '.' || before.back() == ':'));
  }
}

TEST_CASE("schema.json has the parser's defaults, kinds, bounds and choices", "[config]") {
  auto schema = schema_keys();
  for (auto& [path, key] : parser_keys()) {
    CAPTURE(path);
    auto& [rule, required] = schema.at(path);
    CHECK(required == key.required);
    CHECK(rule.contains("default") == !key.required);
    if (!key.required)
      CHECK(schema_default(rule) == key.value.value_or("null"));
    CHECK(strings(rule, "type") == schema_types(key));
    if (key.kind == value_kind::choice)
      CHECK(strings(rule, "enum") == std::set(key.choices.begin(), key.choices.end()));
    CHECK(rule.contains("minimum") == key.minimum.has_value());
    if (key.minimum) {
      CHECK(rule.at("minimum").to_number<double>() == *key.minimum);
      CHECK(rule.at("maximum").to_number<double>() == *key.maximum);
    }
  }
}
