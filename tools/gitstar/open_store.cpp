#include "tools/gitstar/open_store.hpp"

#include <spdlog/spdlog.h>

namespace gitstar::tool {

open_store::open_store(const config::store_section& settings, const std::stop_token& stop) {
  if (!settings.embedded()) {
    for (auto& x : settings.postgres)
      shards.push_back(x.reveal());
  } else {
    db::embedded_options options;
    options.data_dir = settings.data_dir;
    options.stop = stop;
    server = std::make_unique<db::embedded_postgres>(options);
    shards.push_back(server->connection_string());
  }
}

db::migration_report open_store::migrate(const config::store_section& settings) const {
  try {
    return db::migrate_shards(shards, settings.partitioning);
  } catch (const db::layout_error& failure) {
    auto at = settings.partitioning_at;
    throw bad_config{config::to_string(config::problem{at, failure.what()})};
  }
}

std::vector<std::string> open_store::readers(const config::store_section& settings) const {
  std::vector<std::string> replicas;
  if (settings.read_from)
    for (auto& x : *settings.read_from)
      replicas.push_back(x.reveal());
  return db::readable_shards(shards, replicas, [](const std::string& reason) {
    spdlog::warn("a replica of store.read_from is left out: {}", reason);
  });
}

bool store_exists(const config::store_section& settings) {
  namespace fs = std::filesystem;
  std::error_code unreadable;
  auto begun = [&](const fs::path& dir) { return fs::exists(dir / "data/PG_VERSION", unreadable); };
  return !settings.embedded() || begun(settings.data_dir) || begun(settings.data_dir / "cluster");
}

} // namespace gitstar::tool
