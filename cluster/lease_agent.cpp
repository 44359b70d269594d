#include "cluster/lease_agent.hpp"

#include <algorithm>
#include <utility>

namespace gitstar {

namespace {

lease_key key_of(const partition& part) { return {part.id, part.lease}; }

} // namespace

lease_agent_actor::behavior_type lease_agent_state::make_behavior(lease_agent_config cfg,
                                                                  link_actor link) {
  cfg_ = cfg;
  link_ = std::move(link);
  self_->send(link_, join_atom_v, caf::actor_cast<caf::actor>(self_));
  self_->set_exit_handler([this](const caf::exit_msg& msg) {
    turn_away();
    return_old(time_point::max());
    self_->quit(msg.reason);
  });
  return {
      [this](lease_atom, uint64_t holder, uint32_t pages, uint32_t counts,
             bool wait) -> caf::result<std::vector<lease>> {
        if (over_)
          return caf::make_error(errc::stopping);
        if (lost_.contains(holder))
          return caf::make_error(errc::lease_lost, "asked by who is dead");
        if (pages > 0)
          pages_ = pages;
        if (counts > 0)
          counts_ = counts;
        auto promise = self_->make_response_promise<std::vector<lease>>();
        (wait ? patient_ : hasty_).push_back({holder, promise});
        serve();
        ask();
        return promise;
      },
      // The DESK renews all leases of a worker that is alive, and the supervisor tells of a fetcher
      // that is not.
      [](renew_atom, uint64_t) {},
      [this](counted_atom, const count_result& x) {
        if (held_.erase({x.partition_id, x.lease}) == 0)
          return;
        worker_news news;
        news.counted.push_back(x);
        tell(std::move(news), true); // what is counted becomes work for everybody
      },
      [this](done_atom, const lease_result& x) {
        if (held_.erase(key_of(x.part)) == 0)
          return;
        worker_news news;
        news.done.push_back(x);
        tell(std::move(news), false);
      },
      [this](failed_atom, const partition& part, const std::string& reason) {
        if (held_.erase(key_of(part)) == 0)
          return;
        worker_news news;
        news.returned.push_back({part, reason});
        tell(std::move(news), true);
      },
      [this](lost_atom, uint64_t holder) { lost(holder); },
      [this](lost_atom, int64_t partition_id, int64_t number) {
        lost_one({partition_id, number});
      },
      [this](drain_atom) {
        over_ = true;
        turn_away();
        return_old(time_point::max());
      },
      [this](status_atom) -> caf::result<crawl_progress> {
        crawl_progress result;
        result.phase = over_ ? "draining" : "crawling";
        result.ready = static_cast<uint32_t>(spares_.size());
        result.leased = static_cast<uint32_t>(held_.size());
        return result;
      },
      [this](wake_atom) {
        wake_up_.arrived(now());
        return_old(now());
      },
      [this](grant_atom, const grant_block& block) { take(block); },
  };
}

/// Hands out what is here. Who waits without an end comes first: he has nothing to do.
void lease_agent_state::serve() {
  for (auto queue : {&patient_, &hasty_}) {
    while (!queue->empty() && !spares_.empty()) {
      give(queue->front());
      queue->pop_front();
    }
  }
}

void lease_agent_state::give(request& to) {
  std::vector<lease> work;
  work.push_back(std::move(spares_.front().work));
  spares_.pop_front();
  held_.emplace(key_of(work.front().part), to.holder);
  to.promise.deliver(std::move(work));
}

void lease_agent_state::ask() {
  worker_news news;
  if (auto patient = static_cast<uint32_t>(patient_.size()); patient > asked_patient_)
    news.waiting_leases = patient - std::exchange(asked_patient_, patient);
  if (!hasty_.empty() && !asked_hasty_) {
    asked_hasty_ = true;
    came_ = 0;
    asked_at_once_ = static_cast<uint32_t>(hasty_.size()) + ahead_;
    news.leases_at_once = asked_at_once_;
  }
  if (news.waiting_leases == 0 && news.leases_at_once == 0)
    return;
  news.pages = pages_;
  news.counts = counts_;
  tell(std::move(news), true);
}

void lease_agent_state::take(const grant_block& block) {
  for (auto& work : block.leases)
    spares_.push_back({work, now() + cfg_.keep});
  asked_patient_ -= std::min(asked_patient_, block.waited);
  came_ += block.leases.size() - std::min<size_t>(block.leases.size(), block.waited);
  serve();
  if (block.at_once) {
    asked_hasty_ = false;
    // Where there is little left, what lies here is missing elsewhere.
    ahead_ = came_ < asked_at_once_ ? 0 : std::min({ahead_ + 1, cfg_.fetchers / 4, 4u});
    for (auto& x : std::exchange(hasty_, {}))
      x.promise.deliver(std::vector<lease>{});
  }
  if (block.over || block.drain || block.finished) {
    over_ = true;
    turn_away();
  }
  if (!spares_.empty())
    wake_up_.at(self_, spares_.front().until, wake_atom_v);
}

void lease_agent_state::lost(uint64_t holder) {
  lost_.insert(holder);
  auto is_his = [holder](auto& x) { return x.holder == holder; };
  std::erase_if(patient_, is_his);
  std::erase_if(hasty_, is_his);
  std::vector<lease_key> his;
  for (auto& [key, who] : held_)
    if (who == holder)
      his.push_back(key);
  for (auto& key : his)
    lost_one(key);
}

void lease_agent_state::lost_one(lease_key which) {
  if (held_.erase(which) == 0)
    return;
  worker_news news;
  news.lost_leases.push_back(which);
  tell(std::move(news), true);
}

/// Gives back what nobody works on, of what may be kept until `before` at most.
void lease_agent_state::return_old(time_point before) {
  worker_news news;
  while (!spares_.empty() && spares_.front().until <= before) {
    news.returned.push_back({std::move(spares_.front().work.part), ""});
    spares_.pop_front();
    ahead_ = 0;
  }
  if (!spares_.empty())
    wake_up_.at(self_, spares_.front().until, wake_atom_v);
  if (!news.returned.empty())
    tell(std::move(news), true);
}

void lease_agent_state::turn_away() {
  for (auto queue : {&patient_, &hasty_})
    for (auto& x : std::exchange(*queue, {}))
      x.promise.deliver(caf::make_error(errc::stopping));
}

void lease_agent_state::tell(worker_news news, bool urgent) {
  self_->send(link_, news_atom_v, std::move(news), urgent);
}

} // namespace gitstar
