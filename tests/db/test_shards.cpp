#include "tests/db/test_shards.hpp"

#include "db/shards.hpp"

#include <atomic>

namespace gitstar::test {

namespace {

std::string connection_string_of(const std::string& database) {
  return shared_server().connection_string() + " dbname=" + database;
}

/// Databases that tests have left. Emptying one takes a moment; dropping it and making another
/// takes a checkpoint.
std::vector<std::string>& spare_databases() {
  static std::vector<std::string> names;
  return names;
}

std::string new_database() {
  static std::atomic<int> count{0};
  auto name = "test_shard_" + std::to_string(++count);
  pqxx::connection link{shared_server().connection_string()};
  pqxx::nontransaction{link}.exec("create database " + name);
  return name;
}

} // namespace

with_shards::~with_shards() {
  store_.reset();
  for (auto& name : databases_)
    spare_databases().push_back(name);
}

std::string with_shards::add_database() {
  auto& spare = spare_databases();
  if (spare.empty())
    spare.push_back(new_database());
  auto where = connection_string_of(databases_.emplace_back(spare.back()));
  spare.pop_back();
  empty_the_database(where);
  return where;
}

void with_shards::make(size_t databases) {
  shards_.clear();
  while (shards_.size() < databases)
    shards_.push_back(add_database());
  open();
}

void with_shards::open() {
  db::migrate_shards(shards_);
  store_ = std::make_unique<db::sharded_store>(shards_);
  current_ = store_->open_crawl({"stars", "search stars:>=10"});
}

batch with_shards::make_batch(repo_id first, repo_id last, int32_t more_stars) const {
  batch result;
  result.crawl_id = current_.id;
  result.epoch = current_.epoch;
  result.observed_at = at(1'795'176'000);
  for (auto id = first; id <= last; ++id) {
    result.rows.push_back(make_repository(id));
    result.rows.back().star_count += more_stars;
  }
  return result;
}

batch_receipt with_shards::write(repo_id first, repo_id last, int32_t more_stars) {
  return store_->write(make_batch(first, last, more_stars));
}

pqxx::result with_shards::ask(size_t shard, const std::string& sql) const {
  pqxx::connection link{shards_.at(shard)};
  pqxx::work work{link};
  auto result = work.exec(sql);
  work.commit();
  return result;
}

std::string with_shards::value(size_t shard, const std::string& sql) const {
  return ask(shard, sql).at(0).at(0).c_str();
}

int64_t with_shards::stored() const {
  int64_t sum = 0;
  for (size_t i = 0; i < shards_.size(); ++i)
    sum += std::stoll(value(i, "select count(*) from repositories"));
  return sum;
}

} // namespace gitstar::test
