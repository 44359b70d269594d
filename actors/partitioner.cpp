#include "actors/partitioner.hpp"

#include "actors/patience.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace gitstar {

namespace {

using namespace std::chrono_literals;

constexpr const char* fetcher_failed = "its fetcher failed";
constexpr const char* lease_ran_out = "its lease ran out";

bool is_leaf(partition_state state) { return state != partition_state::split; }

/// Whether one was read further than the other.
bool has_moved(const partition& now, const partition& before) {
  return now.seen != before.seen || now.cursor != before.cursor ||
         now.pages_done != before.pages_done || now.seen_ids != before.seen_ids ||
         now.expected != before.expected || now.pass != before.pass;
}

} // namespace

partitioner_actor::behavior_type partitioner_state::make_behavior(partitioner_config cfg,
                                                                  ledger_actor ledger) {
  cfg_ = std::move(cfg);
  ledger_ = std::move(ledger);
  widths_ = cfg_.widths;
  source_ = cfg_.source();
  self_->set_exit_handler([this](const caf::exit_msg& msg) {
    turn_away();
    self_->quit(msg.reason);
  });
  open();
  return {
      [this](lease_atom, uint64_t holder, uint32_t pages, uint32_t counts,
             bool wait) -> caf::result<std::vector<lease>> {
        if (draining_ || finished_)
          return caf::make_error(errc::stopping);
        if (lost_.contains(holder))
          return caf::make_error(errc::lease_lost, "asked by who is dead");
        if (pages > 0)
          widths_.pages = pages;
        if (counts > 0)
          widths_.counts = counts;
        auto promise = self_->make_response_promise<std::vector<lease>>();
        if (auto work = take(holder); !work.empty() || !wait)
          promise.deliver(std::move(work));
        else
          waiting_.push_back({holder, promise});
        return promise;
      },
      [this](renew_atom, uint64_t holder) {
        auto due = now() + cfg_.lease_time;
        for (auto& [id, x] : entries_) {
          if (x.round)
            x.round->renew(holder, due);
          if (x.at == step::leased && x.holder == holder)
            x.due = due;
        }
      },
      [this](counted_atom, const count_result& x) { counted(x); },
      [this](done_atom, const lease_result& x) { ended(x); },
      [this](failed_atom, const partition& part, const std::string& reason) {
        given_back(part, reason);
      },
      [this](lost_atom, uint64_t holder) {
        lost_.insert(holder);
        std::erase_if(waiting_, [holder](auto& x) { return x.holder == holder; });
        for (auto& [id, x] : entries_) {
          if (x.round && x.round->lost(holder))
            failed(x, fetcher_failed);
          if (x.at == step::leased && x.holder == holder)
            recover(x, fetcher_failed);
        }
        advance();
      },
      [this](lost_atom, int64_t partition_id, int64_t number) {
        if (auto x = counting(partition_id, number)) {
          x->round->give_back(number);
          failed(*x, fetcher_failed);
        } else if (auto y = leased(partition_id, number)) {
          recover(*y, fetcher_failed);
        }
        advance();
      },
      [this](drain_atom) {
        draining_ = true;
        turn_away();
      },
      [this](status_atom) -> caf::result<crawl_progress> { return status(); },
      [this](wake_atom) {
        wake_up_.arrived(now());
        look_at_clock();
      },
  };
}

// -- beginning and end --------------------------------------------------------

void partitioner_state::open() {
  auto give_up = [this](const caf::error& reason) { self_->quit(reason); };
  self_->request(ledger_, patience, open_atom_v)
      .then(
          [this, give_up](const crawl& run) {
            run_ = run;
            spdlog::info("crawl {} '{}' {}", run_.id, run_.name,
                         run_.resumed ? "resumed" : "begun");
            self_->request(ledger_, patience, certify_atom_v, run_.id)
                .then(
                    [this](const certificate& totals) {
                      totals_ = totals;
                      opened_ = true;
                      load();
                    },
                    give_up);
          },
          give_up);
}

void partitioner_state::load() {
  if (loading_)
    return;
  loading_ = true;
  removed_while_loading_.clear();
  self_->request(ledger_, patience, load_atom_v, run_.id, loaded_up_to_, cfg_.window)
      .then([this](std::vector<partition>& parts) { begin(std::move(parts)); },
            [this](const caf::error& reason) { self_->quit(reason); });
}

void partitioner_state::begin(std::vector<partition> open_partitions) {
  loading_ = false;
  auto nothing_yet = totals_ == certificate{};
  if (nothing_yet && open_partitions.empty() && entries_.empty()) {
    if (auto which = source_->selection())
      return select(*which);
    auto roots = source_->roots(run_);
    for (auto& root : roots)
      account(root, 1);
    store(roots, caf::none, [this, roots] {
      for (auto& root : roots)
        keep(root, false);
      advance();
    });
    return;
  }
  // A full answer means that there may be more behind it; a short one ends the round.
  auto full = open_partitions.size() == cfg_.window;
  loaded_up_to_ = full ? open_partitions.back().id : 0;
  more_in_ledger_ = full;
  for (auto& part : open_partitions)
    if (!removed_while_loading_.contains(part.id))
      keep(std::move(part), false);
  advance();
}

void partitioner_state::select(const known_selection& which) {
  self_->request(ledger_, patience, select_atom_v, run_, which)
      .then(
          [this](int64_t chosen) {
            spdlog::info("{} repositories of the store are read again", chosen);
            more_in_ledger_ = chosen > 0;
            recount();
          },
          [this](const caf::error& reason) { self_->quit(reason); });
}

void partitioner_state::advance() {
  grant();
  if (finishing_ || finished_)
    return;
  if (more_in_ledger_ && entries_.size() < cfg_.window / 2)
    return load();
  if (!entries_.empty() || loading_ || !opened_)
    return;
  finishing_ = true;
  self_->request(ledger_, patience, certify_atom_v, run_.id)
      .then([this](const certificate& totals) { finish(totals); },
            [this](const caf::error& reason) { self_->quit(reason); });
}

void partitioner_state::finish(const certificate& totals) {
  finishing_ = false;
  totals_ = totals;
  if (totals.open > 0) { // left in the ledger while memory was full
    more_in_ledger_ = true;
    return load();
  }
  if (auto more = source_->rest(run_, totals); !more.empty()) {
    spdlog::info("{} repositories turned up, more are wanted: going on with '{}'", totals.seen,
                 more.front().description);
    for (auto& part : more)
      account(part, 1);
    store(more, caf::none, [this, more] {
      for (auto& part : more)
        keep(part, false);
      advance();
    });
    return;
  }
  finished_ = true;
  auto complete = totals.missing == 0 && totals.incomplete == 0 && totals.dead == 0;
  run_.state = complete ? "complete" : "incomplete";
  self_->request(ledger_, patience, state_atom_v, run_.id, run_.epoch, run_.state)
      .then(
          [this] {
            caf::anon_send(cfg_.observer, finished_atom_v, status());
            turn_away();
          },
          [this](const caf::error& reason) { self_->quit(reason); });
}

// -- partitions in memory -----------------------------------------------------

void partitioner_state::keep(partition part, bool first) {
  if (entries_.size() >= 2 * static_cast<size_t>(cfg_.window)) {
    more_in_ledger_ = true;
    return;
  }
  auto id = part.id;
  auto [position, added] = entries_.try_emplace(id, entry{std::move(part), {}, {}, {}, {}});
  if (added)
    make_ready(position->second, first);
}

void partitioner_state::make_ready(entry& x, bool first) {
  x.at = x.round ? step::counting : step::ready;
  x.holder = 0;
  // What is counted first becomes work for everybody.
  if (first || source_->needs_counts(x.part))
    ready_.push_front(x.part.id);
  else
    ready_.push_back(x.part.id);
}

void partitioner_state::account(const partition& part, int64_t sign) {
  auto count = [&]() -> int64_t& {
    switch (part.state) {
    case partition_state::split:
      return totals_.split;
    case partition_state::done:
      return totals_.done;
    case partition_state::incomplete:
      return totals_.incomplete;
    case partition_state::dead:
      return totals_.dead;
    default:
      return totals_.open;
    }
  };
  count() += sign;
  if (!is_leaf(part.state))
    return;
  auto expected = std::max<int64_t>(part.expected, 0);
  totals_.expected += sign * expected;
  totals_.seen += sign * part.seen;
  totals_.duplicates += sign * part.duplicates;
  totals_.missing += sign * std::max<int64_t>(expected - part.seen, 0);
}

void partitioner_state::update(entry& x, partition part) {
  account(x.part, -1);
  x.part = std::move(part);
  account(x.part, 1);
}

void partitioner_state::remove(int64_t id) {
  source_->forget(id);
  entries_.erase(id);
  if (loading_)
    removed_while_loading_.insert(id);
}

partitioner_state::entry* partitioner_state::leased(int64_t id, int64_t lease_number) {
  auto found = entries_.find(id);
  if (found == entries_.end() || found->second.at != step::leased ||
      found->second.part.lease != lease_number)
    return nullptr; // the lease ran out and is somebody else's
  return &found->second;
}

partitioner_state::entry* partitioner_state::counting(int64_t id, int64_t lease_number) {
  auto found = entries_.find(id);
  if (found == entries_.end() || !found->second.round || !found->second.round->is_out(lease_number))
    return nullptr;
  return &found->second;
}

bool partitioner_state::has_work(const entry& x) {
  return x.at == step::ready || (x.at == step::counting && x.round->has_more());
}

template <class Then>
void partitioner_state::store(std::vector<partition> parts, optional<int64_t> threshold,
                              Then then) {
  batch work;
  work.crawl_id = run_.id;
  work.epoch = run_.epoch;
  work.observed_at = cfg_.clock.at(now());
  work.partitions = std::move(parts);
  work.threshold = threshold;
  if (threshold)
    run_.threshold = *threshold;
  self_->request(ledger_, patience, store_atom_v, std::move(work))
      .then([then](const batch_receipt&) { then(); },
            [this](const caf::error& reason) { self_->quit(reason); });
}

// -- leases -------------------------------------------------------------------

void partitioner_state::grant() {
  while (!waiting_.empty()) {
    auto& next = waiting_.front();
    auto work = take(next.holder);
    if (work.empty())
      return;
    next.promise.deliver(std::move(work));
    waiting_.pop_front();
  }
}

std::vector<lease> partitioner_state::take(uint64_t holder) {
  while (!ready_.empty()) {
    auto found = entries_.find(ready_.front());
    if (found == entries_.end() || !has_work(found->second)) {
      ready_.pop_front();
      continue;
    }
    auto& x = found->second;
    if (!x.round) {
      if (auto questions = source_->questions(x.part, widths_); !questions.empty()) {
        x.round.emplace(std::move(questions));
        x.at = step::counting;
      }
    }
    auto work = hand_out(x, holder);
    if (!has_work(x))
      ready_.pop_front();
    return {std::move(work)};
  }
  return {};
}

lease partitioner_state::hand_out(entry& x, uint64_t holder) {
  auto due = now() + cfg_.lease_time;
  ++x.part.lease;
  lease result;
  result.crawl_id = run_.id;
  result.epoch = run_.epoch;
  result.part = x.part;
  if (x.round) {
    result.counts = x.round->take(std::max(widths_.counts, 2u), x.part.lease, holder, due);
  } else {
    x.at = step::leased;
    x.holder = holder;
    x.due = due;
    result.cursors = cursors_;
    source_->equip(result);
  }
  wake_up_.at(self_, due, wake_atom_v);
  return result;
}

void partitioner_state::counted(const count_result& result) {
  auto x = counting(result.partition_id, result.lease);
  if (x == nullptr || !x->round->answered(result.lease, result.counts))
    return;
  x->part.attempts = 0; // it moves
  auto counts = x->round->result();
  if (counts.empty())
    return; // the others are under way, or will be
  x->round.reset();
  auto outcome = source_->counted(run_, x->part, counts);
  if (!outcome)
    return self_->quit(outcome.error());
  auto id = x->part.id;
  if (outcome->part.state == partition_state::open) {
    update(*x, outcome->part);
    make_ready(*x, true);
    return advance();
  }
  x->at = step::storing;
  auto changed = outcome->children;
  changed.push_back(outcome->part);
  store(changed, outcome->threshold, [this, id, done = *outcome] {
    update(entries_.at(id), done.part);
    remove(id);
    for (auto& child : done.children) {
      account(child, 1);
      keep(child, false);
    }
    advance();
  });
}

void partitioner_state::ended(const lease_result& result) {
  if (result.predicted && cursors_ != cursor_mode::serial) {
    cursors_ = *result.predicted ? cursor_mode::predicted : cursor_mode::serial;
    if (!*result.predicted)
      spdlog::warn("search cursors are opaque today: reading page after page");
  }
  auto x = leased(result.part.id, result.part.lease);
  if (x == nullptr)
    return;
  update(*x, result.part);
  if (result.part.state == partition_state::open) {
    make_ready(*x, true);
    return advance();
  }
  if (result.part.state == partition_state::incomplete)
    spdlog::warn("partition '{}' is incomplete: {}", result.part.description, result.part.reason);
  remove(result.part.id);
  advance();
}

void partitioner_state::given_back(const partition& part, const std::string& reason) {
  if (auto x = counting(part.id, part.lease)) {
    x->round->give_back(part.lease);
    failed(*x, reason);
  } else if (auto y = leased(part.id, part.lease)) {
    update(*y, part);
    failed(*y, reason);
  }
  advance();
}

void partitioner_state::failed(entry& x, const std::string& reason) {
  if (reason.empty())
    return make_ready(x, true);
  ++x.part.attempts;
  if (x.part.attempts >= cfg_.retries.max_attempts)
    return bury(x, reason);
  auto factor = int64_t{1} << std::min<uint32_t>(x.part.attempts - 1, 20);
  auto delay = std::min(cfg_.retries.first_delay * factor, cfg_.retries.max_delay);
  x.at = step::delayed;
  x.holder = 0;
  x.due = now() + delay;
  wake_up_.at(self_, x.due, wake_atom_v);
}

void partitioner_state::bury(entry& x, const std::string& reason) {
  spdlog::error("partition '{}' is a dead letter after {} attempts: {}", x.part.description,
                x.part.attempts, reason);
  auto dead = x.part;
  dead.state = partition_state::dead;
  dead.reason = reason; // its ids stay: of a list they are the work that a repair goes on with
  x.at = step::storing;
  x.round.reset();
  store({dead}, caf::none, [this, dead] {
    update(entries_.at(dead.id), dead);
    remove(dead.id);
    advance();
  });
}

void partitioner_state::recover(entry& x, const std::string& reason) {
  // What the dead fetcher has stored is in the ledger alone; it must not be asked for again.
  x.at = step::storing;
  auto id = x.part.id;
  self_->request(ledger_, patience, load_atom_v, run_.id, id - 1, uint32_t{1})
      .then(
          [this, id, reason](const std::vector<partition>& found) {
            auto& lost = entries_.at(id);
            if (!found.empty() && found.front().id == id) {
              auto part = found.front();
              part.lease = std::max(part.lease, lost.part.lease);
              // Losses in a row count: what was committed since the last one forgives those before.
              if (!has_moved(part, lost.part))
                part.attempts = std::max(part.attempts, lost.part.attempts);
              update(lost, std::move(part));
              failed(lost, reason);
              return advance();
            }
            remove(id); // it was finished
            recount();
          },
          [this](const caf::error& failure) { self_->quit(failure); });
}

void partitioner_state::recount() {
  self_->request(ledger_, patience, certify_atom_v, run_.id)
      .then(
          [this](const certificate& totals) {
            totals_ = totals;
            advance();
          },
          [this](const caf::error& failure) { self_->quit(failure); });
}

void partitioner_state::look_at_clock() {
  std::optional<time_point> next;
  auto look_again = [&](time_point when) { next = next ? std::min(*next, when) : when; };
  for (auto& [id, x] : entries_) {
    if (x.round && x.round->expire(now()))
      failed(x, lease_ran_out);
    if (x.at == step::delayed && x.due <= now())
      make_ready(x, x.round.has_value());
    if (x.at == step::leased && x.due <= now())
      recover(x, lease_ran_out);
    if (x.at == step::leased || x.at == step::delayed)
      look_again(x.due);
    if (x.round)
      if (auto due = x.round->next_due())
        look_again(*due);
  }
  if (next)
    wake_up_.at(self_, *next, wake_atom_v);
  advance();
}

void partitioner_state::turn_away() {
  for (auto& x : waiting_)
    x.promise.deliver(caf::make_error(errc::stopping));
  waiting_.clear();
}

crawl_progress partitioner_state::status() const {
  crawl_progress result;
  result.run = run_;
  result.totals = totals_;
  auto planning = false;
  for (auto& [id, x] : entries_) {
    result.ready += has_work(x);
    result.leased += x.at == step::leased || (x.at == step::counting && !x.round->has_more());
    result.waiting += x.at == step::delayed;
    planning = planning || source_->needs_counts(x.part);
  }
  if (!opened_)
    result.phase = "opening";
  else if (finished_)
    result.phase = run_.state;
  else if (auto prelude = source_->prelude(run_); !prelude.empty())
    result.phase = prelude;
  else
    result.phase = planning ? "planning" : "crawling";
  return result;
}

} // namespace gitstar
