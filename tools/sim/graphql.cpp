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

/// Thresholds are secret; a fine-grained token is known to have the lowest.
model_time budget_of(credential_kind kind) {
  switch (kind) {
  case credential_kind::fine_grained:
    return std::chrono::milliseconds{7'500};
  case credential_kind::installation:
    return std::chrono::milliseconds{9'000};
  case credential_kind::classic:
  case credential_kind::oauth:
    break;
  }
  return std::chrono::milliseconds{8'000};
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
    blame(out, violation::invalid_document);
    return refuse_body(out, "Problems parsing JSON");
  }
  const auto& body = parsed.get_object();
  auto document = text_member(body, "query");
  if (document.empty()) {
    blame(out, violation::invalid_document);
    return refuse_body(out, "A query attribute must be specified and must be a string.");
  }
  const auto& compiled_query = compiled(document, text_member(body, "operationName"));
  if (compiled_query.plan)
    return run_query(request, *compiled_query.plan, variables_of(body), out);
  blame(out, violation::invalid_document);
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
    blame(out, violation::invalid_document);
    out.body = "{\"data\":null,";
    append_errors(out.body, query.errors);
    out.body += '}';
    return add_limit_headers(out, resource::graphql);
  }
  auto bought = query.dry_run
                    ? limits::purchase{true}
                    : limits_.charge(out.asker->account, resource::graphql, query.cost, now());
  blame(out, bought.broken);
  if (!bought.done)
    return answer_rate_limited(out);
  execution_context context;
  context.data = &data_;
  context.search = &search_;
  metadata_.trim();
  context.metadata = metadata_.enabled() ? &metadata_ : nullptr;
  context.next_global_ids = request.next_global_ids;
  context.viewer_id = out.asker->viewer.id;
  context.viewer_login = out.asker->viewer.login;
  context.faults = hits_.spoils_data ? &hits_.data : nullptr;
  if (limits_.enabled()) {
    auto window = limits_.window(out.asker->account, resource::graphql, seconds_of(now()));
    context.rate_limit = {window.limit, window.used, window.remaining(),
                          window.reset + injector_.clock_offset()};
    context.budget = budget_of(out.asker->kind);
  } else {
    context.budget = model_time::max();
  }
  auto done = execute(query, context, out.body);
  if (!query.dry_run) {
    stats_.points += query.cost;
    out.asker->points += query.cost;
  }
  if (limits_.enabled() && done.work > timeout_after)
    return answer_timeout(out);
  stats_.resource_limits += done.is_limited ? 1 : 0;
  if (!hits_.loses_answer())
    record(done);
  add_limit_headers(out, resource::graphql);
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
  // Both spellings are in use; which one comes depends on nothing that a client could know.
  out.body = primary_limit_body(out.asker->viewer.id, request_count_ % 2 != 0);
  add_limit_headers(out, resource::graphql);
}

/// 502 in JSON, 502 in HTML or 504; without limit headers.
void github::answer_timeout(http_answer& out) {
  ++stats_.timeouts;
  limits_.charge_extra(out.asker->account, resource::graphql, timeout_points);
  auto kind = mix(data_.seed(), static_cast<uint64_t>(request_count_)) % 3;
  if (kind == 0) {
    out.status = 502;
    out.body = something_went_wrong();
  } else if (kind == 1) {
    answer_page(out, 502, "502 Bad Gateway");
  } else {
    answer_page(out, 504, "504 Gateway Time-out");
  }
}

std::string github::something_went_wrong() {
  return "{\"data\":null,\"errors\":[{\"message\":\"Something went wrong while executing your "
         "query. This may be the result of a timeout, or it could be a GitHub bug. Please include "
         "`" +
         next_request_id() + "` when reporting this issue.\"}]}";
}

std::string primary_limit_body(int64_t user_id, bool new_spelling) {
  auto user = std::to_string(user_id);
  if (new_spelling)
    return "{\"errors\":[{\"type\":\"RATE_LIMIT\",\"code\":\"graphql_rate_limit\",\"message\":"
           "\"API rate limit already exceeded for user ID " +
           user + ".\"}]}";
  return "{\"errors\":[{\"type\":\"RATE_LIMITED\",\"message\":\"API rate limit exceeded for user "
         "ID " +
         user + ".\"}]}";
}

} // namespace gitstar::sim
