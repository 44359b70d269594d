#include "tools/sim/graphql_error.hpp"

#include "tools/sim/text.hpp"

namespace gitstar::sim {

namespace {

void append_locations(std::string& out, const std::vector<graphql::location>& locations) {
  out += ",\"locations\":[";
  for (const auto& [line, column] : locations) {
    out += out.back() == '[' ? "{\"line\":" : ",{\"line\":";
    append_number(out, line);
    out += ",\"column\":";
    append_number(out, column);
    out += '}';
  }
  out += ']';
}

void append_error(std::string& out, const graphql_error& error) {
  out += '{';
  if (!error.type.empty()) {
    out += "\"type\":";
    append_json_string(out, error.type);
    out += ',';
  }
  if (!error.path.empty())
    out += "\"path\":" + error.path + ',';
  if (!error.extensions.empty()) {
    out += "\"extensions\":{";
    for (const auto& [name, text] : error.extensions) {
      if (out.back() != '{')
        out += ',';
      append_json_string(out, name);
      out += ':';
      append_json_string(out, text);
    }
    out += "},";
  }
  out += "\"message\":";
  append_json_string(out, error.message);
  if (!error.locations.empty())
    append_locations(out, error.locations);
  out += '}';
}

} // namespace

void append_errors(std::string& out, const std::vector<graphql_error>& errors) {
  out += "\"errors\":[";
  for (const auto& error : errors) {
    if (&error != &errors.front())
      out += ',';
    append_error(out, error);
  }
  out += ']';
}

} // namespace gitstar::sim
