#include "actors/token_bucket.hpp"

#include "actors/patience.hpp"
#include "net/metrics.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace gitstar {

namespace {

using namespace std::chrono_literals;

constexpr auto save_interval = 5s;

/// A host that has never answered is more likely misspelt than away.
constexpr uint32_t max_unreached = 3;

std::string to_string(circuit_breaker::state state) {
  switch (state) {
  case circuit_breaker::state::closed:
    return "closed";
  case circuit_breaker::state::open:
    return "open";
  case circuit_breaker::state::half_open:
    return "half-open";
  }
  return "unknown";
}

/// The host failed, as opposed to refusing what we asked.
bool is_failure(outcome result) {
  return result == outcome::timeout || result == outcome::network || result == outcome::malformed ||
         result == outcome::server_error;
}

/// Fewer fields in one query may help.
bool is_too_wide(outcome result) {
  return result == outcome::timeout || result == outcome::resource_limit ||
         result == outcome::partial || result == outcome::oversized || result == outcome::malformed;
}

bool is_success(outcome result) { return result == outcome::ok || result == outcome::partial; }

} // namespace

token_bucket_actor::behavior_type token_bucket_state::make_behavior(token_bucket_config cfg,
                                                                    ledger_actor ledger) {
  cfg_ = std::move(cfg);
  ledger_ = std::move(ledger);
  for (auto& x : cfg_.github.credentials)
    budgets_.emplace_back(x.name, cfg_.github.limits, cfg_.clock);
  breaker_ =
      std::make_unique<circuit_breaker>(cfg_.github.breaker.failures, cfg_.github.breaker.recovery);
  self_->set_exit_handler([this](const caf::exit_msg& msg) {
    for (auto& x : waiting_)
      x.promise.deliver(caf::make_error(errc::stopping));
    waiting_.clear();
    save_budgets();
    self_->quit(msg.reason);
  });
  load_budgets();
  self_->delayed_send(self_, save_interval, tick_atom_v);
  return {
      [this](acquire_atom, query_shape shape, uint64_t holder) -> caf::result<permit> {
        auto promise = self_->make_response_promise<permit>();
        waiting_.push_back({shape, holder, promise});
        serve();
        return promise;
      },
      [this](report_atom, const query_report& x) { report(x); },
      [this](lost_atom, uint64_t holder) { drop(holder); },
      [this](status_atom) -> caf::result<bucket_status> { return status(); },
      [this](wake_atom) {
        wake_up_.arrived();
        serve();
      },
      [this](tick_atom) {
        save_budgets();
        self_->delayed_send(self_, save_interval, tick_atom_v);
      },
  };
}

token_bucket_state::shape_state& token_bucket_state::of(query_shape shape) {
  auto& width = cfg_.github.query_width;
  auto initial = shape == query_shape::search_count
                     ? query_width{width.count_start, width.count_max}
                     : query_width{width.page_start, width.page_max};
  return shapes_.try_emplace(static_cast<uint8_t>(shape), shape_state{initial}).first->second;
}

void token_bucket_state::load_budgets() {
  self_->request(ledger_, patience, budgets_atom_v)
      .then(
          [this](const std::vector<budget_record>& records) {
            for (auto& record : records)
              for (auto& x : budgets_)
                if (x.credential() == record.credential)
                  x.restore(record);
            ready_ = true;
            serve();
          },
          [this](const caf::error& reason) { self_->quit(reason); });
}

void token_bucket_state::save_budgets() {
  if (!changed_)
    return;
  changed_ = false;
  std::vector<budget_record> records;
  for (auto& x : budgets_)
    records.push_back(x.record());
  self_->request(ledger_, patience, budgets_atom_v, std::move(records))
      .then([] {}, [this](const caf::error& reason) { self_->quit(reason); });
}

void token_bucket_state::serve() {
  waiting_for_.clear();
  while (ready_ && !waiting_.empty()) {
    std::optional<time_point> wake;
    auto chosen = choose(of(waiting_.front().shape).cost, wake);
    if (!chosen) {
      if (wake)
        wake_up_.at(self_, *wake, wake_atom_v);
      return;
    }
    auto next = std::move(waiting_.front());
    waiting_.pop_front();
    give(*chosen, next);
  }
}

std::optional<size_t> token_bucket_state::choose(int64_t cost, std::optional<time_point>& wake) {
  if (granted_.size() >= cfg_.github.limits.concurrent_requests) {
    waiting_for_ = "the queries in flight";
    return std::nullopt;
  }
  if (!breaker_->allows(now())) {
    waiting_for_ = "the circuit breaker";
    if (breaker_->current() == circuit_breaker::state::open)
      wake = breaker_->retry_at();
    return std::nullopt;
  }
  for (size_t i = 0; i < budgets_.size(); ++i) {
    if (budgets_[i].benched())
      continue;
    auto ready = budgets_[i].ready_at(now(), cost);
    if (ready && *ready <= now())
      return i;
    waiting_for_ = budgets_[i].why();
    if (ready && (!wake || *ready < *wake))
      wake = ready;
  }
  return std::nullopt;
}

void token_bucket_state::give(size_t index, const request& to) {
  auto& shape = of(to.shape);
  auto id = next_id_++;
  budgets_[index].sent(now(), shape.cost);
  breaker_->sent();
  granted_.emplace(id, grant{index, to.shape, to.holder, shape.cost});
  ++totals_.requests;
  auto promise = to.promise;
  promise.deliver(permit{id, budgets_[index].credential(), shape.width.current()});
}

void token_bucket_state::report(const query_report& x) {
  auto found = granted_.extract(x.permit_id);
  if (found.empty())
    return; // its fetcher was declared dead
  auto done = found.mapped();
  auto& spent = budgets_[done.budget];
  auto& shape = of(done.shape);
  spent.answered(now(), done.cost, x);
  if (x.limits.known && x.limits.cost >= 0) {
    shape.cost = std::max<int64_t>(1, x.limits.cost);
    totals_.points += static_cast<uint64_t>(x.limits.cost);
  }
  if (is_failure(x.result))
    breaker_->failed(now());
  else
    breaker_->succeeded();
  if (is_too_wide(x.result))
    shape.width.failed(x.fields);
  else if (x.result == outcome::ok)
    shape.width.succeeded(x.fields, x.elapsed);
  if (is_success(x.result)) {
    (done.shape == query_shape::search_count ? totals_.count_fields : totals_.page_fields) +=
        x.fields;
    totals_.page_queries += done.shape == query_shape::search_page;
  }
  if (x.result != outcome::ok) {
    ++totals_.retries;
    ++totals_.errors[gitstar::to_string(x.result)];
    cfg_.metrics->count_retries(1);
    spdlog::warn("query {} with {}: {}", gitstar::to_string(x.result), spent.credential(),
                 x.message);
  }
  changed_ = true;
  if (x.result == outcome::secondary_limit || x.result == outcome::primary_limit)
    save_budgets();
  if (x.result == outcome::network && !reached_ && ++unreached_ == max_unreached)
    return give_up(
        caf::make_error(errc::unreachable, "cannot reach " + cfg_.host + ": " + x.message));
  reached_ = reached_ || x.result != outcome::network;
  if (x.result == outcome::unauthorized || x.result == outcome::forbidden)
    bench(done.budget, x);
  serve();
}

void token_bucket_state::bench(size_t index, const query_report& x) {
  budgets_[index].bench();
  spdlog::error("credential {} is not used any more: {}", budgets_[index].credential(), x.message);
  auto left = std::any_of(budgets_.begin(), budgets_.end(), [](auto& b) { return !b.benched(); });
  if (left)
    return;
  give_up(caf::make_error(errc::no_credential_left, "GitHub rejects the credential " +
                                                        budgets_[index].credential() + ": " +
                                                        x.message));
}

void token_bucket_state::give_up(const caf::error& reason) {
  for (auto& left_over : waiting_)
    left_over.promise.deliver(reason);
  waiting_.clear();
  self_->quit(reason);
}

void token_bucket_state::drop(uint64_t holder) {
  std::erase_if(waiting_, [holder](const request& x) { return x.holder == holder; });
  auto lost = std::erase_if(granted_, [&](const auto& entry) {
    if (entry.second.holder != holder)
      return false;
    budgets_[entry.second.budget].abandoned(entry.second.cost);
    return true;
  });
  // The lost query may have been the trial: somebody has to decide.
  if (lost > 0 && breaker_->current() == circuit_breaker::state::half_open)
    breaker_->failed(now());
  serve();
}

bucket_status token_bucket_state::status() const {
  auto result = totals_;
  for (auto& x : budgets_)
    result.budgets.push_back(x.view());
  result.in_flight = static_cast<uint32_t>(granted_.size());
  result.waiting = static_cast<uint32_t>(waiting_.size());
  result.breaker = to_string(breaker_->current());
  for (auto& [shape, x] : shapes_)
    (shape == static_cast<uint8_t>(query_shape::search_page) ? result.page_width
                                                             : result.count_width) =
        x.width.current();
  result.waiting_for = waiting_.empty() ? "" : waiting_for_;
  return result;
}

} // namespace gitstar
