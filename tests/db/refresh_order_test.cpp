/// What the order of a refresh is worth on the real history of star counts, against plain oldest
/// first. Skipped where the data is not there.
#include "db/change_model.hpp"

#include <catch2/catch.hpp>
#include <zlib.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <map>
#include <memory>
#include <numeric>
#include <string>
#include <vector>

using namespace gitstar::db;

namespace {

constexpr const char* history_file = "../shared/data/star_history.csv.gz";
constexpr std::chrono::sys_days first_day{std::chrono::year{2025} / 8 / 25};
constexpr int days = 180;

/// The star count of one repository on every day.
using series = std::vector<int32_t>;

/// Repositories that are known on the first day and later. What changed is what the lists said;
/// between two of their dates nothing is taken to change.
std::vector<series> real_history() {
  std::unique_ptr<gzFile_s, decltype(&gzclose)> file{gzopen(history_file, "rb"), &gzclose};
  std::map<std::string, std::map<int, int32_t>> observed;
  char line[1024];
  while (file && gzgets(file.get(), line, sizeof line) != nullptr) {
    std::string text{line};
    std::vector<std::string> fields;
    for (size_t at = 0; at <= text.size();) {
      auto end = std::min(text.find_first_of(",\n", at), text.size());
      fields.push_back(text.substr(at, end - at));
      at = end + 1;
    }
    int year = 0;
    unsigned month = 0;
    unsigned day = 0;
    if (fields.size() < 5 || fields[4].find_first_of("ERHT") == std::string::npos ||
        std::sscanf(fields[2].c_str(), "%d-%u-%u", &year, &month, &day) != 3)
      continue;
    std::chrono::sys_days date{std::chrono::year{year} / static_cast<int>(month) /
                               static_cast<int>(day)};
    auto index = static_cast<int>((date - first_day).count());
    if (index > days)
      continue;
    // One list per repository: they do not agree to the star.
    observed[fields[4] + fields[0] + '/' + fields[1]][std::max(index, 0)] =
        static_cast<int32_t>(std::atol(fields[3].c_str()));
  }
  std::vector<series> result;
  for (auto& [name, counts] : observed) {
    if (counts.begin()->first > 0 || (name[0] != 'T' && counts.size() < days / 2))
      continue;
    series every(days + 1);
    auto next = counts.begin();
    for (int day = 0; day <= days; ++day) {
      if (next != counts.end() && next->first == day)
        every[static_cast<size_t>(day)] = (next++)->second;
      else
        every[static_cast<size_t>(day)] = every[static_cast<size_t>(day - 1)];
    }
    result.push_back(std::move(every));
  }
  return result;
}

struct staleness_outcome {
  int64_t reads = 0;
  int64_t found = 0;     ///< reads that found another star count
  double up_to_date = 0; ///< share of the store that is, on average over the days
};

/// A refresh a day, which reads `share` of the repositories.
template <class Order>
staleness_outcome refresh_daily(const std::vector<series>& truth, double share, Order order) {
  std::vector<check_history> known(truth.size());
  std::vector<int> read_on(truth.size(), 0);
  for (size_t i = 0; i < truth.size(); ++i)
    known[i].stars = truth[i][0];
  staleness_outcome result;
  std::vector<size_t> ranked(truth.size());
  std::vector<double> key(truth.size());
  auto budget = static_cast<size_t>(share * static_cast<double>(truth.size()));
  for (int day = 1; day <= days; ++day) {
    for (size_t i = 0; i < truth.size(); ++i) {
      known[i].age_days = day - read_on[i];
      key[i] = order(known[i]);
    }
    std::iota(ranked.begin(), ranked.end(), size_t{0});
    std::nth_element(ranked.begin(), ranked.begin() + static_cast<std::ptrdiff_t>(budget),
                     ranked.end(), [&](size_t a, size_t b) { return key[a] > key[b]; });
    for (size_t i = 0; i < budget; ++i) {
      auto& x = known[ranked[i]];
      auto now = truth[ranked[i]][static_cast<size_t>(day)];
      ++result.reads;
      ++x.intervals;
      if (x.stars != now) {
        ++result.found;
        ++x.changes;
      }
      x.stars = now;
      x.observed_days = day;
      read_on[ranked[i]] = day;
    }
    size_t right = 0;
    for (size_t i = 0; i < truth.size(); ++i)
      right += known[i].stars == truth[i][static_cast<size_t>(day)];
    result.up_to_date += static_cast<double>(right) / static_cast<double>(truth.size()) / days;
  }
  return result;
}

} // namespace

TEST_CASE("on the real history the likely changed are found for fewer points than the oldest",
          "[change_model]") {
  auto truth = real_history();
  if (truth.empty()) {
    WARN("skipped, there is no " << history_file);
    return;
  }
  for (auto share : {0.05, 0.1, 0.3}) {
    auto oldest = refresh_daily(truth, share, [](auto& x) { return x.age_days; });
    auto likely = refresh_daily(truth, share, [](auto& x) { return change_chance(x); });
    auto per_point = [](const staleness_outcome& x) {
      return 100 * static_cast<double>(x.found) / static_cast<double>(x.reads);
    };
    std::printf("  %zu repositories, %d days, %2.0f %% a day: a point refreshes %.1f by chance, "
                "%.1f oldest first; up to date %.1f %% and %.1f %%\n",
                truth.size(), days, 100 * share, per_point(likely), per_point(oldest),
                100 * likely.up_to_date, 100 * oldest.up_to_date);
    CHECK(likely.reads == oldest.reads);
    CHECK(likely.found > oldest.found);
  }
}
