#include "actors/crawl_tree.hpp"

namespace gitstar {

namespace {

using leaves = std::vector<named_actor>;

template <class Handle>
caf::actor untyped(const Handle& handle) {
  return caf::actor_cast<caf::actor>(handle);
}

std::string numbered(const char* name, uint32_t i) { return name + std::to_string(i + 1); }

/// A child that is a supervisor of its own children.
child_spec subtree(supervisor_config cfg) {
  child_spec result;
  result.name = cfg.name;
  result.subtree = true;
  result.start = [cfg](supervisor_actor::pointer self, const leaves& earlier) {
    auto child = cfg;
    child.inherited = earlier;
    child.parent = caf::actor_cast<caf::actor>(self);
    return untyped(self->spawn(supervisor, std::move(child)));
  };
  return result;
}

supervisor_config node(std::string name, const crawl_tree_config& cfg) {
  supervisor_config result;
  result.name = std::move(name);
  result.metrics = cfg.metrics;
  return result;
}

supervisor_config store_tree(const crawl_tree_config& cfg) {
  auto result = node("store", cfg);
  result.children.push_back(
      {leaf_name::ledger,
       [ledger_cfg = cfg.ledger](supervisor_actor::pointer self, const leaves&) {
         return untyped(self->spawn<caf::detached>(ledger, ledger_cfg));
       },
       false,
       {}});
  for (uint32_t i = 0; i < cfg.writers; ++i)
    result.children.push_back(
        {numbered(leaf_name::writer, i),
         [writer_cfg = cfg.writer](supervisor_actor::pointer self, const leaves&) {
           return untyped(self->spawn<caf::detached>(writer, writer_cfg));
         },
         false,
         {}});
  return result;
}

supervisor_config plan_tree(const crawl_tree_config& cfg) {
  auto result = node("plan", cfg);
  result.children.push_back(
      {leaf_name::partitioner,
       [plan_cfg = cfg.partitioner](supervisor_actor::pointer self, const leaves& earlier) {
         return untyped(
             self->spawn(partitioner, plan_cfg, leaf<ledger_actor>(earlier, leaf_name::ledger)));
       },
       false,
       {}});
  return result;
}

/// Fetchers do not know each other, so one alone is restarted; what it held goes back.
supervisor_config fetcher_pool(const crawl_tree_config& cfg) {
  auto result = node("fetchers", cfg);
  result.scope = restart_scope::one;
  result.intensity = 10 * cfg.fetchers;
  auto return_what_it_held = [](uint64_t id, const leaves& running) {
    caf::anon_send(leaf<partitioner_actor>(running, leaf_name::partitioner), lost_atom_v, id);
    caf::anon_send(leaf<token_bucket_actor>(running, leaf_name::bucket), lost_atom_v, id);
  };
  for (uint32_t i = 0; i < cfg.fetchers; ++i)
    result.children.push_back(
        {numbered(leaf_name::fetcher, i),
         [fetcher_cfg = cfg.fetcher, writer_name = numbered(leaf_name::writer, i % cfg.writers)](
             supervisor_actor::pointer self, const leaves& earlier) {
           fetcher_partners partners{leaf<partitioner_actor>(earlier, leaf_name::partitioner),
                                     leaf<token_bucket_actor>(earlier, leaf_name::bucket),
                                     leaf<writer_actor>(earlier, writer_name)};
           return untyped(self->spawn(fetcher, fetcher_cfg, std::move(partners)));
         },
         false, return_what_it_held});
  return result;
}

supervisor_config api_tree(const crawl_tree_config& cfg) {
  auto result = node("api", cfg);
  result.children.push_back(
      {leaf_name::bucket,
       [bucket_cfg = cfg.bucket](supervisor_actor::pointer self, const leaves& earlier) {
         return untyped(
             self->spawn(token_bucket, bucket_cfg, leaf<ledger_actor>(earlier, leaf_name::ledger)));
       },
       false,
       {}});
  result.children.push_back(subtree(fetcher_pool(cfg)));
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

} // namespace gitstar
