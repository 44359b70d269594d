#include "db/crawl_store.hpp"
#include "tools/gitstar/check.hpp"
#include "tools/gitstar/commands.hpp"
#include "tools/gitstar/open_store.hpp"
#include "tools/gitstar/wiring.hpp"

#include <cstdio>

namespace gitstar::tool {

namespace {

std::vector<check_line> look_at_github(const config::github_section& github) {
  try {
    net::github_client client{client_options(github)};
    examinations found;
    for (auto& x : github.credentials)
      found.emplace(x.name, net::examine_credential(
                                client, x.name, x.kind != config::credential_kind::installation));
    return github_lines(github.credentials, found);
  } catch (const std::runtime_error& failure) { // an unreadable certificate or key
    return {{"github", check_level::error, failure.what(), {}}};
  }
}

check_line look_at_database(const std::string& where, size_t shard) {
  auto name = shard == 0 ? std::string{"database"} : "shard " + std::to_string(shard);
  try {
    auto line = database_line(db::examine_store(where));
    line.name = name;
    return line;
  } catch (const db::store_error& failure) {
    return {name, check_level::error, failure.what(), {}};
  }
}

std::vector<check_line> look_at_databases(const config::store_section& settings) {
  try {
    if (store_exists(settings)) {
      open_store store{settings};
      std::vector<check_line> result;
      for (auto& where : store.shards)
        result.push_back(look_at_database(where, result.size()));
      return result;
    }
    auto text = "the first crawl makes it in " + settings.data_dir.string() + ", with PostgreSQL " +
                std::to_string(db::embedded_postgres_version());
    return {{"database", check_level::ok, text, {}}};
  } catch (const db::store_error& failure) {
    return {{"database", check_level::error, failure.what(), {}}};
  }
}

/// Of the embedded server; what another one has is not ours to see.
std::vector<check_line> look_at_disk(const config::settings& settings) {
  namespace fs = std::filesystem;
  if (!settings.store.embedded())
    return {};
  std::error_code unreadable;
  auto directory = fs::absolute(settings.store.data_dir);
  auto existing = directory;
  while (!fs::exists(existing, unreadable) && existing.has_relative_path())
    existing = existing.parent_path();
  auto space = fs::space(existing, unreadable);
  if (unreadable)
    return {{"disk",
             check_level::error,
             "cannot look at " + existing.string() + ": " + unreadable.message(),
             {}}};
  auto& search = settings.crawl.source.search;
  auto wanted = search ? search->top.value_or(0) : 0;
  return {disk_line(directory.string(), space.available, static_cast<int64_t>(wanted))};
}

} // namespace

int check_command(const config::settings& settings, const check_options& options) {
  auto lines = look_at_github(settings.github);
  for (auto& x : look_at_databases(settings.store))
    lines.push_back(std::move(x));
  for (auto& x : look_at_disk(settings))
    lines.push_back(std::move(x));
  auto text = options.json ? check_json(lines) + '\n' : check_text(lines);
  std::fputs(text.c_str(), stdout);
  return has_error(lines) ? exit_failed : exit_complete;
}

} // namespace gitstar::tool
