#include "db/sharded_store.hpp"

#include "db/bucket_map.hpp"
#include "db/known_stream.hpp"
#include "db/metadata_rows.hpp"
#include "db/shards.hpp"

#include <algorithm>
#include <chrono>
#include <future>
#include <limits>

namespace gitstar::db {

namespace {

/// Which shard has given a bucket away, and the version of the map that says so.
struct shard_outdated {
  size_t shard;
  int64_t version;
};

void add(batch_receipt& sum, const batch_receipt& x) {
  sum.rows += x.rows;
  sum.inserted += x.inserted;
  sum.updated += x.updated;
  sum.history += x.history;
  sum.items += x.items;
  sum.items_inserted += x.items_inserted;
  sum.items_updated += x.items_updated;
  sum.items_gone += x.items_gone;
}

bool is_empty(const batch& share) {
  return share.rows.empty() && share.gone.empty() && !has_metadata(share);
}

/// What is selected in one shard.
struct shard_stream {
  size_t shard;
  std::unique_ptr<known_stream> ids;
};

constexpr int64_t merged_at_once = 20'000;

/// The first `most` of all.
std::vector<known_id> merge(std::vector<shard_stream>& streams, size_t most) {
  std::vector<known_id> result;
  while (result.size() < most) {
    shard_stream* first = nullptr;
    for (auto& x : streams)
      if (x.ids->front() && (!first || *x.ids->front() < *first->ids->front()))
        first = &x;
    if (!first)
      break;
    result.push_back(*first->ids->front());
    try {
      first->ids->pop();
    } catch (const store_error& failure) {
      throw named_failure(first->shard, failure);
    }
  }
  return result;
}

/// Metadata is where its repository is.
void divide_metadata(const batch& work, const bucket_map& map, std::vector<batch>& shares) {
  for (const auto& all : work.metadata) {
    const auto& kind = kind_named(all.kind);
    std::vector<metadata_rows> parts(shares.size(), metadata_rows{all.kind, {}});
    for (const auto& row : all.rows)
      parts[static_cast<size_t>(map.shard_of(repository_of(kind, row)))].rows.push_back(row);
    for (size_t i = 0; i < shares.size(); ++i)
      if (!parts[i].rows.empty())
        shares[i].metadata.push_back(std::move(parts[i]));
  }
  for (const auto& list : work.lists)
    shares[static_cast<size_t>(map.shard_of(repository_of(list)))].lists.push_back(list);
  for (const auto& x : work.watermarks)
    shares[static_cast<size_t>(map.shard_of(x.repo_id))].watermarks.push_back(x);
}

} // namespace

sharded_store::sharded_store(const std::vector<std::string>& connection_strings)
    : connection_strings_(connection_strings) {
  for (auto& where : connection_strings)
    shards_.push_back(std::make_unique<postgres_store>(where));
}

sharded_store::~sharded_store() = default;

/// What `body` does by the map of buckets, if need be again: each round finds a bucket that was
/// moved meanwhile, so there are not more rounds than buckets.
template <class Body>
auto sharded_store::by_map(Body body) {
  if (!map_)
    read_map(std::nullopt);
  for (;;) {
    try {
      return body(*map_);
    } catch (const shard_outdated& found) {
      read_map(found.shard);
      if (map_->version < found.version)
        throw store_error("shard " + std::to_string(found.shard) +
                          " is ahead of the ledger: was one of them restored from a backup?");
    }
  }
}

batch_receipt sharded_store::write(const batch& work) {
  auto start = std::chrono::steady_clock::now();
  auto receipt = by_map([&](const bucket_map& map) { return write_by(map, work); });
  receipt.elapsed =
      std::chrono::duration_cast<milliseconds>(std::chrono::steady_clock::now() - start);
  return receipt;
}

batch_receipt sharded_store::write_by(const bucket_map& map, const batch& work) {
  if (shards_.size() == 1) {
    try {
      return ledger().write_share(work, map.version, nullptr);
    } catch (const outdated_map& found) {
      throw shard_outdated{0, found.version};
    }
  }
  std::vector<batch> shares(shards_.size());
  for (auto& row : work.rows)
    shares[static_cast<size_t>(map.shard_of(row.repo_id))].rows.push_back(row);
  for (auto id : work.gone)
    shares[static_cast<size_t>(map.shard_of(id))].gone.push_back(id);
  divide_metadata(work, map, shares);
  for (auto& share : shares)
    share.observed_at = work.observed_at;
  auto& own = shares.front();
  own.crawl_id = work.crawl_id;
  own.epoch = work.epoch;
  own.partitions = work.partitions;
  own.threshold = work.threshold;
  batch_receipt sum;
  size_t at = 0;
  try {
    auto receipt = ledger().write_share(own, map.version, [&] {
      for (at = 1; at < shards_.size(); ++at)
        if (!is_empty(shares[at]))
          add(sum, shards_[at]->write_rows(shares[at], map.version));
      at = 0;
    });
    add(sum, receipt);
  } catch (const outdated_map& found) {
    throw shard_outdated{at, found.version};
  } catch (const fenced_error&) {
    throw;
  } catch (const store_error& failure) {
    throw named_failure(at, failure);
  }
  return sum;
}

void sharded_store::read_map(std::optional<size_t> departed_from) {
  auto map = ledger().read_map(shards_.size());
  if (departed_from)
    shards_[*departed_from]->follow_departures(map, shards_.size());
  map_ = std::make_unique<bucket_map>(std::move(map));
}

crawl sharded_store::open_crawl(const crawl_request& request) {
  return ledger().open_crawl(request);
}

std::vector<partition> sharded_store::open_partitions(int64_t crawl_id, int64_t after_id,
                                                      uint32_t limit) {
  return ledger().open_partitions(crawl_id, after_id, limit);
}

int64_t sharded_store::select_known(const crawl& run, const known_selection& which) {
  if (shards_.size() == 1)
    return ledger().select_known(run, which);
  if (which.condition.empty())
    return by_map([&](const bucket_map& map) { return select_by(map, run, which); });
  return ledger().select_known(run, [&](repo_id after, uint32_t limit) {
    std::vector<repo_id> ids;
    for (auto& shard : shards_) {
      auto part = shard->repositories(which.condition, after, limit);
      ids.insert(ids.end(), part.begin(), part.end());
    }
    std::sort(ids.begin(), ids.end());
    // A bucket on its way is in two of them.
    ids.erase(std::unique(ids.begin(), ids.end()), ids.end());
    ids.resize(std::min(ids.size(), size_t{limit}));
    return ids;
  });
}

int64_t sharded_store::select_by(const bucket_map& map, const crawl& run,
                                 const known_selection& which) {
  auto begin = [&](size_t i, const std::vector<int>& buckets) -> shard_stream {
    try {
      return {i, std::make_unique<known_stream>(connection_strings_[i], run.started_at, which,
                                                buckets, map.version)};
    } catch (const outdated_map& found) {
      throw shard_outdated{i, found.version};
    } catch (const store_error& failure) {
      throw named_failure(i, failure);
    }
  };
  // Each sorts what it has, which takes a while: all at once, or the first would wait for the last
  // in its transaction.
  std::vector<std::future<shard_stream>> begun;
  for (size_t i = 0; i < shards_.size(); ++i)
    if (auto buckets = map.buckets_of(i); !buckets.empty())
      begun.push_back(std::async(std::launch::async, begin, i, std::move(buckets)));
  std::vector<shard_stream> streams;
  for (auto& x : begun)
    streams.push_back(x.get());
  auto left = which.limit > 0 ? which.limit : std::numeric_limits<int64_t>::max();
  return ledger().write_selection(run, [&] {
    auto result = merge(streams, static_cast<size_t>(std::min<int64_t>(left, merged_at_once)));
    left -= static_cast<int64_t>(result.size());
    return result;
  });
}

std::vector<repo_id> sharded_store::known_ids(repo_id first, repo_id last) {
  std::vector<repo_id> result;
  for (size_t i = 0; i < shards_.size(); ++i) {
    try {
      auto ids = shards_[i]->known_ids(first, last);
      result.insert(result.end(), ids.begin(), ids.end());
    } catch (const store_error& failure) {
      throw named_failure(i, failure);
    }
  }
  // While a bucket is moved two shards have it.
  std::sort(result.begin(), result.end());
  result.erase(std::unique(result.begin(), result.end()), result.end());
  return result;
}

certificate sharded_store::certify(int64_t crawl_id) { return ledger().certify(crawl_id); }

std::vector<metadata_watermark> sharded_store::watermarks(const std::vector<repo_id>& repositories,
                                                          const std::vector<std::string>& kinds) {
  std::vector<metadata_watermark> result;
  for (auto& shard : shards_)
    for (auto& x : shard->watermarks(repositories, kinds))
      result.push_back(std::move(x));
  return result;
}

void sharded_store::set_state(int64_t crawl_id, int64_t epoch, const std::string& state) {
  ledger().set_state(crawl_id, epoch, state);
}

std::vector<budget_record> sharded_store::load_budgets() { return ledger().load_budgets(); }

void sharded_store::save_budgets(int64_t crawl_id, int64_t epoch,
                                 const std::vector<budget_record>& budgets) {
  ledger().save_budgets(crawl_id, epoch, budgets);
}

std::vector<width_record> sharded_store::load_widths() { return ledger().load_widths(); }

void sharded_store::save_widths(const std::vector<width_record>& widths) {
  ledger().save_widths(widths);
}

void sharded_store::save_errors(int64_t crawl_id, const std::vector<error_record>& errors) {
  ledger().save_errors(crawl_id, errors);
}

} // namespace gitstar::db
