#include "tools/sim/github.hpp"

#include <ctime>
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

/// Without the query part, and without what GitHub Enterprise Server puts before it.
std::string_view api_path(std::string_view target) {
  if (target.starts_with("/api/v3/"))
    target.remove_prefix(7);
  return target.substr(0, target.find('?'));
}

/// `Sun, 06 Nov 1994 08:49:37 GMT`
std::string http_date(unix_seconds time) {
  auto seconds = static_cast<std::time_t>(time);
  std::tm parts{};
  gmtime_r(&seconds, &parts);
  std::array<char, 32> text;
  auto size = std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &parts);
  return {text.data(), size};
}

/// The endpoint that a REST request counts for: the path without what identifies the object.
std::string endpoint_of(std::string_view path) {
  auto second = path.find('/', 1);
  return std::string{path.substr(0, second)} + (second == std::string_view::npos ? "" : "/*");
}

} // namespace

std::string json_string(std::string_view text) {
  std::string out;
  append_json_string(out, text);
  return out;
}

void answer_error(http_answer& out, int status, std::string_view message) {
  out.status = status;
  out.body = "{\"message\":" + json_string(message) +
             ",\"documentation_url\":\"https://docs.github.com/rest\",\"status\":\"" +
             std::to_string(status) + "\"}";
}

http_answer plain_answer(int status, std::string text) {
  http_answer out;
  out.status = status;
  out.content_type = "text/plain; charset=utf-8";
  out.body = std::move(text);
  return out;
}

const std::string_view blocked_body =
    "{\"message\":\"Repository access blocked\",\"block\":{\"reason\":\"dmca\",\"created_at\":"
    "\"2021-04-22T17:53:56Z\",\"html_url\":\"https://github.com/github/dmca\"}}";

void answer_page(http_answer& out, int status, std::string_view title) {
  out.status = status;
  out.content_type = "text/html";
  out.body = "<html>\r\n<head><title>" + std::string{title} +
             "</title></head>\r\n<body>\r\n<center><h1>" + std::string{title} +
             "</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
}

github::github(dataset data, github_config config)
    : data_(std::move(data)), config_(std::move(config)), search_(data_),
      metadata_(data_, config_.metadata_scale, config_.metadata_bytes),
      limits_(config_.limits, config_.window_seconds),
      credentials_(config_.credentials, limits_, config_.now()) {
  load_faults(config_.faults);
}

http_answer github::answer(const http_request& request) {
  if (request.target.starts_with("/_sim/"))
    return answer_admin(request);
  return answer_api(request);
}

void github::sent(http_answer& answer) {
  if (!answer.is_api)
    return;
  auto at = now();
  const auto& account = answer.asker->account;
  std::chrono::duration<double> took = at - answer.arrived;
  stats_.response_seconds += took.count();
  limits_.leave(account, answer.is_graphql, took.count(), at);
  if (answer.announces_ban)
    limits_.announced_ban(account, at);
  if (answer.announces_empty)
    limits_.announced_empty(account, *answer.announces_empty, at);
  if (answer.body.capacity() > spare_body_.capacity()) {
    spare_body_ = std::move(answer.body);
    spare_body_.clear();
  }
}

http_answer github::answer_api(const http_request& request) {
  http_answer out;
  out.is_api = true;
  out.is_graphql = is_graphql(request.target);
  out.arrived = now();
  out.body = std::exchange(spare_body_, {});
  ++stats_.requests;
  ++(out.is_graphql ? stats_.graphql_requests : stats_.rest_requests);
  ++request_count_;
  auto path = api_path(request.target);
  auto is_app = path.starts_with("/app/");
  auto asker =
      is_app ? credential_registry::asker{&credentials_.arrive_app(), true}
             : credentials_.arrive(token_of(request.authorization), out.is_graphql, out.arrived);
  out.asker = asker.who;
  auto admission =
      limits_.enter(out.asker->account, out.is_graphql ? "" : endpoint_of(path), out.arrived);
  blame(out, admission.broken);
  if (request.user_agent.empty()) {
    out.status = 403;
    out.content_type = "text/html";
    out.body = user_agent_page;
    out.close = true;
    return out;
  }
  add_common_headers(out);
  if (!asker.accepted)
    answer_unauthorized(request.authorization.empty(), out);
  else if (admission.banned)
    answer_banned(admission, out);
  else
    answer_admitted(request, path, out);
  return out;
}

/// Answers what GitHub would answer, unless a fault is in the way.
void github::answer_admitted(const http_request& request, std::string_view path, http_answer& out) {
  hits_ = {};
  if (injector_.any())
    hits_ = injector_.arrive({request_count_, out.arrived, out.asker->name, out.is_graphql});
  for (auto fault : hits_.world)
    change_world(*fault);
  if (hits_.answer != nullptr)
    inject(*hits_.answer, out);
  else if (out.is_graphql)
    answer_graphql(request, out);
  else if (path.starts_with("/app/"))
    answer_app(request, path, out);
  else
    answer_rest(request, path, out);
  if (hits_.delivery != nullptr)
    spoil(*hits_.delivery, out);
}

void github::answer_unauthorized(bool anonymous, http_answer& out) {
  ++stats_.unauthorized;
  out.status = 401;
  if (anonymous) {
    out.body = "{\"message\":\"This endpoint requires you to be authenticated.\","
               "\"documentation_url\":\"https://docs.github.com/graphql/guides/"
               "forming-calls-with-graphql#authenticating-with-graphql\"}";
    return;
  }
  out.body = "{\"message\":\"Bad credentials\",\"documentation_url\":\"https://docs.github.com/" +
             std::string{out.is_graphql ? "graphql" : "rest"} + "\",\"status\":\"401\"}";
  if (limits_.enabled())
    out.headers += "X-RateLimit-Limit: 0\r\nX-RateLimit-Remaining: 0\r\nX-RateLimit-Used: 0\r\n"
                   "X-RateLimit-Reset: " +
                   std::to_string(server_time(now()) + 3600) +
                   "\r\nX-RateLimit-Resource: " + (out.is_graphql ? "graphql" : "core") + "\r\n";
}

void github::answer_banned(const limits::admission& admission, http_answer& out) {
  out.status = 403;
  out.announces_ban = true;
  if (admission.with_retry_after)
    out.headers += "Retry-After: " + std::to_string(admission.retry_after) + "\r\n";
  out.body = secondary_limit_body();
  add_limit_headers(out, out.is_graphql ? resource::graphql : resource::core);
}

std::string github::secondary_limit_body() {
  return "{\"documentation_url\":\"" + std::string{secondary_limit_url} +
         "\",\"message\":\"You have exceeded a secondary rate limit. Please wait a few "
         "minutes before you try again. If you reach out to GitHub Support for help, "
         "please include the request ID " +
         next_request_id() + ".\"}";
}

std::string github::next_request_id() {
  constexpr std::string_view digits = "0123456789ABCDEF";
  auto random = mix(data_.seed(), static_cast<uint64_t>(request_count_));
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
  if (auto second = server_time(out.arrived); second != date_of_ || date_.empty()) {
    date_of_ = second;
    date_ = "Date: " + http_date(second) + "\r\n";
  }
  out.headers += date_;
  out.headers += "X-GitHub-Media-Type: github.v4; format=json\r\nX-GitHub-Request-Id: ";
  out.headers += next_request_id();
  out.headers += "\r\n";
}

void github::add_limit_headers(http_answer& out, resource which) {
  if (!limits_.enabled())
    return;
  auto window = limits_.window(out.asker->account, which, seconds_of(now()));
  if (window.remaining() == 0)
    out.announces_empty = which;
  write_limit_headers(out, which, window);
}

void github::write_limit_headers(http_answer& out, resource which, const primary_window& window) {
  auto add = [&](std::string_view name, int64_t value) {
    out.headers += name;
    append_number(out.headers, value);
    out.headers += "\r\n";
  };
  add("X-RateLimit-Limit: ", window.limit);
  add("X-RateLimit-Remaining: ", window.remaining());
  add("X-RateLimit-Reset: ", window.reset + injector_.clock_offset());
  add("X-RateLimit-Used: ", window.used);
  out.headers += "X-RateLimit-Resource: ";
  out.headers += to_string(which);
  out.headers += "\r\n";
}

} // namespace gitstar::sim
