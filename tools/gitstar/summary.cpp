#include "tools/gitstar/summary.hpp"

#include "messages/time_text.hpp"
#include "tools/gitstar/text.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace gitstar::tool {

namespace {

std::string or_none(const std::string& language) { return language.empty() ? "(none)" : language; }

std::string ranking(const db::repository_summary& stored) {
  std::string result = "Most starred\n";
  for (auto& x : stored.most_starred)
    result += fmt::format("  {:>9}  {:<44} {}\n", thousands(x.star_count), x.full_name,
                          or_none(x.language));
  return result;
}

std::string languages(const db::repository_summary& stored) {
  std::string result = "Languages\n";
  auto most = stored.languages.empty() ? 1 : std::max<int64_t>(stored.languages[0].repositories, 1);
  for (auto& x : stored.languages)
    result += fmt::format("  {:>9}  {:<18} {}\n", thousands(x.repositories), or_none(x.language),
                          std::string(static_cast<size_t>(30 * x.repositories / most), '#'));
  return result;
}

std::string quantiles(const db::repository_summary& stored) {
  std::string result = "Stars: ";
  for (auto& x : stored.stars)
    result += x.fraction >= 1 ? fmt::format("most {}", thousands(x.star_count))
                              : fmt::format("{:.0f} % have at most {}, ", 100 * x.fraction,
                                            thousands(x.star_count));
  return result + '\n';
}

std::string cost(const run_report& report) {
  auto& bucket = report.bucket;
  auto result = fmt::format("Spent: {} requests, {} points, {:.1f} s, {:.1f} s CPU, {} MB memory",
                            thousands(static_cast<int64_t>(bucket.requests)),
                            thousands(static_cast<int64_t>(bucket.points)), report.wall_seconds,
                            report.cpu_seconds, report.peak_rss_bytes / 1'000'000);
  if (bucket.listings > 0)
    result +=
        fmt::format(", {} requests of REST", thousands(static_cast<int64_t>(bucket.listings)));
  for (auto& [kind, count] : bucket.errors)
    result += fmt::format(", {} {}", count, kind);
  return result + '\n';
}

std::string staleness(const run_report& report) {
  std::string result = "Last read:";
  for (auto& x : report.staleness)
    result +=
        fmt::format(" {:.0f} % at most {} ago{}", 100 * x.fraction,
                    duration_text(std::chrono::seconds{x.seconds}), x.fraction < 1 ? "," : "\n");
  return result;
}

std::string metadata(const net::item_totals& items) {
  return fmt::format("Metadata: {} elements read, {} new, {} changed, {} gone\n",
                     thousands(items.read), thousands(items.inserted), thousands(items.updated),
                     thousands(items.gone));
}

} // namespace

std::string certificate_text(const crawl& run, const certificate& totals) {
  auto result =
      fmt::format("Certificate of crawl {}: {}\n  expected {}, seen {}, missing {}, "
                  "repeated by pages {}\n  partitions: {} done, {} split, {} incomplete, "
                  "{} dead, {} open\n",
                  run.id, run.state, thousands(totals.expected), thousands(totals.seen),
                  thousands(totals.missing), thousands(totals.duplicates), thousands(totals.done),
                  thousands(totals.split), thousands(totals.incomplete), thousands(totals.dead),
                  thousands(totals.open));
  if (run.threshold >= 0 && run.state == "complete")
    result += fmt::format("  it holds every repository with at least {} stars\n",
                          thousands(run.threshold));
  return result;
}

std::string summary_text(const run_report& report, const db::repository_summary& stored,
                         const std::string& psql) {
  std::string result;
  if (!stored.most_starred.empty())
    result += ranking(stored) + '\n' + languages(stored) + '\n' + quantiles(stored);
  result += cost(report);
  if (report.items != net::item_totals{})
    result += metadata(report.items);
  result += certificate_text(report.crawl.run, report.crawl.totals);
  if (!report.staleness.empty())
    result += staleness(report);
  if (!psql.empty())
    result += "Look around: " + psql + '\n';
  return result;
}

} // namespace gitstar::tool
