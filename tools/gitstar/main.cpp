#include "db/crawl_store.hpp"
#include "tools/gitstar/commands.hpp"
#include "tools/gitstar/logging.hpp"
#include "tools/gitstar/open_store.hpp"

#include <CLI/CLI.hpp>

#include <cstdio>
#include <functional>
#include <map>

#include <malloc.h>

using namespace gitstar;

namespace {

/// What all commands share.
struct common_options {
  std::string config_file;
  bool json_logs = false;
  config::tokens tokens = config::tokens::needed;
  bool tokens_help = false; ///< but what does without them is done
};

/// `NAME text|json`
CLI::Option* add_format(CLI::App* command, const char* name, const char* what, bool& json) {
  return command
      ->add_option_function<std::string>(
          name, [&json](const std::string& format) { json = format == "json"; }, what)
      ->check(CLI::IsMember({"text", "json"}));
}

/// For what goes to stdout.
CLI::Option* add_format(CLI::App* command, bool& json) {
  return add_format(command, "--format", "text or json", json);
}

CLI::App* add_command(CLI::App& app, const char* name, const char* what, common_options& common) {
  auto command = app.add_subcommand(name, what);
  command->add_option("config", common.config_file, "The YAML file that describes the run")
      ->required();
  add_format(command, "--log-format", "text or json; logs go to stderr", common.json_logs);
  return command;
}

using action = std::function<int(const config::settings&)>;

int run(const common_options& common, const action& act) {
  auto format = common.json_logs ? tool::log_format::json : tool::log_format::text;
  tool::start_logging(format, config::log_level::info); // until the config tells the level
  auto loaded = config::load(common.config_file, config::process_environment(), common.tokens);
  if (common.tokens_help && std::holds_alternative<config::problem>(loaded))
    if (auto without =
            config::load(common.config_file, config::process_environment(), config::tokens::unused);
        std::holds_alternative<config::settings>(without))
      loaded = std::move(without);
  if (auto wrong = std::get_if<config::problem>(&loaded)) {
    tool::complain(config::to_string(*wrong));
    return tool::exit_bad_config;
  }
  auto& settings = std::get<config::settings>(loaded);
  tool::start_logging(format, settings.telemetry.level);
  try {
    return act(settings);
  } catch (const tool::bad_config& wrong) {
    tool::complain(wrong.what());
    return tool::exit_bad_config;
  } catch (const std::exception& failure) {
    tool::complain(failure.what());
    return tool::exit_failed;
  }
}

} // namespace

int main(int argc, char** argv) {
  // Few arenas: threads that parse and threads that write pass rows to each other, and with an
  // arena each what one frees would not serve the other.
  mallopt(M_ARENA_MAX, 2);
  CLI::App app{"Collects repositories and their star counts from GitHub into PostgreSQL",
               "gitstar"};
  app.set_version_flag("--version", GITSTAR_VERSION);
  app.require_subcommand(1);
  common_options common;
  action act;

  tool::crawl_options crawl;
  auto add_crawl = [&](const char* name, const char* what) {
    auto command = add_command(app, name, what, common);
    command->add_option("--report", crawl.report_file, "Write a JSON report to this file");
    command->add_flag("!--no-progress", crawl.progress, "Show no progress");
    return command;
  };
  auto run_crawl = [&] {
    crawl.psql_hint = std::string{argv[0]} + " psql " + common.config_file;
    act = [&](auto& settings) { return tool::crawl_command(settings, crawl); };
  };
  auto command = add_crawl("crawl", "Run the crawl, or go on with it");
  command->add_flag("--fresh", crawl.fresh, "Begin anew instead of resuming");
  command->callback(run_crawl);
  add_crawl("repair", "Ask again for what the newest crawl could not complete")->callback([&] {
    crawl.repair = true;
    run_crawl();
  });

  add_crawl("coordinator", "Run the crawl with workers, or stand by for the coordinator that does")
      ->callback([&] {
        crawl.psql_hint = std::string{argv[0]} + " psql " + common.config_file;
        act = [&](auto& settings) { return tool::coordinator_command(settings, crawl); };
      });
  add_command(app, "worker", "Fetch and store for a coordinator", common)->callback([&] {
    act = tool::worker_command;
  });

  tool::rehearse_options rehearse;
  auto rehearsal =
      add_command(app, "rehearse", "Run the config against a simulated GitHub in a storm", common);
  auto storm = rehearsal->add_option("--storm", rehearse.storm,
                                     "What goes wrong; gitstar-sim --list-storms names the storms");
  storm->capture_default_str();
  rehearsal->add_option("--faults", rehearse.faults_file, "A storm of your own: a YAML file")
      ->excludes(storm);
  rehearsal->add_option("--repositories", rehearse.repositories, "Of the simulated GitHub")
      ->capture_default_str();
  rehearsal->add_option("--seed", rehearse.seed, "The same seed gives the same GitHub")
      ->capture_default_str();
  rehearsal->add_option("--latency", rehearse.latency_ms, "Milliseconds before each answer")
      ->capture_default_str();
  rehearsal->add_flag("!--no-limits", rehearse.limits, "Without GitHub's rate limits");
  rehearsal->add_flag("!--no-progress", rehearse.progress, "Show no progress");
  rehearsal->callback([&] {
    common.tokens = config::tokens::unused;
    act = [&](auto& settings) { return tool::rehearse_command(settings, rehearse); };
  });

  tool::check_options check;
  auto online = false;
  auto check_command = add_command(app, "check", "Check the config", common);
  auto ask = check_command->add_flag("--online", online, "Ask GitHub and the store, too");
  add_format(check_command, check.json)->needs(ask);
  check_command->callback([&] {
    act = [&](auto& settings) {
      if (online)
        return tool::check_command(settings, check);
      std::printf("%s is valid.\n", common.config_file.c_str());
      return static_cast<int>(tool::exit_complete);
    };
  });
  tool::plan_options plan;
  auto plan_command =
      add_command(app, "plan", "Say what a crawl will take, before a point is spent", common);
  auto probe = plan_command->add_flag("--probe", plan.probe, "Ask GitHub how much there is");
  plan_command
      ->add_option("--repositories", plan.repositories, "So many instead of what the source says")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000'000}))
      ->excludes(probe);
  add_format(plan_command, plan.json);
  plan_command->callback([&] {
    common.tokens_help = !plan.probe;
    act = [&](auto& settings) { return tool::plan_command(settings, plan); };
  });
  add_command(app, "migrate", "Bring the database schema up to date", common)->callback([&] {
    common.tokens = config::tokens::unused;
    act = tool::migrate_command;
  });
  add_command(app, "reshard", "Spread the repositories over all databases of store.postgres",
              common)
      ->callback([&] {
        common.tokens = config::tokens::unused;
        act = tool::reshard_command;
      });
  auto json_status = false;
  auto status = add_command(app, "status", "Show the newest crawl of this config", common);
  add_format(status, json_status);
  status->callback([&] {
    common.tokens = config::tokens::unused;
    act = [&](auto& settings) { return tool::status_command(settings, json_status); };
  });
  tool::show_options show;
  auto show_command = add_command(app, "show", "Show all that is stored of one repository", common);
  show_command->add_option("repository", show.full_name, "OWNER/NAME")->required();
  add_format(show_command, show.json);
  show_command->callback([&] {
    common.tokens = config::tokens::unused;
    act = [&](auto& settings) { return tool::show_command(settings, show); };
  });

  tool::top_options top;
  auto top_command = add_command(app, "top", "Rank the stored repositories", common);
  const std::map<std::string, db::rank_by> ranks{{"stars", db::rank_by::stars},
                                                 {"growth", db::rank_by::growth},
                                                 {"issues", db::rank_by::issues}};
  auto by = top_command
                ->add_option_function<std::string>(
                    "--by", [&](const std::string& what) { top.by = ranks.at(what); },
                    "stars, growth or issues")
                ->check(CLI::IsMember(ranks));
  top_command->add_option("--language", top.language, "Only those with this main language");
  top_command
      ->add_option("--since", top.since,
                   "Where growth begins: a day (2026-11-01), a time, or days ago (7d)")
      ->needs(by)
      ->capture_default_str();
  top_command->add_option("--limit", top.limit, "So many lines")
      ->check(CLI::Range(int64_t{1}, int64_t{100'000}))
      ->capture_default_str();
  add_format(top_command, top.json);
  top_command->callback([&] {
    common.tokens = config::tokens::unused;
    act = [&](auto& settings) { return tool::top_command(settings, top); };
  });

  tool::export_options exported;
  auto export_command = add_command(app, "export", "Write stored rows as CSV or JSON", common);
  export_command
      ->add_option_function<std::string>(
          "--format",
          [&](const std::string& format) {
            exported.format = format == "jsonl" ? db::export_format::jsonl : db::export_format::csv;
          },
          "csv or jsonl: one object a line")
      ->check(CLI::IsMember({"csv", "jsonl"}));
  export_command->add_option("--query", exported.query, "The SQL query whose rows are written")
      ->capture_default_str();
  export_command->add_option("--output", exported.file, "Write to this file, not to stdout");
  export_command->callback([&] {
    common.tokens = config::tokens::unused;
    act = [&](auto& settings) { return tool::export_command(settings, exported); };
  });

  uint32_t psql_shard = 0;
  std::vector<std::string> psql_arguments;
  auto psql =
      add_command(app, "psql", "Open psql on the store: gitstar psql CONFIG [-- ARGS]", common);
  psql->add_option("--shard", psql_shard, "Which database of store.postgres, counted from 0")
      ->capture_default_str();
  psql->add_option("args", psql_arguments, "Arguments for psql");
  psql->callback([&] {
    common.tokens = config::tokens::unused;
    act = [&](auto& settings) { return tool::psql_command(settings, psql_shard, psql_arguments); };
  });

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& wrong) {
    return app.exit(wrong) == 0 ? tool::exit_complete : tool::exit_bad_config;
  }
  return run(common, act);
}
