#include "tests/db/test_shards.hpp"

#include "db/shards.hpp"

#include <atomic>

namespace gitstar::test {

namespace {

void on_the_server(const std::string& statement) {
  pqxx::connection link{shared_server().connection_string()};
  pqxx::nontransaction{link}.exec(statement);
}

} // namespace

with_shards::~with_shards() {
  store_.reset();
  for (auto& name : databases_)
    on_the_server("drop database " + name + " with (force)");
}

std::string with_shards::add_database() {
  static std::atomic<int> count{0};
  auto& name = databases_.emplace_back("test_shard_" + std::to_string(++count));
  on_the_server("create database " + name);
  return shared_server().connection_string() + " dbname=" + name;
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
