/// A coordinator and its workers on virtual time in one process: the actors are those of the real
/// nodes, only the network between them is missing.
#pragma once

#include "cluster/gate.hpp"
#include "cluster/lease_agent.hpp"
#include "cluster/link.hpp"
#include "cluster/permit_agent.hpp"
#include "tests/actors/world.hpp"

namespace gitstar::test {

/// What the observer of a link has heard.
struct heard {
  uint32_t lost = 0;
  uint32_t finished = 0;
  uint32_t drain = 0;
};

/// The actors of one worker.
struct worker {
  link_actor connection;
  lease_agent_actor leases;
  permit_agent_actor permits;
  std::vector<fetcher_actor> fetchers;
  std::shared_ptr<heard> news = std::make_shared<heard>();
};

class workers : public world {
public:
  gate_actor open_gate() {
    gate_config cfg;
    cfg.crawl = "test";
    cfg.source = "search";
    for (auto& x : settings.credentials)
      cfg.credentials.push_back(x.name);
    cfg.desk.metrics = metrics;
    cfg.leads = [this] { return leads; };
    return spawn(gate, cfg, coordinator.partitioner, coordinator.bucket);
  }

  worker_greeting greeting(const std::string& name) const {
    worker_greeting result{name, "test", "search", {}};
    for (auto& x : settings.credentials)
      result.credentials.push_back(x.name);
    return result;
  }

  /// A worker whose fetchers ask `api`, and store with `writer`.
  worker join(const fetcher_config& fetchers_of, uint32_t fetchers, const writer_actor& writer,
              const std::string& name) {
    worker x;
    auto observe = [](caf::event_based_actor*, heard* y) -> caf::behavior {
      return {[y](lost_atom) { ++y->lost; }, [y](finished_atom) { ++y->finished; },
              [y](drain_atom) { ++y->drain; }};
    };
    link_config cfg;
    cfg.door = caf::actor_cast<caf::actor>(entrance);
    cfg.greeting = greeting(name);
    cfg.observer = sys.spawn(observe, x.news.get());
    adopt(cfg.observer);
    kept_.push_back(x.news);
    x.connection = spawn(gitstar::link, cfg); // there is one in POSIX, too
    x.leases = spawn(lease_agent, lease_agent_config{fetchers}, x.connection);
    x.permits = spawn(permit_agent, permit_agent_config{fetchers}, x.connection);
    fetcher_partners partners{caf::actor_cast<partitioner_actor>(x.leases),
                              caf::actor_cast<token_bucket_actor>(x.permits), writer};
    for (uint32_t i = 0; i < fetchers; ++i)
      x.fetchers.push_back(spawn(fetcher, fetchers_of, partners));
    return x;
  }

  /// As `kill -9`: without a last word.
  void crash_worker(const worker& x) {
    for (auto& fetcher : x.fetchers)
      end(fetcher, caf::exit_reason::kill);
    end(x.leases, caf::exit_reason::kill);
    end(x.permits, caf::exit_reason::kill);
    end(x.connection, caf::exit_reason::kill);
  }

  process coordinator;
  gate_actor entrance;
  bool leads = true;

private:
  std::vector<std::shared_ptr<heard>> kept_;
};

} // namespace gitstar::test
