#include "tools/gitstar/rehearsal.hpp"

#include "tools/gitstar/text.hpp"

#include <boost/json/parse.hpp>
#include <boost/json/value_to.hpp>
#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <stdexcept>
#include <vector>

namespace gitstar::tool {

namespace {

namespace json = boost::json;

/// Calls `use` with the fields of each line but the first; quoted fields may hold line ends.
template <class Use>
void for_each_line(const std::string& csv, Use use) {
  std::vector<std::string> fields(1);
  auto quoted = false;
  auto header = true;
  for (auto c : csv) {
    if (c == '"') {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else if (c == '\n' && !quoted) {
      if (!header)
        use(fields);
      header = false;
      fields.assign(1, {});
    } else {
      fields.back() += c;
    }
  }
}

int64_t number_at(const std::vector<std::string>& fields, size_t column) {
  int64_t result = 0;
  if (column < fields.size()) {
    auto& text = fields[column];
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), result);
    if (code == std::errc{} && end == text.data() + text.size())
      return result;
  }
  throw std::runtime_error("the simulator's list has a line without a number in column " +
                           std::to_string(column + 1));
}

} // namespace

star_counts read_truth(const std::string& csv) {
  star_counts result;
  for_each_line(csv, [&](auto& fields) {
    auto id = number_at(fields, 0);
    result.emplace(id, number_at(fields, 4));
  });
  return result;
}

std::set<repo_id> read_changes(const std::string& csv) {
  std::set<repo_id> result;
  for_each_line(csv, [&](auto& fields) { result.insert(number_at(fields, 2)); });
  return result;
}

comparison compare(const star_counts& stored, const star_counts& truth,
                   const std::set<repo_id>& changed) {
  comparison result;
  for (auto& [id, stars] : truth) {
    auto found = stored.find(id);
    if (found != stored.end() && found->second == stars)
      ++result.equal;
    else if (changed.contains(id))
      ++result.moved;
    else
      ++(found == stored.end() ? result.missing : result.wrong);
  }
  for (auto& [id, stars] : stored)
    if (!truth.contains(id))
      ++(changed.contains(id) ? result.moved : result.wrong);
  return result;
}

int64_t violations_in(const std::string& stats) {
  return json::parse(stats).at("violations").at("total").to_number<int64_t>();
}

std::string rehearsal_text(const comparison& found, const std::string& stats,
                           const std::string& report) {
  auto github = json::parse(stats);
  auto crawl = json::parse(report);
  auto number = [](const json::value& x, const char* key) {
    return x.at(key).to_number<int64_t>();
  };
  auto result = fmt::format("\nThe rehearsal\n  ended {}: of the simulated GitHub's repositories "
                            "{} are stored as they are, {} are missing, {} are wrong",
                            json::value_to<std::string>(crawl.at("state")), thousands(found.equal),
                            thousands(found.missing), thousands(found.wrong));
  if (found.moved > 0)
    result += fmt::format(", {} changed while the crawl ran", thousands(found.moved));
  auto requests = number(crawl, "requests");
  auto again = number(crawl, "retries");
  result += fmt::format(
      "\n  {} queries, {} points; {} queries ({:.1f} %) had to be asked again\n",
      thousands(requests), thousands(number(crawl, "points")), thousands(again),
      requests == 0 ? 0.0 : 100.0 * static_cast<double>(again) / static_cast<double>(requests));
  std::string faults;
  for (auto& [name, count] : github.at("faults").as_object())
    faults += fmt::format("{}{} {}", faults.empty() ? "" : ", ", count.to_number<int64_t>(),
                          std::string_view{name.data(), name.size()});
  result += fmt::format("  faults that GitHub showed: {}\n", faults.empty() ? "none" : faults);
  result += fmt::format("  violations of GitHub's limits: {}\n", violations_in(stats));
  return result;
}

} // namespace gitstar::tool
