#include "net/metadata_query.hpp"

#include "messages/metadata/registry.hpp"
#include "messages/time_text.hpp"
#include "net/node_id.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>

#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <stdexcept>

namespace gitstar::net {

namespace {

using metadata::kind;
using metadata::list;

/// Of lists that say nothing about when they moved but by their elements, a probe reads so many.
constexpr uint32_t elements_of_whole_lists = 100;

const kind& kind_named(const std::string& name) {
  const auto* found = metadata::find_kind(name);
  if (found == nullptr)
    throw std::logic_error("there is no kind of metadata called " + name);
  return *found;
}

const list& own_list(const kind& of) {
  auto found = std::find_if(of.lists.begin(), of.lists.end(),
                            [](const list& x) { return x.parent.empty(); });
  if (found == of.lists.end())
    throw std::logic_error("repositories have no list of " + std::string{of.name});
  return *found;
}

bool has_lists(const kind& of) {
  for (const auto* other : metadata::all_kinds())
    for (const auto& x : other->lists)
      if (x.parent == of.name)
        return true;
  return false;
}

std::string json_text(std::string_view text) {
  return boost::json::serialize(boost::json::string_view{text.data(), text.size()});
}

void replace(std::string& text, std::string_view what, std::string_view by) {
  if (auto at = text.find(what); at != std::string::npos)
    text.replace(at, what.size(), by);
}

/// `a(x:1).b` around `inner`: `a(x:1){b{inner}}`.
std::string nested(std::string_view path, const std::string& inner) {
  std::string before;
  std::string after;
  for (std::string_view rest = path; !rest.empty();) {
    auto dot = rest.find('.');
    before.append(rest.substr(0, dot)).append("{");
    after += '}';
    rest = dot == std::string_view::npos ? std::string_view{} : rest.substr(dot + 1);
  }
  return before + inner + after;
}

/// The selections that fields of a query share.
class fragment_table {
public:
  /// `...name` of the fragment.
  std::string use(std::string_view type, const std::string& selection) {
    auto text = " on " + std::string{type} + '{' + selection + '}';
    auto found = names_.find(text);
    if (found == names_.end()) {
      auto name = 's' + std::to_string(names_.size());
      texts_ += "\nfragment " + name + text;
      found = names_.emplace(std::move(text), std::move(name)).first;
    }
    return "..." + found->second;
  }

  const std::string& texts() const { return texts_; }

private:
  std::map<std::string, std::string> names_;
  std::string texts_;
};

/// Builds one query.
class builder {
public:
  explicit builder(const api_request& request) : request_(request) {
    for (size_t i = 0; i < request.fields.size(); ++i)
      add(i, request.fields[i]);
  }

  query_document result() const {
    auto text = "query(" + declarations_ + "){" + fields_ + own_fields(request_.identify) + '}' +
                fragments_.texts();
    return {std::move(text), '{' + variables_ + '}'};
  }

private:
  void add(size_t at, const search_field& field) {
    const auto& ask = field.metadata;
    auto index = std::to_string(at);
    auto several = request_.shape == query_shape::metadata_probe;
    declare("i" + index, several ? "[ID!]!" : "ID!", ids_of(field, several));
    fields_ += 'f' + index + (several ? ":nodes(ids:$i" : ":node(id:$i") + index + "){";
    if (ask.parent.empty() && several)
      fields_ += probe(ask);
    else
      fields_ += page(index, ask);
    fields_ += "} ";
  }

  static std::string ids_of(const search_field& field, bool several) {
    std::string result;
    auto add = [&](const std::string& id) {
      result += (result.empty() ? "" : ",") + json_text(id);
    };
    for (auto id : field.ids)
      add(repository_node_id(id));
    for (const auto& id : field.metadata.nodes)
      add(id);
    return several ? '[' + result + ']' : result;
  }

  void declare(const std::string& name, const std::string& type, const std::string& value) {
    declarations_ += (declarations_.empty() ? "$" : ",$") + name + ':' + type;
    variables_ += (variables_.empty() ? "" : ",") + json_text(name) + ':' + value;
  }

  std::string probe(const metadata_ask& ask) {
    std::string selection;
    for (const auto& name : ask.kinds) {
      const auto& of = kind_named(name);
      const auto& x = own_list(of);
      if (!x.enabled.empty())
        selection += enabled_alias(of) + ':' + std::string{x.enabled} + ' ';
      selection += name + ':' + std::string{x.connection} + '(' + first_of_probe(of) +
                   order(x, true) + "){totalCount";
      if (auto moved = moved_field(of); !moved.empty())
        selection += " nodes{" + std::string{moved} + '}';
      selection += "} ";
    }
    selection.pop_back();
    return fragments_.use("Repository", selection);
  }

  static std::string first_of_probe(const kind& of) {
    auto whole = of.kept == metadata::freshness::whole;
    return "first:" + std::to_string(whole ? elements_of_whole_lists : 1);
  }

  /// The list's own arguments, behind `first`.
  static std::string order(const list& x, bool newest) {
    if (x.arguments.empty())
      return {};
    std::string result = "," + std::string{x.arguments};
    if (newest)
      replace(result, "direction:ASC", "direction:DESC");
    return result;
  }

  std::string page(const std::string& index, const metadata_ask& ask) {
    const auto& x = list_of(ask);
    auto arguments = "(first:" + std::to_string(ask.first);
    if (!ask.after.empty()) {
      declare("a" + index, "String", json_text(ask.after));
      arguments += ",after:$a" + index;
    }
    arguments += order(x, ask.newest);
    std::string whole;
    if (ask.since && !x.since.empty()) {
      declare("t" + index, "DateTime!", '"' + to_utc_text(*ask.since) + '"');
      std::string since{x.since};
      replace(since, "$since", "$t" + index);
      arguments += ',' + since;
      whole = " whole:" + std::string{x.connection} + "{totalCount}";
    }
    arguments += ')';
    std::string elements;
    std::string holder = "id ";
    for (const auto& name : ask.kinds) {
      const auto& of = kind_named(name);
      auto selection = (has_lists(of) ? "id " : "") + metadata::selection(of);
      elements += (elements.empty() ? "" : " ") + fragments_.use(of.node_type, selection);
      if (auto more = metadata::holder_selection(of); !more.empty())
        holder += more + ' ';
    }
    // The alias goes to the connection itself, the last field of the path.
    auto dot = x.connection.rfind('.');
    auto before = dot == std::string_view::npos ? std::string_view{} : x.connection.substr(0, dot);
    auto last = dot == std::string_view::npos ? x.connection : x.connection.substr(dot + 1);
    auto connection = "list:" + std::string{last} + arguments +
                      "{totalCount pageInfo{endCursor hasNextPage} nodes{" + elements + "}}";
    if (ask.both_ends)
      connection += " tail:" + std::string{last} + "(last:" + std::to_string(ask.first) +
                    order(x, ask.newest) + "){nodes{" + elements + "}}";
    auto selection = holder + nested(before, connection) + whole;
    auto type = ask.continues ? x.holder_type : x.parent_type;
    auto way = ask.continues ? std::string_view{} : x.way;
    return "...on " + std::string{type} + '{' + nested(way, selection) + '}';
  }

  const api_request& request_;
  std::string declarations_;
  std::string variables_;
  std::string fields_;
  fragment_table fragments_;
};

/// The elements that lists within an element may bring: the sum of their `first`.
uint64_t nested_elements(const kind& of) {
  std::set<std::string_view> lists; // the field with its arguments
  uint64_t result = 0;
  for (const auto& column : of.columns)
    for (const auto& from : column.sources) {
      constexpr std::string_view argument = "first:";
      auto at = from.path.find(argument);
      if (at == std::string_view::npos || !lists.insert(from.path.substr(0, at)).second)
        continue;
      uint64_t first = 0;
      auto number = from.path.substr(at + argument.size());
      std::from_chars(number.data(), number.data() + number.size(), first);
      result += first;
    }
  return result;
}

api_request request_for(query_shape shape, std::vector<search_field> fields) {
  api_request result;
  result.shape = shape;
  result.fields = std::move(fields);
  return result;
}

} // namespace

const list& list_of(const metadata_ask& ask) {
  const auto& of = kind_named(ask.kinds.at(0));
  auto found = std::find_if(of.lists.begin(), of.lists.end(),
                            [&](const list& x) { return x.parent == ask.parent; });
  if (found == of.lists.end())
    throw std::logic_error(ask.parent + " have no list of " + ask.kinds[0]);
  return *found;
}

std::string enabled_alias(const kind& of) { return std::string{of.name} + "_enabled"; }

std::string_view moved_field(const kind& of) {
  auto index = metadata::column_index(of, of.moved_at);
  return of.moved_at.empty() ? std::string_view{} : of.columns[*index].sources.at(0).path;
}

std::vector<std::string_view> path_steps(std::string_view path) {
  std::vector<std::string_view> result;
  while (!path.empty()) {
    auto dot = path.find('.');
    auto step = path.substr(0, dot);
    result.push_back(step.substr(0, step.find('(')));
    path = dot == std::string_view::npos ? std::string_view{} : path.substr(dot + 1);
  }
  return result;
}

query_document metadata_query(const api_request& request) { return builder{request}.result(); }

uint64_t node_count(const search_field& field) {
  const auto& ask = field.metadata;
  auto parents = static_cast<uint64_t>(field.ids.size() + ask.nodes.size());
  uint64_t each = 0;
  auto is_probe = ask.parent.empty() && parents > 1;
  if (is_probe)
    for (const auto& name : ask.kinds)
      each += kind_named(name).kept == metadata::freshness::whole ? elements_of_whole_lists : 1;
  else
    for (const auto& name : ask.kinds)
      each += (ask.both_ends ? 2 : 1) * ask.first * (1 + nested_elements(kind_named(name)));
  return parents * (each + 2);
}

std::vector<named_query> metadata_query_texts() {
  std::vector<named_query> result;
  auto add = [&](std::string name, query_shape shape, std::vector<search_field> fields) {
    auto text = metadata_query(request_for(shape, std::move(fields))).text;
    result.push_back({std::move(name), std::move(text)});
  };
  search_field probe;
  probe.ids = {100'000, 200'000};
  for (const auto* of : metadata::all_kinds())
    for (const auto& x : of->lists) {
      search_field field;
      field.metadata.kinds = {std::string{of->name}};
      field.metadata.parent = x.parent;
      auto name = std::string{of->name} + "_of_" +
                  (x.parent.empty() ? "repositories" : std::string{x.parent});
      if (x.parent.empty()) {
        probe.metadata.kinds.emplace_back(of->name);
        field.ids = {100'000};
      } else {
        field.metadata.nodes = {"N_1"};
      }
      auto more = field;
      more.metadata.after = "cursor";
      more.metadata.continues = !x.parent.empty();
      more.metadata.since = timestamp{};
      more.metadata.newest = true;
      add(name, query_shape::metadata_list, {field});
      add(name + "_more", query_shape::metadata_list, {field, more, more});
      auto several = field;
      several.metadata.nodes.emplace_back("N_2");
      auto ends = several;
      ends.metadata.both_ends = true;
      if (!x.parent.empty())
        add(name + "_several", query_shape::metadata_probe, {several, ends});
    }
  add("metadata_probe", query_shape::metadata_probe, {probe, probe});
  return result;
}

} // namespace gitstar::net
