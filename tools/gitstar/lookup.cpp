#include "tools/gitstar/lookup.hpp"

#include "messages/time_text.hpp"
#include "tools/gitstar/text.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace gitstar::tool {

namespace {

namespace json = boost::json;
using namespace std::chrono;

template <class T>
std::string number_or_unknown(const optional<T>& value, std::string_view what) {
  return value ? fmt::format("{} {}", thousands(*value), what) : fmt::format("unknown {}", what);
}

template <class T>
json::value value_or_null(const optional<T>& value) {
  return value ? json::value(*value) : json::value(nullptr);
}

json::value time_or_null(const optional<timestamp>& time) {
  return time ? json::value(to_utc_text(*time)) : json::value(nullptr);
}

/// `3 d`, `5 h` or `12 min`: how long ago something was.
std::string age_text(seconds age) {
  if (age >= days{2})
    return fmt::format("{} d", duration_cast<days>(age).count());
  if (age >= hours{2})
    return fmt::format("{} h", duration_cast<hours>(age).count());
  return fmt::format("{} min", std::max<int64_t>(duration_cast<minutes>(age).count(), 0));
}

/// What kind of a repository it is, in words.
std::string traits_line(const repository& x) {
  std::string result = "  " + x.language.value_or("no language");
  result += ", " + x.license.value_or("no licence") + ", " + x.visibility;
  if (x.disk_usage_kb)
    result += ", " + bytes_text(int64_t{*x.disk_usage_kb} * 1000);
  for (auto [set, word] : {std::pair{x.is_fork, "fork"}, std::pair{x.is_archived, "archived"},
                           std::pair{x.is_disabled, "disabled"}})
    if (set)
      result += std::string{", "} + word;
  return result + '\n';
}

std::string star_lines(const db::stored_repository& found) {
  auto& stars = found.stars;
  if (stars.empty())
    return {};
  auto& first = stars.front();
  auto gained = found.repository.star_count - first.star_count;
  auto since = found.asked_at - first.observed_at;
  auto result = fmt::format("  Stars: {}{} since {}", gained < 0 ? "" : "+", thousands(gained),
                            to_utc_text(first.observed_at));
  if (since >= days{1})
    result += fmt::format(", {:.1f} a day", static_cast<double>(gained) /
                                                duration<double, days::period>(since).count());
  result += fmt::format(", {} observations\n", thousands(static_cast<int64_t>(stars.size())));
  if (auto line = sparkline(stars, found.asked_at); !line.empty())
    result += "  " + line + '\n';
  return result;
}

/// `pull requests` for `pull_requests`.
std::string words_of(std::string kind) {
  std::replace(kind.begin(), kind.end(), '_', ' ');
  return kind;
}

/// Lists that are shown of a kind for being incomplete; in JSON all are.
constexpr size_t most_gaps = 10;

std::string metadata_lines(const std::vector<db::stored_kind>& kinds) {
  std::string result;
  for (auto& x : kinds) {
    result += fmt::format("  {} {}", thousands(x.count), words_of(x.kind));
    std::string details;
    auto add = [&](const std::string& text) { details += (details.empty() ? "" : ", ") + text; };
    if (x.open)
      add(thousands(*x.open) + " open");
    if (x.gone > 0)
      add(thousands(x.gone) + " gone");
    if (x.read_at)
      add("read " + to_utc_text(*x.read_at));
    else if (x.watermark)
      add("read up to " + to_utc_text(*x.watermark));
    result += details.empty() ? "\n" : " (" + details + ")\n";
    for (size_t i = 0; i < x.incomplete.size() && i < most_gaps; ++i)
      result += "    incomplete: " + x.incomplete[i] + '\n';
    if (x.incomplete.size() > most_gaps)
      result += fmt::format("    incomplete: {} more\n",
                            thousands(static_cast<int64_t>(x.incomplete.size() - most_gaps)));
  }
  return result;
}

json::object metadata_json(const std::vector<db::stored_kind>& kinds) {
  json::object result;
  for (auto& x : kinds) {
    json::object entry{{"count", x.count}, {"gone", x.gone}};
    if (x.open)
      entry["open"] = *x.open;
    entry["watermark"] = time_or_null(x.watermark);
    entry["read_at"] = time_or_null(x.read_at);
    entry["incomplete"] = json::array(x.incomplete.begin(), x.incomplete.end());
    result[x.kind] = std::move(entry);
  }
  return result;
}

const char* title_of(db::rank_by by) {
  switch (by) {
  case db::rank_by::growth:
    return "gained";
  case db::rank_by::issues:
    return "open issues";
  default:
    return "stars";
  }
}

} // namespace

std::string sparkline(const std::vector<db::star_observation>& stars, timestamp until,
                      size_t width) {
  constexpr std::array heights{"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};
  if (stars.size() < 2 || width < 2)
    return {};
  auto less = [](auto& a, auto& b) { return a.star_count < b.star_count; };
  auto [low, high] = std::minmax_element(stars.begin(), stars.end(), less);
  auto range = std::max<int64_t>(high->star_count - low->star_count, 1);
  auto begin = stars.front().observed_at;
  auto length = std::max(until, stars.back().observed_at) - begin;
  std::string result;
  auto current = stars.begin();
  for (size_t i = 0; i < width; ++i) {
    // The first column shows the first count and the last one the last.
    auto at = begin + length * static_cast<int64_t>(i) / static_cast<int64_t>(width - 1);
    while (std::next(current) != stars.end() && std::next(current)->observed_at <= at)
      ++current;
    auto height = (current->star_count - low->star_count) * int64_t{heights.size() - 1} / range;
    result += heights.at(static_cast<size_t>(height));
  }
  return result;
}

std::string repository_text(const db::stored_repository& found) {
  auto& x = found.repository;
  auto result = fmt::format("{} (id {})\n", x.full_name, x.repo_id);
  if (found.gone_at)
    result += fmt::format("  gone: GitHub has known no such repository since {}\n",
                          to_utc_text(*found.gone_at));
  if (x.description && !x.description->empty())
    result += "  " + *x.description + '\n';
  result +=
      fmt::format("  {} stars, {} forks, {}, {}\n", thousands(x.star_count),
                  thousands(x.fork_count), number_or_unknown(x.open_issue_count, "open issues"),
                  number_or_unknown(x.watcher_count, "watchers"));
  result += traits_line(x);
  result +=
      fmt::format("  created {}, pushed {}, updated {}\n", to_utc_text(x.created_at),
                  x.pushed_at ? to_utc_text(*x.pushed_at) : "never", to_utc_text(x.updated_at));
  result += star_lines(found);
  result += metadata_lines(found.metadata);
  result += fmt::format("  first seen {}, last difference seen {} ({} ago)\n",
                        to_utc_text(found.first_seen_at), to_utc_text(found.crawled_at),
                        age_text(found.asked_at - found.crawled_at));
  for (auto id : found.namesakes)
    result += fmt::format("  repository {} had this name when it was last seen\n", id);
  return result;
}

std::string repository_json(const db::stored_repository& found) {
  auto& x = found.repository;
  json::array stars;
  for (auto& star : found.stars)
    stars.push_back(json::object{{"observed_at", to_utc_text(star.observed_at)},
                                 {"star_count", star.star_count}});
  json::object result{{"repo_id", x.repo_id},
                      {"owner", owner_of(x)},
                      {"name", name_of(x)},
                      {"full_name", x.full_name},
                      {"star_count", x.star_count},
                      {"fork_count", x.fork_count},
                      {"open_issue_count", value_or_null(x.open_issue_count)},
                      {"watcher_count", value_or_null(x.watcher_count)},
                      {"language", value_or_null(x.language)},
                      {"license", value_or_null(x.license)},
                      {"description", value_or_null(x.description)},
                      {"is_fork", x.is_fork},
                      {"is_archived", x.is_archived},
                      {"is_disabled", x.is_disabled},
                      {"visibility", x.visibility},
                      {"disk_usage_kb", value_or_null(x.disk_usage_kb)},
                      {"created_at", to_utc_text(x.created_at)},
                      {"updated_at", to_utc_text(x.updated_at)},
                      {"pushed_at", time_or_null(x.pushed_at)},
                      {"first_seen_at", to_utc_text(found.first_seen_at)},
                      {"crawled_at", to_utc_text(found.crawled_at)},
                      {"gone_at", time_or_null(found.gone_at)},
                      {"star_history", std::move(stars)},
                      {"metadata", metadata_json(found.metadata)}};
  return json::serialize(result) + '\n';
}

std::string ranking_text(const db::ranking_request& request,
                         const std::vector<db::ranking_line>& lines) {
  auto by_stars = request.by == db::rank_by::stars;
  auto result =
      by_stars ? fmt::format("{:>5}  {:>11}  {:<44} {}\n", "", "stars", "repository", "language")
               : fmt::format("{:>5}  {:>11}  {:>11}  {:<44} {}\n", "", title_of(request.by),
                             "stars", "repository", "language");
  int64_t rank = 0;
  for (auto& x : lines) {
    result += fmt::format("{:>5}  {:>11}  ", ++rank, thousands(x.value));
    if (!by_stars)
      result += fmt::format("{:>11}  ", thousands(x.star_count));
    result += fmt::format("{:<44} {}\n", x.full_name, x.language.empty() ? "(none)" : x.language);
  }
  if (request.by == db::rank_by::growth)
    result += fmt::format("Stars gained since {}; of a repository first seen later, since then\n",
                          to_utc_text(request.since));
  return result;
}

std::string ranking_json(const db::ranking_request& request,
                         const std::vector<db::ranking_line>& lines) {
  json::array result;
  for (auto& x : lines) {
    json::object line{
        {"full_name", x.full_name},
        {"star_count", x.star_count},
        {"language", x.language.empty() ? json::value(nullptr) : json::value(x.language)}};
    if (request.by == db::rank_by::growth) {
      line["gained"] = x.value;
      line["since"] = time_or_null(x.baseline);
    }
    if (request.by == db::rank_by::issues)
      line["open_issue_count"] = x.value;
    result.push_back(std::move(line));
  }
  return json::serialize(result) + '\n';
}

optional<timestamp> parse_since(std::string_view text, timestamp now) {
  if (text.ends_with('d')) {
    int32_t count = -1;
    auto end = text.data() + text.size() - 1;
    auto [stop, code] = std::from_chars(text.data(), end, count);
    constexpr int32_t most = 36'525; // a century: no history is older
    if (code != std::errc{} || stop != end || count < 0 || count > most)
      return caf::none;
    return now - days{count};
  }
  if (auto day = parse_utc_day(text))
    return day;
  return parse_utc_text(text);
}

} // namespace gitstar::tool
