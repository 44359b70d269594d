#include "tools/gitstar/open_store.hpp"

namespace gitstar::tool {

open_store::open_store(const config::store_section& settings) {
  if (!settings.embedded()) {
    connection_string = settings.postgres.reveal();
    return;
  }
  server = std::make_unique<db::embedded_postgres>(db::embedded_options{settings.data_dir, {}});
  connection_string = server->connection_string();
}

bool store_exists(const config::store_section& settings) {
  namespace fs = std::filesystem;
  std::error_code unreadable;
  auto begun = [&](const fs::path& dir) { return fs::exists(dir / "data/PG_VERSION", unreadable); };
  return !settings.embedded() || begun(settings.data_dir) || begun(settings.data_dir / "cluster");
}

} // namespace gitstar::tool
