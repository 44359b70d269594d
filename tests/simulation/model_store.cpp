#include "tests/simulation/model_store.hpp"

#include "tests/simulation/witness.hpp"

#include <fmt/core.h>

namespace gitstar::simulation {

void store_server::before_call(const process_life& from, const char* call) {
  if (!from.alive)
    throw db::store_error("the process was killed", true);
  if (throws_) {
    throws_ = false;
    witness_->lost(plan_.fetchers);
    throw std::runtime_error("what nobody expects");
  }
  if (stage_.now < away_until_ || random_.chance(plan_.store_fails)) {
    stage_.trace(fmt::format("{} of process {} finds no PostgreSQL", call, from.number));
    throw db::store_error("connection refused", true);
  }
  stage_.trace(fmt::format("{} of process {}", call, from.number));
}

void store_server::after_commit(const batch& work) {
  witness_->committed(work);
  if (random_.chance(plan_.store_forgets))
    throw db::store_error("the connection broke after the commit", true);
}

bool store_server::finished() const {
  return data->crawls.size() == crawls_ &&
         (data->crawls.back().state == "complete" || data->crawls.back().state == "incomplete");
}

crawl model_store::open_crawl(const db::crawl_request& request) {
  server_->before_call(*life_, "open_crawl");
  if (server_->finished()) // it would begin another, which is not what we look at
    throw db::store_error("the crawl is finished", true);
  return memory_store::open_crawl(request);
}

batch_receipt model_store::write(const batch& work) {
  server_->before_call(*life_, "write");
  server_->look_at("partitions", work.partitions);
  auto receipt = memory_store::write(work);
  server_->after_commit(work);
  return receipt;
}

std::vector<partition> model_store::open_partitions(int64_t crawl_id, int64_t after_id,
                                                    uint32_t limit) {
  server_->before_call(*life_, "open_partitions");
  return memory_store::open_partitions(crawl_id, after_id, limit);
}

certificate model_store::certify(int64_t crawl_id) {
  server_->before_call(*life_, "certify");
  return memory_store::certify(crawl_id);
}

std::vector<metadata_watermark> model_store::watermarks(const std::vector<repo_id>& repositories,
                                                        const std::vector<std::string>& kinds) {
  server_->before_call(*life_, "watermarks");
  return memory_store::watermarks(repositories, kinds);
}

void model_store::set_state(int64_t crawl_id, int64_t epoch, const std::string& state) {
  server_->before_call(*life_, "set_state");
  memory_store::set_state(crawl_id, epoch, state);
}

std::vector<budget_record> model_store::load_budgets() {
  server_->before_call(*life_, "load_budgets");
  return memory_store::load_budgets();
}

void model_store::save_budgets(int64_t crawl_id, int64_t epoch,
                               const std::vector<budget_record>& budgets) {
  server_->before_call(*life_, "save_budgets");
  server_->look_at("credential_budgets", budgets);
  memory_store::save_budgets(crawl_id, epoch, budgets);
}

std::vector<width_record> model_store::load_widths() {
  server_->before_call(*life_, "load_widths");
  return memory_store::load_widths();
}

void model_store::save_widths(const std::vector<width_record>& widths) {
  server_->before_call(*life_, "save_widths");
  server_->look_at("query_widths", widths);
  memory_store::save_widths(widths);
}

void model_store::save_errors(int64_t crawl_id, const std::vector<error_record>& errors) {
  server_->before_call(*life_, "save_errors");
  server_->look_at("crawl_errors", errors);
  memory_store::save_errors(crawl_id, errors);
}

} // namespace gitstar::simulation
