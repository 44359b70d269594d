/// Real answers of GitHub, recorded by others, where the folder with them is at hand.
#include "net/classify.hpp"
#include "net/github_answer.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>

using namespace gitstar;
namespace json = boost::json;
namespace fs = std::filesystem;

namespace {

/// `$GITSTAR_DATA/recorded` or `../shared/data/recorded`; empty where it is absent.
fs::path recorded_folder() {
  auto set = std::getenv("GITSTAR_DATA");
  auto folder = fs::path{set ? set : "../shared/data"} / "recorded";
  if (fs::exists(folder / "index.json"))
    return folder;
  std::cout << "skipped: no recorded answers in " << folder.string() << '\n';
  return {};
}

json::value read_json(const fs::path& file) {
  std::ifstream in{file};
  return json::parse(std::string{std::istreambuf_iterator<char>{in}, {}});
}

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
                       timestamp{});
}

std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> result;
  for (const auto& entry : fs::directory_iterator{folder})
    result.push_back(entry.path());
  return result;
}

/// What a status leaves possible.
bool is_plausible(int32_t status, outcome result) {
  if (status == 401)
    return result == outcome::unauthorized;
  if (status == 403)
    return result == outcome::forbidden || result == outcome::primary_limit ||
           result == outcome::secondary_limit;
  if (status == 429)
    return result == outcome::primary_limit || result == outcome::secondary_limit;
  if (status >= 500)
    return result == outcome::server_error || result == outcome::timeout;
  return result == outcome::rejected;
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
    // None of them has our field f0: what has no error lacks it, what was refused says so.
    auto got = judged(std::move(response));
    CHECK(got.result != outcome::ok);
    CHECK(got.result != outcome::primary_limit);
    CHECK(got.result != outcome::secondary_limit);
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
    CHECK(is_plausible(status, got.result));
    CHECK(got.message != "");
    ++read;
  }
  CHECK(read > 0);
}

TEST_CASE("errors quoted by people are judged as they were meant", "[recorded]") {
  auto folder = recorded_folder();
  if (folder.empty())
    return;
  const std::vector<std::pair<std::string, outcome>> meanings{
      {"rest-451", outcome::forbidden},
      {"graphql-502-json", outcome::timeout},
      {"graphql-502-html", outcome::timeout},
      {"graphql-502-headers", outcome::timeout},
      {"graphql-rate-limited", outcome::primary_limit},
      {"graphql-rate-limit-2026", outcome::primary_limit},
      {"secondary-limit", outcome::secondary_limit},
  };
  const auto all = read_json(folder / "quoted_errors.json");
  for (const auto& quoted : all.as_array()) {
    auto id = text_at(quoted.as_object(), "id");
    CAPTURE(id);
    for (const auto& [prefix, meaning] : meanings)
      if (id.rfind(prefix, 0) == 0)
        CHECK(judged(response_of(quoted.as_object())).result == meaning);
  }
}
