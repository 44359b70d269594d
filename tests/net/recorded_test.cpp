/// Real answers of GitHub, recorded by others, where the folder with them is at hand.
#include "net/classify.hpp"
#include "net/github_answer.hpp"
#include "tests/recorded.hpp"

#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include <map>

using namespace gitstar;
using namespace gitstar::test;
namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

std::string text_of(const json::value& value) {
  return value.is_string() ? std::string{value.as_string()} : json::serialize(value);
}

std::string text_at(const json::object& object, json::string_view key) {
  auto found = object.find(key);
  return found == object.end() ? "" : text_of(found->value());
}

/// A recorded response, or a quoted error, as if it had just come.
net::http_response response_of(const json::object& recorded) {
  net::http_response result;
  result.status = static_cast<int32_t>(recorded.at("status").as_int64());
  if (auto headers = recorded.if_contains("headers"); headers && headers->is_object())
    for (const auto& [name, value] : headers->as_object())
      result.headers.emplace_back(name, text_of(value));
  for (auto key : {"body", "body_text"})
    result.body += text_at(recorded, key);
  if (result.body.empty() && recorded.contains("message"))
    result.body = json::serialize(json::object{{"message", recorded.at("message")}});
  return result;
}

api_response judged(net::http_response response) {
  return net::classify({query_shape::search_page, "token-1", {{"q", ""}}}, std::move(response),
                       timestamp{})
      .answer;
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> result;
  for (const auto& entry : fs::directory_iterator{folder})
    result.push_back(entry.path());
  return result;
}

/// What recorded refusals mean: by status, but for these files.
outcome meaning_of(int32_t status, const std::string& file) {
  static const std::map<std::string, outcome> by_file{
      {"403-019", outcome::secondary_limit},
      {"403-045", outcome::secondary_limit},
      {"403-059", outcome::secondary_limit},
      {"403-062", outcome::secondary_limit}, // "Max number of login attempt exceeded"
      {"403-061", outcome::primary_limit},
  };
  static const std::map<int32_t, outcome> by_status{
      {400, outcome::rejected},        {401, outcome::unauthorized}, {403, outcome::forbidden},
      {404, outcome::rejected},        {409, outcome::rejected},     {422, outcome::rejected},
      {429, outcome::secondary_limit}, {500, outcome::server_error}, {502, outcome::timeout},
      {503, outcome::server_error}};
  auto special = by_file.find(file);
  return special == by_file.end() ? by_status.at(status) : special->second;
}

/// What the answers to other people's queries mean for a query of one field: they lack the field,
/// and an error about the whole query explains why.
outcome meaning_of_graphql(const std::string& file) {
  auto is_refused = file == "200-002" || file == "200-022" || file == "200-032";
  return is_refused ? outcome::partial : outcome::malformed;
}

} // namespace

TEST_CASE("recorded GraphQL answers are read and judged", "[recorded]") {
  auto folder = recorded_folder();
  if (folder.empty())
    return;
  size_t read = 0;
  for (const auto& file : files_in(folder / "graphql")) {
    CAPTURE(file.string());
    auto recorded = read_json(file);
    auto response = response_of(recorded.at("response").as_object());
    auto answer = net::parse_github_answer(response.body, 1);
    CHECK(answer.problem == "");
    CHECK((answer.has_data || !answer.errors.empty()));
    auto result = judged(std::move(response)).result;
    CHECK(result == meaning_of_graphql(file.stem().string()));
    ++read;
  }
  CHECK(read > 0);
}

TEST_CASE("recorded refusals are judged by status and words", "[recorded]") {
  auto folder = recorded_folder();
  if (folder.empty())
    return;
  size_t read = 0;
  for (const auto& file : files_in(folder / "errors")) {
    CAPTURE(file.string());
    auto recorded = read_json(file);
    auto response = response_of(recorded.at("response").as_object());
    auto status = response.status;
    auto got = judged(std::move(response));
    CAPTURE(status, to_string(got.result), got.message);
    CHECK(got.result == meaning_of(status, file.stem().string()));
    CHECK(got.message != "");
    ++read;
  }
  CHECK(read > 0);
}

TEST_CASE("errors quoted by people are judged as they were meant", "[recorded]") {
  auto folder = recorded_folder();
  if (folder.empty())
    return;
  const std::map<std::string, outcome> meanings{
      {"rest-451-dmca-2017", outcome::blocked},
      {"rest-451-dmca-2024", outcome::blocked},
      {"graphql-502-json-2018", outcome::timeout},
      {"graphql-502-json-2019", outcome::timeout},
      {"graphql-502-html-2025", outcome::timeout},
      {"graphql-502-headers-2023", outcome::timeout},
      {"graphql-rate-limited-2023", outcome::primary_limit},
      {"graphql-rate-limit-2026", outcome::primary_limit},
      {"graphql-rate-limit-headers-2022", outcome::malformed}, // only the headers were quoted
      {"graphql-resource-limits-2026", outcome::resource_limit},
      {"secondary-limit-2025", outcome::secondary_limit},
  };
  const auto all = read_json(folder / "quoted_errors.json");
  CHECK(all.as_array().size() == meanings.size());
  for (const auto& quoted : all.as_array()) {
    auto id = text_at(quoted.as_object(), "id");
    CAPTURE(id);
    CHECK(judged(response_of(quoted.as_object())).result == meanings.at(id));
  }
}
