// An answer with metadata: the first line says which list of which kind was asked for, as a number,
// and how many parents; then comes the body.
#include "messages/metadata/registry.hpp"
#include "messages/time_text.hpp"
#include "net/classify.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <charconv>

using namespace gitstar;
using test::require;

namespace {

api_request request_for(size_t number, size_t parents) {
  std::vector<search_field> lists;
  for (const auto* kind : metadata::all_kinds())
    for (const auto& list : kind->lists) {
      auto& field = lists.emplace_back();
      field.metadata.kinds = {std::string{kind->name}};
      field.metadata.parent = list.parent;
    }
  auto field = lists[number % lists.size()];
  for (size_t i = 0; i < parents; ++i)
    if (field.metadata.parent.empty())
      field.ids.push_back(static_cast<repo_id>(70'000 + i));
    else
      field.metadata.nodes.push_back("N_" + std::to_string(i));
  api_request request;
  request.shape = parents > 1 ? query_shape::metadata_probe : query_shape::metadata_list;
  request.fields = {field, field};
  return request;
}

bool is_number(const std::string& text, int64_t first, int64_t last) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= first &&
         value <= last;
}

void check_value(const metadata::column& of, const std::string& value) {
  using metadata::column_type;
  require(test::is_storable(value), "PostgreSQL can store every text", value);
  if (of.type == column_type::bigint)
    require(is_number(value, INT64_MIN, INT64_MAX), "a bigint is one", value);
  if (of.type == column_type::integer)
    require(is_number(value, INT32_MIN, INT32_MAX), "an integer is one", value);
  if (of.type == column_type::boolean)
    require(value == "t" || value == "f", "a boolean is one", value);
  if (of.type == column_type::timestamptz)
    require(parse_utc_text(value) != caf::none, "a time is one", value);
  if (of.type == column_type::text_array)
    require(value.starts_with('{') && value.ends_with('}'), "an array is one", value);
}

void check_page(const metadata_page& page) {
  for (const auto& rows : page.rows) {
    const auto& kind = *metadata::find_kind(rows.kind);
    require(rows.rows.size() == page.nodes.size(), "each kind has a row per element");
    for (const auto& row : rows.rows) {
      require(row.values.size() == kind.columns.size(), "a row has all columns");
      for (size_t i = 0; i < kind.columns.size(); ++i) {
        const auto& column = kind.columns[i];
        auto told =
            column.from == metadata::origin::node || column.from == metadata::origin::holder;
        require(!told || column.nullable || row.values[i] != caf::none,
                "what must be there is there", std::string{column.name});
        if (row.values[i])
          check_value(column, *row.values[i]);
      }
    }
  }
  for (const auto& text : page.nodes)
    require(test::is_storable(text), "an id can be stored", text);
  require(test::is_storable(page.end_cursor), "a cursor can be stored", page.end_cursor);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text{reinterpret_cast<const char*>(data), size};
  auto first = test::take_until(text, '\n');
  if (first.size() != 2 || first[0] < 'a' || first[0] > 'z' || first[1] < '1' || first[1] > '9')
    return 0;
  auto request =
      request_for(static_cast<size_t>(first[0] - 'a'), static_cast<size_t>(first[1] - '0'));
  net::http_response response;
  response.status = 200;
  response.body = text;
  auto answer = net::classify(request, std::move(response), timestamp{}).answer;
  auto has_data = answer.result == outcome::ok || answer.result == outcome::partial;
  require(answer.fields.size() == (has_data ? request.fields.size() : 0),
          "a field per alias if there are data, else none", to_string(answer.result));
  for (const auto& field : answer.fields) {
    if (field.error == field_error::none && request.shape == query_shape::metadata_list)
      require(field.pages.size() == 1, "a list that was read has its page");
    for (const auto& page : field.pages)
      check_page(page);
  }
  return 0;
}
