#include "tools/gitstar/check.hpp"

#include "actors/forecast.hpp"
#include "messages/time_text.hpp"
#include "tools/gitstar/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

namespace gitstar::tool {

namespace {

namespace json = boost::json;

/// Beyond it, logs and the ledger tell times that mislead; tokens are minted right nevertheless,
/// because the skew is learned (fact sheet 8).
constexpr int64_t tolerable_skew = 30; // seconds

/// PostgreSQL needs room for its write-ahead log besides the tables.
constexpr uint64_t room_for_log = 1'500'000'000;

constexpr uint64_t oldest_postgres = 13;

/// Other credentials that spend the same budget.
std::vector<std::string> partners(const std::string& name, const examinations& found) {
  std::vector<std::string> result;
  auto& own = found.at(name).answer.identity;
  for (auto& [other, x] : found)
    if (own && other != name && x.answer.identity && x.answer.identity->id == own->id)
      result.push_back(other);
  return result;
}

std::string joined(const std::vector<std::string>& names) {
  std::string result;
  for (auto& x : names)
    result += (result.empty() ? "" : ", ") + x;
  return result;
}

std::string budget_text(const rate_limit& limits) {
  if (!limits.known)
    return "the answer tells no rate limit";
  if (!limits.enabled)
    return "rate limits are switched off";
  return fmt::format("{} of {} points left, reset {}", thousands(limits.remaining),
                     thousands(limits.limit), to_utc_text(limits.reset_at));
}

check_level level_of(const api_response& answer) {
  switch (answer.result) {
  case outcome::ok:
  case outcome::partial:
    return answer.limits.known && answer.limits.enabled && answer.limits.remaining == 0
               ? check_level::warning
               : check_level::ok;
  case outcome::primary_limit:
  case outcome::secondary_limit:
    return check_level::warning; // it passes
  default:
    return check_level::error;
  }
}

check_line credential_line(const config::credential& credential, const examinations& found) {
  auto& answer = found.at(credential.name).answer;
  check_line result{"credential " + credential.name, level_of(answer), "", {}};
  auto kind = config::to_string(credential.kind);
  result.facts = {{"kind", kind}, {"outcome", gitstar::to_string(answer.result)}};
  if (answer.result != outcome::ok && answer.result != outcome::partial) {
    result.text =
        fmt::format("{}: {}: {}", kind, gitstar::to_string(answer.result), answer.message);
    return result;
  }
  result.text = kind;
  if (answer.identity) {
    result.text += fmt::format(" of {}", answer.identity->login);
    result.facts["login"] = answer.identity->login;
  }
  result.text += ": " + budget_text(answer.limits);
  if (answer.limits.known && answer.limits.enabled) {
    result.facts["limit"] = answer.limits.limit;
    result.facts["remaining"] = answer.limits.remaining;
    result.facts["reset_at"] = to_utc_text(answer.limits.reset_at);
  }
  if (auto others = partners(credential.name, found); !others.empty()) {
    result.text += "; shares this budget with " + joined(others);
    result.facts["shares_with"] = json::array(others.begin(), others.end());
  }
  return result;
}

/// Each refused field once, with all credentials that it is refused to.
std::vector<check_line> field_lines(const examinations& found) {
  std::map<std::string, std::pair<std::string, std::vector<std::string>>> refused;
  for (auto& [name, x] : found)
    for (auto& field : x.refused) {
      auto& [reason, names] = refused[field.name];
      reason = field.reason;
      names.push_back(name);
    }
  std::vector<check_line> result;
  for (auto& [field, why] : refused)
    result.push_back({"field " + field,
                      check_level::warning,
                      fmt::format("refused to {}: queries leave it out and its column stays "
                                  "unknown ({})",
                                  joined(why.second), why.first),
                      {{"credentials", json::array(why.second.begin(), why.second.end())}}});
  auto answered = std::any_of(found.begin(), found.end(),
                              [](auto& x) { return x.second.answer.result == outcome::ok; });
  if (result.empty() && answered)
    result.push_back({"fields", check_level::ok, "GitHub tells all that the crawler asks for", {}});
  return result;
}

/// Empty where GitHub has not told the time.
std::vector<check_line> clock_lines(const examinations& found) {
  auto told = std::find_if(found.begin(), found.end(),
                           [](auto& x) { return x.second.answer.server_clock_skew != caf::none; });
  if (told == found.end())
    return {};
  auto skew = told->second.answer.server_clock_skew->count();
  auto text = skew == 0 ? std::string{"ours and GitHub's agree"}
                        : fmt::format("GitHub's is {} s {} ours", std::abs(skew),
                                      skew > 0 ? "ahead of" : "behind");
  auto level = std::abs(skew) > tolerable_skew ? check_level::warning : check_level::ok;
  return {{"clock", level, text, {{"skew_seconds", skew}}}};
}

} // namespace

std::string to_string(check_level level) {
  switch (level) {
  case check_level::ok:
    return "ok";
  case check_level::warning:
    return "warning";
  case check_level::error:
    return "error";
  }
  return "unknown";
}

std::vector<check_line> github_lines(const std::vector<config::credential>& credentials,
                                     const examinations& found) {
  std::vector<check_line> result;
  for (auto& x : credentials)
    result.push_back(credential_line(x, found));
  for (auto& x : field_lines(found))
    result.push_back(x);
  for (auto& x : clock_lines(found))
    result.push_back(x);
  return result;
}

check_line database_line(const db::store_examination& found) {
  check_line result{"database",
                    check_level::ok,
                    "PostgreSQL " + found.server_version,
                    {{"server_version", found.server_version},
                     {"schema_version", found.schema_version},
                     {"pending_migrations", std::max(found.pending(), 0)}}};
  if (std::strtoul(found.server_version.c_str(), nullptr, 10) < oldest_postgres) {
    result.level = check_level::error;
    result.text += fmt::format(": version {} or newer is needed", oldest_postgres);
  } else if (found.pending() < 0) {
    result.level = check_level::error;
    result.text += fmt::format(", schema version {}: this program knows only {}",
                               found.schema_version, found.program_version);
  } else if (found.pending() > 0) {
    result.text +=
        fmt::format(", schema version {}: the next crawl applies {} migration{}",
                    found.schema_version, found.pending(), found.pending() == 1 ? "" : "s");
  } else {
    result.text += fmt::format(", schema version {}, up to date", found.schema_version);
  }
  return result;
}

check_line disk_line(const std::string& directory, uint64_t available, int64_t repositories) {
  check_line result{
      "disk",
      check_level::ok,
      fmt::format("{} free for {}", bytes_text(static_cast<int64_t>(available)), directory),
      {{"available_bytes", available}}};
  workload work;
  work.repositories = repositories;
  auto needed = static_cast<uint64_t>(database_bytes(work, 0));
  if (repositories > 0) {
    result.text += fmt::format("; {} repositories need about {}", thousands(repositories),
                               bytes_text(static_cast<int64_t>(needed)));
    result.facts["needed_bytes"] = needed;
  }
  if (available < needed)
    result.level = check_level::error;
  else if (available < needed + room_for_log)
    result.level = check_level::warning;
  return result;
}

std::string check_text(const std::vector<check_line>& lines) {
  std::string result;
  for (auto& x : lines)
    result += fmt::format("{:<8} {}: {}\n", to_string(x.level), x.name, x.text);
  return result;
}

std::string check_json(const std::vector<check_line>& lines) {
  json::array checks;
  for (auto& x : lines) {
    auto entry = x.facts;
    entry["name"] = x.name;
    entry["level"] = to_string(x.level);
    entry["text"] = x.text;
    checks.push_back(std::move(entry));
  }
  return json::serialize(json::object{{"ok", !has_error(lines)}, {"checks", std::move(checks)}});
}

bool has_error(const std::vector<check_line>& lines) {
  return std::any_of(lines.begin(), lines.end(),
                     [](auto& x) { return x.level == check_level::error; });
}

} // namespace gitstar::tool
