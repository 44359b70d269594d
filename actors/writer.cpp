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

size_t size_of(const batch& work) {
  auto result = work.rows.size();
  for (const auto& x : work.metadata)
    result += x.rows.size();
  return result;
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
      [this](select_atom, repo_id first, repo_id last) {
        return ask<std::vector<repo_id>>([=, this] { return store_->known_ids(first, last); });
      },
      [this](load_atom, std::vector<repo_id>& repositories, std::vector<std::string>& kinds) {
        return ask<std::vector<metadata_watermark>>(
            [this, repositories = std::move(repositories), kinds = std::move(kinds)] {
              return store_->watermarks(repositories, kinds);
            });
      },
      [this](wake_atom) {
        waking_ = false;
        if (store_away_)
          retry_->revive(cfg_.revive, self_->clock().now());
        flush();
        answer();
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
  move_to_end(group_.metadata, work.metadata);
  move_to_end(group_.lists, work.lists);
  move_to_end(group_.watermarks, work.watermarks);
  if (work.threshold)
    group_.threshold = work.threshold;
  if (size_of(group_) >= cfg_.batch_rows && !store_away_)
    flush();
  else
    wake_in(cfg_.batch_delay);
}

template <class Answer, class Call>
caf::result<Answer> writer_state::ask(Call call) {
  auto promise = self_->make_response_promise<Answer>();
  questions_.push_back({[promise, call]() mutable { promise.deliver(call()); },
                        [promise](const caf::error& reason) mutable { promise.deliver(reason); }});
  if (store_away_)
    wake_in(cfg_.batch_delay);
  else
    answer();
  return promise;
}

void writer_state::wake_in(caf::timespan delay) {
  if (waking_)
    return;
  waking_ = true;
  self_->delayed_send(self_, delay, wake_atom_v);
}

/// False: PostgreSQL is away, or the writer has ended because of it.
template <class Call>
bool writer_state::try_store(const Call& call) {
  try {
    retry_->called(self_->clock().now());
    call();
    retry_->answered(self_->clock().now());
    store_away_ = false;
    return true;
  } catch (const db::store_error& failure) {
    if (failure.transient()) {
      store_away_ = true;
      wake_in(retry_->failed(failure, self_->clock().now()));
      return false;
    }
    auto reason = to_error(failure);
    fail(reason);
    self_->quit(reason);
    return false;
  }
}

void writer_state::flush() {
  if (promises_.empty())
    return;
  batch_receipt receipt;
  if (!try_store([&] { receipt = store_->write(group_); }))
    return;
  cfg_.metrics->count_batch(receipt);
  group_ = {};
  for (auto& promise : std::exchange(promises_, {}))
    promise.deliver(receipt);
}

/// What waits to be written comes first: who asks may go on from it.
void writer_state::answer() {
  if (questions_.empty())
    return;
  flush();
  if (!promises_.empty())
    return;
  while (!questions_.empty()) {
    if (!try_store(questions_.front().answer))
      return;
    questions_.erase(questions_.begin());
  }
}

void writer_state::fail(const caf::error& reason) {
  for (auto& promise : std::exchange(promises_, {}))
    promise.deliver(reason);
  for (auto& x : std::exchange(questions_, {}))
    x.refuse(reason);
}

} // namespace gitstar
