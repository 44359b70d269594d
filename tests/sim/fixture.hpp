#pragma once

#include "tools/sim/github.hpp"
#include "tools/sim/synthetic.hpp"

#include <boost/json.hpp>

#include <set>

namespace gitstar::sim::test {

namespace json = boost::json;

/// A repository of a hand-made data set.
struct row {
  int64_t id = 0;
  std::string full_name;
  int32_t stars = 0;
  unix_seconds created_at = 0;
  std::string language;
  uint8_t flags = 0;
};

inline dataset make_data(const std::vector<row>& rows) {
  dataset data{1};
  for (const auto& from : rows) {
    auto slash = from.full_name.find('/');
    std::string description = "about " + from.full_name;
    repository_input input;
    input.values.id = from.id;
    input.values.stars = from.stars;
    input.values.created_at = static_cast<uint32_t>(from.created_at);
    input.values.updated_at = static_cast<uint32_t>(from.created_at + 10);
    input.values.pushed_at = static_cast<uint32_t>(from.created_at + 5);
    input.values.flags = from.flags;
    input.owner = std::string_view{from.full_name}.substr(0, slash);
    input.name = std::string_view{from.full_name}.substr(slash + 1);
    input.language = from.language;
    input.description = &description;
    data.add(input);
  }
  data.finish();
  return data;
}

inline unix_seconds at(std::string_view time) { return parse_time(time).value().first; }

/// A GitHub whose clock stands still until a test moves it.
class site {
public:
  explicit site(dataset data, bool with_limits = true, std::vector<std::string> tokens = {})
      : site(std::move(data), config(with_limits, std::move(tokens))) {}

  site(dataset data, github_config config)
      : github_(std::move(data), complete(std::move(config))) {}

  explicit site(size_t repositories = 2'000) : site(make_synthetic(repositories, 1)) {}

  void advance(std::chrono::milliseconds by) { now_ += by; }

  http_request request(std::string method, std::string target) const {
    http_request out;
    out.method = std::move(method);
    out.target = std::move(target);
    out.authorization = "Bearer " + token;
    out.user_agent = "test";
    return out;
  }

  /// Sends a request and waits for its answer.
  http_answer send(const http_request& request) {
    auto answer = github_.answer(request);
    auto done = answer; // what is sent gives up its body
    github_.sent(done);
    return answer;
  }

  /// Replaces the faults; `yaml` is the list of them.
  void set_faults(const std::string& yaml) {
    auto all = "seed: 1\nfaults:\n" + yaml;
    auto load = request("POST", "/_sim/faults");
    load.body = all;
    auto answer = send(load);
    if (answer.status != 200)
      throw std::runtime_error(answer.body);
  }

  http_answer get(const std::string& target) { return send(request("GET", target)); }

  http_answer post(const std::string& document, json::object variables = {}) {
    body_ = json::serialize(json::object{{"query", document}, {"variables", std::move(variables)}});
    auto out = request("POST", "/graphql");
    out.body = body_;
    return send(out);
  }

  /// The answer to a query, as JSON.
  json::value ask(const std::string& document, json::object variables = {}) {
    return json::parse(post(document, std::move(variables)).body);
  }

  /// The whole body, also of a long answer.
  std::string text(const std::string& target) {
    auto answer = get(target);
    while (answer.more && answer.more(answer.body)) {
    }
    return answer.body;
  }

  json::value stats() { return json::parse(get("/_sim/stats").body); }
  int64_t violation(const char* kind) { return stats().at("violations").at(kind).as_int64(); }

  github& hub() { return github_; }
  const dataset& data() const { return github_.data(); }

  std::string token = "ghp_test";

private:
  static github_config config(bool with_limits, std::vector<std::string> tokens) {
    github_config out;
    out.limits = with_limits;
    for (auto& token : tokens)
      out.credentials.tokens.emplace_back().token = std::move(token);
    return out;
  }

  github_config complete(github_config out) {
    out.base_url = "http://sim";
    out.now = [this] { return now_; };
    return out;
  }

  std::chrono::system_clock::time_point now_{std::chrono::seconds{1'800'000'000}};
  std::string body_;
  github github_;
};

/// The value of a header; empty if there is none.
inline std::string header(const http_answer& answer, const std::string& name) {
  auto begin = answer.headers.find(name + ": ");
  if (begin == std::string::npos)
    return "";
  begin += name.size() + 2;
  return answer.headers.substr(begin, answer.headers.find("\r\n", begin) - begin);
}

/// The message of the first error, or nothing.
inline std::string message(const json::value& answer) {
  auto errors = answer.as_object().if_contains("errors");
  return errors == nullptr ? "" : json::value_to<std::string>(errors->at(0).at("message"));
}

/// The `type` or the `extensions.code` of the first error.
inline std::string kind(const json::value& answer) {
  const auto& error = answer.at("errors").at(0).as_object();
  if (error.contains("type"))
    return json::value_to<std::string>(error.at("type"));
  return json::value_to<std::string>(error.at("extensions").at("code"));
}

} // namespace gitstar::sim::test
