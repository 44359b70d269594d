#include "net/classify.hpp"

#include "net/github_answer.hpp"
#include "net/http_date.hpp"
#include "net/utf8_repair.hpp"

#include <algorithm>
#include <charconv>
#include <optional>

namespace gitstar::net {

namespace {

// -- the tables -----------------------------------------------------------------------------------

/// What one error, wherever it stands, says.
enum class verdict : uint8_t {
  primary_limit,
  secondary_limit,
  resource_limit,
  timeout,
  not_found,
  forbidden,
  rejected,
  unknown,
};

struct error_rule {
  std::string_view type;   ///< of the error; empty: any
  std::string_view phrase; ///< in the message, ignoring case; empty: any
  verdict means;
};

/// The first that fits decides. Types that carry a name from outside come first, so that no phrase
/// is found in a repository's name.
constexpr error_rule error_rules[] = {
    // Fact sheet 3: gone, private or never existed, all alike.
    {"NOT_FOUND", "", verdict::not_found},
    // Fact sheet 4: words that stay while the rest changes. Any type.
    {"", "secondary rate limit", verdict::secondary_limit},
    {"", "abuse", verdict::secondary_limit},
    // Fact sheet 2.4: two spellings in GraphQL, words in REST and at the edge.
    {"RATE_LIMITED", "", verdict::primary_limit},
    {"RATE_LIMIT", "", verdict::primary_limit},
    {"", "api rate limit exceeded", verdict::primary_limit},
    {"", "api rate limit already exceeded", verdict::primary_limit},
    // Fact sheet 3.
    {"RESOURCE_LIMITS_EXCEEDED", "", verdict::resource_limit},
    {"", "something went wrong while executing your query", verdict::timeout},
    {"", "couldn't respond to your request in time", verdict::timeout},
    {"FORBIDDEN", "", verdict::forbidden},
    {"INSUFFICIENT_SCOPES", "", verdict::forbidden},
    {"MAX_NODE_LIMIT_EXCEEDED", "", verdict::rejected},
    {"EXCESSIVE_PAGINATION", "", verdict::rejected},
    {"MISSING_PAGINATION_BOUNDARIES", "", verdict::rejected},
    {"ARGUMENT_LIMIT", "", verdict::rejected},
    {"INVALID_CURSOR_ARGUMENTS", "", verdict::rejected},
    {"UNPROCESSABLE", "", verdict::rejected},
};

struct status_rule {
  int32_t first;
  int32_t last;
  outcome means;
};

/// What a status says where the body says nothing: the first that fits decides.
constexpr status_rule status_rules[] = {
    {401, 401, outcome::unauthorized},    // fact sheet 1
    {403, 403, outcome::forbidden},       // 1: no User-Agent, missing rights
    {408, 408, outcome::timeout},         //
    {429, 429, outcome::secondary_limit}, // 4
    {451, 451, outcome::forbidden},       // 7
    {502, 502, outcome::timeout},         // 3
    {504, 504, outcome::timeout},         // 3
    {500, 599, outcome::server_error},    //
    {200, 299, outcome::malformed},       // an answer without data and without errors
    {300, 499, outcome::rejected},        // redirects, 400 "Problems parsing JSON", 404
};

outcome outcome_of(http_failure failure) {
  switch (failure) {
  case http_failure::none:
    return outcome::ok;
  case http_failure::timeout:
    return outcome::timeout;
  case http_failure::oversized:
    return outcome::oversized;
  case http_failure::malformed:
    return outcome::malformed;
  case http_failure::connect:
  case http_failure::tls:
  case http_failure::proxy:
  case http_failure::lost:
  case http_failure::stopped:
    return outcome::network;
  }
  return outcome::network;
}

/// What an error about the whole query makes of it.
outcome outcome_of(verdict what) {
  switch (what) {
  case verdict::primary_limit:
    return outcome::primary_limit;
  case verdict::secondary_limit:
    return outcome::secondary_limit;
  case verdict::resource_limit:
    return outcome::resource_limit;
  case verdict::timeout:
    return outcome::timeout;
  case verdict::forbidden:
    return outcome::forbidden;
  case verdict::not_found:
  case verdict::rejected:
    return outcome::rejected;
  case verdict::unknown:
    return outcome::server_error;
  }
  return outcome::server_error;
}

/// What an error about one field makes of that field.
field_error field_error_of(verdict what) {
  switch (what) {
  case verdict::resource_limit:
    return field_error::resource_limit;
  case verdict::not_found:
    return field_error::not_found;
  case verdict::forbidden:
    return field_error::forbidden;
  case verdict::rejected:
    return field_error::rejected;
  case verdict::primary_limit:
  case verdict::secondary_limit:
  case verdict::timeout:
  case verdict::unknown:
    return field_error::transient;
  }
  return field_error::transient;
}

// -- texts ----------------------------------------------------------------------------------------

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; }

bool contains_ignoring_case(std::string_view text, std::string_view lower_phrase) {
  auto same = [](char a, char b) { return lower(a) == b; };
  return std::search(text.begin(), text.end(), lower_phrase.begin(), lower_phrase.end(), same) !=
         text.end();
}

/// The beginning of a text as one line for logs and tables, which take valid UTF-8 only.
std::string excerpt(std::string_view text) {
  constexpr size_t longest = 300;
  if (text.size() <= longest)
    return repaired_text(text);
  auto end = longest;
  while (end > 0 && (text[end] & 0xC0) == 0x80) // do not cut through a character
    --end;
  return repaired_text(text.substr(0, end)) + "...";
}

std::string describe(const graphql_error& error) {
  return excerpt(error.type.empty() ? error.message : error.type + ": " + error.message);
}

std::optional<int64_t> number(std::string_view text) {
  int64_t result = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (code != std::errc{} || end != text.data() + text.size())
    return std::nullopt;
  return result;
}

// -- one error ------------------------------------------------------------------------------------

verdict judge_text(std::string_view text) {
  for (const auto& rule : error_rules)
    if (rule.type.empty() && contains_ignoring_case(text, rule.phrase))
      return rule.means;
  return verdict::unknown;
}

verdict judge(const graphql_error& error) {
  for (const auto& rule : error_rules) {
    auto fits_type = rule.type.empty() || rule.type == error.type;
    if (fits_type && contains_ignoring_case(error.message, rule.phrase))
      return rule.means;
  }
  if (error.code == "graphql_rate_limit")
    return verdict::primary_limit;
  // Validation and syntax errors have no type: they have a code, or point into the document (fact
  // sheet 3). What is left may be GitHub's own failure and is tried again.
  if (error.type.empty() && (!error.code.empty() || (error.has_locations && error.path.empty())))
    return verdict::rejected;
  return verdict::unknown;
}

bool is_rate_limit(verdict what) {
  return what == verdict::primary_limit || what == verdict::secondary_limit;
}

// -- headers --------------------------------------------------------------------------------------

void read_headers(const http_response& response, timestamp now, api_response& result) {
  result.request_id = excerpt(response.header("x-github-request-id"));
  if (auto date = parse_http_date(response.header("date")))
    result.server_clock_skew = *date - now;
  auto wait = response.header("retry-after");
  if (auto seconds = number(wait); seconds && *seconds >= 0)
    result.retry_after = std::chrono::seconds{*seconds};
  else if (auto date = parse_http_date(wait))
    result.retry_after = std::max(std::chrono::seconds{0}, *date - now);
}

/// Fact sheet 2.3. A 401 shows zeros that mean nothing (fact sheet 1).
rate_limit limits_in_headers(const http_response& response) {
  auto limit = number(response.header("x-ratelimit-limit"));
  auto remaining = number(response.header("x-ratelimit-remaining"));
  auto reset = number(response.header("x-ratelimit-reset"));
  rate_limit result;
  if (response.status == 401 || !limit || !remaining || !reset)
    return result;
  result.known = true;
  result.limit = *limit;
  result.remaining = *remaining;
  result.reset_at = timestamp{std::chrono::seconds{*reset}};
  return result;
}

/// The body is closer to the truth than the headers: it knows this query's cost.
rate_limit limits_of(const http_response& response, const github_answer& answer) {
  if (answer.rate_limit_state == github_answer::limit_state::present)
    return answer.limits;
  auto result = limits_in_headers(response);
  if (!result.known && answer.rate_limit_state == github_answer::limit_state::null) {
    result.known = true;
    result.enabled = false;
  }
  return result;
}

// -- fields ---------------------------------------------------------------------------------------

/// The field that an error's path leads into; none: it is about the whole query.
std::optional<size_t> field_index(const graphql_error& error, size_t field_count) {
  if (error.path.empty() || error.path[0].size() < 2 || error.path[0][0] != 'f')
    return std::nullopt;
  auto index = number(std::string_view{error.path[0]}.substr(1));
  if (!index || *index < 0 || static_cast<size_t>(*index) >= field_count)
    return std::nullopt;
  return static_cast<size_t>(*index);
}

/// The index in `nodes` that an error's path leads into.
std::optional<uint32_t> node_index(const graphql_error& error) {
  if (error.path.size() < 3 || error.path[1] != "nodes")
    return std::nullopt;
  auto index = number(error.path[2]);
  return index ? std::optional{static_cast<uint32_t>(*index)} : std::nullopt;
}

void mark(field_answer& field, field_error error, std::string message) {
  if (field.error != field_error::none)
    return;
  field.error = error;
  field.message = std::move(message);
}

void apply(const graphql_error& error, field_data& field) {
  auto what = judge(error);
  auto node = node_index(error);
  if (node && (what == verdict::not_found || what == verdict::forbidden))
    field.null_nodes.push_back(*node); // this repository only
  else
    mark(field.answer, field_error_of(what), describe(error));
}

bool is_complete(const field_data& field, query_shape shape) {
  return field.present && field.has_count &&
         (shape == query_shape::search_count || field.has_nodes);
}

/// A field with an error has no data: half a page is asked again, whole.
void finish(field_data& field) {
  auto& nulls = field.null_nodes;
  std::sort(nulls.begin(), nulls.end());
  nulls.erase(std::unique(nulls.begin(), nulls.end()), nulls.end());
  field.answer.null_count = static_cast<uint32_t>(nulls.size());
}

// -- the whole ------------------------------------------------------------------------------------

/// What every field's error is, if it is the same for all.
std::optional<field_error> common_error(const std::vector<field_answer>& fields) {
  auto first = fields.front().error;
  auto same = [&](const field_answer& field) { return field.error == first; };
  return std::all_of(fields.begin(), fields.end(), same) ? std::optional{first} : std::nullopt;
}

/// Fields without data are explained by their own error, else by one about the whole query.
void judge_fields(const api_request& request, github_answer& answer, api_response& result) {
  const graphql_error* general = nullptr;
  for (const auto& error : answer.errors) {
    if (auto index = field_index(error, answer.fields.size()))
      apply(error, answer.fields[*index]);
    else if (!general)
      general = &error;
  }
  for (auto& field : answer.fields) {
    if (!is_complete(field, request.shape))
      mark(field.answer, general ? field_error_of(judge(*general)) : field_error::transient,
           general ? describe(*general) : "the answer lacks this field");
    finish(field);
    result.fields.push_back(std::move(field.answer));
  }
}

outcome judge_answer(const api_request& request, github_answer& answer, api_response& result) {
  judge_fields(request, answer, result);
  if (result.fields.empty())
    return outcome::ok;
  auto is_bad = [](const field_answer& field) { return field.error != field_error::none; };
  auto bad = std::find_if(result.fields.begin(), result.fields.end(), is_bad);
  if (bad != result.fields.end() && result.message.empty())
    result.message = bad->message;
  auto common = common_error(result.fields);
  if (!common)
    return outcome::partial;
  switch (*common) {
  case field_error::none:
    return outcome::ok;
  case field_error::resource_limit:
    return outcome::resource_limit;
  case field_error::transient:
    return answer.errors.empty() ? outcome::malformed : outcome_of(judge(answer.errors.front()));
  case field_error::not_found:
  case field_error::forbidden:
  case field_error::rejected:
    return outcome::partial; // the query was good, each of its fields was refused
  }
  return outcome::partial;
}

/// The error that decides about an answer without data: a rate limit if there is one.
const graphql_error& leading_error(const std::vector<graphql_error>& errors) {
  auto limit = std::find_if(errors.begin(), errors.end(),
                            [](const auto& each) { return is_rate_limit(judge(each)); });
  return limit == errors.end() ? errors.front() : *limit;
}

/// What a body without GraphQL data and errors says: REST's `message`, or a page of HTML.
verdict judge_refusal(const http_response& response, const github_answer& answer) {
  if (response.status == 401) // shows a spent budget that means nothing (fact sheet 1)
    return verdict::unknown;
  constexpr size_t longest_page = 64 << 10;
  return judge_text(answer.is_json ? std::string_view{answer.message}
                                   : std::string_view{response.body}.substr(0, longest_page));
}

outcome judge_status(const http_response& response) {
  // Fact sheet 2.4 and 4: REST-like refusals whose words we do not know.
  if (response.status == 429 && response.header("x-ratelimit-remaining") == "0")
    return outcome::primary_limit;
  if (response.status == 403 && !response.header("retry-after").empty())
    return outcome::secondary_limit;
  for (const auto& rule : status_rules)
    if (response.status >= rule.first && response.status <= rule.last)
      return rule.means;
  return outcome::malformed;
}

std::string refusal_text(const http_response& response, const github_answer& answer) {
  auto result = "HTTP " + std::to_string(response.status);
  if (!answer.message.empty())
    return result + ": " + excerpt(answer.message);
  if (auto location = response.header("location"); !location.empty())
    return result + " to " + excerpt(location);
  auto type = response.header("content-type");
  if (!type.empty() && !answer.is_json)
    result += " (" + excerpt(type) + ")";
  return response.body.empty() ? result : result + ": " + excerpt(response.body);
}

outcome judge_body(const api_request& request, const http_response& response, github_answer& answer,
                   api_response& result) {
  auto is_success = response.status >= 200 && response.status < 300;
  if (!answer.errors.empty()) {
    const auto& leading = leading_error(answer.errors);
    result.message = leading.message.empty() ? refusal_text(response, answer) : describe(leading);
    if (is_rate_limit(judge(leading)) || !answer.has_data)
      return response.status == 401 ? outcome::unauthorized : outcome_of(judge(leading));
  }
  if (is_success && answer.is_json && !answer.problem.empty()) {
    result.message = answer.problem;
    return outcome::malformed;
  }
  if (is_success && answer.has_data)
    return judge_answer(request, answer, result);
  result.message = refusal_text(response, answer);
  auto refusal = judge_refusal(response, answer);
  return refusal == verdict::unknown ? judge_status(response) : outcome_of(refusal);
}

} // namespace

api_response classify(const api_request& request, http_response&& response, timestamp now) {
  api_response result;
  result.http_status = response.status;
  result.elapsed = response.elapsed;
  result.body_bytes = response.body.size();
  read_headers(response, now, result);
  if (response.failure != http_failure::none) {
    result.result = outcome_of(response.failure);
    result.message = std::move(response.detail);
    result.limits = limits_in_headers(response);
    return result;
  }
  auto answer = parse_github_answer(response.body, request.fields.size());
  result.limits = limits_of(response, answer);
  result.result = judge_body(request, response, answer, result);
  if (result.result != outcome::ok && result.result != outcome::partial)
    result.fields.clear();
  return result;
}

} // namespace gitstar::net
