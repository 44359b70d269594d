#include "net/classify.hpp"

#include "net/github_answer.hpp"
#include "net/http_date.hpp"
#include "net/id_list.hpp"
#include "net/metadata_answer.hpp"
#include "net/utf8_repair.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <optional>
#include <set>

namespace gitstar::net {

namespace {

// -- the tables -----------------------------------------------------------------------------------
//
// How an answer is judged:
// 1. Without an answer the failure decides: `failure_rules`.
// 2. Every error in `errors`, or else the `message` or the text of the page, is looked up in
//    `word_rules`. A rate limit anywhere decides. Without data the first error does; with data each
//    error spoils the field that its path leads into, and the rest is kept.
// 3. Where the words say nothing, `status_rules` decide.
// "fs" is the section of the fact sheet that a row comes from.

struct failure_rule {
  http_failure failure;
  outcome means;
};

constexpr failure_rule failure_rules[] = {
    {http_failure::connect, outcome::network},     // DNS, TCP
    {http_failure::tls, outcome::network},         // most often the certificate
    {http_failure::proxy, outcome::network},       //
    {http_failure::lost, outcome::network},        // reset or closed before the end
    {http_failure::stopped, outcome::network},     // by ourselves
    {http_failure::timeout, outcome::timeout},     // no answer in time
    {http_failure::oversized, outcome::oversized}, // refused while it streamed
    {http_failure::malformed, outcome::malformed}, // not HTTP; corrupt or truncated gzip
};

/// What one error, wherever it stands, says.
enum class verdict : uint8_t {
  primary_limit,
  secondary_limit,
  resource_limit,
  timeout,
  unauthorized,
  not_found,
  forbidden,
  blocked,
  rejected,
  unknown,
};

struct word_rule {
  int32_t status;          ///< 0: any
  std::string_view type;   ///< of the error; empty: any
  std::string_view phrase; ///< in the message, ignoring case; empty: any
  verdict means;
};

/// The first that fits decides. Types that carry a name from outside come first, so that no phrase
/// is found in a repository's name.
constexpr word_rule word_rules[] = {
    // fs 1, 10.2: a 401 shows a spent budget (0 of 0) that means nothing, whatever it says: "Bad
    // credentials", "This endpoint requires you to be authenticated", "... claim ('exp') ...".
    {401, "", "", verdict::unauthorized},
    // fs 3: gone, private or never existed, all alike.
    {0, "NOT_FOUND", "", verdict::not_found},
    // fs 4, 10.6: words that stay while the rest changes; at status 200, 403 and 429, in JSON and
    // HTML, even with the type of the primary limit.
    {0, "", "secondary rate limit", verdict::secondary_limit},
    {0, "", "abuse", verdict::secondary_limit},
    // fs 2.4, 10.2: two spellings in GraphQL, words in REST and at the edge.
    {0, "RATE_LIMITED", "", verdict::primary_limit},
    {0, "RATE_LIMIT", "", verdict::primary_limit},
    {0, "", "api rate limit exceeded", verdict::primary_limit},
    {0, "", "api rate limit already exceeded", verdict::primary_limit},
    // fs 1, 8.4: a 403 speaks of the credential only where it says so: "Sorry. Your account was
    // suspended", "This installation has been suspended".
    {403, "", "bad credentials", verdict::unauthorized},
    {403, "", "suspended", verdict::unauthorized},
    // fs 7: closed to everybody; with status 451 and 403.
    {451, "", "", verdict::blocked},
    {403, "", "repository access blocked", verdict::blocked},
    // Recorded 403-062: after several bad tokens GitHub refuses good ones too, for a while.
    {403, "", "login attempt", verdict::secondary_limit},
    // fs 3: one query asked too much.
    {0, "RESOURCE_LIMITS_EXCEEDED", "", verdict::resource_limit},
    // fs 3: the ten seconds are over; with status 502 or 504, and with 200.
    {0, "", "something went wrong while executing your query", verdict::timeout},
    {0, "", "couldn't respond to your request in time", verdict::timeout},
    // MeltanoLabs/tap-github pull request 466 (2025-09-29), status 200.
    {0, "", "timeout on validation of query", verdict::timeout},
    // fs 0, 1: a field, a repository or the whole query is closed to this credential.
    {0, "FORBIDDEN", "", verdict::forbidden},
    {0, "INSUFFICIENT_SCOPES", "", verdict::forbidden},
    // fs 3: refused before it was executed, and will be again.
    {0, "MAX_NODE_LIMIT_EXCEEDED", "", verdict::rejected},
    {0, "EXCESSIVE_PAGINATION", "", verdict::rejected},
    {0, "MISSING_PAGINATION_BOUNDARIES", "", verdict::rejected},
    {0, "ARGUMENT_LIMIT", "", verdict::rejected},
    {0, "INVALID_CURSOR_ARGUMENTS", "", verdict::rejected},
    {0, "UNPROCESSABLE", "", verdict::rejected},
};

/// What must stand in the header besides.
enum class sign : uint8_t { none, time_to_wait, nothing_left };

struct status_rule {
  int32_t first;
  int32_t last;
  sign header;
  outcome means;
};

/// What a status says where the body says nothing: the first that fits decides. No status but 401
/// speaks against the credential. A budget of 0 beside a 403 means nothing: recorded 403-022 has it
/// with "Must have push access to repository".
constexpr status_rule status_rules[] = {
    {401, 401, sign::none, outcome::unauthorized},            // fs 1
    {403, 403, sign::time_to_wait, outcome::secondary_limit}, // fs 4: `retry-after`
    {403, 403, sign::none, outcome::forbidden},               // fs 1: no User-Agent, missing rights
    {408, 408, sign::none, outcome::timeout},                 // HTTP
    {429, 429, sign::nothing_left, outcome::primary_limit},   // fs 2.4
    {429, 429, sign::none, outcome::secondary_limit},         // fs 4
    {502, 502, sign::none, outcome::timeout},      // fs 3: JSON, nginx's page or a unicorn
    {504, 504, sign::none, outcome::timeout},      // fs 3
    {500, 599, sign::none, outcome::server_error}, // also 503 while GitHub is down
    {200, 299, sign::none, outcome::malformed},    // neither data nor errors; HTML instead of JSON
    {300, 499, sign::none, outcome::rejected}, // fs 3: 400 "Problems parsing JSON"; 404; redirects
};

outcome outcome_of(http_failure failure) {
  for (const auto& rule : failure_rules)
    if (rule.failure == failure)
      return rule.means;
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
  case verdict::unauthorized:
    return outcome::unauthorized;
  case verdict::forbidden:
    return outcome::forbidden;
  case verdict::blocked:
    return outcome::blocked;
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
  case verdict::blocked:
    return field_error::forbidden;
  case verdict::rejected:
    return field_error::rejected;
  case verdict::primary_limit:
  case verdict::secondary_limit:
  case verdict::timeout:
  case verdict::unauthorized:
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

verdict look_up(int32_t status, std::string_view type, std::string_view words) {
  for (const auto& rule : word_rules) {
    auto fits = (rule.status == 0 || rule.status == status) &&
                (rule.type.empty() || rule.type == type) &&
                (rule.phrase.empty() || contains_ignoring_case(words, rule.phrase));
    if (fits)
      return rule.means;
  }
  return verdict::unknown;
}

verdict judge(const graphql_error& error, int32_t status) {
  auto found = look_up(status, error.type, error.message);
  if (found != verdict::unknown)
    return found;
  if (error.code == "graphql_rate_limit") // fs 2.4
    return verdict::primary_limit;
  // Validation and syntax errors have no type: they have a code, or point into the document (fs 3).
  // What is left may be GitHub's own failure and is tried again.
  if (error.type.empty() && (!error.code.empty() || (error.has_locations && error.path.empty())))
    return verdict::rejected;
  return verdict::unknown;
}

bool is_rate_limit(verdict what) {
  return what == verdict::primary_limit || what == verdict::secondary_limit;
}

// -- headers --------------------------------------------------------------------------------------

/// Clocks count nanoseconds in 64 bits: what lies further away cannot be added to one.
constexpr std::chrono::seconds longest_span = std::chrono::years{100};

/// GitHub asks for an hour at most. A broken header must not stop a crawl for good.
constexpr std::chrono::seconds longest_wait = std::chrono::hours{24};

bool is_plausible(timestamp time, timestamp now) {
  return time >= now - longest_span && time <= now + longest_span;
}

optional<std::chrono::seconds> time_to_wait(std::string_view header, timestamp now) {
  auto bounded = [](std::chrono::seconds wait) {
    return std::clamp(wait, std::chrono::seconds{0}, longest_wait);
  };
  if (auto seconds = number(header); seconds && *seconds >= 0)
    return bounded(std::chrono::seconds{*seconds});
  if (auto date = parse_http_date(header))
    return bounded(*date - now);
  return caf::none;
}

void read_headers(const http_response& response, timestamp now, api_response& result) {
  result.request_id = excerpt(response.header("x-github-request-id"));
  if (auto date = parse_http_date(response.header("date")); date && is_plausible(*date, now))
    result.server_clock_skew = *date - now;
  result.retry_after = time_to_wait(response.header("retry-after"), now);
}

/// Fact sheet 2.3. A 401 shows zeros that mean nothing (fact sheet 1).
rate_limit limits_in_headers(const http_response& response, timestamp now) {
  auto limit = number(response.header("x-ratelimit-limit"));
  auto remaining = number(response.header("x-ratelimit-remaining"));
  auto reset = number(response.header("x-ratelimit-reset"));
  rate_limit result;
  if (response.status == 401 || !limit || !remaining || !reset ||
      !is_plausible(timestamp{std::chrono::seconds{*reset}}, now))
    return result;
  result.known = true;
  result.limit = std::max<int64_t>(*limit, 0);
  result.remaining = std::max<int64_t>(*remaining, 0);
  result.reset_at = timestamp{std::chrono::seconds{*reset}};
  return result;
}

/// The body is closer to the truth than the headers: it knows this query's cost.
rate_limit limits_of(const http_response& response, const github_answer& answer, timestamp now) {
  if (answer.rate_limit_state == github_answer::limit_state::present &&
      is_plausible(answer.limits.reset_at, now))
    return answer.limits;
  auto result = limits_in_headers(response, now);
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

/// Where the index of a repository stands in an error's path: f0, nodes, 17 of a search; f0, 17; or
/// f0, repositories, nodes, 17 of an owner.
size_t index_place(query_shape shape) {
  switch (shape) {
  case query_shape::nodes:
    return 1;
  case query_shape::owner_page:
    return 3;
  default:
    return 2;
  }
}

/// The index of the repository that an error's path leads into.
std::optional<uint32_t> node_index(const graphql_error& error, query_shape shape) {
  auto place = index_place(shape);
  if (error.path.size() <= place || (place > 1 && error.path[place - 1] != "nodes"))
    return std::nullopt;
  auto index = number(error.path[place]);
  return index && *index >= 0 ? std::optional{static_cast<uint32_t>(*index)} : std::nullopt;
}

void mark(field_answer& field, field_error error, std::string message) {
  if (field.error != field_error::none)
    return;
  field.error = error;
  field.message = std::move(message);
}

/// Whether a list that stands in the way of an error's path is not there.
bool is_closed(const field_data& field, uint32_t node) {
  auto is_it = [node](const metadata_page& x) { return x.node == node && x.closed; };
  return std::any_of(field.answer.pages.begin(), field.answer.pages.end(), is_it);
}

/// An element, or a part of one, that is gone or closed to us is a null in its page, and counted
/// there; a list that is closed to us is not an empty one. Any other error leaves its mark on the
/// whole page, which is asked for again, smaller.
void apply_to_metadata(const graphql_error& error, verdict what, const search_field& asked,
                       bool several, field_data& field) {
  auto closes = what == verdict::forbidden || what == verdict::not_found;
  auto node = several && error.path.size() > 1 ? number(error.path[1]) : std::optional<int64_t>{0};
  if (error.path.size() < (several ? 2 : 1) + size_t{1}) {
    // About the parent as a whole, or about all of them.
    if (!several || error.path.size() < 2 || !node)
      return mark(field.answer, field_error_of(what), describe(error));
    return field.answer.lacking.push_back({static_cast<uint32_t>(*node), field_error_of(what)});
  }
  auto index = static_cast<uint32_t>(node.value_or(0));
  // Of a list that a probe does not get the page itself says so.
  if (closes && (!is_closed(field, index) || (several && asked.metadata.parent.empty())))
    return;
  if (several)
    field.answer.lacking.push_back({index, field_error_of(closes ? verdict::forbidden : what)});
  else
    mark(field.answer, field_error_of(closes ? verdict::forbidden : what), describe(error));
}

void apply(const graphql_error& error, verdict what, query_shape shape, field_data& field) {
  auto node = node_index(error, shape);
  if (node && shape == query_shape::nodes) {
    auto is_whole =
        error.path.size() == index_place(shape) + 1; // the repository, not a field of it
    // A repository without a field that is closed to us or not there is good, one that a failure
    // hit is not.
    if (is_whole || (what != verdict::forbidden && what != verdict::not_found))
      field.answer.lacking.push_back({*node, field_error_of(what)});
    return;
  }
  // Of a page, one repository that is gone or closed to us is a null of its list, and counted
  // there.
  auto is_about_one = node && (what == verdict::not_found || what == verdict::forbidden);
  if (!is_about_one)
    mark(field.answer, field_error_of(what), describe(error));
}

bool is_complete(const field_data& field, query_shape shape) {
  switch (shape) {
  case query_shape::search_count:
    return field.present && field.has_count;
  case query_shape::nodes:
    return field.has_nodes;
  case query_shape::metadata_probe:
    return field.has_nodes;
  case query_shape::metadata_list:
    return field.present;
  case query_shape::search_page:
  case query_shape::owner_page:
  case query_shape::id_list: // is never judged like this
    break;
  }
  return field.present && field.has_count && field.has_nodes;
}

/// Which elements of a list came without data, and why: a null that no error explains is tried
/// again.
std::map<uint32_t, field_error> lacking_of(const field_data& field) {
  std::map<uint32_t, field_error> result;
  for (auto& x : field.answer.lacking)
    result.emplace(x.index, x.error);
  for (auto null : field.null_nodes)
    result.emplace(null, field_error::transient);
  return result;
}

void set_lacking(field_answer& answer, const std::map<uint32_t, field_error>& lacking) {
  answer.lacking.clear();
  for (auto& [at, error] : lacking)
    answer.lacking.push_back({at, error});
}

/// Of `nodes` each element has its own fate: what came together with an error is not taken.
void finish_nodes(field_data& field) {
  auto& answer = field.answer;
  auto lacking = lacking_of(field);
  const std::set<uint32_t> nulls{field.null_nodes.begin(), field.null_nodes.end()};
  std::vector<repository> whole;
  uint32_t index = 0;
  for (auto& row : answer.repositories) {
    while (nulls.contains(index))
      ++index;
    if (!lacking.contains(index++))
      whole.push_back(std::move(row));
  }
  answer.repositories = std::move(whole);
  set_lacking(answer, lacking);
}

/// The same of the lists of several parents.
void finish_probe(field_data& field) {
  auto lacking = lacking_of(field);
  std::erase_if(field.answer.pages,
                [&](const metadata_page& x) { return lacking.contains(x.node); });
  set_lacking(field.answer, lacking);
}

/// What is wrong with a field as a whole; empty: with parts of it. A list that came is never wrong
/// as a whole: one repository that fails for ever must not look like a host that does.
std::optional<field_error> error_of(const field_answer& field) {
  auto failed = [](const lacking_node& x) {
    return x.error == field_error::resource_limit || x.error == field_error::transient;
  };
  if (field.error == field_error::none &&
      std::any_of(field.lacking.begin(), field.lacking.end(), failed))
    return std::nullopt;
  return field.error;
}

// -- fields of repositories -----------------------------------------------------------------------

/// Which fields of its repositories an answer lacks because GitHub refuses to tell them.
class refusal_counter {
public:
  void add(const graphql_error& error, verdict what, query_shape shape) {
    auto place = index_place(shape) + 1; // f0, nodes, 17, issues
    auto name = what == verdict::forbidden && node_index(error, shape) && error.path.size() > place
                    ? std::string_view{error.path[place]}
                    : std::string_view{};
    if (auto index = optional_field(name))
      ++refusals_[*index];
    if (error.code == "undefinedField") // fs 3
      if (auto index = optional_field(error.field_name))
        unknown_.set(*index);
  }

  /// Refused for one repository a field may be asked of others. GitHub nulls the whole repository
  /// where it refuses a field that its schema promises.
  field_set result(const std::vector<field_data>& fields) const {
    size_t repositories = 0;
    for (const auto& field : fields)
      repositories += field.answer.repositories.size() + field.null_nodes.size();
    auto found = unknown_;
    for (size_t i = 0; i < refusals_.size(); ++i)
      if (2 * refusals_[i] > repositories)
        found.set(i);
    return found;
  }

private:
  std::array<size_t, field_set{}.size()> refusals_{};
  field_set unknown_;
};

// -- the whole ------------------------------------------------------------------------------------

github_answer parse(const api_request& request, std::string_view body) {
  if (!is_metadata(request.shape))
    return parse_github_answer(body, request.fields.size());
  // What is said about the query as a whole, and then the data by the kinds' descriptions.
  auto result = parse_github_answer(body, 0);
  result.fields.resize(request.fields.size());
  if (result.has_data && result.problem.empty())
    result.problem = read_metadata(body, request, result.fields);
  return result;
}

/// Judges one answer that came.
class judgement {
public:
  judgement(const api_request& request, const http_response& response, timestamp now,
            classified& result)
      : request_(request), response_(response), answer_(parse(request, response.body)),
        result_(result.answer) {
    // Who we are is asked by the way: no answer is worse for not telling.
    auto is_about_viewer = [](const graphql_error& error) {
      return std::find(error.path.begin(), error.path.end(), "viewer") != error.path.end();
    };
    if (answer_.has_data)
      std::erase_if(answer_.errors, is_about_viewer);
    result.viewer_refused =
        std::any_of(answer_.errors.begin(), answer_.errors.end(), is_about_viewer);
    if (!is_metadata(request.shape)) {
      refusal_counter refusals;
      for (const auto& error : answer_.errors)
        refusals.add(error, judge(error), request.shape);
      result.refused = refusals.result(answer_.fields);
    }
    result_.limits = limits_of(response, answer_, now);
    result_.identity = answer_.identity;
    result_.result = judge_body();
    if (result_.result != outcome::ok && result_.result != outcome::partial)
      result_.fields.clear();
  }

private:
  bool is_success() const { return response_.status >= 200 && response_.status < 300; }

  verdict judge(const graphql_error& error) const { return net::judge(error, response_.status); }

  outcome judge_body() {
    if (!answer_.errors.empty()) {
      const auto& leading = leading_error();
      result_.message = leading.message.empty() ? refusal_text() : describe(leading);
      if (is_rate_limit(judge(leading)) || !answer_.has_data)
        return outcome_of_query(leading);
    }
    if (is_success() && answer_.is_json && !answer_.problem.empty()) {
      result_.message = answer_.problem;
      return outcome::malformed;
    }
    if (is_success() && answer_.has_data)
      return judge_fields();
    result_.message = refusal_text();
    auto refusal = judge_refusal();
    return refusal == verdict::unknown ? judge_status() : outcome_of(refusal);
  }

  /// What an error about the whole query makes of it.
  outcome outcome_of_query(const graphql_error& error) const {
    auto what = judge(error);
    return what == verdict::unknown && !is_success() ? judge_status() : outcome_of(what);
  }

  /// The error that decides about an answer without data: a rate limit if there is one.
  const graphql_error& leading_error() const {
    auto limit = std::find_if(answer_.errors.begin(), answer_.errors.end(),
                              [&](const auto& each) { return is_rate_limit(judge(each)); });
    return limit == answer_.errors.end() ? answer_.errors.front() : *limit;
  }

  /// What a body without GraphQL data and errors says: REST's `message`, or a page of HTML.
  verdict judge_refusal() const {
    constexpr size_t longest_page = 64 << 10;
    return look_up(response_.status, "",
                   answer_.is_json ? std::string_view{answer_.message}
                                   : std::string_view{response_.body}.substr(0, longest_page));
  }

  outcome judge_status() const {
    auto has = [&](sign what) {
      return what == sign::none ||
             (what == sign::time_to_wait && !response_.header("retry-after").empty()) ||
             (what == sign::nothing_left && response_.header("x-ratelimit-remaining") == "0");
    };
    for (const auto& rule : status_rules)
      if (response_.status >= rule.first && response_.status <= rule.last && has(rule.header))
        return rule.means;
    return outcome::malformed;
  }

  std::string refusal_text() const {
    auto text = "HTTP " + std::to_string(response_.status);
    if (!answer_.message.empty())
      return text + ": " + excerpt(answer_.message);
    if (auto location = response_.header("location"); !location.empty())
      return text + " to " + excerpt(location);
    if (!answer_.is_json && response_.body.starts_with('{'))
      return text + ": " + answer_.problem;
    auto type = response_.header("content-type");
    if (!type.empty() && !answer_.is_json)
      text += " (" + excerpt(type) + ")";
    return response_.body.empty() ? text : text + ": " + excerpt(response_.body);
  }

  /// Fields without data are explained by their own error, else by one about the whole query.
  void explain_fields() {
    const graphql_error* general = nullptr;
    for (const auto& error : answer_.errors) {
      if (auto index = field_index(error, answer_.fields.size()))
        apply(error, *index);
      else if (!general)
        general = &error;
    }
    for (auto& field : answer_.fields) {
      if (!is_complete(field, request_.shape))
        mark(field.answer, general ? field_error_of(judge(*general)) : field_error::transient,
             general ? describe(*general) : "the answer lacks this field");
      if (request_.shape == query_shape::nodes)
        finish_nodes(field);
      else if (request_.shape == query_shape::metadata_probe)
        finish_probe(field);
      else
        field.answer.null_count = static_cast<uint32_t>(field.null_nodes.size());
      result_.fields.push_back(std::move(field.answer));
    }
  }

  void apply(const graphql_error& error, size_t index) {
    auto several = request_.shape == query_shape::metadata_probe;
    if (is_metadata(request_.shape))
      apply_to_metadata(error, judge(error), request_.fields[index], several,
                        answer_.fields[index]);
    else
      net::apply(error, judge(error), request_.shape, answer_.fields[index]);
  }

  outcome judge_fields() {
    explain_fields();
    if (result_.fields.empty())
      return outcome::ok;
    auto is_bad = [](const field_answer& field) { return field.error != field_error::none; };
    auto bad = std::find_if(result_.fields.begin(), result_.fields.end(), is_bad);
    if (bad != result_.fields.end() && result_.message.empty())
      result_.message = bad->message;
    auto common = common_error();
    if (!common) {
      if (request_.shape == query_shape::nodes || request_.shape == query_shape::metadata_probe)
        result_.message = words_of_failure();
      return outcome::partial;
    }
    switch (*common) {
    case field_error::none:
      return outcome::ok;
    case field_error::resource_limit:
      return outcome::resource_limit;
    case field_error::transient:
      return outcome_of_transient();
    case field_error::not_found:
    case field_error::forbidden:
    case field_error::rejected:
      return outcome::partial; // the query was good, each of its fields was refused
    }
    return outcome::partial;
  }

  /// Why elements of a list are to be asked for again: not because others are holes.
  std::string words_of_failure() const {
    auto failed = [&](const graphql_error& error) {
      auto what = judge(error);
      return what != verdict::not_found && what != verdict::forbidden;
    };
    auto found = std::find_if(answer_.errors.begin(), answer_.errors.end(), failed);
    return found == answer_.errors.end() ? "repositories came as null without a reason"
                                         : describe(*found);
  }

  /// The error that made the fields transient decides, not one about a single repository.
  outcome outcome_of_transient() const {
    auto is_transient = [&](const graphql_error& error) {
      return field_error_of(judge(error)) == field_error::transient;
    };
    auto found = std::find_if(answer_.errors.begin(), answer_.errors.end(), is_transient);
    return found == answer_.errors.end() ? outcome::malformed : outcome_of(judge(*found));
  }

  /// What every field's error is, if it is the same for all.
  std::optional<field_error> common_error() const {
    auto first = error_of(result_.fields.front());
    auto same = [&](const field_answer& field) { return error_of(field) == first; };
    return std::all_of(result_.fields.begin(), result_.fields.end(), same) ? first : std::nullopt;
  }

  const api_request& request_;
  const http_response& response_;
  github_answer answer_;
  api_response& result_;
};

/// A listing is no GraphQL answer: a good one has ids, any other is judged by its words and status
/// like those. It has no field to speak of but the one that was asked for.
void judge_listing(const api_request& request, const http_response& response, timestamp now,
                   classified& result) {
  auto& answer = result.answer;
  auto fields = [&] { return std::vector<field_answer>(request.fields.size()); };
  if (response.status == 404) {
    // fs 7: GitHub Enterprise Server says so beyond its newest repository.
    answer.limits = limits_in_headers(response, now);
    answer.result = outcome::partial;
    answer.message = "HTTP 404 where repositories are listed";
    answer.fields = fields();
    for (auto& field : answer.fields)
      mark(field, field_error::not_found, answer.message);
    return;
  }
  auto is_success = response.status >= 200 && response.status < 300;
  if (!is_success || request.fields.size() != 1) {
    judgement{api_request{request.shape, request.credential, {}}, response, now, result};
    return;
  }
  answer.limits = limits_in_headers(response, now);
  auto ids = parse_id_list(response.body, number(request.fields[0].after).value_or(0));
  if (!ids) {
    answer.result = outcome::malformed;
    answer.message = "no list of repositories: " + excerpt(response.body);
    return;
  }
  answer.fields = fields();
  answer.fields[0].ids = std::move(*ids);
  answer.fields[0].has_next_page = has_next_page(response.header("link"));
}

} // namespace

classified classify(const api_request& request, http_response&& response, timestamp now) {
  classified result;
  auto& answer = result.answer;
  answer.http_status = response.status;
  answer.elapsed = response.elapsed;
  answer.body_bytes = response.body.size();
  read_headers(response, now, answer);
  if (response.failure != http_failure::none) {
    answer.result = outcome_of(response.failure);
    answer.message = std::move(response.detail);
    answer.limits = limits_in_headers(response, now);
  } else if (request.shape == query_shape::id_list) {
    judge_listing(request, response, now, result);
  } else {
    judgement{request, response, now, result};
  }
  return result;
}

} // namespace gitstar::net
