#include "cluster/gate.hpp"

#include "actors/patience.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace gitstar {

gate_actor::behavior_type gate_state::make_behavior(gate_config cfg, partitioner_actor partitioner,
                                                    token_bucket_actor bucket) {
  cfg_ = std::move(cfg);
  partitioner_ = std::move(partitioner);
  bucket_ = std::move(bucket);
  self_->set_down_handler([this](const caf::down_msg& msg) { ended(msg.source); });
  self_->set_exit_handler([this](const caf::exit_msg& msg) {
    for (auto& [address, x] : desks_)
      self_->send_exit(x, caf::exit_reason::user_shutdown);
    self_->quit(msg.reason);
  });
  return {
      [this](join_atom, const worker_greeting& greeting,
             const caf::actor& worker) -> caf::result<caf::actor> {
        if (!cfg_.leads() || draining_)
          return caf::make_error(errc::not_leading, std::string{"this coordinator does not lead"});
        if (auto why = why_not(greeting); !why.empty()) {
          spdlog::warn("worker {} is refused: {}", greeting.worker, why);
          return caf::make_error(errc::refused, why);
        }
        auto settings = cfg_.desk;
        settings.worker = greeting.worker;
        settings.leads = cfg_.leads;
        auto x =
            self_->spawn(desk, settings,
                         desk_partners{partitioner_, bucket_, caf::actor_cast<link_actor>(worker)});
        self_->monitor(x);
        desks_.emplace(x.address(), x);
        ++totals_.joined;
        spdlog::info("worker {} joins: {} now", greeting.worker, desks_.size());
        if (finished_)
          self_->send(x, finished_atom_v);
        return caf::actor_cast<caf::actor>(x);
      },
      [this](drain_atom) {
        draining_ = true;
        for (auto& [address, x] : desks_)
          self_->send(x, drain_atom_v);
      },
      [this](finished_atom) {
        finished_ = true;
        for (auto& [address, x] : desks_)
          self_->send(x, finished_atom_v);
      },
      [this](status_atom) -> caf::result<cluster_status> { return status(); },
  };
}

std::string gate_state::why_not(const worker_greeting& x) const {
  if (x.crawl != cfg_.crawl)
    return "it is configured for the crawl '" + x.crawl + "', the coordinator for '" + cfg_.crawl +
           "'";
  if (x.source != cfg_.source)
    return "its source is '" + x.source + "', the coordinator's is '" + cfg_.source + "'";
  for (auto& credential : cfg_.credentials)
    if (std::find(x.credentials.begin(), x.credentials.end(), credential) == x.credentials.end())
      return "it has no credential '" + credential + "', which permits may name";
  return {};
}

void gate_state::ended(const caf::actor_addr& which) {
  auto found = desks_.find(which);
  if (found == desks_.end())
    return;
  auto id = found->second.id();
  desks_.erase(found);
  self_->send(partitioner_, lost_atom_v, id);
  self_->send(bucket_, lost_atom_v, id);
}

/// Adds up what the desks say.
caf::result<cluster_status> gate_state::status() {
  auto promise = self_->make_response_promise<cluster_status>();
  struct sum {
    cluster_status all;
    size_t missing;
  };
  auto total = std::make_shared<sum>(sum{totals_, desks_.size()});
  total->all.workers = static_cast<uint32_t>(desks_.size());
  if (desks_.empty())
    promise.deliver(total->all);
  auto add = [total, promise](const cluster_status& x) mutable {
    total->all.permits_out += x.permits_out;
    total->all.leases_out += x.leases_out;
    if (--total->missing == 0)
      promise.deliver(total->all);
  };
  for (auto& [address, x] : desks_)
    self_->request(x, patience, status_atom_v).then(add, [add](const caf::error&) mutable {
      add({});
    });
  return promise;
}

} // namespace gitstar
