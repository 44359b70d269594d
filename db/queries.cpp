#include "db/queries.hpp"

#include "db/bucket_map.hpp"
#include "db/connection.hpp"
#include "db/rows.hpp"

#include <algorithm>
#include <cmath>
#include <initializer_list>
#include <map>
#include <utility>

namespace gitstar::db {

namespace {

/// What one shard holds.
struct shard_summary {
  std::vector<ranked_repository> most_starred;
  std::map<std::string, int64_t> languages;
  std::map<int64_t, int64_t> stars; ///< how many repositories have so many
};

/// A condition that leaves out the buckets that are being moved.
std::string without(const std::vector<int>& unowned) {
  std::string result;
  for (auto bucket : unowned)
    result += (result.empty() ? " and bucket_of(repo_id) not in (" : ", ") + std::to_string(bucket);
  return unowned.empty() ? result : result + ')';
}

std::vector<std::vector<int>> moving_buckets(const std::vector<std::string>& connection_strings) {
  return connection{connection_strings.front()}.transaction(
      [&](pqxx::work& work) { return unowned_buckets(work, connection_strings.size()); });
}

shard_summary summarize_shard(pqxx::work& work, int64_t min_stars,
                              const std::vector<int>& unowned) {
  auto source = " from repositories where star_count >= $1" + without(unowned);
  shard_summary result;
  for (const auto& row :
       work.exec_params("select full_name, star_count, coalesce(language, ''), repo_id" + source +
                            " order by star_count desc, repo_id limit 10",
                        min_stars))
    result.most_starred.push_back({row[0].as<std::string>(), row[1].as<int64_t>(),
                                   row[2].as<std::string>(), row[3].as<int64_t>()});
  // Both in one reading of the table. A row tells of a language where it has no star_count.
  for (const auto& row : work.exec_params("select star_count, coalesce(language, ''), count(*)" +
                                              source + " group by grouping sets ((1), (2))",
                                          min_stars))
    if (row[0].is_null())
      result.languages[row[1].as<std::string>()] = row[2].as<int64_t>();
    else
      result.stars[row[0].as<int64_t>()] = row[2].as<int64_t>();
  return result;
}

std::vector<language_count> frequent_languages(const std::map<std::string, int64_t>& counts) {
  std::vector<language_count> result;
  for (auto& [language, repositories] : counts)
    result.push_back({language, repositories});
  std::stable_sort(result.begin(), result.end(),
                   [](auto& a, auto& b) { return a.repositories > b.repositories; });
  result.resize(std::min<size_t>(result.size(), 10));
  return result;
}

/// For each fraction the least value that so many of all have at most. `counts` says how many have
/// each value.
std::vector<std::pair<double, int64_t>> quantiles(const std::map<int64_t, int64_t>& counts,
                                                  std::initializer_list<double> fractions) {
  int64_t all = 0;
  for (auto& [value, count] : counts)
    all += count;
  std::vector<std::pair<double, int64_t>> result;
  auto next = counts.begin();
  int64_t below = 0; // that have less than `next`
  for (auto fraction : fractions) {
    auto rank = static_cast<int64_t>(std::ceil(fraction * static_cast<double>(all)));
    while (next != counts.end() && below + next->second < rank)
      below += (next++)->second;
    if (next != counts.end())
      result.emplace_back(fraction, next->first);
  }
  return result;
}

std::vector<unfinished_partition> unfinished_partitions(pqxx::work& work, int64_t crawl_id) {
  std::vector<unfinished_partition> result;
  for (const auto& row :
       work.exec_params("select description, state, reason, expected, seen from certificates "
                        "where crawl_id = $1 and state in ('incomplete', 'dead') "
                        "order by missing desc, partition_id limit 10",
                        crawl_id))
    result.push_back({row[0].as<std::string>(), row[1].as<std::string>(), row[2].as<std::string>(),
                      row[3].as<int64_t>(), row[4].as<int64_t>()});
  return result;
}

/// Reads when the crawl has got on last and how fast. `updated_at` is when its process began.
void add_recent_progress(pqxx::work& work, crawl_status& status) {
  constexpr std::chrono::seconds longest{300};
  auto period =
      std::clamp(status.asked_at - status.updated_at, std::chrono::seconds{1}, longest).count();
  auto row = work.exec_params1(
      "select extract(epoch from max(updated_at))::bigint, "
      "coalesce(sum(seen) filter (where state <> 'split' and "
      "updated_at > now() - make_interval(secs => $2)), 0) from partitions where crawl_id = $1",
      status.crawl.id, period);
  if (!row[0].is_null())
    status.updated_at = std::max(status.updated_at, time_from(row[0]));
  if (status.crawl.state == "running")
    status.per_second = row[1].as<double>() / static_cast<double>(period);
}

} // namespace

/// How many of the known repositories were read last so many seconds ago, in all databases.
static std::map<int64_t, int64_t> known_ages(const std::vector<std::string>& connection_strings,
                                             const known_selection& which) {
  auto unowned = moving_buckets(connection_strings);
  std::map<int64_t, int64_t> result;
  for (size_t i = 0; i < connection_strings.size(); ++i) {
    connection database{connection_strings[i]};
    database.transaction([&](pqxx::work& work) {
      join_whole_tables(work);
      for (const auto& row : work.exec_params(
               "with last_check as (select id, max(checked_at) as checked_at "
               "from repository_checks, unnest(repo_ids) as id group by id) "
               "select floor(extract(epoch from now() - coalesce(c.checked_at, r.crawled_at)))"
               "::bigint, count(*) "
               "from repositories r left join last_check c on c.id = r.repo_id "
               "where r.gone_at is null and r.star_count between $1::bigint and $2::bigint" +
                   without(unowned[i]) + " group by 1",
               which.stars_first, which.stars_last))
        result[row[0].as<int64_t>()] += row[1].as<int64_t>();
    });
  }
  return result;
}

repository_summary summarize_repositories(const std::vector<std::string>& connection_strings,
                                          int64_t min_stars) {
  auto unowned = moving_buckets(connection_strings);
  repository_summary result;
  shard_summary sum;
  for (size_t i = 0; i < connection_strings.size(); ++i) {
    connection database{connection_strings[i]};
    auto share = database.transaction(
        [&](pqxx::work& work) { return summarize_shard(work, min_stars, unowned[i]); });
    auto& most = result.most_starred;
    most.insert(most.end(), share.most_starred.begin(), share.most_starred.end());
    for (auto& [language, repositories] : share.languages)
      sum.languages[language] += repositories;
    for (auto& [stars, repositories] : share.stars) {
      sum.stars[stars] += repositories;
      result.repositories += repositories;
    }
  }
  auto& most = result.most_starred;
  std::sort(most.begin(), most.end(), [](auto& a, auto& b) {
    return a.star_count != b.star_count ? a.star_count > b.star_count : a.id < b.id;
  });
  most.resize(std::min<size_t>(most.size(), 10));
  result.languages = frequent_languages(sum.languages);
  for (auto& [fraction, stars] : quantiles(sum.stars, {0.25, 0.5, 0.75, 0.9, 0.99, 1.0}))
    result.stars.push_back({fraction, stars});
  return result;
}

int64_t count_known(const std::vector<std::string>& connection_strings,
                    const known_selection& which) {
  int64_t result = 0;
  for (auto& [age, repositories] : known_ages(connection_strings, which))
    result += age >= which.older_than_s ? repositories : 0;
  return which.limit > 0 ? std::min(result, which.limit) : result;
}

std::vector<staleness_quantile> staleness(const std::vector<std::string>& connection_strings,
                                          const known_selection& which) {
  std::vector<staleness_quantile> result;
  for (auto& [fraction, seconds] :
       quantiles(known_ages(connection_strings, which), {0.5, 0.9, 0.99, 1.0}))
    result.push_back({fraction, seconds});
  return result;
}

optional<crawl_status> newest_crawl(const std::string& connection_string, const std::string& name,
                                    const std::string& source) {
  connection database{connection_string};
  return database.transaction([&](pqxx::work& work) -> optional<crawl_status> {
    auto found = work.exec_params("select " + std::string{crawl_columns} +
                                      ", extract(epoch from now())::bigint"
                                      ", extract(epoch from updated_at)::bigint"
                                      ", extract(epoch from finished_at)::bigint from crawls c "
                                      "where name = $1 and (source = $2 or $2 = '') "
                                      "order by id desc limit 1",
                                  name, source);
    if (found.empty())
      return caf::none;
    crawl_status result;
    result.crawl = crawl_from(found[0]);
    result.asked_at = time_from(found[0][8]);
    result.updated_at = time_from(found[0][9]);
    if (!found[0][10].is_null())
      result.finished_at = time_from(found[0][10]);
    result.certificate = certify(work, result.crawl.id);
    add_recent_progress(work, result);
    result.unfinished = unfinished_partitions(work, result.crawl.id);
    result.budgets = load_budgets(work);
    result.widths = load_widths(work);
    result.errors = load_errors(work, result.crawl.id);
    return result;
  });
}

} // namespace gitstar::db
