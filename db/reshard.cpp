#include "db/reshard.hpp"

#include "db/array_encoder.hpp"
#include "db/bucket_map.hpp"
#include "db/shards.hpp"
#include "db/store_layout.hpp"
#include "messages/metadata/registry.hpp"

#include <algorithm>
#include <deque>
#include <map>
#include <set>

namespace gitstar::db {

namespace {

// Held by the one process that moves buckets. Any constant will do; it only has to be ours.
constexpr auto only_one = "select pg_try_advisory_xact_lock(7712905346188203345)";

// A bucket's ids come in runs of 256, one in each round of 256 * 1024 ids.
constexpr int64_t ids_per_round = 256 * int64_t{bucket_count};

constexpr int64_t listed_at_once = 10'000; // repositories, more or less
constexpr size_t copied_at_once = 2000;
constexpr int64_t items_at_once = 20'000; // of their metadata, or one repository's

// What one takes, more or less, with the space that a table has to spare.
constexpr int64_t bytes_per_repository = 256;

// Looking a run up costs as much as passing over so many repositories of other buckets.
constexpr int64_t repositories_per_run = 4;

constexpr int checks_at_once = 500; // rows, of some thousand ids each

/// The tables with what belongs to a repository, after that itself.
std::vector<std::string> moved_tables() {
  std::vector<std::string> result{"repositories", "star_history", "metadata_watermarks"};
  for (const auto* kind : metadata::all_kinds())
    result.emplace_back(kind->name);
  return result;
}

/// The rows of `table` that are of the buckets $3, in the rounds $1 to $2. Found run by run, or by
/// reading all: in a store that has few repositories for its ids most runs are empty. OFFSET 0
/// keeps the planner at ranges of the primary key.
std::string rows_of(const std::string& table, bool by_runs) {
  if (!by_runs)
    return "(select * from " + table +
           " where repo_id >= $1::bigint * 262144 and repo_id < ($2::bigint + 1) * 262144 "
           "and bucket_of(repo_id) = any ($3::integer[]))";
  return "(select x.* from generate_series($1::bigint, $2::bigint) round "
         "cross join unnest($3::integer[]) bucket "
         "cross join lateral (select * from " +
         table +
         " where repo_id >= (round * 1024 + bucket) * 256 "
         "and repo_id < (round * 1024 + bucket) * 256 + 256 offset 0) x)";
}

/// For the buckets $3 in the rounds $1 to $2: each repository with a checksum of all its rows, and
/// how many of these are history and metadata.
std::string list_repositories(bool by_runs) {
  auto hashes = [&](const std::string& table) {
    return "select x.repo_id, hashtextextended(x::text, 0) as hash from " +
           rows_of(table, by_runs) + " x";
  };
  auto summed = [](const std::string& rows) {
    return "select repo_id, count(*) as rows, sum(hash) as hash from (" + rows +
           ") t group by repo_id";
  };
  std::string items;
  for (const auto& table : moved_tables())
    if (table != "repositories" && table != "star_history")
      items += (items.empty() ? "" : " union all ") + hashes(table);
  return "with stored as (" + hashes("repositories") + "), told as (" +
         summed(hashes("star_history")) + "), described as (" + summed(items) +
         ") select repo_id, hashtextextended(concat_ws(' ', stored.hash, told.rows, told.hash, "
         "described.rows, described.hash), 0), coalesce(told.rows, 0), "
         "coalesce(described.rows, 0) from stored full join told using (repo_id) "
         "full join described using (repo_id) order by 1";
}

std::string list_ids(bool by_runs) {
  std::string result;
  for (const auto& table : moved_tables())
    result += (result.empty() ? "" : " union ") + std::string{"select repo_id from "} +
              rows_of(table, by_runs) + " x";
  return result;
}

// $1: the shard of each bucket, $2: ourselves.
constexpr auto find_stray_checks = R"(
declare strays no scroll cursor for
select ctid from repository_checks
where exists (select from unnest(repo_ids) id where ($1::integer[])[bucket_of(id) + 1] <> $2))";

// $3: some of what was found.
constexpr auto take_stray_checks = R"(
with taken as (
  delete from repository_checks where ctid = any ($3::tid[])
  returning checked_at, checks, repo_ids
), parts as (
  select checked_at, checks, ($1::integer[])[bucket_of(id) + 1] as shard,
         array_agg(id order by id) as repo_ids
  from taken, unnest(repo_ids) id
  group by 1, 2, 3
), kept as (
  insert into repository_checks (checked_at, checks, repo_ids)
  select checked_at, checks, repo_ids from parts where shard = $2
)
insert into departing_checks (shard, checked_at, checks, repo_ids)
select shard, checked_at, checks, repo_ids from parts where shard <> $2)";

// Texts of rows depend on the first two, and servers may differ in them. Compiling a list takes
// thirty times as long as running it.
constexpr auto our_settings =
    "set local timezone = 'UTC'; set local datestyle = 'ISO, MDY'; set local jit = off";

/// A repository with its history, as far as comparing goes.
struct fingerprint {
  int64_t checksum = 0;
  int64_t history = 0;
  int64_t items = 0; ///< of metadata
  bool operator==(const fingerprint&) const = default;
};

using listing = std::map<repo_id, fingerprint>;

/// Buckets that move from one shard to another together.
struct bucket_group {
  std::vector<int> buckets;
  int from = 0;
  int to = 0;
};

/// How the rows of some buckets are found.
struct search_plan {
  std::string buckets; // as an array of PostgreSQL's
  int64_t rounds_at_once = 1;
  bool by_runs = true;
};

/// What some rounds of some buckets hold, in short.
struct rounds_summary {
  int64_t repositories = 0;
  int64_t history = 0;
  uint64_t checksum = 0;
  bool operator==(const rounds_summary&) const = default;
};

rounds_summary summary_of(const listing& all) {
  rounds_summary result;
  for (auto& [id, x] : all) {
    ++result.repositories;
    result.history += x.history;
    result.checksum += static_cast<uint64_t>(x.checksum);
  }
  return result;
}

std::string array_of(const std::vector<int>& numbers) {
  std::string result = "{";
  for (auto x : numbers)
    result += (result.size() > 1 ? "," : "") + std::to_string(x);
  return result + '}';
}

/// The rounds from `first_round` on that are read at a time, but none after `newest_round`.
pqxx::result search(pqxx::work& work, const std::string& query, const search_plan& how,
                    int64_t first_round, int64_t newest_round) {
  return work.exec_params(query, first_round,
                          std::min(first_round + how.rounds_at_once - 1, newest_round),
                          how.buckets);
}

listing list(pqxx::work& work, const search_plan& how, int64_t first_round, int64_t newest_round) {
  listing result;
  for (const auto& row :
       search(work, list_repositories(how.by_runs), how, first_round, newest_round))
    result.emplace_hint(
        result.end(), row[0].as<int64_t>(),
        fingerprint{row[1].as<int64_t>(), row[2].as<int64_t>(), row[3].as<int64_t>()});
  return result;
}

/// Rows on their way, by table: JSON knows columns by name, so two tables need not have them in one
/// order.
using parcel = std::map<std::string, std::string>;

parcel pick_up(pqxx::work& from, const std::vector<repo_id>& ids) {
  parcel result;
  for (const auto& table : moved_tables())
    result[table] = from.exec_params1("select coalesce(json_agg(r), '[]') from " + table +
                                          " r where repo_id = any($1::bigint[])",
                                      encoded(ids))[0]
                        .as<std::string>();
  return result;
}

/// What refers to a repository goes first.
void delete_rows(pqxx::work& work, const std::vector<repo_id>& ids) {
  auto tables = moved_tables();
  std::reverse(tables.begin(), tables.end());
  for (const auto& table : tables)
    work.exec_params0("delete from " + table + " where repo_id = any($1::bigint[])", encoded(ids));
}

void put_down(pqxx::work& to, const std::vector<repo_id>& ids, const parcel& rows) {
  delete_rows(to, ids);
  if (auto layout = stored_partitioning(to); layout.by == config::partitioning::method::range)
    to.exec_params(
        "select ensure_repository_range(part) from (select distinct repo_id / $2 as part "
        "from json_populate_recordset(null::repositories, $1::json)) t",
        rows.at("repositories"), static_cast<int64_t>(layout.number));
  to.exec_params("select ensure_star_history_months(month, 1) from (select distinct "
                 "date_trunc('month', observed_at at time zone 'UTC') at time zone 'UTC' as month "
                 "from json_populate_recordset(null::star_history, $1::json)) t",
                 rows.at("star_history"));
  for (const auto& table : moved_tables())
    if (auto& json = rows.at(table); json != "[]")
      to.exec_params0("insert into " + table +
                          " select * from json_populate_recordset(null::" + table + ", $1::json)",
                      json);
}

/// Ids that are not the same in both.
std::vector<repo_id> differences(const listing& a, const listing& b) {
  std::vector<repo_id> result;
  auto one_way = [&](const listing& x, const listing& y, bool only_missing) {
    for (auto& [id, seen] : x) {
      auto other = y.find(id);
      if (other == y.end() || (!only_missing && other->second != seen))
        result.push_back(id);
    }
  };
  one_way(a, b, false);
  one_way(b, a, true);
  return result;
}

/// Readers and copies of history by repository need this index, which a first crawl does not have
/// yet. Built part by part, so that nobody has to wait with writing.
void index_history(const std::string& where) {
  connection database{where};
  auto value = [&](const std::string& query) {
    return database.transaction([&](pqxx::work& work) { return work.exec(query); });
  };
  if (!value("select to_regclass('star_history_repo_id')")[0][0].is_null())
    return;
  for (const auto& part :
       value("select inhrelid::regclass, inhrelid::regclass::text || '_by_repository' "
             "from pg_inherits where inhparent = 'star_history'::regclass")) {
    auto index = part[1].as<std::string>();
    auto found =
        value("select indisvalid from pg_index where indexrelid = to_regclass('" + index + "')");
    if (!found.empty() && found[0][0].as<bool>())
      continue;
    if (!found.empty()) // who built it was killed
      database.statement("drop index concurrently " + index);
    database.statement("create index concurrently " + index + " on " + part[0].as<std::string>() +
                       " (repo_id, observed_at)");
  }
  value("create index if not exists star_history_repo_id on star_history (repo_id, observed_at)");
}

/// A failure that says which shard's it is.
class named_error : public store_error {
public:
  explicit named_error(const store_error& named) : store_error(named) {}
};

class resharding {
  // Before their uses: their results are deduced.

  /// Calls `body` with a shard's connection; its failures name the shard.
  template <class Body>
  auto on(int shard, Body body) {
    try {
      return body(databases_[static_cast<size_t>(shard)]);
    } catch (const named_error&) {
      throw; // of another shard
    } catch (const store_error& failure) {
      throw named_error{named_failure(static_cast<size_t>(shard), failure)};
    }
  }

  template <class Body>
  auto transaction(int shard, Body body) {
    return on(shard, [&](connection& database) {
      return database.transaction([&](pqxx::work& work) {
        work.exec(our_settings);
        return body(work);
      });
    });
  }

public:
  resharding(const std::vector<std::string>& connection_strings, pqxx::work& guard,
             const std::function<void(const reshard_report&)>& tell, int64_t repositories_at_once)
      : where_(connection_strings), guard_(guard), tell_(tell),
        repositories_at_once_(repositories_at_once) {
    for (auto& x : connection_strings)
      databases_.emplace_back(x);
  }

  reshard_report run() {
    for (size_t i = 0; i < where_.size(); ++i)
      on(static_cast<int>(i), [&](connection&) { index_history(where_[i]); });
    finish_departures();
    settle();
    auto moves = begun_moves();
    auto map = read_map();
    std::vector<int> held(where_.size());
    for (auto shard : map.shards)
      ++held[static_cast<size_t>(shard)];
    for (auto& x : moves) // as if they were done
      map.shards[static_cast<size_t>(x.bucket)] = x.to;
    auto rest = plan_moves(map.shards, where_.size());
    moves.insert(moves.end(), rest.begin(), rest.end());
    report_.to_move = static_cast<int>(moves.size());
    tell_(report_);
    for (auto& group : groups(moves, held)) {
      move(group);
      report_.moved += static_cast<int>(group.buckets.size());
      tell_(report_);
    }
    settle();
    report_.buckets.assign(where_.size(), 0);
    for (auto shard : read_map().shards)
      ++report_.buckets[static_cast<size_t>(shard)];
    return report_;
  }

private:
  bucket_map read_map() {
    return transaction(0, [&](pqxx::work& work) { return read_bucket_map(work, where_.size()); });
  }

  /// Moves in their order, as many together as hold `repositories_at_once_`: what a move costs by
  /// itself is paid seldom, and yet writers never wait for long.
  std::vector<bucket_group> groups(const std::vector<bucket_move>& moves,
                                   const std::vector<int>& held) {
    std::vector<bucket_group> result;
    std::map<int, int64_t> most; // buckets, by shard
    for (auto& x : moves) {
      auto limit = most.find(x.from);
      if (limit == most.end()) {
        auto repositories = transaction(x.from, [](pqxx::work& work) { return size_of(work); });
        auto buckets = held[static_cast<size_t>(x.from)];
        limit = most.emplace(x.from, repositories_at_once_ * buckets / repositories).first;
      }
      if (result.empty() || result.back().from != x.from || result.back().to != x.to ||
          static_cast<int64_t>(result.back().buckets.size()) >= limit->second)
        result.push_back({{}, x.from, x.to});
      result.back().buckets.push_back(x.bucket);
    }
    return result;
  }

  /// How many repositories a database holds, more or less, at least 1.
  static int64_t size_of(pqxx::work& work) {
    auto bytes = work.exec1("select sum(pg_relation_size(part))::bigint "
                            "from (select 'repositories'::regclass union "
                            "select relid from pg_partition_tree('repositories')) t(part)")[0]
                     .as<int64_t>();
    return std::max<int64_t>(bytes / bytes_per_repository, 1);
  }

  static void note_departure(pqxx::work& ledger, const bucket_group& x, int64_t version) {
    ledger.exec_params0("update buckets set shard = $2, leaving = $3, moving_to = null "
                        "where bucket = any ($1::integer[])",
                        array_of(x.buckets), x.to, x.from);
    ledger.exec_params0("update shard_identity set map_version = $1 where map_version < $1",
                        version);
  }

  // What a shard has committed and the ledger was not told.
  void finish_departures() {
    auto version = read_map().version;
    for (int shard = 1; shard < static_cast<int>(where_.size()); ++shard) {
      auto departed = transaction(shard, [&](pqxx::work& work) {
        return work.exec_params("select bucket, shard, map_version from departed_buckets "
                                "where map_version > $1 order by map_version",
                                version);
      });
      if (departed.empty())
        continue;
      // Together: several may have one version.
      transaction(0, [&](pqxx::work& work) {
        for (const auto& row : departed)
          note_departure(work, {{row[0].as<int>()}, shard, row[1].as<int>()}, row[2].as<int64_t>());
      });
    }
  }

  /// Ends what has been given away: its old rows, where somebody was killed before he had deleted
  /// them, and its entries in repository_checks, which one pass finds for all buckets of a shard.
  void settle() {
    std::map<int, std::vector<int>> left; // by shard
    for (const auto& row : transaction(0, [](pqxx::work& work) {
           return work.exec("select bucket, leaving from buckets where leaving is not null "
                            "order by bucket");
         }))
      left[row[1].as<int>()].push_back(row[0].as<int>());
    for (auto& [shard, buckets] : left) {
      std::vector<int> undeleted;
      for (auto x : buckets)
        if (deleted_.count(x) == 0)
          undeleted.push_back(x);
      if (!undeleted.empty())
        delete_old_rows(undeleted, shard);
      move_checks(shard);
      transaction(0, [&buckets = buckets](pqxx::work& work) {
        work.exec_params0("update buckets set leaving = null where bucket = any ($1::integer[])",
                          array_of(buckets));
      });
    }
  }

  std::vector<bucket_move> begun_moves() {
    return transaction(0, [](pqxx::work& work) {
      std::vector<bucket_move> result;
      for (const auto& row : work.exec("select bucket, shard, moving_to from buckets "
                                       "where moving_to is not null order by shard, moving_to, "
                                       "bucket"))
        result.push_back({row[0].as<int>(), row[1].as<int>(), row[2].as<int>()});
      return result;
    });
  }

  static int64_t last_round(pqxx::work& work) {
    return work.exec1("select coalesce(max(repo_id), 0) from repositories")[0].as<int64_t>() /
           ids_per_round;
  }

  search_plan plan(pqxx::work& work, const std::vector<int>& buckets, int64_t newest_round) {
    auto repositories = size_of(work);
    auto rounds = newest_round + 1;
    auto runs = rounds * static_cast<int64_t>(buckets.size());
    auto of_these = repositories * static_cast<int64_t>(buckets.size()) / bucket_count;
    search_plan result;
    result.buckets = array_of(buckets);
    result.rounds_at_once =
        std::clamp<int64_t>(rounds * listed_at_once / std::max<int64_t>(of_these, 1), 1, rounds);
    result.by_runs = runs * repositories_per_run < repositories;
    return result;
  }

  void move(const bucket_group& x) {
    guard_.exec("select 1"); // throws where the connection, and so the lock, was lost
    transaction(0, [&](pqxx::work& work) {
      work.exec_params0("update buckets set moving_to = $2 where bucket = any ($1::integer[])",
                        array_of(x.buckets), x.to);
    });
    // The copy has no other writer than us: what it is like is remembered.
    std::vector<rounds_summary> copied;
    auto rounds = transaction(x.to, [](pqxx::work& work) { return last_round(work); });
    auto how = transaction(x.from, [&](pqxx::work& work) {
      rounds = std::max(rounds, last_round(work));
      return plan(work, x.buckets, rounds);
    });
    for (int64_t round = 0; round <= rounds; round += how.rounds_at_once)
      copied.push_back(transaction(
          x.from, [&](pqxx::work& from) { return copy_rounds(from, x, how, round, rounds); }));
    auto version = transaction(x.from, [&](pqxx::work& from) {
      lock_buckets(from);
      rounds_summary sum;
      auto last = std::max(last_round(from), rounds);
      for (int64_t round = 0; round <= last; round += how.rounds_at_once) {
        auto i = static_cast<size_t>(round / how.rounds_at_once);
        auto here = summary_of(list(from, how, round, last));
        if (i >= copied.size() ? here != rounds_summary{} : here != copied[i])
          if (copy_rounds(from, x, how, round, last) != here)
            throw store_error("bucket " + std::to_string(x.buckets.front()) +
                              ", or one that moves with it, differs from its copy on shard " +
                              std::to_string(x.to) + " after copying; nothing was deleted");
        sum.repositories += here.repositories;
        sum.history += here.history;
      }
      report_.repositories += sum.repositories;
      report_.history += sum.history;
      return depart(from, x);
    });
    if (x.from != 0)
      transaction(0, [&](pqxx::work& work) { note_departure(work, x, version); });
    delete_old_rows(x.buckets, x.from);
  }

  /// Makes the copy of some rounds equal to what `from` sees, and returns what it is like.
  rounds_summary copy_rounds(pqxx::work& from, const bucket_group& x, const search_plan& how,
                             int64_t round, int64_t newest_round) {
    auto listed = [&](pqxx::work& work) { return list(work, how, round, newest_round); };
    auto wanted = listed(from);
    auto found = transaction(x.to, listed);
    auto ids = differences(wanted, found);
    if (ids.empty())
      return summary_of(found);
    for (size_t i = 0; i < ids.size();) {
      std::vector<repo_id> some;
      for (int64_t items = 0; i < ids.size() && some.size() < copied_at_once; ++i) {
        auto found_here = wanted.find(ids[i]);
        if (found_here != wanted.end())
          items += found_here->second.items;
        if (!some.empty() && items > items_at_once)
          break;
        some.push_back(ids[i]);
      }
      auto rows = pick_up(from, some);
      transaction(x.to, [&](pqxx::work& to) { put_down(to, some, rows); });
    }
    return summary_of(transaction(x.to, listed));
  }

  /// Gives the buckets away; with the commit they belong to the other shard.
  int64_t depart(pqxx::work& from, const bucket_group& x) {
    if (x.from == 0) {
      auto version = from.exec1("select map_version + 1 from shard_identity")[0].as<int64_t>();
      note_departure(from, x, version);
      return version;
    }
    // Not by another connection: writers who wait for us may hold all that PgBouncer has.
    auto version = guard_.exec1("select map_version + 1 from shard_identity")[0].as<int64_t>();
    from.exec_params0("insert into departed_buckets (bucket, shard, map_version) "
                      "select bucket, $2, $3 from unnest($1::integer[]) bucket "
                      "on conflict (bucket) do update set "
                      "shard = excluded.shard, map_version = excluded.map_version",
                      array_of(x.buckets), x.to, version);
    from.exec_params0("update shard_identity set map_version = $1", version);
    return version;
  }

  void delete_old_rows(const std::vector<int>& buckets, int shard) {
    auto rounds = transaction(shard, [](pqxx::work& work) { return last_round(work); });
    auto how = transaction(shard, [&](pqxx::work& work) { return plan(work, buckets, rounds); });
    for (int64_t round = 0; round <= rounds; round += how.rounds_at_once)
      transaction(shard, [&](pqxx::work& work) {
        std::vector<repo_id> ids;
        for (const auto& row : search(work, list_ids(how.by_runs), how, round, rounds))
          ids.push_back(row[0].as<int64_t>());
        delete_rows(work, ids);
      });
    deleted_.insert(buckets.begin(), buckets.end());
  }

  /// Moves the entries of a shard's repository_checks that are not its own any more. First they are
  /// put aside, then delivered; `arrived_checks` keeps a killed delivery from being repeated.
  void move_checks(int shard) {
    auto shards = array_of(read_map().shards);
    transaction(shard, [&](pqxx::work& work) {
      work.exec_params0(find_stray_checks, shards, shard);
      for (;;) {
        std::string found;
        for (const auto& row :
             work.exec("fetch " + std::to_string(checks_at_once) + " from strays"))
          found += (found.empty() ? "{\"" : ",\"") + row[0].as<std::string>() + '"';
        if (found.empty())
          break;
        work.exec_params0(take_stray_checks, shards, shard, found + '}');
      }
    });
    for (int to = 0; to < static_cast<int>(where_.size()); ++to)
      while (deliver_checks(shard, to)) {
      }
  }

  /// Whether there were any.
  bool deliver_checks(int from, int to) {
    auto some = transaction(from, [&](pqxx::work& work) {
      return work.exec_params("select id, checked_at, checks, repo_ids from departing_checks "
                              "where shard = $1 order by id limit $2",
                              to, checks_at_once);
    });
    if (some.empty())
      return false;
    transaction(to, [&](pqxx::work& work) {
      auto arrived = work.exec_params("select last from arrived_checks where shard = $1", from);
      auto last = arrived.empty() ? int64_t{0} : arrived[0][0].as<int64_t>();
      for (const auto& row : some)
        if (row[0].as<int64_t>() > last)
          work.exec_params0("insert into repository_checks (checked_at, checks, repo_ids) "
                            "values ($1, $2, $3)",
                            row[1].c_str(), row[2].as<int64_t>(), row[3].c_str());
      work.exec_params0("insert into arrived_checks (shard, last) values ($1, $2) "
                        "on conflict (shard) do update set last = excluded.last",
                        from, std::max(last, some.back()[0].as<int64_t>()));
    });
    transaction(from, [&](pqxx::work& work) {
      work.exec_params0("delete from departing_checks where shard = $1 and id <= $2", to,
                        some.back()[0].as<int64_t>());
    });
    return true;
  }

  const std::vector<std::string>& where_;
  pqxx::work& guard_;
  const std::function<void(const reshard_report&)>& tell_;
  int64_t repositories_at_once_;
  std::deque<connection> databases_;
  std::set<int> deleted_; // buckets whose old rows we have deleted
  reshard_report report_;
};

} // namespace

std::vector<bucket_move> plan_moves(const std::vector<int>& shards, size_t shard_count) {
  std::vector<std::vector<int>> held(shard_count);
  for (size_t bucket = 0; bucket < shards.size(); ++bucket)
    held[static_cast<size_t>(shards[bucket])].push_back(static_cast<int>(bucket));
  // Who holds the most keeps the most: that takes the fewest moves.
  std::vector<size_t> order(shard_count);
  for (size_t i = 0; i < shard_count; ++i)
    order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](auto a, auto b) { return held[a].size() > held[b].size(); });
  std::vector<size_t> target(shard_count);
  for (size_t rank = 0; rank < shard_count; ++rank)
    target[order[rank]] = shards.size() / shard_count + (rank < shards.size() % shard_count);
  std::vector<bucket_move> result;
  std::vector<size_t> lacking(shard_count);
  for (size_t i = 0; i < shard_count; ++i)
    lacking[i] = target[i] - std::min(target[i], held[i].size());
  size_t to = 0;
  for (size_t from = 0; from < shard_count; ++from) {
    auto size = held[from].size();
    auto excess = size - std::min(size, target[from]);
    // Evenly spread ones, so that what was crawled together stays on all shards.
    for (size_t i = 0; i < size; ++i) {
      if ((i + 1) * excess / size == i * excess / size)
        continue;
      while (lacking[to] == 0)
        ++to;
      --lacking[to];
      result.push_back({held[from][i], static_cast<int>(from), static_cast<int>(to)});
    }
  }
  return result;
}

reshard_report reshard(const std::vector<std::string>& connection_strings,
                       const std::function<void(const reshard_report&)>& tell,
                       int64_t repositories_at_once) {
  connection ledger{connection_strings.front()};
  return ledger.transaction([&](pqxx::work& guard) {
    if (!guard.exec1(only_one)[0].as<bool>())
      throw store_error("another gitstar reshard is moving buckets of this store");
    return resharding{connection_strings, guard, tell, repositories_at_once}.run();
  });
}

} // namespace gitstar::db
