#include "db/postgres_store.hpp"

#include "db/array_encoder.hpp"
#include "db/bucket_map.hpp"
#include "db/connection.hpp"
#include "db/known_stream.hpp"
#include "db/metadata_rows.hpp"
#include "db/metadata_store.hpp"
#include "db/rows.hpp"
#include "db/store_layout.hpp"

#include <algorithm>
#include <chrono>
#include <functional>
#include <limits>
#include <map>
#include <optional>
#include <set>

namespace gitstar::db {

namespace {

/// How long the ledger's transaction waits while the other databases write their shares.
constexpr milliseconds other_databases_time{30'000};

// Rows that equal what is stored stop at `changed`: ON CONFLICT would lock them, and a lock is a
// write. LATERAL with OFFSET 0 keeps the planner at one index lookup per row, whatever it believes
// about a table that grew since its last ANALYZE. The order by repo_id is the order of row locks.
// History follows what was written, so that of two writers who see a repository first only one
// records it; an update leaves crawled_at behind first_seen_at, which tells the two apart (xmax
// would, but a partitioned table does not show it). Where repositories is partitioned, the lookup
// and the insert touch the one part of each row. Measured: unnest in the select list costs half of
// unnest(a, b, ...) in FROM.
constexpr auto upsert_repositories = R"(
with input as (
  select unnest($1::bigint[]) as repo_id,
         unnest($2::text[]) as full_name,
         unnest($3::integer[]) as star_count,
         unnest($4::integer[]) as fork_count,
         unnest($5::integer[]) as open_issue_count,
         unnest($6::integer[]) as watcher_count,
         unnest($7::text[]) as language,
         unnest($8::text[]) as license,
         unnest($9::text[]) as description,
         unnest($10::boolean[]) as is_fork,
         unnest($11::boolean[]) as is_archived,
         unnest($12::boolean[]) as is_disabled,
         unnest($13::text[]) as visibility,
         unnest($14::integer[]) as disk_usage_kb,
         unnest($15::timestamptz[]) as created_at,
         unnest($16::timestamptz[]) as updated_at,
         unnest($17::timestamptz[]) as pushed_at
), changed as (
  select i.*, stored.star_count as stored_star_count
  from input i
  left join lateral (select * from repositories r where r.repo_id = i.repo_id offset 0) stored
    on true
  where (i.full_name, i.star_count, i.fork_count, i.open_issue_count, i.watcher_count, i.language,
         i.license, i.description, i.is_fork, i.is_archived, i.is_disabled, i.visibility,
         i.disk_usage_kb, i.created_at, i.updated_at, i.pushed_at)
    is distinct from
        (stored.full_name, stored.star_count, stored.fork_count, stored.open_issue_count,
         stored.watcher_count, stored.language, stored.license, stored.description,
         stored.is_fork, stored.is_archived, stored.is_disabled, stored.visibility,
         stored.disk_usage_kb, stored.created_at, stored.updated_at, stored.pushed_at)
    or stored.gone_at is not null
), written as (
  insert into repositories as r
    (repo_id, owner, name, full_name, star_count, fork_count, open_issue_count, watcher_count,
     language, license, description, is_fork, is_archived, is_disabled, visibility, disk_usage_kb,
     created_at, updated_at, pushed_at, first_seen_at, crawled_at)
  select repo_id, split_part(full_name, '/', 1), split_part(full_name, '/', 2), full_name,
         star_count, fork_count, open_issue_count, watcher_count, language, license, description,
         is_fork, is_archived, is_disabled, visibility, disk_usage_kb, created_at, updated_at,
         pushed_at, to_timestamp($18::bigint), to_timestamp($18::bigint)
  from changed
  order by repo_id
  on conflict (repo_id) do update set
    owner = excluded.owner, name = excluded.name, full_name = excluded.full_name,
    star_count = excluded.star_count, fork_count = excluded.fork_count,
    open_issue_count = excluded.open_issue_count, watcher_count = excluded.watcher_count,
    language = excluded.language, license = excluded.license,
    description = excluded.description, is_fork = excluded.is_fork,
    is_archived = excluded.is_archived, is_disabled = excluded.is_disabled,
    visibility = excluded.visibility, disk_usage_kb = excluded.disk_usage_kb,
    created_at = excluded.created_at, updated_at = excluded.updated_at,
    pushed_at = excluded.pushed_at,
    crawled_at = greatest(excluded.crawled_at, r.first_seen_at + interval '1 microsecond'),
    gone_at = null
  where (r.full_name, r.star_count, r.fork_count, r.open_issue_count, r.watcher_count, r.language,
         r.license, r.description, r.is_fork, r.is_archived, r.is_disabled, r.visibility,
         r.disk_usage_kb, r.created_at, r.updated_at, r.pushed_at)
    is distinct from
        (excluded.full_name, excluded.star_count, excluded.fork_count, excluded.open_issue_count,
         excluded.watcher_count, excluded.language, excluded.license, excluded.description,
         excluded.is_fork, excluded.is_archived, excluded.is_disabled, excluded.visibility,
         excluded.disk_usage_kb, excluded.created_at, excluded.updated_at, excluded.pushed_at)
    or r.gone_at is not null
  returning repo_id, star_count, first_seen_at = crawled_at as inserted
), history as (
  insert into star_history (repo_id, observed_at, star_count)
  select repo_id, to_timestamp($18::bigint), star_count
  from written
  where inserted
  union all
  select w.repo_id, to_timestamp($18::bigint), w.star_count
  from written w
  join changed c on c.repo_id = w.repo_id
  where not w.inserted and w.star_count is distinct from c.stored_star_count
  returning 1
)
select count(*) filter (where inserted), count(*) filter (where not inserted),
       (select count(*) from history)
from written)";

// seen_ids of all partitions come as one array and are cut out of it by their bounds. A partition
// that has ended stays as it is: whoever still reads it comes late, and its lease may be the
// newest.
constexpr auto upsert_partitions = R"(
insert into partitions as p
  (crawl_id, id, parent_id, description, state, expected, seen, duplicates, lease, attempts, pass,
   pages_done, cursor, reason, seen_ids)
select $1, id, parent_id, description, state, expected, seen, duplicates, lease, attempts, pass,
       pages_done, cursor, reason, ($17::bigint[])[first_seen_id:last_seen_id]
from unnest($2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::bigint[], $7::bigint[],
            $8::bigint[], $9::bigint[], $10::bigint[], $11::bigint[], $12::bigint[], $13::text[],
            $14::text[], $15::integer[], $16::integer[])
  as t(id, parent_id, description, state, expected, seen, duplicates, lease, attempts, pass,
       pages_done, cursor, reason, first_seen_id, last_seen_id)
order by id
on conflict (crawl_id, id) do update set
  parent_id = excluded.parent_id, description = excluded.description, state = excluded.state,
  expected = excluded.expected, seen = excluded.seen, duplicates = excluded.duplicates,
  lease = excluded.lease, attempts = excluded.attempts, pass = excluded.pass,
  pages_done = excluded.pages_done, cursor = excluded.cursor, reason = excluded.reason,
  seen_ids = excluded.seen_ids, updated_at = now()
where p.state = 'open' and excluded.lease >= p.lease
  and (p.parent_id, p.description, p.state, p.expected, p.seen, p.duplicates, p.lease, p.attempts,
       p.pass, p.pages_done, p.cursor, p.reason, p.seen_ids)
    is distinct from
      (excluded.parent_id, excluded.description, excluded.state, excluded.expected, excluded.seen,
       excluded.duplicates, excluded.lease, excluded.attempts, excluded.pass, excluded.pages_done,
       excluded.cursor, excluded.reason, excluded.seen_ids))";

/// To be preceded by "insert into" and the table.
constexpr auto upsert_budgets = R"(
  (credential, enabled, points_limit, remaining, reset_at, banned_until, viewer_id, spending_day,
   spent_today, benched, bans, paused_until, refusals, minute_at, minute_queries, minute_response,
   unsaved_queries, unsaved_response)
select * from unnest($1::text[], $2::boolean[], $3::bigint[], $4::bigint[], $5::timestamptz[],
                     $6::timestamptz[], $7::bigint[], $8::timestamptz[], $9::bigint[],
                     $10::boolean[], $11::bigint[], $12::timestamptz[], $13::bigint[],
                     $14::timestamptz[], $15::bigint[], $16::bigint[], $17::bigint[],
                     $18::bigint[])
order by 1
on conflict (credential) do update set
  enabled = excluded.enabled, points_limit = excluded.points_limit,
  remaining = excluded.remaining, reset_at = excluded.reset_at,
  banned_until = excluded.banned_until, viewer_id = excluded.viewer_id,
  spending_day = excluded.spending_day, spent_today = excluded.spent_today,
  benched = excluded.benched, bans = excluded.bans, paused_until = excluded.paused_until,
  refusals = excluded.refusals, minute_at = excluded.minute_at,
  minute_queries = excluded.minute_queries, minute_response = excluded.minute_response,
  unsaved_queries = excluded.unsaved_queries, unsaved_response = excluded.unsaved_response,
  updated_at = now())";

constexpr auto upsert_widths = R"(
insert into query_widths as w (shape, credential_kind, width)
select * from unnest($1::text[], $2::text[], $3::integer[])
order by 1, 2
on conflict (shape, credential_kind) do update set width = excluded.width, updated_at = now()
where w.width <> excluded.width)";

constexpr auto add_errors = R"(
insert into crawl_errors as e (crawl_id, kind, message, count, at)
select $1, kind, message, count, at
from unnest($2::text[], $3::text[], $4::bigint[], $5::timestamptz[]) as t(kind, message, count, at)
order by kind
on conflict (crawl_id, kind) do update set
  message = excluded.message, count = e.count + excluded.count, at = excluded.at)";

constexpr auto forget_old_errors = R"(
delete from crawl_errors
where crawl_id = $1
  and kind in (select kind from crawl_errors where crawl_id = $1 order by at desc, kind offset $2))";

// The order of the ids is that of the row locks.
constexpr auto mark_gone = R"(
with lost as (
  select repo_id from repositories
  where repo_id = any ($1::bigint[]) and gone_at is null
  order by repo_id
  for update
)
update repositories r set gone_at = to_timestamp($2::bigint)
from lost
where r.repo_id = lost.repo_id)";

// What a search has stored stays stored, but which of it was its own is not known any more. Ranges
// and lists of ids know what they lack, and go on with that.
constexpr auto reopen_partitions = R"(
update partitions
set state = 'open', lease = lease + 1, attempts = 0, reason = '', updated_at = now(),
    seen = case when knows then seen else 0 end,
    duplicates = case when knows then duplicates else 0 end,
    pass = case when knows then pass else 0 end,
    pages_done = case when knows then pages_done else 0 end,
    cursor = case when knows then cursor else '' end,
    seen_ids = case when knows then seen_ids else '{}' end
from (select id as known_id, description ~ '^(ids|known) ' as knows
      from partitions where crawl_id = $1 and state in ('incomplete', 'dead')) k
where crawl_id = $1 and id = known_id)";

/// Text that PostgreSQL takes whatever GitHub has sent, in one short line.
std::string plain(std::string text) {
  text.resize(std::min<std::size_t>(text.size(), max_error_message));
  std::replace_if(
      text.begin(), text.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  return text;
}

/// The rows to write: by id, the last of each where a batch repeats one.
std::vector<const repository*> distinct_rows(const std::vector<repository>& rows) {
  std::vector<const repository*> result;
  result.reserve(rows.size());
  for (auto i = rows.rbegin(); i != rows.rend(); ++i)
    result.push_back(&*i);
  std::stable_sort(result.begin(), result.end(),
                   [](auto* a, auto* b) { return a->repo_id < b->repo_id; });
  auto end = std::unique(result.begin(), result.end(),
                         [](auto* a, auto* b) { return a->repo_id == b->repo_id; });
  result.erase(end, result.end());
  return result;
}

/// The partitions to write: by id, of each the one with the newest lease, at equal leases the last.
std::vector<const partition*> distinct_partitions(const std::vector<partition>& parts) {
  std::vector<const partition*> result;
  for (auto i = parts.rbegin(); i != parts.rend(); ++i)
    result.push_back(&*i);
  std::stable_sort(result.begin(), result.end(), [](auto* a, auto* b) {
    return a->id != b->id ? a->id < b->id : a->lease > b->lease;
  });
  auto end =
      std::unique(result.begin(), result.end(), [](auto* a, auto* b) { return a->id == b->id; });
  result.erase(end, result.end());
  return result;
}

/// One column of `rows` as an array parameter. `value` reads it from a row.
template <class Row, class Value>
pqxx::binarystring column(const std::vector<const Row*>& rows, array_encoder::element type,
                          std::size_t bytes_per_row, Value value) {
  array_encoder array{type, rows.size() * (bytes_per_row + 4)};
  for (const auto* row : rows)
    array.add(std::invoke(value, *row));
  return array.encoded();
}

using std::chrono::year_month;

year_month month_of(timestamp time) {
  std::chrono::year_month_day day{std::chrono::floor<std::chrono::days>(time)};
  return day.year() / day.month();
}

/// Of one partition that is a list: whole pages, so that none but the last of a crawl is short.
constexpr int64_t ids_per_list = 1000;

/// Repositories whose metadata are read together: what one probe asks for.
constexpr int64_t repositories_per_block = 100;

/// Ids that one round trip reads: what memory holds of a selection.
constexpr int64_t ids_per_fetch = 20'000;

/// The list that has this rank. Its id is its rank as well, because partitions are worked on in the
/// order of their ids.
partition empty_list(int64_t rank) {
  partition result;
  result.id = rank;
  result.description = "known " + std::to_string(rank);
  result.expected = 0;
  return result;
}

} // namespace

class postgres_store::implementation {
public:
  explicit implementation(const std::string& connection_string)
      : database_(connection_string, frozen_after), metadata_(connection_string) {}

  crawl open_crawl(const crawl_request& request) {
    return database_.transaction([&](pqxx::work& work) {
      work.exec("select ensure_star_history_months(now(), 3)");
      if (request.repair)
        reopen_newest(work, request);
      if (request.fresh)
        work.exec_params("update crawls set state = 'abandoned', epoch = epoch + 1, "
                         "updated_at = now(), finished_at = now() "
                         "where name = $1 and source = $2 and state in ('running', 'stopped')",
                         request.name, request.source);
      auto row = work.exec_params1("insert into crawls as c (name, source) values ($1, $2) "
                                   "on conflict (name, source) "
                                   "where state in ('running', 'stopped') "
                                   "do update set epoch = c.epoch + 1, state = 'running', "
                                   "updated_at = now() "
                                   "returning " +
                                       std::string{crawl_columns},
                                   request.name, request.source);
      return crawl_from(row);
    });
  }

  /// Without a version buckets stay where they are.
  batch_receipt write(const batch& work, const std::optional<int64_t>& map_version,
                      const std::function<void()>& elsewhere) {
    auto start = std::chrono::steady_clock::now();
    auto rows = distinct_rows(work.rows);
    ensure_parts(rows, work.observed_at);
    auto parts = distinct_partitions(work.partitions);
    auto receipt = database_.transaction([&](pqxx::work& transaction) {
      if (elsewhere)
        limit_idle_time(transaction, other_databases_time);
      check_fence(transaction, work.crawl_id, work.epoch, work.threshold);
      if (elsewhere)
        elsewhere();
      if (map_version && !(rows.empty() && work.gone.empty() && !has_metadata(work)))
        hold_buckets(transaction, *map_version);
      auto result = write_findings(transaction, rows, work);
      if (!parts.empty())
        write_partitions(transaction, work.crawl_id, parts);
      return result;
    });
    receipt.elapsed =
        std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
    return receipt;
  }

  batch_receipt write_rows(const batch& share, int64_t map_version) {
    auto rows = distinct_rows(share.rows);
    ensure_parts(rows, share.observed_at);
    return database_.transaction([&](pqxx::work& transaction) {
      hold_buckets(transaction, map_version);
      return write_findings(transaction, rows, share);
    });
  }

  std::vector<partition> open_partitions(int64_t crawl_id, int64_t after_id, uint32_t limit) {
    return database_.transaction([&](pqxx::work& work) {
      std::vector<partition> result;
      for (const auto& row :
           work.exec_params("select " + std::string{partition_columns} +
                                " from partitions where crawl_id = $1 and id > $2 "
                                "and state = 'open' order by id limit $3",
                            crawl_id, after_id, limit))
        result.push_back(partition_from(row));
      return result;
    });
  }

  int64_t select_known(const crawl& run, const ids_above& next) {
    return database_.transaction([&](pqxx::work& work) {
      check_fence(work, run.id, run.epoch);
      list_maker lists{work, run.id};
      repo_id last = 0;
      for (;;) {
        auto ids = next(last, ids_per_fetch);
        for (auto id : ids)
          lists.add(id, repositories_per_block);
        lists.write();
        if (static_cast<int64_t>(ids.size()) < ids_per_fetch)
          return lists.chosen();
        last = ids.back();
      }
    });
  }

  std::vector<repo_id> repositories(const std::string& condition, repo_id after, uint32_t limit) {
    return metadata_.repositories(condition, after, limit);
  }

  int64_t select_known(const crawl& run, const known_selection& which) {
    if (!which.condition.empty())
      return select_known(run, [&](repo_id after, uint32_t limit) {
        return repositories(which.condition, after, limit);
      });
    return database_.transaction([&](pqxx::work& work) {
      check_fence(work, run.id, run.epoch);
      compact_checks(work);
      db::select_known(work, run.started_at, which);
      return write_lists(work, run.id, [&] { return fetch_known(work); });
    });
  }

  int64_t write_selection(const crawl& run, const std::function<std::vector<known_id>()>& fetch) {
    return database_.transaction([&](pqxx::work& work) {
      limit_idle_time(work, other_databases_time);
      check_fence(work, run.id, run.epoch);
      return write_lists(work, run.id, fetch);
    });
  }

  certificate certify(int64_t crawl_id) {
    return database_.transaction([&](pqxx::work& work) { return db::certify(work, crawl_id); });
  }

  std::vector<metadata_watermark> watermarks(const std::vector<repo_id>& repositories,
                                             const std::vector<std::string>& kinds) {
    return metadata_.watermarks(repositories, kinds);
  }

  void set_state(int64_t crawl_id, int64_t epoch, const std::string& state) {
    database_.transaction([&](pqxx::work& work) {
      auto finished = state != "running" && state != "stopped";
      auto updated = work.exec_params("update crawls set state = $3, updated_at = now(), "
                                      "finished_at = case when $4 then now() end "
                                      "where id = $1 and epoch = $2",
                                      crawl_id, epoch, state, finished);
      if (updated.affected_rows() == 0)
        throw_fenced(crawl_id);
    });
  }

  bucket_map read_map(size_t shard_count) {
    return database_.transaction(
        [&](pqxx::work& work) { return read_bucket_map(work, shard_count); });
  }

  void follow_departures(bucket_map& map, size_t shard_count) {
    database_.transaction([&](pqxx::work& work) { db::follow_departures(map, work, shard_count); });
  }

  std::vector<repo_id> known_ids(repo_id first, repo_id last) {
    return database_.transaction([&](pqxx::work& work) {
      std::vector<repo_id> result;
      for (const auto& row : work.exec_params("select repo_id from repositories where repo_id "
                                              "between $1 and $2 and gone_at is null order by 1",
                                              first, last))
        result.push_back(row[0].as<repo_id>());
      return result;
    });
  }

  std::vector<budget_record> load_budgets() {
    return database_.transaction([](pqxx::work& work) { return db::load_budgets(work); });
  }

  void save_budgets(int64_t crawl_id, int64_t epoch, const std::vector<budget_record>& budgets) {
    if (budgets.empty())
      return;
    std::map<resource, std::vector<const budget_record*>> tables;
    for (const auto& x : budgets)
      tables[x.what].push_back(&x);
    database_.transaction([&](pqxx::work& work) {
      check_fence(work, crawl_id, epoch);
      for (const auto& [what, rows] : tables)
        save_budgets(work, budget_table(what), rows);
    });
  }

  std::vector<width_record> load_widths() {
    return database_.transaction([](pqxx::work& work) { return db::load_widths(work); });
  }

  void save_widths(const std::vector<width_record>& widths) {
    if (widths.empty())
      return;
    std::vector<const width_record*> rows;
    for (const auto& x : widths)
      rows.push_back(&x);
    using element = array_encoder::element;
    database_.transaction([&](pqxx::work& work) {
      work.exec_params0(
          upsert_widths,
          column(rows, element::text, 16, [](const width_record& x) { return to_string(x.shape); }),
          column(rows, element::text, 16, &width_record::credential_kind),
          column(rows, element::integer, 4,
                 [](const width_record& x) { return static_cast<int32_t>(x.width); }));
    });
  }

  void save_errors(int64_t crawl_id, const std::vector<error_record>& errors) {
    std::vector<const error_record*> rows;
    for (const auto& x : errors)
      rows.push_back(&x);
    using element = array_encoder::element;
    database_.transaction([&](pqxx::work& work) {
      work.exec_params0(
          add_errors, crawl_id, column(rows, element::text, 16, &error_record::kind),
          column(rows, element::text, 80, [](const error_record& x) { return plain(x.message); }),
          column(rows, element::bigint, 8, &error_record::count),
          column(rows, element::timestamptz, 8, &error_record::at));
      work.exec_params0(forget_old_errors, crawl_id, max_error_kinds);
    });
  }

private:
  /// Until `fetch` has no more; how many ids there were.
  template <class Fetch>
  static int64_t write_lists(pqxx::work& work, int64_t crawl_id, Fetch fetch) {
    list_maker lists{work, crawl_id};
    for (auto ids = fetch(); !ids.empty(); ids = fetch()) {
      for (const auto& x : ids)
        lists.add(x.id, ids_per_list);
      lists.write();
    }
    return lists.chosen();
  }

  static void save_budgets(pqxx::work& work, const char* table,
                           const std::vector<const budget_record*>& rows) {
    using element = array_encoder::element;
    auto wide = [](uint32_t budget_record::*member) {
      return [member](const budget_record& x) { return int64_t{x.*member}; };
    };
    auto count_of = [](milliseconds budget_record::*member) {
      return [member](const budget_record& x) { return int64_t{(x.*member).count()}; };
    };
    work.exec_params0("insert into " + std::string{table} + upsert_budgets,
                      column(rows, element::text, 32, &budget_record::credential),
                      column(rows, element::boolean, 1, &budget_record::enabled),
                      column(rows, element::bigint, 8, &budget_record::limit),
                      column(rows, element::bigint, 8, &budget_record::remaining),
                      column(rows, element::timestamptz, 8, &budget_record::reset_at),
                      column(rows, element::timestamptz, 8, &budget_record::banned_until),
                      column(rows, element::bigint, 8, &budget_record::viewer_id),
                      column(rows, element::timestamptz, 8, &budget_record::day),
                      column(rows, element::bigint, 8, &budget_record::spent_today),
                      column(rows, element::boolean, 1, &budget_record::benched),
                      column(rows, element::bigint, 8, wide(&budget_record::bans)),
                      column(rows, element::timestamptz, 8, &budget_record::paused_until),
                      column(rows, element::bigint, 8, wide(&budget_record::refusals)),
                      column(rows, element::timestamptz, 8, &budget_record::minute_at),
                      column(rows, element::bigint, 8, &budget_record::minute_queries),
                      column(rows, element::bigint, 8, count_of(&budget_record::minute_response)),
                      column(rows, element::bigint, 8, &budget_record::unsaved_queries),
                      column(rows, element::bigint, 8, count_of(&budget_record::unsaved_response)));
  }

  // Makes a finished crawl unfinished, for `open_crawl` to take over.
  static void reopen_newest(pqxx::work& work, const crawl_request& request) {
    auto newest = work.exec_params("select id from crawls where name = $1 and source = $2 "
                                   "order by id desc limit 1 for update",
                                   request.name, request.source);
    if (newest.empty())
      return;
    auto id = newest[0][0].as<int64_t>();
    auto reopened = work.exec_params(reopen_partitions, id);
    if (reopened.affected_rows() > 0)
      work.exec_params0("update crawls set state = 'stopped', finished_at = null where id = $1",
                        id);
  }

  /// Makes partitions of chosen repositories.
  class list_maker {
  public:
    list_maker(pqxx::work& work, int64_t crawl_id) : work_(work), crawl_id_(crawl_id) {}

    void add(repo_id id, int64_t per_list) {
      if (chosen_ % per_list == 0)
        parts_.push_back(empty_list(1 + chosen_ / per_list));
      parts_.back().seen_ids.push_back(id);
      ++parts_.back().expected;
      ++chosen_;
    }

    /// Ends with a whole list, unless it was the last.
    void write() {
      if (!parts_.empty())
        write_partitions(work_, crawl_id_, distinct_partitions(parts_));
      parts_.clear();
    }

    int64_t chosen() const { return chosen_; }

  private:
    pqxx::work& work_;
    int64_t crawl_id_;
    int64_t chosen_ = 0;
    std::vector<partition> parts_;
  };

  [[noreturn]] static void throw_fenced(int64_t crawl_id) {
    throw fenced_error("another process has taken crawl " + std::to_string(crawl_id) +
                       " over, or it is gone");
  }

  // In transactions of their own: a new partition locks the whole of star_history. The next month
  // is made ahead, so that its first batches do not queue behind that.
  void ensure_parts(const std::vector<const repository*>& rows, timestamp observed_at) {
    auto month = month_of(observed_at);
    if (known_months_.count(month) == 0) {
      database_.transaction([&](pqxx::work& work) {
        work.exec_params("select ensure_star_history_months(to_timestamp($1::bigint), 2)",
                         int64_t{observed_at.time_since_epoch().count()});
      });
      known_months_.insert(month);
    }
    ensure_ranges(rows);
  }

  void ensure_ranges(const std::vector<const repository*>& rows) {
    if (!range_)
      range_ = database_.transaction([](pqxx::work& work) {
        auto layout = stored_partitioning(work);
        return layout.by == config::partitioning::method::range
                   ? static_cast<int64_t>(layout.number)
                   : int64_t{0};
      });
    if (*range_ == 0)
      return;
    for (const auto* row : rows) {
      auto part = row->repo_id / *range_;
      if (known_ranges_.count(part) != 0)
        continue;
      database_.transaction(
          [&](pqxx::work& work) { work.exec_params("select ensure_repository_range($1)", part); });
      known_ranges_.insert(part);
    }
  }

  // The lock makes a takeover wait until this transaction has ended.
  static void check_fence(pqxx::work& transaction, int64_t crawl_id, int64_t epoch,
                          const optional<int64_t>& threshold = {}) {
    auto found =
        transaction.exec_params(threshold ? "select epoch from crawls where id = $1 for update"
                                          : "select epoch from crawls where id = $1 for share",
                                crawl_id);
    if (found.empty() || found[0][0].as<int64_t>() != epoch)
      throw_fenced(crawl_id);
    if (threshold)
      transaction.exec_params0("update crawls set threshold = $2, updated_at = now() "
                               "where id = $1 and threshold <> $2",
                               crawl_id, *threshold);
  }

  static batch_receipt write_repositories(pqxx::work& transaction,
                                          const std::vector<const repository*>& rows,
                                          timestamp observed_at) {
    using element = array_encoder::element;
    auto counts = transaction.exec_params1(
        upsert_repositories, column(rows, element::bigint, 8, &repository::repo_id),
        column(rows, element::text, 32, &repository::full_name),
        column(rows, element::integer, 4, &repository::star_count),
        column(rows, element::integer, 4, &repository::fork_count),
        column(rows, element::integer, 4, &repository::open_issue_count),
        column(rows, element::integer, 4, &repository::watcher_count),
        column(rows, element::text, 12, &repository::language),
        column(rows, element::text, 12, &repository::license),
        column(rows, element::text, 100, &repository::description),
        column(rows, element::boolean, 1, &repository::is_fork),
        column(rows, element::boolean, 1, &repository::is_archived),
        column(rows, element::boolean, 1, &repository::is_disabled),
        column(rows, element::text, 8, &repository::visibility),
        column(rows, element::integer, 4, &repository::disk_usage_kb),
        column(rows, element::timestamptz, 8, &repository::created_at),
        column(rows, element::timestamptz, 8, &repository::updated_at),
        column(rows, element::timestamptz, 8, &repository::pushed_at),
        int64_t{observed_at.time_since_epoch().count()});
    batch_receipt receipt;
    receipt.rows = static_cast<int64_t>(rows.size());
    receipt.inserted = counts[0].as<int64_t>();
    receipt.updated = counts[1].as<int64_t>();
    receipt.history = counts[2].as<int64_t>();
    return receipt;
  }

  /// The repositories that were read, which of the known ones are gone, and their metadata.
  batch_receipt write_findings(pqxx::work& transaction, const std::vector<const repository*>& rows,
                               const batch& work) {
    auto result =
        rows.empty() ? batch_receipt{} : write_repositories(transaction, rows, work.observed_at);
    if (!rows.empty() || !work.gone.empty())
      write_checks(transaction, rows, work);
    if (has_metadata(work))
      write_metadata(transaction, work, result);
    return result;
  }

  /// That these repositories were read, and which of them are gone.
  static void write_checks(pqxx::work& transaction, const std::vector<const repository*>& rows,
                           const batch& work) {
    using element = array_encoder::element;
    auto observed_at = int64_t{work.observed_at.time_since_epoch().count()};
    if (!rows.empty())
      transaction.exec_params0("insert into repository_checks (checked_at, repo_ids) "
                               "values (to_timestamp($1::bigint), $2::bigint[])",
                               observed_at, column(rows, element::bigint, 8, &repository::repo_id));
    if (work.gone.empty())
      return;
    transaction.exec_params0(mark_gone, encoded(work.gone), observed_at);
  }

  static void write_partitions(pqxx::work& transaction, int64_t crawl_id,
                               const std::vector<const partition*>& parts) {
    using element = array_encoder::element;
    array_encoder seen_ids{element::bigint, 0};
    array_encoder first{element::integer, parts.size() * 8};
    array_encoder last{element::integer, parts.size() * 8};
    int32_t count = 0;
    for (const auto* part : parts) {
      first.add(count + 1);
      for (auto id : part->seen_ids)
        seen_ids.add(id);
      count += static_cast<int32_t>(part->seen_ids.size());
      last.add(count);
    }
    auto wide = [](uint32_t partition::*member) {
      return [member](const partition& x) { return int64_t{x.*member}; };
    };
    transaction.exec_params0(
        upsert_partitions, crawl_id, column(parts, element::bigint, 8, &partition::id),
        column(parts, element::bigint, 8, &partition::parent_id),
        column(parts, element::text, 80, &partition::description),
        column(parts, element::text, 8, [](const partition& x) { return to_string(x.state); }),
        column(parts, element::bigint, 8, &partition::expected),
        column(parts, element::bigint, 8, &partition::seen),
        column(parts, element::bigint, 8, &partition::duplicates),
        column(parts, element::bigint, 8, &partition::lease),
        column(parts, element::bigint, 8, wide(&partition::attempts)),
        column(parts, element::bigint, 8, wide(&partition::pass)),
        column(parts, element::bigint, 8, wide(&partition::pages_done)),
        column(parts, element::text, 16, &partition::cursor),
        column(parts, element::text, 0, &partition::reason), first.encoded(), last.encoded(),
        seen_ids.encoded());
  }

  connection database_;
  metadata_store metadata_;
  std::set<year_month> known_months_;
  std::optional<int64_t> range_; // ids in a part of repositories; 0: not divided by range
  std::set<int64_t> known_ranges_;
};

postgres_store::postgres_store(const std::string& connection_string)
    : impl_(std::make_unique<implementation>(connection_string)) {}

postgres_store::~postgres_store() = default;

const char* postgres_store::upsert_statement() { return upsert_repositories; }

crawl postgres_store::open_crawl(const crawl_request& request) {
  return impl_->open_crawl(request);
}

batch_receipt postgres_store::write(const batch& work) {
  return impl_->write(work, std::nullopt, nullptr);
}

batch_receipt postgres_store::write_share(const batch& work, int64_t map_version,
                                          const std::function<void()>& elsewhere) {
  return impl_->write(work, map_version, elsewhere);
}

batch_receipt postgres_store::write_rows(const batch& share, int64_t map_version) {
  return impl_->write_rows(share, map_version);
}

std::vector<partition> postgres_store::open_partitions(int64_t crawl_id, int64_t after_id,
                                                       uint32_t limit) {
  return impl_->open_partitions(crawl_id, after_id, limit);
}

bucket_map postgres_store::read_map(size_t shard_count) { return impl_->read_map(shard_count); }

void postgres_store::follow_departures(bucket_map& map, size_t shard_count) {
  impl_->follow_departures(map, shard_count);
}

std::vector<repo_id> postgres_store::known_ids(repo_id first, repo_id last) {
  return impl_->known_ids(first, last);
}

int64_t postgres_store::select_known(const crawl& run, const known_selection& which) {
  return impl_->select_known(run, which);
}

int64_t postgres_store::select_known(const crawl& run, const ids_above& next) {
  return impl_->select_known(run, next);
}

std::vector<repo_id> postgres_store::repositories(const std::string& condition, repo_id after,
                                                  uint32_t limit) {
  return impl_->repositories(condition, after, limit);
}

int64_t postgres_store::write_selection(const crawl& run,
                                        const std::function<std::vector<known_id>()>& fetch) {
  return impl_->write_selection(run, fetch);
}

certificate postgres_store::certify(int64_t crawl_id) { return impl_->certify(crawl_id); }

std::vector<metadata_watermark> postgres_store::watermarks(const std::vector<repo_id>& repositories,
                                                           const std::vector<std::string>& kinds) {
  return impl_->watermarks(repositories, kinds);
}

void postgres_store::set_state(int64_t crawl_id, int64_t epoch, const std::string& state) {
  impl_->set_state(crawl_id, epoch, state);
}

std::vector<budget_record> postgres_store::load_budgets() { return impl_->load_budgets(); }

void postgres_store::save_budgets(int64_t crawl_id, int64_t epoch,
                                  const std::vector<budget_record>& budgets) {
  impl_->save_budgets(crawl_id, epoch, budgets);
}

std::vector<width_record> postgres_store::load_widths() { return impl_->load_widths(); }

void postgres_store::save_widths(const std::vector<width_record>& widths) {
  impl_->save_widths(widths);
}

void postgres_store::save_errors(int64_t crawl_id, const std::vector<error_record>& errors) {
  impl_->save_errors(crawl_id, errors);
}

} // namespace gitstar::db
