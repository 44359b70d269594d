#include "actors/crawl_tree.hpp"

namespace gitstar {

namespace {

using leaves = std::vector<named_actor>;

std::string numbered(const char* name, uint32_t i) { return name + std::to_string(i + 1); }

/// A child that is an actor of `start(self, earlier)`.
template <class Start>
child_spec leaf_spec(std::string name, Start start) {
  child_spec result;
  result.name = std::move(name);
  result.start = [start](supervisor_actor::pointer self, const leaves& earlier) {
    return caf::actor_cast<caf::actor>(start(self, earlier));
  };
  return result;
}

/// A child that is a supervisor of its own children.
child_spec subtree(supervisor_config cfg) {
  child_spec result;
  result.name = cfg.name;
  result.subtree = std::make_shared<const supervisor_config>(std::move(cfg));
  return result;
}

supervisor_config node(std::string name, const crawl_tree_config& cfg) {
  supervisor_config result;
  result.name = std::move(name);
  result.metrics = cfg.metrics;
  result.seed = cfg.seed;
  return result;
}

/// A child that blocks in PostgreSQL.
template <class Behavior, class Config>
child_spec store_spec(std::string name, bool detached, Behavior behavior, const Config& cfg) {
  return leaf_spec(std::move(name), [=](supervisor_actor::pointer self, const leaves&) {
    return detached ? self->spawn<caf::detached>(behavior, cfg) : self->spawn(behavior, cfg);
  });
}

void add_writers(supervisor_config& to, const crawl_tree_config& cfg) {
  for (uint32_t i = 0; i < cfg.writers; ++i)
    to.children.push_back(
        store_spec(numbered(leaf_name::writer, i), cfg.detached, writer, cfg.writer));
}

supervisor_config store_tree(const crawl_tree_config& cfg) {
  auto result = node("store", cfg);
  result.children.push_back(store_spec(leaf_name::ledger, cfg.detached, ledger, cfg.ledger));
  if (!cfg.gate)
    add_writers(result, cfg);
  return result;
}

supervisor_config plan_tree(const crawl_tree_config& cfg) {
  auto result = node("plan", cfg);
  result.children.push_back(
      leaf_spec(leaf_name::partitioner, [plan_cfg = cfg.partitioner](supervisor_actor::pointer self,
                                                                     const leaves& earlier) {
        return self->spawn(partitioner, plan_cfg, leaf<ledger_actor>(earlier, leaf_name::ledger));
      }));
  return result;
}

/// Fetchers do not know each other, so one alone is restarted; what it held goes back.
supervisor_config fetcher_pool(const crawl_tree_config& cfg) {
  auto result = node("fetchers", cfg);
  result.scope = restart_scope::one;
  result.intensity = 10 * cfg.fetchers;
  auto fetcher_cfg = cfg.fetcher;
  fetcher_cfg.seed = cfg.seed;
  for (uint32_t i = 0; i < cfg.fetchers; ++i) {
    auto spec = leaf_spec(numbered(leaf_name::fetcher, i),
                          [fetcher_cfg, writer_name = numbered(leaf_name::writer, i % cfg.writers)](
                              supervisor_actor::pointer self, const leaves& earlier) {
                            fetcher_partners partners{
                                leaf<partitioner_actor>(earlier, leaf_name::partitioner),
                                leaf<token_bucket_actor>(earlier, leaf_name::bucket),
                                leaf<writer_actor>(earlier, writer_name)};
                            return self->spawn(fetcher, fetcher_cfg, std::move(partners));
                          });
    spec.ended = [](uint64_t id, const leaves& running) {
      caf::anon_send(leaf<partitioner_actor>(running, leaf_name::partitioner), lost_atom_v, id);
      caf::anon_send(leaf<token_bucket_actor>(running, leaf_name::bucket), lost_atom_v, id);
    };
    result.children.push_back(std::move(spec));
  }
  return result;
}

supervisor_config api_tree(const crawl_tree_config& cfg) {
  auto result = node("api", cfg);
  result.children.push_back(
      leaf_spec(leaf_name::bucket,
                [bucket_cfg = cfg.bucket](supervisor_actor::pointer self, const leaves& earlier) {
                  return self->spawn(token_bucket, bucket_cfg,
                                     leaf<ledger_actor>(earlier, leaf_name::ledger));
                }));
  if (cfg.gate) {
    child_spec gate;
    gate.name = leaf_name::gate;
    gate.start = cfg.gate;
    result.children.push_back(std::move(gate));
  } else {
    result.children.push_back(subtree(fetcher_pool(cfg)));
  }
  return result;
}

} // namespace

supervisor_config crawl_tree(const crawl_tree_config& cfg) {
  auto result = node("root", cfg);
  result.intensity = 3;
  result.children.push_back(subtree(store_tree(cfg)));
  result.children.push_back(subtree(plan_tree(cfg)));
  result.children.push_back(subtree(api_tree(cfg)));
  return result;
}

supervisor_config worker_tree(const crawl_tree_config& cfg, std::vector<child_spec> agents) {
  auto result = node("root", cfg);
  result.intensity = 3;
  auto link = node("link", cfg);
  link.children = std::move(agents);
  result.children.push_back(subtree(std::move(link)));
  auto store = node("store", cfg);
  add_writers(store, cfg);
  result.children.push_back(subtree(std::move(store)));
  result.children.push_back(subtree(fetcher_pool(cfg)));
  return result;
}

} // namespace gitstar
