#include "actors/ledger.hpp"

#include <spdlog/spdlog.h>

namespace gitstar {

template <class Result, class Call>
caf::typed_response_promise<Result> ledger_state::serve(Call call) {
  auto promise = self_->make_response_promise<Result>();
  jobs_.push_back({[promise, call]() mutable { promise.deliver(call()); },
                   [promise](caf::error reason) mutable { promise.deliver(std::move(reason)); }});
  work();
  return promise;
}

template <class Call>
void ledger_state::serve_silently(Call call) {
  auto promise = self_->make_response_promise();
  jobs_.push_back({[promise, call]() mutable {
                     call();
                     promise.deliver(caf::unit);
                   },
                   [promise](caf::error reason) mutable { promise.deliver(std::move(reason)); }});
  work();
}

void ledger_state::work() {
  while (!jobs_.empty() && !waiting_) {
    auto& next = jobs_.front();
    try {
      next.run();
      retry_.succeeded();
    } catch (const db::store_error& failure) {
      if (failure.transient()) {
        spdlog::warn("the ledger waits for PostgreSQL: {}", failure.what());
        waiting_ = true;
        self_->delayed_send(self_, retry_.next_delay(), wake_atom_v);
        return;
      }
      next.fail(to_error(failure));
    }
    jobs_.pop_front();
  }
}

crawl ledger_state::open_crawl() {
  auto& session = *cfg_.session;
  if (!session.run)
    session.run = store_->open_crawl(session.request);
  return *session.run;
}

batch_receipt ledger_state::write(const batch& work) {
  auto receipt = store_->write(work);
  if (work.threshold && cfg_.session->run)
    cfg_.session->run->threshold = *work.threshold;
  return receipt;
}

ledger_actor::behavior_type ledger_state::make_behavior(ledger_config cfg) {
  cfg_ = std::move(cfg);
  store_ = cfg_.open();
  self_->set_exit_handler([this](const caf::exit_msg& msg) {
    for (auto& left_over : jobs_)
      left_over.fail(caf::make_error(errc::stopping));
    jobs_.clear();
    self_->quit(msg.reason);
  });
  return {
      [this](open_atom) -> caf::result<crawl> {
        return serve<crawl>([this] { return open_crawl(); });
      },
      [this](load_atom, int64_t crawl_id, int64_t after_id,
             uint32_t limit) -> caf::result<std::vector<partition>> {
        return serve<std::vector<partition>>(
            [=, this] { return store_->open_partitions(crawl_id, after_id, limit); });
      },
      [this](store_atom, const batch& work) -> caf::result<batch_receipt> {
        return serve<batch_receipt>([=, this] { return write(work); });
      },
      [this](certify_atom, int64_t crawl_id) -> caf::result<certificate> {
        return serve<certificate>([=, this] { return store_->certify(crawl_id); });
      },
      [this](state_atom, int64_t crawl_id, int64_t epoch, const std::string& state) {
        serve_silently([=, this] { store_->set_state(crawl_id, epoch, state); });
      },
      [this](budgets_atom) -> caf::result<std::vector<budget_record>> {
        return serve<std::vector<budget_record>>([this] { return store_->load_budgets(); });
      },
      [this](budgets_atom, const std::vector<budget_record>& budgets) {
        serve_silently([=, this] { store_->save_budgets(budgets); });
      },
      [this](wake_atom) {
        waiting_ = false;
        try_to_revive(cfg_.revive);
        work();
      },
  };
}

} // namespace gitstar
