#include "db/reshard.hpp"

#include "db/array_encoder.hpp"
#include "db/bucket_map.hpp"
#include "db/shards.hpp"
#include "db/store_layout.hpp"
#include "messages/metadata/registry.hpp"

#include <algorithm>
#include <deque>
#include <map>

namespace gitstar::db {

namespace {

// Held by the one process that moves buckets. Any constant will do; it only has to be ours.
constexpr auto only_one = "select pg_try_advisory_xact_lock(7712905346188203345)";

// A bucket's ids come in runs of 256, one in each round of 256 * 1024 ids. So many rounds are
// listed and copied at a time: some 10,000 repositories, as GitHub gives out its ids.
constexpr int64_t rounds_at_once = 128;

constexpr size_t copied_at_once = 2000;   // repositories
constexpr int64_t items_at_once = 20'000; // of their metadata, or one repository's

/// The tables with what belongs to a repository, after that itself.
std::vector<std::string> moved_tables() {
  std::vector<std::string> result{"repositories", "star_history", "metadata_watermarks"};
  for (const auto* kind : metadata::all_kinds())
    result.emplace_back(kind->name);
  return result;
}

/// A checksum for each row that a table has in the `runs` of ids. OFFSET 0 keeps the planner at
/// ranges of the primary key.
std::string row_hashes(const std::string& table) {
  return "select x.repo_id, hashtextextended(x::text, 0) as hash from runs cross join lateral "
         "(select * from " +
         table + " where repo_id >= first and repo_id < first + 256 offset 0) x";
}

/// For the rounds $1 to $2 of bucket $3: each repository with a checksum of all its rows, and how
/// many of these are history and metadata.
std::string list_repositories() {
  std::string items;
  for (const auto& table : moved_tables())
    if (table != "repositories" && table != "star_history")
      items += (items.empty() ? "" : " union all ") + row_hashes(table);
  auto summed = [](const std::string& rows) {
    return "select repo_id, count(*) as rows, sum(hash) as hash from (" + rows +
           ") t group by repo_id";
  };
  return "with runs as (select (round * 1024 + $3) * 256 as first "
         "from generate_series($1::bigint, $2::bigint) round), stored as (" +
         row_hashes("repositories") + "), told as (" + summed(row_hashes("star_history")) +
         "), described as (" + summed(items) +
         ") select repo_id, hashtextextended(concat_ws(' ', stored.hash, told.rows, told.hash, "
         "described.rows, described.hash), 0), coalesce(told.rows, 0), "
         "coalesce(described.rows, 0) from stored full join told using (repo_id) "
         "full join described using (repo_id) order by 1";
}

// Texts of rows depend on the first two, and servers may differ in them. Compiling
// that query takes thirty times as long as running it.
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

/// What some rounds of a bucket hold, in short. No repository lies beyond `newest_round`.
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

listing list(pqxx::work& work, int bucket, int64_t first_round, int64_t newest_round) {
  listing result;
  for (const auto& row :
       work.exec_params(list_repositories(), first_round,
                        std::min(first_round + rounds_at_once - 1, newest_round), bucket))
    result.emplace_hint(
        result.end(), row[0].as<int64_t>(),
        fingerprint{row[1].as<int64_t>(), row[2].as<int64_t>(), row[3].as<int64_t>()});
  return result;
}

pqxx::binarystring encoded(const std::vector<repo_id>& ids) {
  array_encoder array{array_encoder::element::bigint, ids.size() * 12};
  for (auto id : ids)
    array.add(id);
  return array.encoded();
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
             const std::function<void(const reshard_report&)>& tell)
      : where_(connection_strings), guard_(guard), tell_(tell) {
    for (auto& x : connection_strings)
      databases_.emplace_back(x);
  }

  reshard_report run() {
    for (size_t i = 0; i < where_.size(); ++i)
      on(static_cast<int>(i), [&](connection&) { index_history(where_[i]); });
    finish_departures();
    delete_leftovers();
    auto moves = begun_moves();
    auto map = read_map();
    for (auto& x : moves) // as if they were done
      map.shards[static_cast<size_t>(x.bucket)] = x.to;
    auto rest = plan_moves(map.shards, where_.size());
    moves.insert(moves.end(), rest.begin(), rest.end());
    report_.to_move = static_cast<int>(moves.size());
    tell_(report_);
    for (auto& x : moves) {
      move(x);
      ++report_.moved;
      tell_(report_);
    }
    report_.buckets.assign(where_.size(), 0);
    for (auto shard : read_map().shards)
      ++report_.buckets[static_cast<size_t>(shard)];
    return report_;
  }

private:
  bucket_map read_map() {
    return transaction(0, [&](pqxx::work& work) { return read_bucket_map(work, where_.size()); });
  }

  static void note_departure(pqxx::work& ledger, const bucket_move& x, int64_t version) {
    ledger.exec_params0("update buckets set shard = $2, leaving = $3, moving_to = null "
                        "where bucket = $1",
                        x.bucket, x.to, x.from);
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
      for (const auto& row : departed)
        transaction(0, [&](pqxx::work& work) {
          note_departure(work, {row[0].as<int>(), shard, row[1].as<int>()}, row[2].as<int64_t>());
        });
    }
  }

  void delete_leftovers() {
    auto left = transaction(0, [](pqxx::work& work) {
      return work.exec("select bucket, leaving from buckets where leaving is not null");
    });
    for (const auto& row : left)
      delete_old_rows(row[0].as<int>(), row[1].as<int>());
  }

  std::vector<bucket_move> begun_moves() {
    return transaction(0, [](pqxx::work& work) {
      std::vector<bucket_move> result;
      for (const auto& row : work.exec("select bucket, shard, moving_to from buckets "
                                       "where moving_to is not null order by bucket"))
        result.push_back({row[0].as<int>(), row[1].as<int>(), row[2].as<int>()});
      return result;
    });
  }

  static int64_t last_round(pqxx::work& work) {
    return work.exec1("select coalesce(max(repo_id), 0) from repositories")[0].as<int64_t>() /
           (256 * bucket_count);
  }

  void move(const bucket_move& x) {
    guard_.exec("select 1"); // throws where the connection, and so the lock, was lost
    transaction(0, [&](pqxx::work& work) {
      work.exec_params0("update buckets set moving_to = $2 where bucket = $1", x.bucket, x.to);
    });
    // The copy has no other writer than us: what it is like is remembered.
    std::vector<rounds_summary> copied;
    auto there = transaction(x.to, [](pqxx::work& work) { return last_round(work); });
    auto rounds =
        std::max(there, transaction(x.from, [](pqxx::work& work) { return last_round(work); }));
    for (int64_t round = 0; round <= rounds; round += rounds_at_once)
      copied.push_back(transaction(
          x.from, [&](pqxx::work& from) { return copy_rounds(from, x, round, rounds); }));
    auto version = transaction(x.from, [&](pqxx::work& from) {
      lock_buckets(from);
      rounds_summary sum;
      auto last = std::max(last_round(from), rounds);
      for (int64_t round = 0; round <= last; round += rounds_at_once) {
        auto i = static_cast<size_t>(round / rounds_at_once);
        auto here = summary_of(list(from, x.bucket, round, last));
        if (i >= copied.size() ? here != rounds_summary{} : here != copied[i])
          if (copy_rounds(from, x, round, last) != here)
            throw store_error("bucket " + std::to_string(x.bucket) +
                              " differs from its copy on shard " + std::to_string(x.to) +
                              " after copying; nothing was deleted");
        sum.repositories += here.repositories;
        sum.history += here.history;
      }
      report_.repositories += sum.repositories;
      report_.history += sum.history;
      return depart(from, x);
    });
    if (x.from != 0)
      transaction(0, [&](pqxx::work& work) { note_departure(work, x, version); });
    delete_old_rows(x.bucket, x.from);
  }

  /// Makes the copy of some rounds equal to what `from` sees, and returns what it is like.
  rounds_summary copy_rounds(pqxx::work& from, const bucket_move& x, int64_t round,
                             int64_t newest_round) {
    auto listed = [&](pqxx::work& work) { return list(work, x.bucket, round, newest_round); };
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

  /// Gives the bucket away; with the commit it belongs to the other shard.
  int64_t depart(pqxx::work& from, const bucket_move& x) {
    if (x.from == 0) {
      auto version = from.exec1("select map_version + 1 from shard_identity")[0].as<int64_t>();
      note_departure(from, x, version);
      return version;
    }
    // Not by another connection: writers who wait for us may hold all that PgBouncer has.
    auto version = guard_.exec1("select map_version + 1 from shard_identity")[0].as<int64_t>();
    from.exec_params0("insert into departed_buckets (bucket, shard, map_version) "
                      "values ($1, $2, $3) on conflict (bucket) do update set "
                      "shard = excluded.shard, map_version = excluded.map_version",
                      x.bucket, x.to, version);
    from.exec_params0("update shard_identity set map_version = $1", version);
    return version;
  }

  void delete_old_rows(int bucket, int shard) {
    auto last = transaction(shard, [](pqxx::work& work) { return last_round(work); });
    for (int64_t round = 0; round <= last; round += rounds_at_once)
      transaction(shard, [&](pqxx::work& work) {
        std::vector<repo_id> ids;
        for (auto& [id, seen] : list(work, bucket, round, last))
          ids.push_back(id);
        delete_rows(work, ids);
      });
    transaction(0, [&](pqxx::work& work) {
      work.exec_params0("update buckets set leaving = null where bucket = $1", bucket);
    });
  }

  const std::vector<std::string>& where_;
  pqxx::work& guard_;
  const std::function<void(const reshard_report&)>& tell_;
  std::deque<connection> databases_;
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
                       const std::function<void(const reshard_report&)>& tell) {
  connection ledger{connection_strings.front()};
  return ledger.transaction([&](pqxx::work& guard) {
    if (!guard.exec1(only_one)[0].as<bool>())
      throw store_error("another gitstar reshard is moving buckets of this store");
    return resharding{connection_strings, guard, tell}.run();
  });
}

} // namespace gitstar::db
