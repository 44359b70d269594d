#include "actors/writer.hpp"

#include "net/metrics.hpp"

#include <iterator>

namespace gitstar {

namespace {

template <class T>
void move_to_end(std::vector<T>& to, std::vector<T>& from) {
  if (to.empty())
    to = std::move(from);
  else
    to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

} // namespace

writer_actor::behavior_type writer_state::make_behavior(writer_config cfg) {
  cfg_ = std::move(cfg);
  store_ = cfg_.open();
  retry_ = std::make_unique<store_retry>(cfg_.health, self_->id());
  self_->set_exit_handler([this](const caf::exit_msg& msg) {
    if (!promises_.empty() && !store_away_)
      flush();
    fail(caf::make_error(errc::stopping));
    self_->quit(msg.reason);
  });
  return {
      [this](store_atom, batch& work) -> caf::result<batch_receipt> {
        auto promise = self_->make_response_promise<batch_receipt>();
        add(std::move(work), promise);
        return promise;
      },
      [this](select_atom, repo_id first, repo_id last) -> caf::result<std::vector<repo_id>> {
        auto promise = self_->make_response_promise<std::vector<repo_id>>();
        questions_.push_back({first, last, promise});
        if (!store_away_)
          look();
        return promise;
      },
      [this](wake_atom) {
        waking_ = false;
        if (store_away_)
          retry_->revive(cfg_.revive, self_->clock().now());
        flush();
        look();
      },
  };
}

void writer_state::add(batch&& work, caf::typed_response_promise<batch_receipt> promise) {
  if (!promises_.empty() && (work.crawl_id != group_.crawl_id || work.epoch != group_.epoch)) {
    promise.deliver(caf::make_error(errc::store_failed, "batches of two crawls in one process"));
    return;
  }
  promises_.push_back(std::move(promise));
  group_.crawl_id = work.crawl_id;
  group_.epoch = work.epoch;
  group_.observed_at = std::max(group_.observed_at, work.observed_at);
  move_to_end(group_.rows, work.rows);
  move_to_end(group_.partitions, work.partitions);
  move_to_end(group_.gone, work.gone);
  if (work.threshold)
    group_.threshold = work.threshold;
  if (group_.rows.size() >= cfg_.batch_rows && !store_away_)
    flush();
  else
    wake_in(cfg_.batch_delay);
}

void writer_state::wake_in(caf::timespan delay) {
  if (waking_)
    return;
  waking_ = true;
  self_->delayed_send(self_, delay, wake_atom_v);
}

void writer_state::flush() {
  if (promises_.empty())
    return;
  try {
    retry_->called(self_->clock().now());
    auto receipt = store_->write(group_);
    retry_->answered(self_->clock().now());
    cfg_.metrics->count_batch(receipt);
    store_away_ = false;
    group_ = {};
    for (auto& promise : std::exchange(promises_, {}))
      promise.deliver(receipt);
  } catch (const db::store_error& failure) {
    failed(failure);
  }
}

void writer_state::look() {
  if (questions_.empty())
    return;
  try {
    retry_->called(self_->clock().now());
    while (!questions_.empty()) {
      auto& next = questions_.back();
      next.promise.deliver(store_->known_ids(next.first, next.last));
      questions_.pop_back();
    }
    retry_->answered(self_->clock().now());
    store_away_ = false;
  } catch (const db::store_error& failure) {
    failed(failure);
  }
}

void writer_state::failed(const db::store_error& failure) {
  if (failure.transient()) {
    store_away_ = true;
    return wake_in(retry_->failed(failure, self_->clock().now()));
  }
  auto reason = to_error(failure);
  fail(reason);
  self_->quit(reason);
}

void writer_state::fail(const caf::error& reason) {
  for (auto& question : std::exchange(questions_, {}))
    question.promise.deliver(reason);
  for (auto& promise : std::exchange(promises_, {}))
    promise.deliver(reason);
}

} // namespace gitstar
