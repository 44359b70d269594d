/// The commands that look something up in the store.
#include "db/row_export.hpp"
#include "tools/gitstar/commands.hpp"
#include "tools/gitstar/logging.hpp"
#include "tools/gitstar/lookup.hpp"
#include "tools/gitstar/open_store.hpp"
#include "tools/gitstar/text.hpp"

#include <cerrno>
#include <cstdio>
#include <memory>
#include <stdexcept>
#include <system_error>
#include <utility>

namespace gitstar::tool {

namespace {

using file = std::unique_ptr<std::FILE, int (*)(std::FILE*)>;

[[noreturn]] void cannot_write(const std::string& name) {
  throw std::system_error(errno, std::generic_category(), "cannot write " + name);
}

/// Whether there is a store; otherwise says that there is nothing to be found.
bool has_store(const config::settings& settings) {
  if (store_exists(settings.store))
    return true;
  complain("nothing is stored in " + settings.store.data_dir.string() +
           " yet: run gitstar crawl first");
  return false;
}

/// Where to read each database, brought up to date: a replica cannot be.
std::vector<std::string> readable(const open_store& store, const config::settings& settings) {
  auto result = store.readers(settings.store);
  if (result == store.shards)
    store.migrate(settings.store);
  return result;
}

} // namespace

int show_command(const config::settings& settings, const show_options& options) {
  if (!has_store(settings))
    return exit_failed;
  open_store store{settings.store};
  auto found = db::find_repository(readable(store, settings), options.full_name);
  if (!found) {
    complain("no repository '" + options.full_name +
             "' is stored; names are written as GitHub writes them");
    return exit_failed;
  }
  auto text = options.json ? repository_json(*found) : repository_text(*found);
  std::fputs(text.c_str(), stdout);
  return exit_complete;
}

int top_command(const config::settings& settings, const top_options& options) {
  db::ranking_request request;
  request.by = options.by;
  request.language = options.language;
  request.limit = options.limit;
  auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  auto since = parse_since(options.since, now);
  if (!since) {
    complain("--since " + options.since +
             " is neither a day (2026-11-01), a time (2026-11-01T12:00:00Z) nor a number of days "
             "(7d)");
    return exit_bad_config;
  }
  request.since = *since;
  if (!has_store(settings))
    return exit_failed;
  open_store store{settings.store};
  auto lines = db::rank_repositories(readable(store, settings), request);
  auto text = options.json ? ranking_json(request, lines) : ranking_text(request, lines);
  std::fputs(text.c_str(), stdout);
  return exit_complete;
}

int export_command(const config::settings& settings, const export_options& options) {
  if (!has_store(settings))
    return exit_failed;
  open_store store{settings.store};
  auto shards = readable(store, settings);
  auto name = options.file.empty() ? std::string{"standard output"} : options.file;
  file out{options.file.empty() ? stdout : std::fopen(options.file.c_str(), "w"),
           options.file.empty() ? std::fflush : std::fclose};
  if (!out)
    cannot_write(name);
  int64_t rows = 0;
  for (auto& shard : shards) {
    // One header is enough.
    auto skip = options.format == db::export_format::csv && &shard != &shards.front();
    auto write = [&](std::string_view piece) {
      if (std::exchange(skip, false))
        return;
      if (std::fwrite(piece.data(), 1, piece.size(), out.get()) != piece.size())
        cannot_write(name);
    };
    rows += db::export_rows(shard, options.query, options.format, write);
  }
  // A full disk may show only now.
  if (std::fflush(out.get()) != 0)
    cannot_write(name);
  if (!options.file.empty())
    std::printf("%s rows written to %s.\n", thousands(rows).c_str(), name.c_str());
  return exit_complete;
}

} // namespace gitstar::tool
