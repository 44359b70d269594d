#include "tools/gitstar/status.hpp"

#include "messages/time_text.hpp"
#include "tools/gitstar/summary.hpp"
#include "tools/gitstar/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>

namespace gitstar::tool {

namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

/// A crawl in state running that has stood still for so long may have lost its process.
constexpr auto stands_still = 10min;

int64_t to_repair(const certificate& totals) { return totals.incomplete + totals.dead; }

/// How long the rest takes at the present rate; empty where nothing moves.
optional<std::chrono::seconds> remaining(const db::crawl_status& status) {
  auto left = std::max<int64_t>(status.certificate.expected - status.certificate.seen, 0);
  if (status.per_second <= 0 || left == 0)
    return caf::none;
  return std::chrono::seconds{static_cast<int64_t>(static_cast<double>(left) / status.per_second)};
}

std::string progress_line(const db::crawl_status& status) {
  auto& totals = status.certificate;
  auto done =
      fmt::format("  {} of {} repositories", thousands(totals.seen), thousands(totals.expected));
  if (totals.expected > 0)
    done += fmt::format(" ({:.0f} %)", 100.0 * static_cast<double>(totals.seen) /
                                           static_cast<double>(totals.expected));
  if (status.crawl.state != "running")
    return done + '\n';
  done += fmt::format(", {}/s over the last minutes",
                      thousands(static_cast<int64_t>(status.per_second)));
  if (auto rest = remaining(status))
    done += ", ETA " + duration_text(*rest);
  auto quiet = status.asked_at - status.updated_at;
  if (quiet >= stands_still)
    done +=
        fmt::format("\n  no progress for {}: where its process has ended, gitstar crawl goes on",
                    duration_text(quiet));
  return done + '\n';
}

std::string partition_lines(const db::crawl_status& status) {
  std::string result;
  for (auto& x : status.unfinished)
    result += fmt::format("  {} '{}': {} of {} seen; {}\n", x.state, x.description,
                          thousands(x.seen), thousands(x.expected), x.reason);
  auto more = to_repair(status.certificate) - static_cast<int64_t>(status.unfinished.size());
  if (more > 0)
    result += fmt::format("  and {} more\n", thousands(more));
  return result;
}

std::string budget_line(const budget_record& x, timestamp now) {
  if (!x.enabled)
    return fmt::format("  {}: the server has rate limits switched off\n", x.credential);
  auto result = fmt::format(
      "  {}: {} of {} {} left, reset {}", x.credential, thousands(x.remaining), thousands(x.limit),
      x.what == resource::core ? "REST requests" : "points", to_utc_text(x.reset_at));
  if (x.reset_at <= now)
    result += " (over: all are there again)";
  if (auto until = std::max(x.banned_until, x.paused_until); until > now)
    result += ", banned until " + to_utc_text(until);
  if (x.benched)
    result += ", rejected by GitHub";
  return result + '\n';
}

std::string width_line(const width_record& x) {
  return fmt::format("  {} fields of {} with a {} credential\n", x.width, to_string(x.shape),
                     x.credential_kind);
}

std::string error_line(const error_record& x) {
  return fmt::format("  {}: {}, last {}: {}\n", x.kind, thousands(x.count), to_utc_text(x.at),
                     x.message);
}

template <class T, class ToText>
std::string section(const char* title, const std::vector<T>& rows, ToText to_text) {
  if (rows.empty())
    return {};
  auto result = fmt::format("{}\n", title);
  for (auto& x : rows)
    result += to_text(x);
  return result;
}

template <class T, class ToJson>
json::array array_of(const std::vector<T>& rows, ToJson to_json) {
  json::array result;
  for (auto& x : rows)
    result.push_back(to_json(x));
  return result;
}

json::value text_or_null(const optional<timestamp>& time) {
  return time ? json::value(to_utc_text(*time)) : json::value(nullptr);
}

json::object to_json(const db::unfinished_partition& x) {
  return {{"description", x.description},
          {"state", x.state},
          {"expected", x.expected},
          {"seen", x.seen},
          {"reason", x.reason}};
}

json::object to_json(const budget_record& x, timestamp now) {
  auto until = std::max(x.banned_until, x.paused_until);
  auto banned = until > now ? optional<timestamp>{until} : caf::none;
  return {{"credential", x.credential},
          {"resource", to_string(x.what)},
          {"enabled", x.enabled},
          {"limit", x.limit},
          {"remaining", x.remaining},
          {"reset_at", to_utc_text(x.reset_at)},
          {"banned_until", text_or_null(banned)},
          {"benched", x.benched}};
}

json::object to_json(const width_record& x) {
  return {
      {"shape", to_string(x.shape)}, {"credential_kind", x.credential_kind}, {"width", x.width}};
}

json::object to_json(const error_record& x) {
  return {{"kind", x.kind}, {"count", x.count}, {"at", to_utc_text(x.at)}, {"message", x.message}};
}

} // namespace

std::string status_text(const db::crawl_status& status) {
  auto& run = status.crawl;
  auto result = fmt::format("Crawl {} '{}': {}\n  {}\n  begun {}, last progress {}", run.id,
                            run.name, run.state, run.source, to_utc_text(run.started_at),
                            to_utc_text(status.updated_at));
  if (status.finished_at)
    result += ", finished " + to_utc_text(*status.finished_at);
  result += '\n' + progress_line(status);
  result += certificate_text(run, status.certificate);
  result += partition_lines(status);
  if (to_repair(status.certificate) > 0)
    result += "  gitstar repair asks for them again\n";
  result +=
      section("Budgets", status.budgets, [&](auto& x) { return budget_line(x, status.asked_at); });
  result += section("Learned query widths", status.widths, width_line);
  result += section("Last errors", status.errors, error_line);
  return result;
}

std::string status_json(const db::crawl_status& status) {
  auto& run = status.crawl;
  auto& totals = status.certificate;
  auto rest = remaining(status);
  json::object result{
      {"crawl_id", run.id},
      {"name", run.name},
      {"source", run.source},
      {"state", run.state},
      {"threshold", run.threshold < 0 ? json::value(nullptr) : json::value(run.threshold)},
      {"started_at", to_utc_text(run.started_at)},
      {"updated_at", to_utc_text(status.updated_at)},
      {"finished_at", text_or_null(status.finished_at)},
      {"repositories", totals.seen},
      {"expected", totals.expected},
      {"missing", totals.missing},
      {"duplicates", totals.duplicates},
      {"repositories_per_second", status.per_second},
      {"eta_seconds", rest ? json::value(rest->count()) : json::value(nullptr)},
      {"partitions", json::object{{"open", totals.open},
                                  {"split", totals.split},
                                  {"done", totals.done},
                                  {"incomplete", totals.incomplete},
                                  {"dead", totals.dead}}},
      {"unfinished", array_of(status.unfinished, [](auto& x) { return to_json(x); })},
      {"budgets", array_of(status.budgets, [&](auto& x) { return to_json(x, status.asked_at); })},
      {"widths", array_of(status.widths, [](auto& x) { return to_json(x); })},
      {"errors", array_of(status.errors, [](auto& x) { return to_json(x); })},
  };
  return json::serialize(result) + '\n';
}

std::string repair_text(const std::string& name, const optional<db::crawl_status>& found) {
  if (!found)
    return fmt::format("Nothing to repair: no crawl '{}' of this source has been run yet.\n", name);
  auto& totals = found->certificate;
  if (to_repair(totals) == 0)
    return fmt::format("Nothing to repair: crawl {} '{}' is {} and none of its partitions is "
                       "incomplete.\n",
                       found->crawl.id, name, found->crawl.state);
  return fmt::format("Repairing crawl {} '{}': {} incomplete partitions and {} dead letters, {} "
                     "repositories missing\n",
                     found->crawl.id, name, thousands(totals.incomplete), thousands(totals.dead),
                     thousands(totals.missing)) +
         partition_lines(*found);
}

std::string repair_result_text(int64_t partitions, const certificate& totals) {
  return fmt::format("Asked again for {} partitions; {} are incomplete now, {} repositories are "
                     "missing.\n",
                     thousands(partitions), thousands(to_repair(totals)),
                     thousands(totals.missing));
}

} // namespace gitstar::tool
