#include "cluster/link.hpp"

#include <spdlog/spdlog.h>

#include <iterator>
#include <utility>

namespace gitstar {

namespace {

using namespace std::chrono_literals;

/// For its answer to our leaving.
constexpr auto patience_with_desk = 500ms;

template <class T>
void append(std::vector<T>& to, std::vector<T>&& from) {
  to.insert(to.end(), std::make_move_iterator(from.begin()), std::make_move_iterator(from.end()));
}

} // namespace

link_actor::behavior_type link_state::make_behavior(link_config cfg) {
  cfg_ = std::move(cfg);
  self_->set_down_handler([this](const caf::down_msg& msg) {
    if (desk_ && msg.source == desk_.address())
      return leaving_ ? self_->quit(*leaving_) : lose("the connection is gone");
    // What an agent has asked for and holds is known to nobody else.
    if (msg.reason != caf::exit_reason::user_shutdown)
      self_->quit(caf::make_error(errc::connection_lost, "an agent of this worker failed"));
  });
  self_->set_exit_handler([this](const caf::exit_msg& msg) {
    if (!desk_ || lost_ || msg.reason == caf::exit_reason::kill)
      return self_->quit(msg.reason);
    // The process may end with us, and what is on its way with it: the desk's end says that it has
    // heard all.
    send_news();
    self_->send(desk_, leave_atom_v, heard_);
    leaving_ = msg.reason;
    leave_by_ = now() + patience_with_desk;
  });
  last_heard_ = last_sent_ = now();
  join();
  self_->delayed_send(self_, cfg_.heartbeat, tick_atom_v);
  return {
      [this](grant_atom, const grant_block& block) { take(block); },
      [this](join_atom, const caf::actor& agent) {
        self_->monitor(agent);
        agents_.push_back(agent);
      },
      [this](news_atom, worker_news& news, bool urgent) {
        add(std::move(news));
        if (urgent && !std::exchange(waking_, true))
          self_->send(self_, wake_atom_v); // behind what the agents have said already
        if (!urgent && !waking_ && !std::exchange(lingering_, true))
          self_->delayed_send(self_, cfg_.linger, wake_atom_v);
      },
      [this](leave_atom, uint64_t blocks) { heard_ = blocks; },
      [this](wake_atom) {
        waking_ = false;
        lingering_ = false;
        send_news();
      },
      [this](tick_atom) {
        if (leaving_ && now() >= leave_by_)
          return self_->quit(*leaving_);
        if (now() - last_heard_ > cfg_.lost_after)
          lose("it does not answer");
        if (desk_ && !lost_ && now() - last_sent_ >= cfg_.heartbeat) {
          has_news_ = true;
          send_news();
        }
        self_->delayed_send(self_, cfg_.heartbeat, tick_atom_v);
      },
  };
}

void link_state::join() {
  // A finite time-out: a dead node answers nothing.
  self_
      ->request(cfg_.door, cfg_.lost_after, join_atom_v, cfg_.greeting,
                caf::actor_cast<caf::actor>(self_))
      .then(
          [this](const caf::actor& desk) {
            if (lost_)
              return;
            desk_ = caf::actor_cast<desk_actor>(desk);
            self_->monitor(desk_);
            last_heard_ = now();
            has_news_ = true;
            send_news();
          },
          [this](const caf::error& reason) {
            if (reason == errc::refused || reason == errc::not_leading)
              return self_->quit(reason);
            lose("it does not answer");
          });
}

void link_state::add(worker_news&& news) {
  has_news_ = true;
  for (auto& [shape, count] : news.permits)
    pending_.permits[shape] += count;
  append(pending_.reports, std::move(news.reports));
  append(pending_.unused_permits, std::move(news.unused_permits));
  append(pending_.lost_permits, std::move(news.lost_permits));
  if (news.pages > 0)
    pending_.pages = news.pages;
  if (news.counts > 0)
    pending_.counts = news.counts;
  pending_.waiting_leases += news.waiting_leases;
  pending_.leases_at_once += news.leases_at_once;
  append(pending_.counted, std::move(news.counted));
  append(pending_.done, std::move(news.done));
  append(pending_.returned, std::move(news.returned));
  append(pending_.lost_leases, std::move(news.lost_leases));
}

void link_state::send_news() {
  if (!desk_ || lost_ || !has_news_)
    return;
  has_news_ = false;
  last_sent_ = now();
  self_->send(desk_, news_atom_v, std::exchange(pending_, {}));
}

void link_state::take(const grant_block& block) {
  if (lost_)
    return;
  last_heard_ = now();
  for (auto& agent : agents_)
    self_->send(caf::actor_cast<permit_agent_actor>(agent), grant_atom_v, block);
  if (std::exchange(told_end_, told_end_ || block.drain || block.finished))
    return;
  if (block.finished)
    caf::anon_send(cfg_.observer, finished_atom_v);
  else if (block.drain)
    caf::anon_send(cfg_.observer, drain_atom_v);
}

void link_state::lose(const std::string& why) {
  if (std::exchange(lost_, true))
    return;
  spdlog::warn("lost the coordinator: {}", why);
  pending_ = {};
  caf::anon_send(cfg_.observer, lost_atom_v);
}

} // namespace gitstar
