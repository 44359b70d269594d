#include "cluster/desk.hpp"

#include "actors/patience.hpp"
#include "net/metrics.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace gitstar {

desk_actor::behavior_type desk_state::make_behavior(desk_config cfg, desk_partners partners) {
  cfg_ = std::move(cfg);
  partners_ = std::move(partners);
  self_->set_down_handler([this](const caf::down_msg&) { end("the connection is gone"); });
  self_->monitor(partners_.link);
  last_heard_ = last_sent_ = last_renewed_ = now();
  self_->delayed_send(self_, cfg_.heartbeat, tick_atom_v);
  return {
      [this](news_atom, worker_news& news) {
        last_heard_ = now();
        cfg_.metrics->count_cluster_message("in");
        take(news);
      },
      [this](leave_atom, uint64_t heard) { leave(heard); },
      [this](drain_atom) {
        pending_.drain = true;
        send_soon();
      },
      [this](finished_atom) {
        pending_.finished = true;
        send_soon();
      },
      [this](status_atom) -> caf::result<cluster_status> {
        cluster_status result;
        result.permits_out = permits_.size();
        result.leases_out = leases_.size();
        return result;
      },
      [this](wake_atom) {
        waking_ = false;
        send_block();
      },
      [this](tick_atom) {
        // Our own silence, of a process that was frozen, counts as well.
        if (now() - last_heard_ > cfg_.lost_after)
          return end("it does not answer");
        if (now() - last_sent_ >= cfg_.heartbeat)
          send_block();
        if (now() - last_renewed_ >= cfg_.renew_interval) {
          last_renewed_ = now();
          self_->send(partners_.partitioner, renew_atom_v, id());
        }
        self_->delayed_send(self_, cfg_.heartbeat, tick_atom_v);
      },
  };
}

void desk_state::take(worker_news& news) {
  close_permits(news);
  auto& plan = partners_.partitioner;
  for (auto& x : news.counted) {
    leases_.erase({x.partition_id, x.lease});
    self_->send(plan, counted_atom_v, std::move(x));
  }
  for (auto& x : news.done) {
    leases_.erase({x.part.id, x.part.lease});
    self_->send(plan, done_atom_v, std::move(x));
  }
  for (auto& x : news.returned) {
    leases_.erase({x.part.id, x.part.lease});
    self_->send(plan, failed_atom_v, std::move(x.part), std::move(x.reason));
  }
  for (auto& x : news.lost_leases) {
    leases_.erase(x);
    self_->send(plan, lost_atom_v, x.partition_id, x.lease);
  }
  if (closed_)
    return;
  for (auto& [shape, count] : news.permits)
    get_permits(shape, count);
  for (uint32_t i = 0; i < news.waiting_leases; ++i)
    get_lease(news.pages, news.counts, true);
  at_once_left_ += news.leases_at_once;
  for (uint32_t i = 0; i < news.leases_at_once; ++i)
    get_lease(news.pages, news.counts, false);
}

/// Each permit is closed once, whatever the worker says.
void desk_state::close_permits(const worker_news& news) {
  for (auto& x : news.reports)
    if (permits_.erase(x.permit_id) > 0)
      self_->send(partners_.bucket, report_atom_v, x);
  auto take_back = [this](const std::vector<uint64_t>& ids, bool used) {
    std::vector<uint64_t> ours;
    for (auto permit_id : ids)
      if (permits_.erase(permit_id) > 0)
        ours.push_back(permit_id);
    if (!ours.empty())
      self_->send(partners_.bucket, return_atom_v, std::move(ours), used);
  };
  take_back(news.unused_permits, false);
  take_back(news.lost_permits, true);
}

/// What the worker has not heard of it has not used.
void desk_state::leave(uint64_t heard) {
  spdlog::info("worker {} leaves", cfg_.worker);
  std::vector<uint64_t> unused;
  for (auto& [permit_id, block] : permits_)
    if (block > heard)
      unused.push_back(permit_id);
  if (!unused.empty())
    self_->send(partners_.bucket, return_atom_v, std::move(unused), false);
  self_->quit();
}

void desk_state::get_permits(query_shape shape, uint32_t count) {
  for (uint32_t i = 0; i < count; ++i)
    self_->request(partners_.bucket, patience, acquire_atom_v, shape, id())
        .then(
            [this, shape](permit& right) {
              permits_.emplace(right.id, blocks_ + 1);
              pending_.permits[shape].push_back(std::move(right));
              send_soon();
            },
            // The bucket ends: the supervisor ends us, too.
            [this](const caf::error& reason) { self_->quit(reason); });
}

void desk_state::get_lease(uint32_t pages, uint32_t counts, bool wait) {
  self_->request(partners_.partitioner, patience, lease_atom_v, id(), pages, counts, wait)
      .then([this, wait](std::vector<lease>& work) { got_lease(work, wait); },
            [this](const caf::error& reason) {
              if (reason != errc::stopping)
                return self_->quit(reason);
              pending_.over = true;
              send_soon();
            });
}

void desk_state::got_lease(std::vector<lease>& work, bool wait) {
  pending_.waited += wait;
  for (auto& x : work) {
    leases_.insert({x.part.id, x.part.lease});
    pending_.leases.push_back(std::move(x));
  }
  if (!wait && --at_once_left_ == 0)
    pending_.at_once = true;
  if (wait || pending_.at_once)
    send_soon();
}

/// Behind the answers that are in the mailbox already: they make one block.
void desk_state::send_soon() {
  if (!std::exchange(waking_, true))
    self_->send(self_, wake_atom_v);
}

/// All that a worker gets leaves here, and signs of life too, so this notices soon when we do not
/// lead any more.
void desk_state::send_block() {
  if (!closed_ && !cfg_.leads())
    close();
  if (closed_)
    keep_back();
  last_sent_ = now();
  ++blocks_;
  cfg_.metrics->count_cluster_message("out");
  self_->send(partners_.link, grant_atom_v, std::exchange(pending_, {}));
}

/// For good: a worker that has been told to leave leaves, and joins again when we lead again. It
/// would wait here for ever if we were silent: another coordinator may lead, and we could not know.
void desk_state::close() {
  spdlog::warn("worker {} gets nothing more: this coordinator may not lead any more", cfg_.worker);
  closed_ = true;
  pending_.drain = true;
}

/// What has been asked for before comes all the same, and goes back as if it had not.
void desk_state::keep_back() {
  std::vector<uint64_t> unused;
  for (auto& [shape, permits] : std::exchange(pending_.permits, {}))
    for (auto& right : permits) {
      permits_.erase(right.id);
      unused.push_back(right.id);
    }
  if (!unused.empty())
    self_->send(partners_.bucket, return_atom_v, std::move(unused), false);
  for (auto& x : std::exchange(pending_.leases, {})) {
    leases_.erase({x.part.id, x.part.lease});
    self_->send(partners_.partitioner, failed_atom_v, std::move(x.part), std::string{});
  }
}

void desk_state::end(const std::string& why) {
  spdlog::warn("lost worker {}: {}; {} permits and {} leases go back", cfg_.worker, why,
               permits_.size(), leases_.size());
  self_->quit(caf::make_error(errc::connection_lost, why));
}

} // namespace gitstar
