#include "cluster/permit_agent.hpp"

#include <algorithm>
#include <utility>

namespace gitstar {

namespace {

using namespace std::chrono_literals;

/// A block that takes longer is held back by a limit: what lay unused here would be missing there.
constexpr auto prompt = 50ms;

} // namespace

permit_agent_actor::behavior_type permit_agent_state::make_behavior(permit_agent_config cfg,
                                                                    link_actor link) {
  cfg_ = cfg;
  link_ = std::move(link);
  self_->send(link_, join_atom_v, caf::actor_cast<caf::actor>(self_));
  self_->set_exit_handler([this](const caf::exit_msg& msg) {
    for (auto& [shape, x] : shelves_)
      for (auto& left_over : x.waiting)
        left_over.promise.deliver(caf::make_error(errc::stopping));
    return_old(time_point::max());
    self_->send(link_, leave_atom_v, heard_); // what is in our mailbox nobody uses any more
    self_->quit(msg.reason);
  });
  return {
      [this](acquire_atom, query_shape shape, uint64_t holder) -> caf::result<permit> {
        if (lost_.contains(holder))
          return caf::make_error(errc::lease_lost, "asked by who is dead");
        auto& x = shelves_[shape];
        x.waiting.push_back({holder, self_->make_response_promise<permit>()});
        auto promise = x.waiting.back().promise;
        if (x.spares.empty()) {
          ask(shape, x);
        } else {
          auto right = std::move(x.spares.front().right);
          x.spares.pop_front();
          auto next = std::move(x.waiting.back());
          x.waiting.pop_back();
          give(std::move(right), next);
        }
        return promise;
      },
      [this](report_atom, const query_report& x) {
        if (held_.erase(x.permit_id) == 0)
          return; // its fetcher was declared dead
        totals_.retries += x.result != outcome::ok;
        worker_news news;
        news.reports.push_back(x);
        // Who asks next shall be asked with the limits that this answer has shown.
        tell(std::move(news), x.result != outcome::ok);
      },
      [this](lost_atom, uint64_t holder) { lost(holder); },
      [this](return_atom, const std::vector<uint64_t>& permits, bool used) {
        worker_news news;
        for (auto id : permits)
          if (held_.erase(id) > 0)
            (used ? news.lost_permits : news.unused_permits).push_back(id);
        tell(std::move(news), true);
      },
      [this](status_atom) -> caf::result<bucket_status> { return status(); },
      [this](wake_atom) {
        wake_up_.arrived(now());
        return_old(now());
      },
      [](tick_atom) {},
      [this](grant_atom, const grant_block& block) {
        ++heard_;
        for (auto& [shape, permits] : block.permits)
          take(shape, permits);
      },
  };
}

void permit_agent_state::ask(query_shape shape, shelf& x) {
  auto wanted = static_cast<uint32_t>(x.waiting.size());
  if (wanted <= x.asked)
    return;
  auto count = wanted - x.asked + x.ahead;
  if (x.asked == 0)
    x.asked_at = now();
  x.asked += count;
  worker_news news;
  news.permits[shape] = count;
  tell(std::move(news), true);
}

void permit_agent_state::take(query_shape shape, const std::vector<permit>& permits) {
  auto& x = shelves_[shape];
  x.asked -= std::min(x.asked, static_cast<uint32_t>(permits.size()));
  // At most a quarter of the fetchers: they come back for the next query within its answer's time.
  x.ahead = now() - x.asked_at > prompt ? 0 : std::min(x.ahead + 1, cfg_.fetchers / 4);
  x.asked_at = now();
  for (auto& right : permits) {
    if (x.waiting.empty()) {
      x.spares.push_back({right, now() + cfg_.keep});
      wake_up_.at(self_, x.spares.back().until, wake_atom_v);
      continue;
    }
    auto next = std::move(x.waiting.front());
    x.waiting.pop_front();
    give(right, next);
  }
}

void permit_agent_state::give(permit right, request& to) {
  held_.emplace(right.id, to.holder);
  ++totals_.requests;
  to.promise.deliver(std::move(right));
}

void permit_agent_state::lost(uint64_t holder) {
  lost_.insert(holder);
  worker_news news;
  std::erase_if(held_, [&](const auto& x) {
    if (x.second != holder)
      return false;
    news.lost_permits.push_back(x.first);
    return true;
  });
  for (auto& [shape, x] : shelves_)
    std::erase_if(x.waiting, [holder](auto& y) { return y.holder == holder; });
  if (!news.lost_permits.empty())
    tell(std::move(news), true);
}

/// Gives back what nobody has used, of those that may be kept until `before` at most.
void permit_agent_state::return_old(time_point before) {
  worker_news news;
  for (auto& [shape, x] : shelves_) {
    while (!x.spares.empty() && x.spares.front().until <= before) {
      news.unused_permits.push_back(x.spares.front().right.id);
      x.spares.pop_front();
      x.ahead = 0;
    }
    if (!x.spares.empty())
      wake_up_.at(self_, x.spares.front().until, wake_atom_v);
  }
  if (!news.unused_permits.empty())
    tell(std::move(news), true);
}

void permit_agent_state::tell(worker_news news, bool urgent) {
  self_->send(link_, news_atom_v, std::move(news), urgent);
}

bucket_status permit_agent_state::status() const {
  auto result = totals_;
  result.in_flight = static_cast<uint32_t>(held_.size());
  for (auto& [shape, x] : shelves_)
    result.waiting += static_cast<uint32_t>(x.waiting.size());
  result.waiting_for = result.waiting > 0 ? "the coordinator" : "";
  return result;
}

} // namespace gitstar
