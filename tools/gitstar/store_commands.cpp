/// The commands that need the store alone.
#include "db/background_work.hpp"
#include "db/conninfo.hpp"
#include "db/examine_store.hpp"
#include "db/migrations.hpp"
#include "db/queries.hpp"
#include "db/reshard.hpp"
#include "tools/gitstar/commands.hpp"
#include "tools/gitstar/logging.hpp"
#include "tools/gitstar/open_store.hpp"
#include "tools/gitstar/status.hpp"
#include "tools/gitstar/text.hpp"

#include <spdlog/spdlog.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <system_error>

#include <sys/wait.h>
#include <unistd.h>

namespace gitstar::tool {

namespace {

[[noreturn]] void become(const db::command_line& command) {
  std::vector<char*> arguments;
  for (auto& x : command.argv)
    arguments.push_back(const_cast<char*>(x.c_str()));
  arguments.push_back(nullptr);
  for (auto& [name, value] : command.environment)
    setenv(name.c_str(), value.c_str(), 1);
  execvp(arguments[0], arguments.data());
  auto reason = std::generic_category().message(errno);
  std::fprintf(stderr, "gitstar: cannot start %s: %s\n", arguments[0], reason.c_str());
  _exit(exit_failed);
}

/// Runs `command` and stays, because the embedded server has to be stopped afterwards.
int run(const db::command_line& command) {
  std::signal(SIGINT, SIG_IGN); // Ctrl-C is for psql
  auto child = fork();
  if (child < 0)
    throw std::system_error(errno, std::generic_category(), "cannot start psql");
  if (child == 0) {
    std::signal(SIGINT, SIG_DFL);
    become(command);
  }
  int status = 0;
  while (waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) ? WEXITSTATUS(status) : exit_failed;
}

/// Where nobody has crawled yet, looking makes nothing.
optional<db::crawl_status> newest_crawl(const config::settings& settings) {
  if (!store_exists(settings.store))
    return caf::none;
  open_store store{settings.store};
  auto where = store.readers(settings.store).front();
  if (db::examine_store(where).schema_version == 0)
    return caf::none;
  if (where == store.ledger()) // a replica cannot be migrated
    store.migrate(settings.store);
  return db::newest_crawl(where, settings.crawl.name);
}

} // namespace

int migrate_command(const config::settings& settings) {
  open_store store{settings.store};
  auto done = store.migrate(settings.store);
  db::build_query_indexes(store.shards);
  std::printf("The database is at version %d, %d migrations applied now.\n", done.version,
              done.applied);
  for (auto& shard : store.shards) {
    auto later = db::do_background_work(shard, std::stop_token{});
    if (later.finished > 0)
      std::printf("%s steps that migrations had left to be done are finished, %s rows written.\n",
                  thousands(later.finished).c_str(), thousands(later.row_count).c_str());
  }
  return exit_complete;
}

int reshard_command(const config::settings& settings) {
  using clock = std::chrono::steady_clock;
  open_store store{settings.store};
  store.migrate(settings.store);
  auto next_line = clock::now();
  auto tell = [&](const db::reshard_report& so_far) {
    if (clock::now() < next_line)
      return;
    next_line = clock::now() + settings.telemetry.progress_interval;
    spdlog::info("{} of {} buckets moved, with {} repositories", so_far.moved, so_far.to_move,
                 thousands(so_far.repositories));
  };
  auto done = db::reshard(store.shards, tell);
  std::printf("%d buckets moved, with %s repositories and %s rows of star_history, each compared "
              "with its copy by checksum.\n",
              done.moved, thousands(done.repositories).c_str(), thousands(done.history).c_str());
  for (size_t i = 0; i < done.buckets.size(); ++i)
    std::printf("  shard %zu: %d buckets\n", i, done.buckets[i]);
  return exit_complete;
}

int status_command(const config::settings& settings, bool json) {
  auto status = newest_crawl(settings);
  if (json)
    std::fputs(status ? status_json(*status).c_str() : "null\n", stdout);
  else if (status)
    std::fputs(status_text(*status).c_str(), stdout);
  else
    std::printf("No crawl '%s' has been run yet.\n", settings.crawl.name.c_str());
  return exit_complete;
}

int psql_command(const config::settings& settings, uint32_t shard,
                 const std::vector<std::string>& arguments) {
  auto databases = settings.store.postgres.size();
  if (shard >= databases) {
    complain("--shard: store.postgres has " + std::to_string(databases) + ", counted from 0");
    return exit_bad_config;
  }
  open_store store{settings.store};
  auto psql = store.server ? store.server->psql().string() : std::string{"psql"};
  auto command = db::psql_command(psql, store.shards[shard], arguments);
  return store.server ? run(command) : (become(command), exit_failed);
}

} // namespace gitstar::tool
