#include "db/known_stream.hpp"

#include "db/bucket_map.hpp"
#include "db/change_model.hpp"
#include "db/rows.hpp"

#include <limits>

namespace gitstar::db {

namespace {

constexpr int ids_per_fetch = 20'000;

/// How long a shard waits until all others have sorted what they have.
constexpr std::chrono::minutes others_time{10};

// What `change_order_sql` reads, for all repositories that may be read again at $3. More conditions
// and a parenthesis follow.
constexpr auto known_repositories = R"(
with last_check as (
  select id, max(checked_at) as checked_at, sum(checks)::bigint as checks
  from repository_checks, unnest(repo_ids) as id
  group by id
), history as (
  select repo_id, count(*) - 1 as changes from star_history group by repo_id
), known as (
  select r.repo_id, r.star_count as stars, coalesce(h.changes, 0) as changes,
         coalesce(c.checked_at, r.crawled_at) as read_at,
         greatest(coalesce(c.checks - 1, 0), coalesce(h.changes, 0)) as intervals,
         extract(epoch from coalesce(c.checked_at, r.crawled_at) - r.first_seen_at)::float8 / 86400
           as observed_days,
         extract(epoch from to_timestamp($3::bigint) - coalesce(c.checked_at, r.crawled_at))::float8
           / 86400 as age_days
  from repositories r
  left join last_check c on c.id = r.repo_id
  left join history h on h.repo_id = r.repo_id
  where r.gone_at is null and r.star_count between $1::bigint and $2::bigint)";

} // namespace

void compact_checks(pqxx::work& work) { work.exec("select compact_repository_checks()"); }

void select_known(pqxx::work& work, timestamp started_at, const known_selection& which,
                  const std::vector<int>& buckets) {
  join_whole_tables(work);
  std::string of_buckets;
  for (auto bucket : buckets)
    of_buckets +=
        (of_buckets.empty() ? " and bucket_of(r.repo_id) in (" : ", ") + std::to_string(bucket);
  if (!buckets.empty())
    of_buckets += ')';
  auto limit = which.limit > 0 ? which.limit : std::numeric_limits<int64_t>::max();
  work.exec_params0("declare chosen no scroll cursor for " + std::string{known_repositories} +
                        of_buckets + ") select " + change_order_sql() +
                        " as weight, repo_id from known "
                        "where read_at <= to_timestamp($3::bigint - $4::bigint) "
                        "order by weight desc, repo_id limit $5",
                    which.stars_first, which.stars_last,
                    int64_t{started_at.time_since_epoch().count()}, which.older_than_s, limit);
}

std::vector<known_id> fetch_known(pqxx::work& work) {
  std::vector<known_id> result;
  for (const auto& row : work.exec("fetch " + std::to_string(ids_per_fetch) + " from chosen"))
    result.push_back({row[0].as<double>(), row[1].as<repo_id>()});
  return result;
}

known_stream::known_stream(const std::string& connection_string, timestamp started_at,
                           const known_selection& which, const std::vector<int>& buckets,
                           int64_t map_version)
    : database_(std::make_unique<connection>(connection_string, others_time)) {
  database_->transaction([&](pqxx::work& work) {
    hold_buckets(work, map_version);
    compact_checks(work);
  });
  ids_ = database_->step(work_, [&](pqxx::work& work) {
    hold_buckets(work, map_version);
    db::select_known(work, started_at, which, buckets);
    return fetch_known(work);
  });
}

void known_stream::pop() {
  if (++at_ < ids_.size())
    return;
  at_ = 0;
  ids_ = database_->step(work_, [](pqxx::work& work) { return fetch_known(work); });
}

} // namespace gitstar::db
