#include "tools/sim/faults.hpp"

#include "tools/sim/yaml_section.hpp"

#include <algorithm>
#include <iterator>

namespace gitstar::sim {

namespace {

using group = fault_group;
using kind = fault_kind;

constexpr fault_class classes[] = {
    {kind::secondary_limit_200, group::answer, "secondary_limit_200", "retry_after",
     "secondary limit as 200 with JSON"},
    {kind::secondary_limit_403, group::answer, "secondary_limit_403", "retry_after",
     "secondary limit as 403 with JSON"},
    {kind::secondary_limit_429, group::answer, "secondary_limit_429", "retry_after",
     "secondary limit as 429 with JSON"},
    {kind::secondary_limit_html, group::answer, "secondary_limit_html", "retry_after",
     "secondary limit as a page: Whoa there!"},
    {kind::rate_limited, group::answer, "rate_limited", "",
     "primary limit until the window ends, the old spelling: RATE_LIMITED in 200"},
    {kind::rate_limit_code, group::answer, "rate_limit_code", "",
     "primary limit until the window ends, the new spelling: RATE_LIMIT with a code in 200"},
    {kind::rate_limited_low, group::answer, "rate_limited_low", "",
     "primary limit although 4 of 1,000 points are left"},
    {kind::timeout_502_json, group::answer, "timeout_502_json", "", "time-out as 502 with JSON"},
    {kind::timeout_504_json, group::answer, "timeout_504_json", "", "time-out as 504 with JSON"},
    {kind::timeout_502_html, group::answer, "timeout_502_html", "", "time-out as nginx's page"},
    {kind::timeout_502_unicorn, group::answer, "timeout_502_unicorn", "",
     "time-out as the large page with the unicorn"},
    {kind::timeout_200, group::answer, "timeout_200", "",
     "time-out as 200: Something went wrong while executing your query"},
    {kind::bad_credentials, group::answer, "bad_credentials", "", "401 with 0 of 0 points left"},
    {kind::forbidden_html, group::answer, "forbidden_html", "", "403 as a page"},
    {kind::blocked_451, group::answer, "blocked_451", "", "451, blocked for legal reasons"},
    {kind::outage, group::answer, "outage", "milliseconds",
     "connections are reset, and refused for a while"},
    {kind::outage_reset, group::answer, "outage_reset", "milliseconds",
     "connections are accepted and reset for a while"},
    {kind::malformed_json, group::delivery, "malformed_json", "", "the body is no JSON at its end"},
    {kind::truncated_json, group::delivery, "truncated_json", "", "the body ends in its middle"},
    {kind::truncated_gzip, group::delivery, "truncated_gzip", "",
     "the compressed body ends in its middle"},
    {kind::wrong_content_type, group::delivery, "wrong_content_type", "", "JSON, called text/html"},
    {kind::empty_body, group::delivery, "empty_body", "", "200 without a body"},
    {kind::oversized_body, group::delivery, "oversized_body", "bytes",
     "a body that goes on and on"},
    {kind::slow_body, group::delivery, "slow_body", "milliseconds", "the body comes in drops"},
    {kind::delay, group::delivery, "delay", "milliseconds", "the answer comes late"},
    {kind::reset_mid_body, group::delivery, "reset_mid_body", "",
     "the connection is reset in the middle of the body"},
    {kind::reset_before_answer, group::delivery, "reset_before_answer", "",
     "the connection is reset instead of an answer"},
    {kind::close_after_answer, group::delivery, "close_after_answer", "",
     "the connection is closed although the answer promised to keep it"},
    {kind::resource_limit, group::data, "resource_limit", "fields",
     "RESOURCE_LIMITS_EXCEEDED for what a query asks beyond so many items"},
    {kind::opaque_cursors, group::data, "opaque_cursors", "",
     "cursors are no ranks: pages must be read one after the other"},
    {kind::count_error, group::data, "count_error", "share above",
     "repositoryCount is off by up to so much"},
    {kind::duplicates, group::data, "duplicates", "count",
     "pages begin with the last items of the page before and lack their own last"},
    {kind::null_nodes, group::data, "null_nodes", "share", "items are null without a word"},
    {kind::null_nodes_with_error, group::data, "null_nodes_with_error", "share",
     "items are null, each with an error"},
    {kind::stars, group::world, "stars", "count by", "star counts change"},
    {kind::rename, group::world, "rename", "count", "repositories get other names"},
    {kind::transfer, group::world, "transfer", "count", "repositories get other owners"},
    {kind::remove, group::world, "delete", "count", "repositories disappear"},
    {kind::create, group::world, "create", "count", "repositories are created"},
    {kind::metadata, group::world, "metadata", "count share",
     "issues, pull requests and so on change in a share of the repositories"},
};

constexpr bool in_order() {
  for (size_t i = 0; i < std::size(classes); ++i)
    if (static_cast<size_t>(classes[i].kind) != i)
      return false;
  return std::size(classes) == static_cast<size_t>(kind::metadata) + 1;
}
static_assert(in_order());

bool takes(const fault_class& what, std::string_view parameter) {
  auto rest = what.parameters;
  while (!rest.empty()) {
    auto end = rest.find(' ');
    if (rest.substr(0, end) == parameter)
      return true;
    rest = end == std::string_view::npos ? "" : rest.substr(end + 1);
  }
  return false;
}

template <class T>
void read_span(yaml_section& from, const char* key, T& first, T& last) {
  std::vector<T> both;
  from.read(key, both);
  if (!from.has(key))
    return;
  if (both.size() != 2 || both[0] > both[1])
    from.fail("'" + std::string{key} + "' must be [first, last]");
  first = both[0];
  last = both[1];
}

void read_when(yaml_section& from, fault_rule& out) {
  from.read("probability", out.probability);
  from.read("every", out.every);
  from.read("times", out.times);
  read_span(from, "requests", out.first_request, out.last_request);
  read_span(from, "seconds", out.from_second, out.to_second);
  from.read("credential", out.credential);
  std::string endpoint{"graphql"};
  from.read("endpoint", endpoint);
  out.graphql = endpoint == "graphql" || endpoint == "any";
  out.rest = endpoint == "rest" || endpoint == "any";
  if (!out.graphql && !out.rest)
    from.fail("'endpoint' must be graphql, rest or any");
  if (!(out.probability >= 0 && out.probability <= 1))
    from.fail("'probability' must be from 0 to 1");
  if (out.every < 1)
    from.fail("'every' must be 1 or more");
}

/// Keys that the class does not take stay unread, and thus are refused.
void read_what(yaml_section& from, const fault_class& what, fault_rule& out) {
  auto number = [&](const char* key, int64_t& value, int64_t least) {
    if (!takes(what, key))
      return;
    from.read(key, value);
    if (value < least)
      from.fail("'" + std::string{key} + "' must be " + std::to_string(least) + " or more");
  };
  number("retry_after", out.retry_after, 0);
  number("milliseconds", out.milliseconds, 1);
  number("bytes", out.bytes, 1);
  number("fields", out.fields, 1);
  number("above", out.above, 0);
  number("count", out.count, 1);
  number("by", out.by, 1);
  if (takes(what, "share"))
    from.read("share", out.share);
  if (!(out.share > 0 && out.share <= 1))
    from.fail("'share' must be above 0 and at most 1");
}

fault_rule read_rule(yaml_section& from) {
  fault_rule out;
  std::string name;
  from.read("fault", name);
  auto what = std::find_if(std::begin(classes), std::end(classes),
                           [&](const auto& known) { return known.name == name; });
  if (what == std::end(classes))
    from.fail(name.empty() ? "'fault' is missing" : "there is no fault '" + name + "'");
  out.kind = what->kind;
  read_when(from, out);
  read_what(from, *what, out);
  return out;
}

} // namespace

std::span<const fault_class> fault_classes() { return classes; }

const fault_class& describe(fault_kind kind) { return classes[static_cast<size_t>(kind)]; }

fault_config parse_faults(const std::string& text, const std::string& file) {
  fault_config out;
  YAML::Node document;
  try {
    document = YAML::Load(text);
  } catch (const YAML::ParserException& error) {
    throw std::runtime_error(file + ":" + std::to_string(error.mark.line + 1) + ": " + error.msg);
  }
  yaml_section top{file, document};
  top.read("seed", out.seed);
  top.read("window_seconds", out.window_seconds);
  if (out.window_seconds.value_or(1) < 1)
    top.fail("'window_seconds' must be 1 or more");
  top.read("clock_offset", out.clock_offset);
  top.each("faults", [&](yaml_section& each) { out.rules.push_back(read_rule(each)); });
  top.finish();
  return out;
}

bool fault_hits::loses_answer() const {
  if (answer != nullptr)
    return true;
  if (delivery == nullptr)
    return false;
  auto what = delivery->kind;
  return what != kind::slow_body && what != kind::delay && what != kind::close_after_answer;
}

fault_injector::fault_injector(fault_config config, time_point now, int64_t requests_before)
    : config_(std::move(config)), begin_(now), requests_before_(requests_before) {}

bool fault_injector::concerns(const fault_rule& rule, const arrival& request) const {
  auto number = request.number - requests_before_;
  std::chrono::duration<double> age = request.now - begin_;
  return (request.is_graphql ? rule.graphql : rule.rest) && number >= rule.first_request &&
         number <= rule.last_request && age.count() >= rule.from_second &&
         age.count() <= rule.to_second &&
         (rule.credential.empty() || rule.credential == request.credential);
}

bool fault_injector::strikes(const fault_rule& rule, size_t place) const {
  if (rule.injected >= rule.times || rule.matched % rule.every != 0)
    return false;
  auto random = mix(mix(config_.seed, place), static_cast<uint64_t>(rule.matched));
  return static_cast<double>(random >> 11) * 0x1.0p-53 < rule.probability;
}

fault_hits fault_injector::arrive(const arrival& request) {
  fault_hits out;
  out.data.salt = mix(config_.seed, static_cast<uint64_t>(request.number - requests_before_));
  for (auto& rule : config_.rules) {
    if (!concerns(rule, request))
      continue;
    ++rule.matched;
    if (!strikes(rule, static_cast<size_t>(&rule - config_.rules.data())))
      continue;
    auto which = describe(rule.kind).group;
    if ((which == group::answer && out.answer != nullptr) ||
        (which == group::delivery && out.delivery != nullptr))
      continue; // the first decides
    ++rule.injected;
    add(rule, out);
  }
  return out;
}

void fault_injector::add(const fault_rule& rule, fault_hits& out) const {
  switch (describe(rule.kind).group) {
  case group::answer:
    out.answer = &rule;
    return;
  case group::delivery:
    out.delivery = &rule;
    return;
  case group::world:
    out.world.push_back(&rule);
    return;
  case group::data:
    break;
  }
  out.spoils_data = true;
  auto& data = out.data;
  if (rule.kind == kind::resource_limit)
    data.max_fields = std::min(data.max_fields, rule.fields);
  else if (rule.kind == kind::opaque_cursors)
    data.opaque_cursors = true;
  else if (rule.kind == kind::duplicates)
    data.repeated_items = rule.count;
  else if (rule.kind == kind::null_nodes)
    data.null_share = rule.share;
  else if (rule.kind == kind::null_nodes_with_error)
    data.null_share_with_error = rule.share;
  else if (rule.kind == kind::count_error) {
    data.count_error = rule.share;
    data.count_error_above = rule.above;
  }
}

std::map<std::string_view, int64_t> fault_injector::injected() const {
  std::map<std::string_view, int64_t> out;
  for (const auto& rule : config_.rules)
    if (rule.injected > 0)
      out[describe(rule.kind).name] += rule.injected;
  return out;
}

const storm* find_storm(std::string_view name) {
  for (const auto& known : storms())
    if (known.name == name)
      return &known;
  return nullptr;
}

} // namespace gitstar::sim
