#include "db/queries.hpp"
#include "db/stored_repositories.hpp"
#include "tools/gitstar/commands.hpp"
#include "tools/gitstar/logging.hpp"
#include "tools/gitstar/open_store.hpp"
#include "tools/gitstar/private_simulator.hpp"
#include "tools/gitstar/rehearsal.hpp"
#include "tools/gitstar/signals.hpp"
#include "tools/gitstar/text.hpp"
#include "tools/gitstar/wiring.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <system_error>

namespace gitstar::tool {

namespace {

/// A directory that is gone afterwards. Others may enter it: root's PostgreSQL is somebody else.
class temporary_directory {
public:
  temporary_directory() {
    auto pattern = (std::filesystem::temp_directory_path() / "gitstar-rehearsal-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr)
      throw std::system_error(errno, std::generic_category(), "cannot make " + pattern);
    path_ = pattern;
    using std::filesystem::perms;
    std::filesystem::permissions(path_, perms::owner_all | perms::group_exec | perms::others_exec);
  }
  ~temporary_directory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;

  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

std::vector<std::string> simulator_arguments(const rehearse_options& options) {
  std::vector<std::string> result{"--repositories", std::to_string(options.repositories),
                                  "--seed",         std::to_string(options.seed),
                                  "--latency",      std::to_string(options.latency_ms),
                                  "--limits",       options.limits ? "github" : "none"};
  if (options.faults_file.empty())
    result.insert(result.end(), {"--storm", options.storm});
  else
    result.insert(result.end(), {"--faults", options.faults_file});
  return result;
}

/// The same run, at another GitHub, into another database.
void redirect(config::settings& settings, const std::string& github,
              const std::filesystem::path& directory) {
  settings.github.graphql_url = github + "/graphql";
  settings.github.rest_url = github;
  settings.github.http.ca_file.reset();
  settings.github.http.proxy = config::proxy_mode::none;
  for (size_t i = 0; i < settings.github.credentials.size(); ++i) {
    auto& x = settings.github.credentials[i];
    x.token = config::secret{"rehearsal-" + std::to_string(i + 1)};
    x.app.reset();
  }
  settings.store.postgres = {config::secret{"embedded"}};
  settings.store.data_dir = directory / "postgres";
  settings.telemetry.listen.reset();
}

/// The simulated GitHub is small: `top` asks it for its share.
void scale_down(config::settings& settings, const rehearse_options& options) {
  auto& top = settings.crawl.source.search->top;
  auto most = std::max<uint64_t>(options.repositories / 10, 1);
  if (!top || *top <= most)
    return;
  std::printf("The config asks for the top %s; the rehearsal takes the top %s of %s.\n",
              thousands(static_cast<int64_t>(*top)).c_str(),
              thousands(static_cast<int64_t>(most)).c_str(),
              thousands(static_cast<int64_t>(options.repositories)).c_str());
  top = most;
}

std::string content_of(const std::filesystem::path& file) {
  std::ifstream in{file};
  return {std::istreambuf_iterator<char>{in}, {}};
}

/// GitHub's repositories that the crawl was to find.
std::string truth_target(const config::settings& settings, const crawl& run) {
  auto wanted = base_query(*settings.crawl.source.search);
  if (run.threshold >= 0)
    wanted.stars.first = run.threshold;
  wanted.created.last = std::min(wanted.created.last, run.started_at.time_since_epoch().count());
  std::string result = "/_sim/truth.csv?query=";
  for (auto c : to_string(wanted)) {
    constexpr const char* digits = "0123456789ABCDEF";
    auto byte = static_cast<unsigned char>(c);
    result += {'%', digits[byte >> 4], digits[byte & 15]};
  }
  return result;
}

} // namespace

static int rehearse(config::settings settings, const rehearse_options& options,
                    const std::stop_token& stop) {
  temporary_directory directory;
  private_simulator github{simulator_arguments(options)};
  redirect(settings, github.url(), directory.path());
  std::printf("A rehearsal of '%s' in the storm %s: GitHub is simulated, and neither the real one "
              "nor the\nconfigured database is touched.\n",
              settings.crawl.name.c_str(),
              (options.faults_file.empty() ? options.storm : options.faults_file).c_str());
  scale_down(settings, options);
  std::fflush(stdout);
  crawl_options how;
  how.report_file = directory.path() / "report.json";
  how.progress = options.progress;
  auto code = crawl_until(stop, settings, how);
  if (code == exit_bad_config || code == exit_stopped)
    return code;
  open_store store{settings.store, stop};
  auto status = db::newest_crawl(store.ledger(), settings.crawl.name);
  if (!status)
    return code;
  auto truth = read_truth(github.get(truth_target(settings, status->crawl)));
  auto changed = read_changes(github.get("/_sim/changes.csv"));
  auto found = compare(db::stored_star_counts(store.ledger()), truth, changed);
  auto stats = github.get("/_sim/stats");
  std::fputs(rehearsal_text(found, stats, content_of(how.report_file)).c_str(), stdout);
  auto flawless = found.missing == 0 && found.wrong == 0 && violations_in(stats) == 0;
  return code == exit_complete && !flawless ? exit_incomplete : code;
}

int rehearse_command(config::settings settings, const rehearse_options& options) {
  signal_watch signals;
  if (!settings.crawl.source.search) {
    complain("rehearse knows the source search only");
    return exit_bad_config;
  }
  try {
    return rehearse(std::move(settings), options, signals.stop());
  } catch (const refused_arguments& wrong) {
    complain(wrong.what());
    return exit_bad_config;
  }
}

} // namespace gitstar::tool
