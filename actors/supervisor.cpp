#include "actors/supervisor.hpp"

#include "actors/patience.hpp"
#include "net/metrics.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace gitstar {

supervisor_actor::behavior_type supervisor_state::make_behavior(supervisor_config cfg) {
  cfg_ = std::move(cfg);
  children_.resize(cfg_.children.size());
  std::seed_seq seeds{cfg_.seed, static_cast<uint32_t>(self_->id())};
  random_.seed(seeds);
  self_->set_down_handler([this](const caf::down_msg& msg) { child_down(msg); });
  self_->set_exit_handler([this](const caf::exit_msg& msg) { stop(msg.reason); });
  start_stopped();
  return {
      [this](handles_atom) -> caf::result<std::vector<named_actor>> {
        if (ending_)
          return caf::make_error(errc::stopping);
        auto promise = self_->make_response_promise<std::vector<named_actor>>();
        waiting_.push_back(promise);
        start_stopped();
        return promise;
      },
      [this](changed_atom, uint64_t id) { changed(id); },
      [this](restart_atom) {
        restart_wanted_ = false;
        start_stopped();
      },
  };
}

supervisor_state::~supervisor_state() {
  for (auto i = children_.size(); i-- > 0;) {
    if (!children_[i].handle)
      continue;
    caf::anon_send_exit(children_[i].handle, caf::exit_reason::kill);
    give_back(i, children_[i].handle.id());
  }
}

std::vector<named_actor> supervisor_state::leaves_before(size_t index) const {
  auto result = cfg_.inherited;
  for (size_t i = 0; i < index; ++i)
    result.insert(result.end(), children_[i].leaves.begin(), children_[i].leaves.end());
  return result;
}

// -- starting -----------------------------------------------------------------

void supervisor_state::start_stopped() {
  if (ending_ || restart_wanted_ || any_stopping())
    return;
  for (size_t i = 0; i < children_.size(); ++i) {
    auto& slot = children_[i];
    if (slot.at == phase::running)
      continue;
    if (slot.at != phase::stopped)
      return; // its answer, or its end, calls again
    auto& spec = cfg_.children[i];
    slot.at = phase::starting;
    slot.handle = start_child(i);
    self_->monitor(slot.handle);
    if (spec.subtree) {
      ask_leaves(i);
      return;
    }
    slot.at = phase::running;
    slot.leaves = {{spec.name, slot.handle}};
  }
  if (std::exchange(restarted_, false) && cfg_.parent && cfg_.scope == restart_scope::rest)
    self_->send(caf::actor_cast<supervisor_actor>(cfg_.parent), changed_atom_v, self_->id());
  auto all = leaves_before(children_.size());
  all.erase(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(cfg_.inherited.size()));
  for (auto& promise : std::exchange(waiting_, {}))
    promise.deliver(all);
}

caf::actor supervisor_state::start_child(size_t index) {
  auto& spec = cfg_.children[index];
  if (!spec.subtree)
    return spec.start(self_, leaves_before(index));
  auto cfg = *spec.subtree;
  cfg.inherited = leaves_before(index);
  cfg.parent = caf::actor_cast<caf::actor>(self_);
  return caf::actor_cast<caf::actor>(self_->spawn(supervisor, std::move(cfg)));
}

/// Asks the subtree `index` for its leaves; `started` goes on with them.
void supervisor_state::ask_leaves(size_t index) {
  auto& handle = children_[index].handle;
  self_->request(caf::actor_cast<supervisor_actor>(handle), patience, handles_atom_v)
      .then(
          [this, index, id = handle.id()](std::vector<named_actor>& leaves) {
            if (children_[index].handle && children_[index].handle.id() == id)
              started(index, std::move(leaves));
          },
          [](const caf::error&) {
            // Its end comes as a down message.
          });
}

void supervisor_state::started(size_t index, std::vector<named_actor> leaves) {
  auto& slot = children_[index];
  slot.leaves = std::move(leaves);
  if (slot.at == phase::starting)
    slot.at = phase::running;
  start_stopped();
}

// -- failing ------------------------------------------------------------------

void supervisor_state::give_back(size_t index, uint64_t id) {
  if (auto& ended = cfg_.children[index].ended)
    ended(id, leaves_before(index));
}

void supervisor_state::child_down(const caf::down_msg& msg) {
  auto found = std::find_if(children_.begin(), children_.end(), [&](const child& x) {
    return x.handle && x.handle.address() == msg.source;
  });
  if (found == children_.end())
    return;
  auto index = static_cast<size_t>(found - children_.begin());
  auto expected = found->at == phase::stopping;
  auto id = found->handle.id();
  *found = {};
  give_back(index, id);
  if (ending_)
    return stop_last();
  if (expected)
    return restart_when_quiet(restart_delay_);
  failed(index, msg.reason);
}

void supervisor_state::failed(size_t index, const caf::error& reason) {
  auto& failed_name = cfg_.children[index].name;
  if (is_final(reason))
    return give_up(reason);
  // Whose partner has failed is not the news: its supervisor says what was wrong.
  auto level =
      reason == caf::sec::request_receiver_down ? spdlog::level::debug : spdlog::level::warn;
  spdlog::log(level, "{}/{} failed and is started again: {}", cfg_.name, failed_name,
              describe(reason));
  cfg_.metrics->count_restart(failed_name);
  restarts_.push_back(self_->clock().now());
  if (too_often())
    return give_up(caf::make_error(errc::too_many_restarts,
                                   cfg_.name + '/' + failed_name + " failed " +
                                       std::to_string(restarts_.size()) +
                                       " times in a short time, last with: " + describe(reason)));
  restarted_ = true;
  if (cfg_.scope == restart_scope::rest)
    stop_after(index);
  restart_when_quiet(next_delay());
}

void supervisor_state::changed(uint64_t id) {
  auto found = std::find_if(children_.begin(), children_.end(),
                            [&](const child& x) { return x.handle && x.handle.id() == id; });
  if (found == children_.end() || found->at != phase::running || ending_)
    return;
  restarted_ = true;
  restart_delay_ = caf::timespan{0};
  auto index = static_cast<size_t>(found - children_.begin());
  stop_after(index);
  // Its leaves are new: ask for them before anybody is started with them.
  found->at = phase::starting;
  ask_leaves(index);
}

void supervisor_state::stop_after(size_t index) {
  for (auto i = children_.size(); i-- > index + 1;) {
    auto& slot = children_[i];
    if (!slot.handle || slot.at == phase::stopping)
      continue;
    slot.at = phase::stopping;
    self_->send_exit(slot.handle, caf::exit_reason::user_shutdown);
  }
}

void supervisor_state::restart_when_quiet(caf::timespan delay) {
  restart_delay_ = delay;
  if (any_stopping() || restart_wanted_)
    return;
  restart_wanted_ = true;
  self_->delayed_send(self_, delay, restart_atom_v);
}

bool supervisor_state::any_stopping() const {
  return std::any_of(children_.begin(), children_.end(),
                     [](const child& x) { return x.at == phase::stopping; });
}

bool supervisor_state::too_often() {
  while (!restarts_.empty() && restarts_.front() + cfg_.period < self_->clock().now())
    restarts_.pop_front();
  return restarts_.size() > cfg_.intensity;
}

caf::timespan supervisor_state::next_delay() {
  auto doublings = std::min<size_t>(restarts_.size() - 1, 16);
  auto longest = std::min(cfg_.first_delay * (int64_t{1} << doublings), cfg_.max_delay);
  std::uniform_int_distribution<int64_t> jitter(longest.count() / 2, longest.count());
  return caf::timespan{jitter(random_)};
}

// -- ending -------------------------------------------------------------------

void supervisor_state::give_up(const caf::error& reason) {
  if (cfg_.gives_up)
    cfg_.gives_up(reason);
  stop(reason);
}

void supervisor_state::stop(caf::error reason) {
  if (ending_)
    return;
  ending_ = true;
  end_reason_ = std::move(reason);
  for (auto& promise : std::exchange(waiting_, {}))
    promise.deliver(caf::make_error(errc::stopping));
  stop_last();
}

/// Children end in the opposite order of their start, each before the one it depends on.
void supervisor_state::stop_last() {
  for (auto i = children_.size(); i-- > 0;) {
    auto& slot = children_[i];
    if (!slot.handle)
      continue;
    if (slot.at != phase::stopping) {
      slot.at = phase::stopping;
      self_->send_exit(slot.handle, caf::exit_reason::user_shutdown);
    }
    return;
  }
  self_->quit(end_reason_);
}

} // namespace gitstar
