#include "actors/ledger.hpp"

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
      retry_->called(self_->clock().now());
      next.run();
    } catch (const db::store_error& failure) {
      if (failure.transient()) {
        waiting_ = true;
        self_->delayed_send(self_, retry_->failed(failure, self_->clock().now()), wake_atom_v);
        return;
      }
      next.fail(to_error(failure));
    }
    retry_->answered(self_->clock().now());
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

/// Nothing is spent before the crawl is opened.
void ledger_state::save_budgets(const std::vector<budget_record>& budgets) {
  if (auto& run = cfg_.session->run)
    store_->save_budgets(run->id, run->epoch, budgets);
}

void ledger_state::save_errors(const std::vector<error_record>& errors) {
  if (auto& run = cfg_.session->run)
    store_->save_errors(run->id, errors);
}

ledger_actor::behavior_type ledger_state::make_behavior(ledger_config cfg) {
  cfg_ = std::move(cfg);
  store_ = cfg_.open();
  retry_ = std::make_unique<store_retry>(cfg_.health, self_->id());
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
      [this](select_atom, const crawl& run, const known_selection& which) -> caf::result<int64_t> {
        return serve<int64_t>([=, this] { return store_->select_known(run, which); });
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
        serve_silently([=, this] { save_budgets(budgets); });
      },
      [this](widths_atom) -> caf::result<std::vector<width_record>> {
        return serve<std::vector<width_record>>([this] { return store_->load_widths(); });
      },
      [this](widths_atom, const std::vector<width_record>& widths) {
        serve_silently([=, this] { store_->save_widths(widths); });
      },
      [this](errors_atom, const std::vector<error_record>& errors) {
        serve_silently([=, this] { save_errors(errors); });
      },
      [this](wake_atom) {
        waiting_ = false;
        retry_->revive(cfg_.revive, self_->clock().now());
        work();
      },
  };
}

} // namespace gitstar
