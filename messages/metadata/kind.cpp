#include "messages/metadata/kind.hpp"

#include <algorithm>

namespace gitstar::metadata {

namespace {

/// A field of a selection and the fields within it, in the order they were first named.
struct selected {
  std::string text; ///< the field with its arguments, or `... on Type`
  std::vector<selected> within;
};

selected& child(selected& of, std::string_view text) {
  auto found = std::find_if(of.within.begin(), of.within.end(),
                            [&](const selected& x) { return x.text == text; });
  if (found != of.within.end())
    return *found;
  of.within.push_back({std::string{text}, {}});
  return of.within.back();
}

/// Arguments have no dots.
void add_path(selected& root, std::string_view path) {
  auto* at = &root;
  for (;;) {
    auto dot = path.find('.');
    auto field = path.substr(0, dot);
    if (field == "nodes")
      for (const auto* text : {"totalCount", "pageInfo"})
        child(*at, text);
    at = &child(*at, field);
    if (dot == std::string_view::npos)
      return;
    path.remove_prefix(dot + 1);
  }
}

std::string text_of(const std::vector<selected>& fields) {
  std::string result;
  for (const auto& x : fields) {
    result.append(result.empty() ? "" : " ").append(x.text);
    if (x.text == "pageInfo")
      result += "{endCursor hasNextPage}";
    else if (!x.within.empty())
      result += '{' + text_of(x.within) + '}';
  }
  return result;
}

std::string selection_from(const kind& of, origin from) {
  selected root;
  for (const auto& x : of.columns) {
    if (x.from != from)
      continue;
    for (const auto& from_here : x.sources) {
      if (from_here.on.empty()) {
        add_path(root, from_here.path);
        continue;
      }
      child(root, "__typename");
      add_path(child(root, "... on " + std::string{from_here.on}), from_here.path);
    }
  }
  return text_of(root.within);
}

} // namespace

std::string_view to_string(column_type type) {
  switch (type) {
  case column_type::bigint:
    return "bigint";
  case column_type::integer:
    return "integer";
  case column_type::boolean:
    return "boolean";
  case column_type::text:
    return "text";
  case column_type::text_array:
    return "text[]";
  case column_type::timestamptz:
    return "timestamptz";
  }
  return "unknown";
}

column field(std::string_view name, column_type type, std::string_view path) {
  return {name, type, origin::node, {{path}}};
}

column nullable(std::string_view name, column_type type, std::string_view path) {
  auto result = field(name, type, path);
  result.nullable = true;
  return result;
}

column repository_column() { return {"repo_id", column_type::bigint, origin::repository}; }

column parent_column(std::string_view name, column_type type) {
  return {name, type, origin::parent};
}

bool same_list(const list& a, const list& b) {
  return a.parent == b.parent && a.way == b.way && a.connection == b.connection &&
         a.arguments == b.arguments && a.since == b.since;
}

std::optional<std::size_t> column_index(const kind& of, std::string_view column) {
  for (std::size_t i = 0; i < of.columns.size(); ++i)
    if (of.columns[i].name == column)
      return i;
  return std::nullopt;
}

std::vector<std::size_t> key_indexes(const kind& of) {
  std::vector<std::size_t> result;
  for (auto name : of.key)
    result.push_back(column_index(of, name).value());
  return result;
}

std::string selection(const kind& of) { return selection_from(of, origin::node); }

std::string holder_selection(const kind& of) { return selection_from(of, origin::holder); }

} // namespace gitstar::metadata
