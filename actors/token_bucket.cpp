#include "actors/token_bucket.hpp"

#include "actors/patience.hpp"
#include "net/metrics.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace gitstar {

namespace {

using namespace std::chrono_literals;

/// A crash forgets what was spent since the last save; the first answer after it corrects that, and
/// until it has come only one query is under way. Of a daily cap, of which GitHub knows nothing, so
/// many seconds of spending can be lost. What a minute allows makes budgets ask to be saved sooner.
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
         result == outcome::partial || result == outcome::oversized ||
         result == outcome::malformed || result == outcome::blocked;
}

bool is_success(outcome result) { return result == outcome::ok || result == outcome::partial; }

} // namespace

token_bucket_actor::behavior_type token_bucket_state::make_behavior(token_bucket_config cfg,
                                                                    ledger_actor ledger) {
  cfg_ = std::move(cfg);
  ledger_ = std::move(ledger);
  book_ = std::make_unique<budget_book>(cfg_.github, cfg_.clock);
  breaker_ =
      std::make_unique<circuit_breaker>(cfg_.github.breaker.failures, cfg_.github.breaker.recovery);
  widths_ = std::make_unique<width_table>(cfg_.github.query_width);
  self_->set_exit_handler([this](const caf::exit_msg& msg) {
    turn_away(caf::make_error(errc::stopping));
    save(true);
    self_->quit(msg.reason);
  });
  load();
  self_->delayed_send(self_, save_interval, tick_atom_v);
  return {
      [this](acquire_atom, query_shape shape, uint64_t holder) -> caf::result<permit> {
        if (lost_.contains(holder))
          return caf::make_error(errc::lease_lost, "asked by who is dead");
        auto promise = self_->make_response_promise<permit>();
        waiting_[resource_of(shape)].push_back({shape, holder, promise});
        serve();
        return promise;
      },
      [this](report_atom, const query_report& x) { report(x); },
      [this](lost_atom, uint64_t holder) {
        lost_.insert(holder);
        drop(holder);
      },
      [this](return_atom, const std::vector<uint64_t>& permits, bool used) {
        take_back(permits, used);
      },
      [this](status_atom) -> caf::result<bucket_status> { return status(); },
      [this](wake_atom) {
        wake_up_.arrived(now());
        serve();
      },
      [this](tick_atom) {
        save();
        self_->delayed_send(self_, save_interval, tick_atom_v);
      },
  };
}

/// What the next query of this shape will cost. Those for metadata ask for many things or few, so
/// the dearest lately counts.
void token_bucket_state::expect_cost(query_shape shape, int64_t points) {
  auto& expected = cost(shape);
  auto lately = is_metadata(shape) ? expected - (expected + 7) / 8 : int64_t{1};
  expected = std::max({int64_t{1}, points, lately});
}

int64_t& token_bucket_state::cost(query_shape shape) {
  return costs_.try_emplace(shape, 1).first->second;
}

// -- the ledger ---------------------------------------------------------------

void token_bucket_state::load() {
  auto give_up_on = [this](const caf::error& reason) { self_->quit(reason); };
  self_->request(ledger_, patience, budgets_atom_v)
      .then([this](const std::vector<budget_record>& records) { book_->restore(now(), records); },
            give_up_on);
  // Answered in order: the budgets are there as well.
  self_->request(ledger_, patience, widths_atom_v)
      .then(
          [this](const std::vector<width_record>& records) {
            widths_->restore(records);
            saved_widths_ = widths_->records();
            ready_ = true;
            serve();
          },
          give_up_on);
}

void token_bucket_state::save(bool last) {
  if (!changed_ && !(last && has_sent_))
    return;
  changed_ = false;
  self_->request(ledger_, patience, budgets_atom_v, book_->records(now(), last))
      .then(
          [this, mark = book_->recording()] {
            book_->recorded(mark);
            serve();
          },
          [this](const caf::error& reason) { self_->quit(reason); });
  if (auto widths = widths_->records(); widths != saved_widths_) {
    saved_widths_ = widths;
    store(widths_atom_v, std::move(widths));
  }
  std::vector<error_record> errors;
  for (auto& [kind, x] : std::exchange(cfg_.so_far->new_errors, {}))
    errors.push_back(x);
  if (!errors.empty())
    store(errors_atom_v, std::move(errors));
}

template <class Atom, class Records>
void token_bucket_state::store(Atom what, Records records) {
  self_->request(ledger_, patience, what, std::move(records))
      .then([] {}, [this](const caf::error& reason) { self_->quit(reason); });
}

// -- permits ------------------------------------------------------------------

void token_bucket_state::serve() {
  // Where the queries in flight are the limit: what is listed gives others something to ask.
  give_permits(resource::core);
  give_permits(resource::graphql);
  if (!ready_ || !book_->wants_record())
    return;
  changed_ = true;
  save();
}

void token_bucket_state::give_permits(resource what) {
  auto& waiting = waiting_[what];
  waiting_for_.erase(what);
  while (ready_ && !waiting.empty()) {
    std::optional<time_point> wake;
    auto chosen = choose(cost(waiting.front().shape), what, wake);
    if (!chosen) {
      if (wake)
        wake_up_.at(self_, *wake, wake_atom_v);
      return;
    }
    auto next = std::move(waiting.front());
    waiting.pop_front();
    give(*chosen, next);
  }
}

std::optional<size_t> token_bucket_state::choose(int64_t cost, resource what,
                                                 std::optional<time_point>& wake) {
  auto allowed = breaker_->allows(now());
  log_breaker("");
  if (!allowed) {
    waiting_for_[what] = "the circuit breaker";
    if (breaker_->current() == circuit_breaker::state::open)
      wake = breaker_->retry_at();
    return std::nullopt;
  }
  auto choice = book_->choose(now(), cost, what);
  wake = choice.wake;
  if (!choice.credential)
    waiting_for_[what] = choice.why;
  return choice.credential;
}

void token_bucket_state::give(size_t credential, const request& to) {
  auto id = next_id_++;
  auto& account = book_->credential(credential);
  auto what = resource_of(to.shape);
  permit right{id, account.name(), 1, false}; // REST lists one page, and says nothing of the viewer
  if (what == resource::graphql) {
    right.width = widths_->of(to.shape, account.kind()).current();
    right.identify = account.wants_identity();
  }
  book_->sent(now(), id, credential, cost(to.shape), what);
  auto trial = breaker_->current() == circuit_breaker::state::half_open;
  breaker_->sent();
  granted_.emplace(id, grant{credential, to.shape, to.holder, trial});
  ++cfg_.so_far->totals.requests;
  cfg_.so_far->totals.listings += what == resource::core;
  has_sent_ = changed_ = true;
  auto promise = to.promise;
  promise.deliver(std::move(right));
}

void token_bucket_state::drop(uint64_t holder) {
  for (auto& [what, waiting] : waiting_)
    std::erase_if(waiting, [holder](const request& x) { return x.holder == holder; });
  auto trial_lost = false;
  std::erase_if(granted_, [&](const auto& entry) {
    if (entry.second.holder != holder)
      return false;
    book_->abandoned(now(), entry.first);
    trial_lost = trial_lost || entry.second.trial;
    return true;
  });
  if (trial_lost)
    this->trial_lost();
  serve();
}

/// Somebody has to decide.
void token_bucket_state::trial_lost() {
  if (breaker_->current() != circuit_breaker::state::half_open)
    return;
  breaker_->failed(now());
  log_breaker("the trial was lost with its fetcher");
}

void token_bucket_state::take_back(const std::vector<uint64_t>& permits, bool used) {
  for (auto id : permits) {
    auto back = granted_.extract(id);
    if (back.empty())
      continue;
    if (used) {
      book_->abandoned(now(), id);
      if (back.mapped().trial)
        trial_lost();
      continue;
    }
    book_->unsent(now(), id);
    --cfg_.so_far->totals.requests;
    cfg_.so_far->totals.listings -= resource_of(back.mapped().shape) == resource::core;
    if (back.mapped().trial)
      breaker_->unsent();
  }
  serve();
}

// -- answers ------------------------------------------------------------------

void token_bucket_state::report(const query_report& x) {
  auto found = granted_.extract(x.permit_id);
  if (found.empty())
    return; // its fetcher was declared dead
  auto done = found.mapped();
  auto news = book_->answered(now(), x.permit_id, x);
  uint32_t width = 1;
  if (resource_of(done.shape) == resource::graphql) {
    width = widths_->of(done.shape, book_->credential(done.credential).kind()).current();
    learn_width(done, x);
  }
  judge_host(done, x, width);
  count(done, x);
  changed_ = true;
  if (x.result == outcome::secondary_limit || x.result == outcome::primary_limit ||
      x.result == outcome::forbidden)
    save();
  if (x.result == outcome::network && !cfg_.so_far->reached &&
      ++cfg_.so_far->unreached == max_unreached)
    return give_up(
        caf::make_error(errc::unreachable, "cannot reach " + cfg_.host + ": " + x.message));
  cfg_.so_far->reached = cfg_.so_far->reached || x.result != outcome::network;
  if (book_->all_benched())
    return give_up(caf::make_error(errc::no_credential_left,
                                   "GitHub rejects every credential: " + book_->rejections()));
  tell_news(done, x, news);
  serve();
}

/// `width` is the one before this answer changed it.
void token_bucket_state::judge_host(const grant& done, const query_report& x, uint32_t width) {
  // An answer to a query from before the breaker opened proves nothing about now.
  if (breaker_->current() == circuit_breaker::state::half_open && !done.trial)
    return;
  // Queries that were all too wide fail together. That is one failure, and narrower ones follow.
  auto known_to_be_too_wide = is_too_wide(x.result) && x.fields > width && !done.trial;
  if (!is_failure(x.result))
    breaker_->succeeded();
  else if (!known_to_be_too_wide)
    breaker_->failed(now());
  log_breaker(x.message);
}

void token_bucket_state::learn_width(const grant& done, const query_report& x) {
  auto& width = widths_->of(done.shape, book_->credential(done.credential).kind());
  if (is_too_wide(x.result))
    width.failed(x.fields);
  else if (x.result == outcome::ok)
    width.succeeded(x.fields, x.elapsed);
}

void token_bucket_state::count(const grant& done, const query_report& x) {
  auto& totals = cfg_.so_far->totals;
  if (x.limits.known && x.limits.cost >= 0) {
    expect_cost(done.shape, x.limits.cost);
    totals.points += static_cast<uint64_t>(x.limits.cost);
  }
  if (is_success(x.result) && resource_of(done.shape) == resource::graphql) {
    (done.shape == query_shape::search_count ? totals.count_fields : totals.page_fields) +=
        x.fields;
    totals.page_queries += done.shape == query_shape::search_page;
  }
  if (x.result == outcome::ok)
    return;
  ++totals.retries;
  auto kind = gitstar::to_string(x.result);
  ++totals.errors[kind];
  auto& error = cfg_.so_far->new_errors[kind];
  error = {kind, x.message, error.count + 1, cfg_.clock.at(now())};
  cfg_.metrics->count_retries(1);
}

void token_bucket_state::tell_news(const grant& done, const query_report& x,
                                   const budget_book::news& news) {
  auto& credential = book_->credential(done.credential);
  if (news.benched)
    spdlog::warn("credential {} is not used any more: GitHub rejects it: {}", credential.name(),
                 x.message);
  else if (x.result != outcome::ok && !credential.benched())
    // A host that never answers ends the run with an error that says so.
    spdlog::log(cfg_.so_far->reached ? spdlog::level::warn : spdlog::level::debug,
                "query {} with {}: {}", gitstar::to_string(x.result), credential.name(), x.message);
  if (!news.shares_with.empty())
    spdlog::info("credential {} is of the same user as {}: they share one budget",
                 credential.name(), news.shares_with);
}

/// One line per change.
void token_bucket_state::log_breaker(const std::string& reason) {
  auto current = breaker_->current();
  if (std::exchange(logged_breaker_, current) == current)
    return;
  switch (current) {
  case circuit_breaker::state::open:
    spdlog::warn(
        "circuit breaker open: {} keeps failing: {}; all queries wait {} s", cfg_.host, reason,
        std::chrono::duration_cast<std::chrono::seconds>(cfg_.github.breaker.recovery).count());
    break;
  case circuit_breaker::state::half_open:
    spdlog::info("circuit breaker half-open: one query tries {}", cfg_.host);
    break;
  case circuit_breaker::state::closed:
    spdlog::info("circuit breaker closed: {} answers again", cfg_.host);
    break;
  }
}

void token_bucket_state::give_up(const caf::error& reason) {
  turn_away(reason);
  save(true);
  self_->quit(reason);
}

void token_bucket_state::turn_away(const caf::error& reason) {
  for (auto& [what, waiting] : std::exchange(waiting_, {}))
    for (auto& left_over : waiting)
      left_over.promise.deliver(reason);
}

bucket_status token_bucket_state::status() const {
  auto result = cfg_.so_far->totals;
  result.budgets = book_->views();
  result.widths = widths_->records();
  result.in_flight = static_cast<uint32_t>(granted_.size());
  for (auto& [what, waiting] : waiting_)
    result.waiting += static_cast<uint32_t>(waiting.size());
  result.breaker = to_string(breaker_->current());
  for (auto& [what, why] : waiting_for_)
    result.waiting_for += (result.waiting_for.empty() ? "" : "; ") + why;
  return result;
}

} // namespace gitstar
