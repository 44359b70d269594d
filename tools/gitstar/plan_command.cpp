#include "actors/id_reader.hpp"
#include "actors/search_source.hpp"
#include "db/examine_store.hpp"
#include "db/postgres_store.hpp"
#include "db/queries.hpp"
#include "tools/gitstar/commands.hpp"
#include "tools/gitstar/github_probe.hpp"
#include "tools/gitstar/logging.hpp"
#include "tools/gitstar/open_store.hpp"
#include "tools/gitstar/plan.hpp"
#include "tools/gitstar/text.hpp"
#include "tools/gitstar/wiring.hpp"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace gitstar::tool {

namespace {

/// What earlier runs have left.
struct ledger_memory {
  std::vector<budget_record> budgets;
  std::vector<width_record> widths;
  optional<db::crawl_status> crawl; ///< the newest of this source
};

ledger_memory read_ledger(const config::settings& settings, const std::string& source) {
  ledger_memory result;
  if (!store_exists(settings.store))
    return result;
  try {
    open_store store{settings.store};
    auto& where = store.ledger();
    if (db::examine_store(where).pending() != 0)
      return result; // of another version
    db::postgres_store ledger{where};
    result.budgets = ledger.load_budgets();
    result.widths = ledger.load_widths();
    result.crawl = db::newest_crawl(where, settings.crawl.name, source);
  } catch (const db::store_error& failure) {
    spdlog::warn("planning without the ledger of earlier runs: {}", failure.what());
  }
  return result;
}

/// What is newer replaces what the ledger had of the same credential.
void update(std::vector<budget_record>& records, const std::vector<budget_record>& newer) {
  for (auto& x : newer) {
    auto old = std::find_if(records.begin(), records.end(), [&](auto& r) {
      return r.credential == x.credential && r.what == x.what;
    });
    if (old == records.end()) {
      records.push_back(x);
      continue;
    }
    auto viewer = x.viewer_id > 0 ? x.viewer_id : old->viewer_id;
    auto day = old->day;
    auto spent = old->spent_today;
    *old = x;
    old->viewer_id = viewer;
    old->day = day;
    old->spent_today = spent;
  }
}

/// Whether somebody has said how many repositories there are to crawl, apart from GitHub.
void find_matches(plan_facts& facts, const plan_options& options, const ledger_memory& memory) {
  if (options.repositories) {
    facts.outline.top = 0;
    facts.outline.matches = *options.repositories;
    facts.matches_from = "(--repositories)";
  } else if (facts.outline.top > 0) {
    facts.outline.matches = facts.outline.top;
    facts.matches_from = "(top)";
  } else if (memory.crawl && memory.crawl->certificate.open == 0) {
    facts.outline.matches = memory.crawl->certificate.expected;
    facts.matches_from = fmt::format("(as crawl {} found)", memory.crawl->crawl.id);
  }
  facts.matches_known = !facts.matches_from.empty();
}

crawl_plan guessed_plan(const config::settings& settings, plan_facts facts,
                        const std::vector<budget_record>& known, timestamp now) {
  auto& times = facts.outline.times;
  facts.assumptions.push_back(fmt::format(
      "GitHub takes {:.1f} s to answer a query of 10 pages or of 100 counts, and {:.2f} s for one "
      "page; --probe measures.",
      times.pages(10), times.pages(1)));
  facts.budgets = plan_budgets(settings.github, known, now, facts.assumptions);
  return make_plan(std::move(facts));
}

crawl_plan probed_plan(const config::settings& settings, plan_facts facts,
                       std::vector<budget_record> known, timestamp now) {
  github_probe probe{settings.github};
  auto width = facts.outline.counts.current();
  estimate(facts.outline, [&](auto& searches) { return probe.ask(searches, width); });
  probe.read_pages(facts.widest);
  facts.outline.times = probe.times();
  facts.matches_from = "(GitHub says so)";
  facts.probe = probe.cost();
  facts.assumptions.push_back(
      "Answers take as long as the last of the probe, and longer where they carry more.");
  update(known, probe.budgets());
  facts.budgets = plan_budgets(settings.github, known, now, facts.assumptions);
  return make_plan(facts, [&](auto& searches) { return probe.recall(searches); });
}

/// The share of all ids that are public repositories, forks too: 35 to 40 % (fact sheet 6, a
/// guess).
constexpr double public_share = 0.375;

int show_census(const config::settings& settings, const plan_options& options, timestamp now) {
  auto& source = *settings.crawl.source.census;
  auto name = source_text(settings.crawl.source);
  auto known = read_ledger(settings, name).budgets;
  std::vector<std::string> assumptions;
  auto points = plan_budgets(settings.github, known, now, assumptions);
  std::vector<forecast_budget> requests;
  if (source.list_first != config::list_mode::never) {
    std::vector<std::string> of_requests;
    requests = plan_budgets(settings.github, known, now, of_requests, resource::core);
    of_requests.push_back(
        fmt::format("{:.1f} % of the ids are public repositories.", 100 * public_share));
    for (auto& x : of_requests)
      if (std::find(assumptions.begin(), assumptions.end(), x) == assumptions.end())
        assumptions.push_back(std::move(x));
  }
  auto ids = static_cast<int64_t>(source.last - source.first + 1);
  auto width = static_cast<int64_t>(settings.github.query_width.page_max);
  auto limits = plan_limits(settings, now);
  response_time times;
  auto plan = [&](int64_t fields) {
    return plan_census(ids, fields, public_share, source.list_first, points, requests, limits,
                       times);
  };
  auto narrow = plan(1);
  auto wide = plan(width);
  if (limits.response_seconds_per_minute > 0)
    assumptions.push_back(fmt::format(
        "GitHub answers a query of {} fields in {:.2f} s, and spends at most {} s a minute "
        "on answers to one user or installation.",
        width, times.pages(static_cast<uint32_t>(width)), limits.response_seconds_per_minute));
  if (options.json) {
    std::fputs(fmt::format("{{\"source\": \"{}\", \"ids\": {}, \"points_at_width_1\": {}, "
                           "\"width\": {}, \"points_at_width\": {}, \"rest_requests_at_width_1\": "
                           "{}, \"rest_requests_at_width\": {}, "
                           "\"response_seconds_at_width\": {:.0f}, \"hours\": {:.2f}, "
                           "\"binding\": \"{}\"}}\n",
                           name, ids, narrow.points, width, wide.points, narrow.requests,
                           wide.requests, wide.response_seconds, wide.hours, wide.binding)
                   .c_str(),
               stdout);
    return exit_complete;
  }
  auto line = [](const census_plan& x) {
    auto text = fmt::format("{} points", thousands(x.points));
    return x.listed ? fmt::format("{} and {} REST requests", text, thousands(x.requests)) : text;
  };
  auto text = fmt::format("Plan: {}\n  {} ids, 100 per field\n  with one field per query: {}\n"
                          "  with {} (query_width.page_max): {}\n"
                          "  {} response-seconds with {}\n"
                          "  {:.1f} hours of all budgets with {}; what binds: the {}\n",
                          name, thousands(ids), line(narrow), width, line(wide),
                          thousands(std::llround(wide.response_seconds)), width, wide.hours, width,
                          wide.binding);
  for (auto& x : assumptions)
    text += fmt::format("  assumed: {}\n", x);
  std::fputs(text.c_str(), stdout);
  return exit_complete;
}

/// Sources that ask for ids need no counts: what they take is arithmetic.
int plan_by_arithmetic(const config::settings& settings, const plan_options& options) {
  auto& source = settings.crawl.source;
  int64_t ids = 0;
  if (source.refresh && store_exists(settings.store)) {
    open_store store{settings.store};
    ids = db::count_known(store.shards, selection(*source.refresh));
  } else if (source.refresh) {
    complain("there is no store yet, so there is nothing to refresh");
    return exit_failed;
  } else if (source.owners) {
    complain("how many repositories owners have is not to be foreseen; it takes a point "
             "per owner and 100 repositories at most");
    return exit_failed;
  } else if (source.metadata) {
    complain("how much repositories have is not to be foreseen; while nothing moves it "
             "takes a query per 100 of them at most");
    return exit_failed;
  } else {
    complain("what was pushed since the last run is not to be foreseen; plan a search "
             "with the same query for the most that it can be");
    return exit_failed;
  }
  auto fields = (ids + ids_per_page - 1) / ids_per_page;
  auto widest = static_cast<int64_t>(settings.github.query_width.page_max);
  auto least = (fields + widest - 1) / widest;
  auto name = source_text(source);
  auto text =
      options.json
          ? fmt::format("{{\"source\": \"{}\", \"ids\": {}, \"points_at_width_1\": {}, "
                        "\"width\": {}, \"points_at_width\": {}}}\n",
                        name, ids, fields, widest, least)
          : fmt::format("Plan: {}\n  {} ids to ask for, 100 per field\n  points: {} with one "
                        "field per query, {} with {} (query_width.page_max)\n",
                        name, thousands(ids), thousands(fields), thousands(least), widest);
  std::fputs(text.c_str(), stdout);
  return exit_complete;
}

} // namespace

int plan_command(const config::settings& settings, const plan_options& options) {
  auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  if (settings.crawl.source.census)
    return show_census(settings, options, now);
  if (!settings.crawl.source.search)
    return plan_by_arithmetic(settings, options);
  auto query = base_query(*settings.crawl.source.search);
  auto top = static_cast<int64_t>(settings.crawl.source.search->top.value_or(0));
  plan_facts facts;
  facts.source = search_source{query, top}.text();
  auto memory = read_ledger(settings, facts.source);
  facts.outline = plan_outline(settings, query, memory.widths);
  facts.outline.query.created.last =
      std::min(facts.outline.query.created.last, now.time_since_epoch().count());
  facts.limits = plan_limits(settings, now);
  facts.widest = settings.github.query_width.page_max;
  facts.prices = settings.crawl.prices;
  find_matches(facts, options, memory);
  for (auto& x : settings.github.credentials)
    if (!x.app && x.token.empty())
      facts.assumptions.push_back(
          x.name + " is not set here: of what kind it is, and what that kind has learned, nobody "
                   "knows.");
  try {
    auto plan = options.probe ? probed_plan(settings, std::move(facts), memory.budgets, now)
                              : guessed_plan(settings, std::move(facts), memory.budgets, now);
    auto text = options.json ? plan_json(plan) + '\n' : plan_text(plan);
    std::fputs(text.c_str(), stdout);
    return exit_complete;
  } catch (const too_few_matches& wrong) {
    auto at = settings.crawl.source.search->top_at;
    complain(config::to_string(config::problem{at, wrong.what()}));
    return exit_bad_config;
  }
}

} // namespace gitstar::tool
