/// Several databases of the tests' server that make one store.
#pragma once

#include "db/sharded_store.hpp"
#include "tests/db/test_server.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gitstar::test {

class with_shards {
public:
  with_shards() = default;
  ~with_shards();

  /// A new store in so many databases, and a crawl.
  void make(size_t databases);
  /// Migrates `connection_strings()` and opens the store and the crawl again.
  void open();
  /// An empty one, not yet part of the store; another test's when this one is over.
  std::string add_database();

  /// Repositories `first` to `last`, each `more_stars` above what it has by itself.
  batch make_batch(repo_id first, repo_id last, int32_t more_stars = 0) const;
  batch_receipt write(repo_id first, repo_id last, int32_t more_stars = 0);

  pqxx::result ask(size_t shard, const std::string& sql) const;
  std::string value(size_t shard, const std::string& sql) const;
  /// Rows of repositories in all databases.
  int64_t stored() const;

  std::vector<std::string>& connection_strings() { return shards_; }
  db::sharded_store& store() { return *store_; }
  const crawl& current() const { return current_; }

private:
  std::vector<std::string> databases_; // names
  std::vector<std::string> shards_;
  std::unique_ptr<db::sharded_store> store_;
  crawl current_;
};

} // namespace gitstar::test
