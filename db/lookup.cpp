#include "db/lookup.hpp"

#include "db/connection.hpp"
#include "db/rows.hpp"
#include "messages/metadata/registry.hpp"
#include "messages/metadata/rows.hpp"

#include <algorithm>
#include <map>

namespace gitstar::db {

namespace {

template <class T>
optional<T> optional_from(const pqxx::field& field) {
  return field.is_null() ? optional<T>{} : optional<T>{field.as<T>()};
}

/// The order of `repository`'s members, then our own times and PostgreSQL's clock. Who is there
/// comes before who had the name and is gone.
constexpr auto by_name =
    "select repo_id, full_name, star_count, fork_count, open_issue_count, watcher_count, language, "
    "license, description, is_fork, is_archived, is_disabled, visibility, disk_usage_kb, "
    "extract(epoch from created_at)::bigint, extract(epoch from updated_at)::bigint, "
    "extract(epoch from pushed_at)::bigint, extract(epoch from first_seen_at)::bigint, "
    "extract(epoch from crawled_at)::bigint, extract(epoch from now())::bigint, "
    "extract(epoch from gone_at)::bigint "
    "from repositories where full_name = $1 "
    "order by gone_at is not null, crawled_at desc, repo_id desc";

stored_repository stored_from(const pqxx::row& row) {
  stored_repository result;
  auto& x = result.repository;
  auto i = 0;
  auto next = [&] { return row[i++]; };
  x.repo_id = next().as<int64_t>();
  x.full_name = next().as<std::string>();
  x.star_count = next().as<int32_t>();
  x.fork_count = next().as<int32_t>();
  x.open_issue_count = optional_from<int32_t>(next());
  x.watcher_count = optional_from<int32_t>(next());
  x.language = optional_from<std::string>(next());
  x.license = optional_from<std::string>(next());
  x.description = optional_from<std::string>(next());
  x.is_fork = next().as<bool>();
  x.is_archived = next().as<bool>();
  x.is_disabled = next().as<bool>();
  x.visibility = next().as<std::string>();
  x.disk_usage_kb = optional_from<int32_t>(next());
  x.created_at = time_from(next());
  x.updated_at = time_from(next());
  if (auto pushed = next(); !pushed.is_null())
    x.pushed_at = time_from(pushed);
  result.first_seen_at = time_from(next());
  result.crawled_at = time_from(next());
  result.asked_at = time_from(next());
  if (auto gone = next(); !gone.is_null())
    result.gone_at = time_from(gone);
  return result;
}

/// The ranking's value and baseline for `from repositories r`; `$1` is the language, `$2` the
/// number of lines.
constexpr auto rank_by_stars =
    "select full_name, star_count, coalesce(language, ''), star_count, null, repo_id "
    "from repositories where (language = $1 or $1 = '') and gone_at is null "
    "order by star_count desc, repo_id limit $2";

constexpr auto rank_by_issues =
    "select full_name, star_count, coalesce(language, ''), open_issue_count, null, repo_id "
    "from repositories where (language = $1 or $1 = '') and gone_at is null "
    "and open_issue_count is not null order by open_issue_count desc, repo_id limit $2";

/// What the repositories of a condition have gained since `$3`: against the last count seen before,
/// or the first one of who was first seen later.
std::string rank_by_growth(const std::string& condition) {
  return R"(
select r.full_name, r.star_count, coalesce(r.language, ''),
       r.star_count - coalesce(before.star_count, first.star_count) as gained,
       extract(epoch from coalesce(before.observed_at, first.observed_at))::bigint, r.repo_id
from repositories r
left join lateral (
  select h.star_count, h.observed_at from star_history h
  where h.repo_id = r.repo_id and h.observed_at <= to_timestamp($3::bigint)
  order by h.observed_at desc limit 1) before on true
left join lateral (
  select h.star_count, h.observed_at from star_history h
  where before.star_count is null and h.repo_id = r.repo_id
    and h.observed_at > to_timestamp($3::bigint)
  order by h.observed_at, h.star_count limit 1) first on true
where (r.language = $1 or $1 = '') and r.gone_at is null
  and coalesce(before.star_count, first.star_count) is not null and )" +
         condition + " order by gained desc, r.repo_id limit $2";
}

// Nobody has gained more stars than it has. So what the last line of a ranking among the `$4` with
// the most stars has gained is a bound: who has fewer stars is not in the ranking of all.
constexpr auto growth_bound = R"(
select count(*), min(gained)
from (
  select r.star_count - before.star_count as gained
  from (select repo_id, star_count from repositories
        where (language = $1 or $1 = '') and gone_at is null
        order by star_count desc limit $4) r
  cross join lateral (
    select h.star_count from star_history h
    where h.repo_id = r.repo_id and h.observed_at <= to_timestamp($3::bigint)
    order by h.observed_at desc limit 1) before
  order by gained desc limit $2) best)";

constexpr auto within_bound = "select count(*) from (select from repositories "
                              "where star_count >= $1 limit $2) r";

/// So many with the most stars give the bound, for each line of the ranking.
constexpr int64_t leaders_per_line = 50;

/// From so many repositories on, a ranking reads the window's history instead of asking for each.
constexpr int64_t most_candidates = 100'000;

pqxx::result rank_growth(pqxx::work& work, const ranking_request& request) {
  auto since = request.since.time_since_epoch().count();
  auto best = work.exec_params1(growth_bound, request.language, request.limit, since,
                                request.limit * leaders_per_line);
  // Who gains at least one has moved, so the bound leaves out who has not.
  if (best[0].as<int64_t>() == request.limit && best[1].as<int64_t>() >= 1) {
    auto bound = best[1].as<int64_t>();
    if (work.exec_params1(within_bound, bound, most_candidates)[0].as<int64_t>() < most_candidates)
      return work.exec_params(rank_by_growth("r.star_count >= $4"), request.language, request.limit,
                              since, bound);
  }
  // Only who has a row of history since then can have grown, and those rows lie in the newest
  // months of star_history: the others are pruned.
  return work.exec_params(rank_by_growth("r.repo_id in (select repo_id from star_history where "
                                         "observed_at > to_timestamp($3::bigint))"),
                          request.language, request.limit, since);
}

/// Whether the database has the kind's table: a replica may lag behind a migration.
bool has_table(pqxx::work& work, const std::string& name) {
  return !work.exec_params1("select to_regclass($1)", name)[0].is_null();
}

// What is below a repository's own list is read with it, and of several lists the oldest counts.
constexpr auto metadata_times = R"(
with marks as (
  select kind, watermark, state from metadata_watermarks where repo_id = $1
), own as (
  select key as kind, value::timestamptz as read_at
  from marks, jsonb_each_text(state -> 'read') where kind = $2
), below as (
  select name as kind, min(read_at) as read_at
  from marks m join own using (kind), jsonb_array_elements_text(m.state -> 'with') as name
  where m.kind <> $2
  group by name
), times as (
  select kind, read_at from own union all select kind, read_at from below
)
select kind, extract(epoch from watermark)::bigint, extract(epoch from read_at)::bigint
from (select kind, watermark from marks where kind <> $2) known full join times using (kind))";

// By own list: what the last sync could not read, what earlier ones could not and nobody has read
// since, and what the config leaves out.
constexpr auto metadata_gaps = R"(
with marks as (
  select kind, state from metadata_watermarks where repo_id = $1
)
select key, why
from marks, jsonb_each(state -> 'lacking'), jsonb_array_elements_text(value) as why
where kind = $2
union
select kind, key || ': ' || value
from marks, jsonb_each_text(state -> 'cut') where kind <> $2
union
select kind, kind || ': reading was interrupted'
from marks where kind <> $2 and state -> 'unfinished' = 'true'
union
select kind, kind || ': a run reads at most ' || (state ->> 'cap') || ' of ' || (state ->> 'total')
from marks where kind <> $2 and (state -> 'cap') < (state -> 'total')
union
select kind, kind || ': what has not moved since ' || (state ->> 'from') || ' is left out'
from marks where kind <> $2 and state ->> 'from' <> ''
order by 1, 2)";

struct kind_marks {
  optional<timestamp> watermark;
  optional<timestamp> read_at;
  std::vector<std::string> incomplete;
};

std::map<std::string, kind_marks> metadata_marks(pqxx::work& work, repo_id id) {
  std::map<std::string, kind_marks> result;
  for (const auto& row : work.exec_params(metadata_times, id, whole_repository)) {
    auto& x = result[row[0].as<std::string>()];
    if (!row[1].is_null())
      x.watermark = time_from(row[1]);
    if (!row[2].is_null())
      x.read_at = time_from(row[2]);
  }
  for (const auto& row : work.exec_params(metadata_gaps, id, whole_repository))
    result[row[0].as<std::string>()].incomplete.push_back(row[1].as<std::string>());
  return result;
}

std::vector<stored_kind> metadata_of(pqxx::work& work, repo_id id) {
  std::vector<stored_kind> result;
  if (!has_table(work, "metadata_watermarks"))
    return result;
  auto marks = metadata_marks(work, id);
  for (const auto* kind : metadata::all_kinds()) {
    stored_kind x;
    x.kind = kind->name;
    if (!has_table(work, x.kind))
      continue;
    std::string there = kind->can_go ? "gone_at is null" : "true";
    auto open = kind->open_state.empty() ? "null"
                                         : "count(*) filter (where " + there + " and state = '" +
                                               std::string{kind->open_state} + "')";
    auto counts = work.exec_params1("select count(*) filter (where " + there +
                                        "), count(*) filter (where not (" + there + ")), " + open +
                                        " from " + x.kind + " where repo_id = $1",
                                    id);
    x.count = counts[0].as<int64_t>();
    x.gone = counts[1].as<int64_t>();
    x.open = optional_from<int64_t>(counts[2]);
    auto read = marks.find(x.kind);
    if (read != marks.end()) {
      x.watermark = read->second.watermark;
      x.read_at = read->second.read_at;
      x.incomplete = std::move(read->second.incomplete);
    }
    if (x.count > 0 || x.gone > 0 || read != marks.end())
      result.push_back(std::move(x));
  }
  return result;
}

optional<stored_repository> find_in(const std::string& connection_string,
                                    const std::string& full_name) {
  connection database{connection_string};
  return database.transaction([&](pqxx::work& work) -> optional<stored_repository> {
    auto found = work.exec_params(by_name, full_name);
    if (found.empty())
      return caf::none;
    auto result = stored_from(found[0]);
    for (pqxx::result::size_type i = 1; i < found.size(); ++i)
      result.namesakes.push_back(found[i][0].as<int64_t>());
    for (const auto& row :
         work.exec_params("select extract(epoch from observed_at)::bigint, star_count "
                          "from star_history where repo_id = $1 order by observed_at",
                          result.repository.repo_id))
      result.stars.push_back({time_from(row[0]), row[1].as<int64_t>()});
    result.metadata = metadata_of(work, result.repository.repo_id);
    return result;
  });
}

std::vector<ranking_line> rank_in(const std::string& connection_string,
                                  const ranking_request& request) {
  connection database{connection_string};
  return database.transaction([&](pqxx::work& work) {
    auto rows = [&] {
      switch (request.by) {
      case rank_by::issues:
        return work.exec_params(rank_by_issues, request.language, request.limit);
      case rank_by::growth:
        return rank_growth(work, request);
      default:
        return work.exec_params(rank_by_stars, request.language, request.limit);
      }
    }();
    std::vector<ranking_line> result;
    for (const auto& row : rows) {
      ranking_line line{row[0].as<std::string>(),
                        row[1].as<int64_t>(),
                        row[2].as<std::string>(),
                        row[3].as<int64_t>(),
                        {},
                        row[5].as<int64_t>()};
      if (!row[4].is_null())
        line.baseline = time_from(row[4]);
      result.push_back(std::move(line));
    }
    return result;
  });
}

} // namespace

optional<stored_repository> find_repository(const std::vector<std::string>& shards,
                                            const std::string& full_name) {
  optional<stored_repository> result;
  std::vector<repo_id> bearers;
  for (auto& shard : shards) {
    auto found = find_in(shard, full_name);
    if (!found)
      continue;
    bearers.push_back(found->repository.repo_id);
    bearers.insert(bearers.end(), found->namesakes.begin(), found->namesakes.end());
    auto rank = [](const stored_repository& x) { return std::pair{!x.gone_at, x.crawled_at}; };
    if (!result || rank(*found) > rank(*result))
      result = std::move(found);
  }
  if (!result)
    return result;
  // While a bucket moves, two shards hold the same repository.
  std::sort(bearers.begin(), bearers.end());
  bearers.erase(std::unique(bearers.begin(), bearers.end()), bearers.end());
  std::erase(bearers, result->repository.repo_id);
  result->namesakes = std::move(bearers);
  return result;
}

std::vector<ranking_line> rank_repositories(const std::vector<std::string>& shards,
                                            const ranking_request& request) {
  std::vector<ranking_line> result;
  for (auto& shard : shards) {
    auto lines = rank_in(shard, request);
    result.insert(result.end(), lines.begin(), lines.end());
  }
  std::stable_sort(result.begin(), result.end(), [](auto& a, auto& b) {
    return a.value != b.value ? a.value > b.value : a.repo_id < b.repo_id;
  });
  // While a bucket moves, two shards hold the same repository.
  auto end = std::unique(result.begin(), result.end(),
                         [](auto& a, auto& b) { return a.repo_id == b.repo_id; });
  result.erase(end, result.end());
  result.resize(std::min(result.size(), static_cast<size_t>(request.limit)));
  return result;
}

} // namespace gitstar::db
