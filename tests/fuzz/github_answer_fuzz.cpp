// An answer of GitHub, from status, headers and body to what the crawler takes it for. The first
// line is what was asked and the status: p (pages) or c (counts), how many fields, i if the viewer
// was asked for, such as `p2i 200`. Then come headers, an empty line and the body.
#include "net/classify.hpp"
#include "tests/fuzz/fuzz.hpp"

#include <boost/json/parse.hpp>

#include <algorithm>
#include <charconv>
#include <limits>

using namespace gitstar;
using test::require;

namespace {

namespace json = boost::json;

struct exchange {
  api_request request;
  net::http_response response;
};

std::optional<exchange> read_exchange(std::string_view text) {
  exchange result;
  auto first = test::take_until(text, '\n');
  if (first.size() < 5 || (first[0] != 'p' && first[0] != 'c') || first[1] < '0' || first[1] > '9')
    return std::nullopt;
  result.request.shape = first[0] == 'p' ? query_shape::search_page : query_shape::search_count;
  result.request.fields.resize(static_cast<size_t>(first[1] - '0'));
  result.request.identify = first[2] == 'i';
  auto status = first.substr(first.find(' ') + 1);
  std::from_chars(status.data(), status.data() + status.size(), result.response.status);
  for (auto line = test::take_until(text, '\n'); !line.empty();
       line = test::take_until(text, '\n')) {
    auto name = std::string{test::take_until(line, ':')};
    line.remove_prefix(std::min(line.find_first_not_of(' '), line.size()));
    result.response.headers.emplace_back(std::move(name), line);
  }
  result.response.body = text;
  return result;
}

// -- what must hold of any answer -----------------------------------------------------------------

constexpr timestamp now{std::chrono::seconds{1'800'000'000}};

/// What can be added to any clock's time without overflow.
bool is_sane(std::chrono::seconds span) {
  return std::chrono::abs(span) <= std::chrono::years{300};
}

void check_shape(const api_request& request, const api_response& answer) {
  auto has_data = answer.result == outcome::ok || answer.result == outcome::partial;
  require(answer.fields.size() == (has_data ? request.fields.size() : 0),
          "a field per alias if there are data, else none", to_string(answer.result));
  auto is_bad = [](const auto& field) { return field.error != field_error::none; };
  auto bad = std::count_if(answer.fields.begin(), answer.fields.end(), is_bad);
  require(answer.result != outcome::ok || bad == 0, "`ok` has no missing field");
  require(answer.result != outcome::partial || bad > 0, "`partial` says which field is bad");
  require(has_data || !answer.message.empty(), "a failure has its reason",
          to_string(answer.result));
}

void check_texts(const api_response& answer) {
  for (const auto& text : {answer.message, answer.request_id})
    require(test::is_one_line(text) && text.size() < 2'000, "a message is one line", text);
  for (const auto& field : answer.fields) {
    require(test::is_one_line(field.message), "a field's message is one line", field.message);
    require(test::is_storable(field.end_cursor), "a cursor can be stored", field.end_cursor);
  }
}

void check_numbers(const api_response& answer) {
  const auto& limits = answer.limits;
  require(limits.limit >= 0 && limits.remaining >= 0 && limits.cost >= -1,
          "points are not negative");
  require(is_sane(limits.reset_at.time_since_epoch()), "a clock can take the reset");
  require(!answer.retry_after || (answer.retry_after->count() >= 0 && is_sane(*answer.retry_after)),
          "a clock can take the time to wait");
  require(!answer.server_clock_skew || is_sane(*answer.server_clock_skew) ||
              *answer.server_clock_skew < std::chrono::years{20'000},
          "a skew is a difference of times");
}

void check_repository(const repository& found) {
  require(found.repo_id > 0, "a repository has an id");
  require(!owner_of(found).empty() && !name_of(found).empty(), "a repository has owner and name",
          found.full_name);
  require(!found.visibility.empty(), "a repository has a visibility", found.full_name);
  require(found.created_at != timestamp{} && found.updated_at != timestamp{},
          "a repository has its times", found.full_name);
  require(found.star_count >= 0 && found.fork_count >= 0, "counts are not negative");
  for (const auto& text : {found.full_name, found.visibility, found.language.value_or(""),
                           found.license.value_or(""), found.description.value_or("")})
    require(test::is_storable(text), "PostgreSQL can store every text", text);
}

// -- what the body says, read by another parser ---------------------------------------------------

/// Keys outside of texts: an object that says a thing twice says nothing certain.
size_t count_colons(std::string_view body) {
  size_t result = 0;
  auto quoted = false;
  for (size_t i = 0; i < body.size(); ++i) {
    if (body[i] == '\\')
      ++i;
    else if (body[i] == '"')
      quoted = !quoted;
    else if (body[i] == ':' && !quoted)
      ++result;
  }
  return result;
}

size_t count_keys(const json::value& value) {
  size_t result = 0;
  if (value.is_array())
    for (const auto& item : value.get_array())
      result += count_keys(item);
  if (value.is_object())
    for (const auto& [name, member] : value.get_object())
      result += 1 + count_keys(member);
  return result;
}

void compare(const field_answer& field, const json::object& data, size_t index, query_shape shape) {
  auto alias = "f" + std::to_string(index);
  auto found = data.if_contains(alias);
  require(found && found->is_object(), "a field without an error is in the body", alias);
  const auto& body = found->get_object();
  auto count = body.if_contains("repositoryCount");
  require(count && count->is_int64() && count->get_int64() == field.match_count,
          "the count is that of the body", alias);
  auto nodes = body.if_contains("nodes");
  if (shape == query_shape::search_count && !(nodes && nodes->is_array()))
    return;
  require(nodes && nodes->is_array(), "a page without an error has its nodes", alias);
  std::vector<int64_t> ids;
  for (const auto& node : nodes->get_array()) {
    auto id = node.is_object() ? node.get_object().if_contains("databaseId") : nullptr;
    if (id && id->is_int64() && id->get_int64() != 0)
      ids.push_back(id->get_int64());
  }
  require(ids.size() == field.repositories.size(), "all repositories of a page are taken", alias);
  for (size_t i = 0; i < ids.size(); ++i)
    require(ids[i] == field.repositories[i].repo_id, "repositories keep their order", alias);
  require(field.null_count == nodes->get_array().size() - ids.size(), "nulls are counted", alias);
}

void compare_with_body(const exchange& asked, const api_response& answer) {
  json::error_code ec;
  auto body = json::parse(json::string_view{asked.response.body}, ec);
  if (ec || count_keys(body) != count_colons(asked.response.body))
    return; // repaired first, or ambiguous
  for (size_t i = 0; i < answer.fields.size(); ++i)
    if (answer.fields[i].error == field_error::none)
      compare(answer.fields[i], body.as_object().at("data").as_object(), i, asked.request.shape);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto asked = read_exchange(test::text_of(data, size));
  if (!asked)
    return -1;
  auto response = asked->response;
  auto answer = net::classify(asked->request, std::move(response), now).answer;
  check_shape(asked->request, answer);
  check_texts(answer);
  check_numbers(answer);
  for (const auto& field : answer.fields)
    for (const auto& found : field.repositories)
      check_repository(found);
  compare_with_body(*asked, answer);
  return 0;
}
