#include "tools/sim/github.hpp"

#include <utility>

namespace gitstar::sim {

namespace {

constexpr std::string_view user_agent_page =
    "\r\nRequest forbidden by administrative rules. Please make sure your request has a User-Agent "
    "header (http://developer.github.com/v3/#user-agent-required). Check "
    "https://developer.github.com "
    "for other possible causes.\r\n";

constexpr std::string_view secondary_limit_url =
    "https://docs.github.com/free-pro-team@latest/rest/overview/"
    "rate-limits-for-the-rest-api#about-secondary-rate-limits";

/// The token of `Bearer T` or `token T`; empty if there is none.
std::string token_of(std::string_view authorization) {
  auto blank = authorization.find(' ');
  if (blank == std::string_view::npos)
    return {};
  auto scheme = lower_case(authorization.substr(0, blank));
  auto token = authorization.substr(blank + 1);
  return scheme == "bearer" || scheme == "token" ? std::string{token} : std::string{};
}

bool is_graphql(std::string_view target) {
  auto path = target.substr(0, target.find('?'));
  return path == "/graphql" || path == "/api/graphql";
}

/// The endpoint that a REST request counts for: the path without what identifies the object.
std::string endpoint_of(std::string_view target) {
  auto path = target.substr(0, target.find('?'));
  auto second = path.find('/', 1);
  return std::string{path.substr(0, second)} + (second == std::string_view::npos ? "" : "/*");
}

} // namespace

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

github::github(dataset data, github_config config)
    : data_(std::move(data)), config_(std::move(config)), search_(data_), limits_(config_.limits) {}

unix_seconds github::now() const {
  return std::chrono::floor<std::chrono::seconds>(config_.now()).time_since_epoch().count();
}

http_answer github::answer(const http_request& request) {
  if (request.target.starts_with("/_sim/"))
    return answer_admin(request);
  return answer_api(request);
}

void github::sent(http_answer& answer) {
  if (!answer.is_api)
    return;
  std::chrono::duration<double> took = config_.now() - answer.arrived;
  stats_.response_seconds += took.count();
  limits_.leave(answer.credential, answer.is_graphql, took.count(), now());
  if (answer.body.capacity() > spare_body_.capacity()) {
    spare_body_ = std::move(answer.body);
    spare_body_.clear();
  }
}

http_answer github::answer_api(const http_request& request) {
  http_answer out;
  out.is_api = true;
  out.is_graphql = is_graphql(request.target);
  out.arrived = config_.now();
  out.body = std::exchange(spare_body_, {});
  out.credential = token_of(request.authorization);
  ++stats_.requests;
  ++(out.is_graphql ? stats_.graphql_requests : stats_.rest_requests);
  auto admission =
      limits_.enter(out.credential, out.is_graphql ? "" : endpoint_of(request.target), now());
  if (request.user_agent.empty()) {
    out.status = 403;
    out.content_type = "text/html";
    out.body = user_agent_page;
    out.close = true;
    return out;
  }
  add_common_headers(out);
  if (auto refused = refuse(request, out))
    return std::move(*refused);
  if (admission.banned) {
    out.status = 403;
    if (admission.with_retry_after)
      out.headers += "Retry-After: " + std::to_string(admission.retry_after) + "\r\n";
    out.body = "{\"documentation_url\":\"" + std::string{secondary_limit_url} +
               "\",\"message\":\"You have exceeded a secondary rate limit. Please wait a few "
               "minutes before you try again. If you reach out to GitHub Support for help, "
               "please include the request ID " +
               next_request_id() + ".\"}";
    add_limit_headers(out, out.is_graphql ? resource::graphql : resource::core);
    return out;
  }
  if (out.is_graphql)
    answer_graphql(request, out);
  else
    answer_rest(request, out);
  return out;
}

/// Answers what is not authorised.
std::optional<http_answer> github::refuse(const http_request& request, http_answer& out) {
  auto anonymous = request.authorization.empty();
  auto known = !out.credential.empty() &&
               (config_.tokens.empty() || config_.tokens.contains(out.credential));
  if (known || (anonymous && !out.is_graphql && config_.tokens.empty()))
    return std::nullopt;
  ++stats_.unauthorized;
  out.status = 401;
  if (anonymous) {
    out.body = "{\"message\":\"This endpoint requires you to be authenticated.\","
               "\"documentation_url\":\"https://docs.github.com/graphql/guides/"
               "forming-calls-with-graphql#authenticating-with-graphql\"}";
  } else {
    out.body = "{\"message\":\"Bad credentials\",\"documentation_url\":\"https://docs.github.com/" +
               std::string{out.is_graphql ? "graphql" : "rest"} + "\",\"status\":\"401\"}";
    if (limits_.enabled()) {
      out.headers += "X-RateLimit-Limit: 0\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Used: 0\r\n"
                     "X-RateLimit-Reset: " +
                     std::to_string(now() + 3600) +
                     "\r\nX-RateLimit-Resource: " + (out.is_graphql ? "graphql" : "core") + "\r\n";
    }
  }
  return std::move(out);
}

std::string github::next_request_id() {
  constexpr std::string_view digits = "0123456789ABCDEF";
  auto random = mix(data_.seed(), request_count_);
  auto more = mix(random);
  std::string out;
  for (auto i = 0; i < 28; ++i) {
    if (i == 4 || i == 10 || i == 16 || i == 22)
      out += ':';
    out += digits[(i < 16 ? random >> (4 * i) : more >> (4 * (i - 16))) & 15];
  }
  return out;
}

void github::add_common_headers(http_answer& out) {
  ++request_count_;
  out.headers += "X-GitHub-Media-Type: github.v4; format=json\r\nX-GitHub-Request-Id: ";
  out.headers += next_request_id();
  out.headers += "\r\n";
}

void github::add_limit_headers(http_answer& out, resource which) {
  if (!limits_.enabled())
    return;
  auto window = limits_.window(out.credential, which, now());
  auto add = [&](std::string_view name, int64_t value) {
    out.headers += name;
    append_number(out.headers, value);
    out.headers += "\r\n";
  };
  add("X-RateLimit-Limit: ", window.limit);
  add("X-RateLimit-Remaining: ", window.remaining());
  add("X-RateLimit-Reset: ", window.reset);
  add("X-RateLimit-Used: ", window.used);
  out.headers += "X-RateLimit-Resource: ";
  out.headers += to_string(which);
  out.headers += "\r\n";
}

} // namespace gitstar::sim
