#include "tools/gitstar/report.hpp"

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <stdexcept>

#include <sys/resource.h>

namespace gitstar::tool {

std::string to_json(const run_report& report) {
  namespace json = boost::json;
  auto& totals = report.crawl.totals;
  json::object errors;
  for (auto& [kind, count] : report.bucket.errors)
    errors[kind] = count;
  json::object result{
      {"crawl_id", report.crawl.run.id},
      {"state", report.crawl.run.state},
      {"repositories", totals.seen},
      {"expected", totals.expected},
      {"missing", totals.missing},
      {"duplicates", totals.duplicates},
      {"requests", report.bucket.requests},
      {"points", report.bucket.points},
      {"retries", report.bucket.retries},
      {"errors", std::move(errors)},
      {"partitions", json::object{{"done", totals.done},
                                  {"split", totals.split},
                                  {"incomplete", totals.incomplete + totals.dead}}},
      {"wall_seconds", report.wall_seconds},
      {"cpu_seconds", report.cpu_seconds},
      {"peak_rss_bytes", report.peak_rss_bytes},
  };
  if (report.bucket.listings > 0)
    result["rest_requests"] = report.bucket.listings;
  if (auto& items = report.items; items != net::item_totals{})
    result["metadata"] = json::object{{"read", items.read},
                                      {"inserted", items.inserted},
                                      {"updated", items.updated},
                                      {"gone", items.gone}};
  if (!report.staleness.empty()) {
    json::object staleness;
    for (auto& x : report.staleness)
      staleness[std::to_string(std::lround(100 * x.fraction))] = x.seconds;
    result["staleness_seconds"] = std::move(staleness);
  }
  return json::serialize(result);
}

namespace {

std::string unfinished_report(const std::string& file) { return file + ".part"; }

} // namespace

bool can_write_report(const std::string& file) {
  auto unfinished = unfinished_report(file);
  auto can = std::ofstream{unfinished}.good();
  std::remove(unfinished.c_str());
  return can;
}

void write_report(const run_report& report, const std::string& file) {
  auto unfinished = unfinished_report(file);
  std::ofstream out{unfinished};
  out << to_json(report) << '\n';
  out.close();
  if (!out || std::rename(unfinished.c_str(), file.c_str()) != 0)
    throw std::runtime_error("cannot write the report " + file);
}

void measure_process(run_report& report) {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  auto seconds = [](const timeval& x) {
    return static_cast<double>(x.tv_sec) + static_cast<double>(x.tv_usec) / 1e6;
  };
  report.cpu_seconds = seconds(usage.ru_utime) + seconds(usage.ru_stime);
  report.peak_rss_bytes = int64_t{usage.ru_maxrss} * 1024;
}

} // namespace gitstar::tool
