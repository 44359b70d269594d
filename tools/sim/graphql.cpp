// The GraphQL endpoint of the simulated GitHub.
#include "tools/sim/github.hpp"

#include <boost/json.hpp>

namespace gitstar::sim {

namespace {

namespace json = boost::json;
using graphql::value;

/// Plans that are remembered by their document; a client with ever new documents starts it over.
constexpr size_t remembered_plans = 512;

/// What a time-out costs on top; GitHub says that it costs something, not how much.
constexpr int64_t timeout_points = 10;

value to_value(const json::value& from) {
  value out;
  if (from.is_bool()) {
    out.type = value::kind::boolean;
    out.boolean = from.get_bool();
  } else if (from.is_int64()) {
    out.type = value::kind::integer;
    out.integer = from.get_int64();
  } else if (from.is_uint64() || from.is_double()) {
    out.type = value::kind::real;
    out.text = json::serialize(from);
  } else if (from.is_string()) {
    out.type = value::kind::text;
    out.text = std::string{from.get_string()};
  } else if (from.is_array()) {
    out.type = value::kind::list;
    out.items.reserve(from.get_array().size());
    for (const auto& item : from.get_array())
      out.items.push_back(to_value(item));
  } else if (from.is_object()) {
    out.type = value::kind::object;
    for (const auto& [name, member] : from.get_object())
      out.members.push_back({std::string{name}, to_value(member)});
  }
  return out;
}

std::string text_member(const json::object& object, std::string_view name) {
  auto found = object.if_contains({name.data(), name.size()});
  return found != nullptr && found->is_string() ? std::string{found->get_string()} : std::string{};
}

variable_map variables_of(const json::object& request) {
  variable_map out;
  auto found = request.if_contains("variables");
  if (found != nullptr && found->is_object())
    for (const auto& [name, given] : found->get_object())
      out.emplace(std::string{name}, to_value(given));
  return out;
}

void refuse_body(http_answer& out, std::string_view message) {
  out.status = 400;
  out.body = "{\"message\":" + json_string(message) +
             ",\"documentation_url\":\"https://docs.github.com/graphql\",\"status\":\"400\"}";
}

} // namespace

void github::answer_graphql(const http_request& request, http_answer& out) {
  if (request.method != "POST") {
    out.status = 404;
    out.body = "{\"message\":\"Not Found\",\"documentation_url\":\"https://docs.github.com/"
               "graphql\",\"status\":\"404\"}";
    return;
  }
  json::error_code error;
  auto parsed = json::parse({request.body.data(), request.body.size()}, error);
  if (error || !parsed.is_object()) {
    ++limits_.seen().invalid_document;
    return refuse_body(out, "Problems parsing JSON");
  }
  const auto& body = parsed.get_object();
  auto document = text_member(body, "query");
  if (document.empty()) {
    ++limits_.seen().invalid_document;
    return refuse_body(out, "A query attribute must be specified and must be a string.");
  }
  const auto& compiled_query = compiled(document, text_member(body, "operationName"));
  if (compiled_query.plan)
    return run_query(request, *compiled_query.plan, variables_of(body), out);
  ++limits_.seen().invalid_document;
  out.body = "{";
  append_errors(out.body, compiled_query.errors);
  out.body += '}';
  add_limit_headers(out, resource::graphql);
}

const compilation& github::compiled(const std::string& document,
                                    const std::string& operation_name) {
  auto key = operation_name + '\n' + document;
  if (auto known = plans_.find(key); known != plans_.end())
    return known->second;
  if (plans_.size() >= remembered_plans)
    plans_.clear();
  return plans_.emplace(std::move(key), compile(document, operation_name)).first->second;
}

void github::run_query(const http_request& request, const plan& plan, const variable_map& variables,
                       http_answer& out) {
  auto query = prepare(plan, variables);
  if (!query.errors.empty()) {
    ++limits_.seen().invalid_document;
    out.body = "{\"data\":null,";
    append_errors(out.body, query.errors);
    out.body += '}';
    return add_limit_headers(out, resource::graphql);
  }
  if (!query.dry_run && !limits_.charge(out.credential, resource::graphql, query.cost, now()))
    return answer_rate_limited(out);
  execution_context context;
  context.data = &data_;
  context.search = &search_;
  context.next_global_ids = request.next_global_ids;
  context.viewer = "user-" + std::to_string(limits_.user_id(out.credential));
  if (limits_.enabled()) {
    auto window = limits_.window(out.credential, resource::graphql, now());
    context.rate_limit = {window.limit, window.used, window.remaining(), window.reset};
    context.budget = budget_of(out.credential);
  } else {
    context.budget = model_time::max();
  }
  auto done = execute(query, context, out.body);
  if (!query.dry_run)
    stats_.points += query.cost;
  if (limits_.enabled() && done.work > timeout_after)
    return answer_timeout(out);
  stats_.resource_limits += done.work > context.budget ? 1 : 0;
  record(done);
  add_limit_headers(out, resource::graphql);
}

/// Thresholds are secret; a fine-grained token is known to have the lowest.
model_time github::budget_of(const std::string& credential) const {
  if (credential.starts_with("github_pat_"))
    return std::chrono::milliseconds{7'500};
  if (credential.starts_with("ghs_"))
    return std::chrono::milliseconds{9'000};
  return std::chrono::milliseconds{8'000};
}

void github::record(const execution_result& done) {
  for (const auto& page : done.search_pages) {
    ++stats_.search_pages;
    if (++pages_[{page.query, page.after}] > 1)
      ++stats_.repeated_pages;
  }
  stats_.search_counts += done.search_counts;
  stats_.node_lookups += done.node_lookups;
}

void github::answer_rate_limited(http_answer& out) {
  ++stats_.rate_limited;
  auto user = std::to_string(limits_.user_id(out.credential));
  // Both spellings are in use; which one comes depends on nothing that a client could know.
  if (request_count_ % 2 == 0)
    out.body = "{\"errors\":[{\"type\":\"RATE_LIMITED\",\"message\":\"API rate limit exceeded for "
               "user ID " +
               user + ".\"}]}";
  else
    out.body = "{\"errors\":[{\"type\":\"RATE_LIMIT\",\"code\":\"graphql_rate_limit\","
               "\"message\":\"API rate limit already exceeded for user ID " +
               user + ".\"}]}";
  add_limit_headers(out, resource::graphql);
}

/// 502 in JSON, 502 in HTML or 504; without limit headers.
void github::answer_timeout(http_answer& out) {
  ++stats_.timeouts;
  limits_.charge_extra(out.credential, resource::graphql, timeout_points);
  auto kind = mix(data_.seed(), request_count_) % 3;
  out.status = kind == 2 ? 504 : 502;
  if (kind == 0) {
    out.body = "{\"data\":null,\"errors\":[{\"message\":\"Something went wrong while executing "
               "your query. This may be the result of a timeout, or it could be a GitHub bug. "
               "Please include `" +
               next_request_id() + "` when reporting this issue.\"}]}";
  } else {
    std::string title = kind == 2 ? "504 Gateway Time-out" : "502 Bad Gateway";
    out.content_type = "text/html";
    out.body = "<html>\r\n<head><title>" + title + "</title></head>\r\n<body>\r\n<center><h1>" +
               title + "</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n";
  }
}

} // namespace gitstar::sim
