#include "net/metadata_answer.hpp"

#include "messages/metadata/registry.hpp"
#include "messages/time_text.hpp"
#include "net/metadata_query.hpp"
#include "net/utf8_repair.hpp"

#include <boost/json/monotonic_resource.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <optional>

namespace gitstar::net {

namespace json = boost::json;

namespace {

using metadata::column;
using metadata::column_type;
using metadata::kind;

/// Thrown for what our schema does not allow; `read_metadata` turns it into its result.
struct broken {
  std::string what;
};

const json::value* find(const json::value* in, std::string_view name) {
  const auto* object = in == nullptr ? nullptr : in->if_object();
  const auto* found = object == nullptr
                          ? nullptr
                          : object->if_contains(json::string_view{name.data(), name.size()});
  return found == nullptr || found->is_null() ? nullptr : found;
}

/// The value at the end of a path without lists; of a list on the way its last element counts.
const json::value* walk(const json::value* from, std::string_view path) {
  for (auto step : path_steps(path)) {
    from = find(from, step);
    if (const auto* list = from == nullptr ? nullptr : from->if_array())
      from = list->empty() || list->back().is_null() ? nullptr : &list->back();
  }
  return from;
}

std::string text_of(const json::string& text) {
  std::string result{text.data(), text.size()};
  std::erase(result, '\0'); // PostgreSQL cannot store it
  return result;
}

std::optional<std::string> text_at(const json::value* in, std::string_view name) {
  const auto* found = find(in, name);
  if (found == nullptr)
    return std::nullopt;
  if (!found->is_string())
    throw broken{std::string{name} + " must be a text"};
  return text_of(found->get_string());
}

std::optional<int64_t> integer_of(const json::value& value) {
  if (const auto* number = value.if_int64())
    return *number;
  return std::nullopt;
}

int64_t count_at(const json::value* in, std::string_view name) {
  const auto* found = find(in, name);
  auto number = found == nullptr ? std::optional<int64_t>{-1} : integer_of(*found);
  if (!number)
    throw broken{std::string{name} + " must be a whole number"};
  return *number;
}

bool truth_at(const json::value* in, std::string_view name, bool otherwise) {
  const auto* found = find(in, name);
  if (found == nullptr)
    return otherwise;
  if (!found->is_bool())
    throw broken{std::string{name} + " must be true or false"};
  return found->get_bool();
}

/// GitHub's BigInt is a text, its Int a number.
std::optional<int64_t> whole_number(const json::value& value) {
  if (auto number = integer_of(value))
    return number;
  const auto* text = value.if_string();
  if (text == nullptr)
    return std::nullopt;
  int64_t result = 0;
  auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), result);
  if (error != std::errc{} || end != text->data() + text->size())
    return std::nullopt;
  return result;
}

/// A time as PostgreSQL takes it. Commits may have any; none is as good as one out of its range.
std::optional<std::string> time_text(const json::string& text) {
  auto time = parse_utc_text({text.data(), text.size()});
  constexpr auto first = std::chrono::sys_days{std::chrono::year{1} / 1 / 1};
  constexpr auto last = std::chrono::sys_days{std::chrono::year{9999} / 12 / 31};
  if (!time || *time < first || *time > last)
    return std::nullopt;
  return to_utc_text(*time);
}

/// One value in PostgreSQL's text form; nothing for one that no column of the type can hold.
std::optional<std::string> scalar(const json::value& value, const column& of) {
  auto refuse = [&](const char* what) -> std::optional<std::string> {
    throw broken{std::string{of.name} + " must be " + what};
  };
  switch (of.type) {
  case column_type::bigint:
  case column_type::integer: {
    auto number = whole_number(value);
    if (!number)
      return refuse("a whole number");
    if (of.type == column_type::integer && (*number < std::numeric_limits<int32_t>::min() ||
                                            *number > std::numeric_limits<int32_t>::max()))
      return std::nullopt;
    return std::to_string(*number);
  }
  case column_type::boolean:
    if (!value.is_bool())
      return refuse("true or false");
    return value.get_bool() ? "t" : "f";
  case column_type::text:
    if (value.is_string())
      return text_of(value.get_string());
    if (auto number = integer_of(value))
      return std::to_string(*number); // an id with a prefix
    return refuse("a text");
  case column_type::timestamptz:
    if (!value.is_string())
      return refuse("a time");
    return time_text(value.get_string());
  case column_type::text_array:
    break;
  }
  return std::nullopt;
}

/// Reads elements of one list.
class element_reader {
public:
  explicit element_reader(metadata_page& page) : page_(page) {}

  /// The values of a row that come from `from`; false: one that must be there is not.
  bool read(const kind& of, metadata::origin from, const json::value& node, metadata_row& row) {
    auto whole = true;
    for (size_t i = 0; i < of.columns.size(); ++i) {
      const auto& x = of.columns[i];
      if (x.from != from)
        continue;
      auto value = x.type == column_type::text_array ? array(x, node) : single(x, node);
      whole = whole && (value || x.nullable);
      if (value)
        row.values[i] = std::move(*value);
    }
    return whole;
  }

private:
  static bool applies(const metadata::source& from, const json::value& node) {
    if (from.on.empty())
      return true;
    auto type = text_at(&node, "__typename");
    return type && *type == from.on;
  }

  static std::optional<std::string> single(const column& of, const json::value& node) {
    for (const auto& from : of.sources) {
      const auto* found = applies(from, node) ? walk(&node, from.path) : nullptr;
      if (found == nullptr)
        continue;
      if (auto value = scalar(*found, of))
        return std::string{from.prefix} + *value;
    }
    return std::nullopt;
  }

  std::optional<std::string> array(const column& of, const json::value& node) {
    std::vector<std::string> elements;
    auto steps = path_steps(of.sources.at(0).path);
    auto nodes = std::find(steps.begin(), steps.end(), "nodes");
    const auto* at = &node;
    for (auto step = steps.begin(); step != nodes; ++step)
      at = find(at, *step);
    // One that does not come has more as well.
    page_.cut_short =
        page_.cut_short || at == nullptr || truth_at(find(at, "pageInfo"), "hasNextPage", false);
    const auto* found = find(at, "nodes");
    const auto* list = found == nullptr ? nullptr : found->if_array();
    if (list == nullptr)
      return to_array_literal({});
    for (const auto& element : *list) {
      const auto* value = element.is_null() ? nullptr : &element;
      for (auto step = nodes + 1; step < steps.end(); ++step)
        value = find(value, *step);
      if (value != nullptr && value->is_string())
        elements.push_back(text_of(value->get_string()));
    }
    std::sort(elements.begin(), elements.end());
    return to_array_literal(elements);
  }

  metadata_page& page_;
};

/// Reads one answer.
class answer_reader {
public:
  answer_reader(const api_request& request, std::vector<field_data>& fields)
      : request_(request), fields_(fields) {}

  void read(const json::value& document) {
    const auto* data = find(&document, "data");
    for (size_t i = 0; i < request_.fields.size(); ++i) {
      auto name = "f" + std::to_string(i);
      try {
        read_field(find(data, name), request_.fields[i], fields_[i]);
      } catch (const broken& x) {
        throw broken{"data." + name + ": " + x.what};
      }
    }
  }

private:
  void read_field(const json::value* found, const search_field& field, field_data& into) {
    if (found == nullptr)
      return;
    into.present = true;
    if (request_.shape == query_shape::metadata_list) {
      into.answer.pages.push_back(read_page(*found, field.metadata));
      return;
    }
    const auto* nodes = found->if_array();
    if (nodes == nullptr)
      throw broken{"must be a list"};
    into.has_nodes = true;
    for (size_t i = 0; i < nodes->size(); ++i) {
      auto index = static_cast<uint32_t>(i);
      const auto& node = (*nodes)[i];
      if (node.is_null()) {
        into.null_nodes.push_back(index);
        continue;
      }
      auto first = into.answer.pages.size();
      if (field.metadata.parent.empty())
        read_probe(node, field.metadata, into.answer.pages);
      else
        into.answer.pages.push_back(read_page(node, field.metadata));
      for (auto j = first; j < into.answer.pages.size(); ++j)
        into.answer.pages[j].node = index;
    }
  }

  static void read_probe(const json::value& node, const metadata_ask& ask,
                         std::vector<metadata_page>& into) {
    for (const auto& name : ask.kinds) {
      const auto& of = *metadata::find_kind(name);
      metadata_page page;
      page.kind = name;
      const auto* list = find(&node, name);
      page.closed = !truth_at(&node, enabled_alias(of), true);
      page.refused = list == nullptr && !page.closed;
      page.total = count_at(list, "totalCount");
      const auto* nodes = find(list, "nodes");
      if (const auto* elements = nodes == nullptr ? nullptr : nodes->if_array())
        for (const auto& element : *elements)
          if (const auto* moved = walk(&element, moved_field(of));
              !moved_field(of).empty() && moved != nullptr && moved->is_string())
            note_moved(page, moved->get_string());
      into.push_back(std::move(page));
    }
  }

  static void note_moved(metadata_page& page, const json::string& text) {
    auto time = parse_utc_text({text.data(), text.size()});
    if (!time)
      throw broken{page.kind + ": no time like 2014-03-09T05:10:10Z"};
    if (!page.newest || *page.newest < *time)
      page.newest = *time;
  }

  static metadata_page read_page(const json::value& parent, const metadata_ask& ask) {
    const auto& list = list_of(ask);
    metadata_page page;
    const auto* holder = ask.continues ? &parent : walk(&parent, list.way);
    auto steps = path_steps(list.connection);
    const auto* owner = holder;
    for (size_t i = 0; i + 1 < steps.size(); ++i)
      owner = find(owner, steps[i]);
    const auto* connection = find(owner, "list");
    for (const auto& name : ask.kinds)
      page.rows.push_back({name, {}});
    page.holder = text_at(holder, "id").value_or("");
    page.closed = connection == nullptr;
    if (page.closed)
      return page;
    page.total = count_at(connection, "totalCount");
    page.whole_total = count_at(find(holder, "whole"), "totalCount");
    const auto* info = find(connection, "pageInfo");
    page.end_cursor = text_at(info, "endCursor").value_or("");
    page.has_next_page = truth_at(info, "hasNextPage", false);
    read_elements(*holder, elements_of(connection), 0, page);
    if (const auto* tail = find(owner, "tail"); tail != nullptr && page.has_next_page)
      read_rest(*holder, elements_of(tail), page);
    return page;
  }

  static const json::array& elements_of(const json::value* connection) {
    const auto* nodes = find(connection, "nodes");
    const auto* elements = nodes == nullptr ? nullptr : nodes->if_array();
    if (elements == nullptr)
      throw broken{"a list has no nodes"};
    return *elements;
  }

  /// The end of a list completes it unless there is more between.
  static void read_rest(const json::value& holder, const json::array& end, metadata_page& page) {
    auto came = static_cast<int64_t>(page.nodes.size()) + page.null_count;
    auto rest = page.total - came;
    if (rest <= 0 || rest > std::ssize(end))
      return;
    read_elements(holder, end, end.size() - static_cast<size_t>(rest), page);
    page.has_next_page = false;
  }

  static void read_elements(const json::value& holder, const json::array& elements, size_t first,
                            metadata_page& page) {
    element_reader reader{page};
    for (auto i = first; i < elements.size(); ++i) {
      const auto& element = elements[i];
      if (element.is_null()) {
        ++page.null_count;
        continue;
      }
      std::vector<metadata_row> rows;
      auto whole = true;
      for (const auto& of : page.rows) {
        const auto& described = *metadata::find_kind(of.kind);
        metadata_row row;
        row.values.resize(described.columns.size());
        whole = reader.read(described, metadata::origin::node, element, row) && whole;
        whole = reader.read(described, metadata::origin::holder, holder, row) && whole;
        rows.push_back(std::move(row));
      }
      if (!whole) {
        ++page.null_count;
        continue;
      }
      for (size_t k = 0; k < rows.size(); ++k)
        page.rows[k].rows.push_back(std::move(rows[k]));
      page.nodes.push_back(text_at(&element, "id").value_or(""));
    }
  }

  const api_request& request_;
  std::vector<field_data>& fields_;
};

} // namespace

std::string read_metadata(std::string_view body, const api_request& request,
                          std::vector<field_data>& fields) {
  fields.clear();
  fields.resize(request.fields.size());
  // The tree of an answer lives in one piece of memory and goes with it.
  json::monotonic_resource memory;
  json::error_code ec;
  auto document = json::parse(json::string_view{body.data(), body.size()}, ec, &memory);
  std::string repaired;
  if (ec) {
    repaired = repaired_json_text(body);
    document = json::parse(repaired, ec, &memory);
  }
  if (ec)
    return "no valid JSON: " + ec.message();
  try {
    answer_reader{request, fields}.read(document);
  } catch (const broken& x) {
    fields.clear();
    fields.resize(request.fields.size());
    return x.what;
  }
  return {};
}

} // namespace gitstar::net
