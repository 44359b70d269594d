/// Internal to config/: every key of every section, once. A visitor reads them (`yaml_reader`),
/// lists them or collects their names. It offers
///   value(name, member, rule, presence)   one value
///   section(name, member)                 a nested mapping
///   section(name, optional member)         one that may be left out
///   elements(name, vector, most)          a list of 1 to `most` mappings
///   texts(name, vector, rule)             a list of values, or a file of them
///   locate(name, location)                where `name` stands in the file
///   check(name, holds, message)           a condition on values read before
///   require(holds, message)               one on the mapping as a whole
#pragma once

#include "config/authority.hpp"
#include "config/rules.hpp"

#include <limits>

namespace gitstar::config {

enum class presence : uint8_t {
  optional,
  required,
  alternative, ///< required, unless its alternative is there: the mapping checks that
};

/// GitHub's own limit is 100; a GitHub Enterprise Server may allow more.
constexpr uint64_t most_concurrent_requests = 1'000;

constexpr size_t most_credentials = 1'000;

/// Far beyond GitHub's newest repository (1.4 billion in 2026).
constexpr uint64_t most_repository_id = 1'000'000'000'000;

constexpr size_t most_servers = 64;

constexpr uint64_t most_database_id = std::numeric_limits<int64_t>::max();

template <class Visitor>
void describe(Visitor& v, search_source& x) {
  v.value("query", x.query, search_text{}, presence::required);
  v.value("top", x.top, whole_number{1, 1'000'000'000});
  v.value("include_forks", x.include_forks, yes_or_no{});
  v.locate("top", x.top_at);
}

template <class Visitor>
void describe(Visitor& v, census_source& x) {
  v.value("first", x.first, whole_number{1, most_repository_id});
  v.value("last", x.last, whole_number{1, most_repository_id}, presence::required);
  v.value("list_first", x.list_first,
          one_of<list_mode>{{{"false", list_mode::never},
                             {"true", list_mode::always},
                             {"auto", list_mode::automatic}}});
  v.check("last", x.first <= x.last, "must not be below first");
}

template <class Visitor>
void describe(Visitor& v, refresh_source& x) {
  v.value("older_than", x.older_than, age{});
  v.value("limit", x.limit, whole_number{1, 1'000'000'000});
  v.value("query", x.query, star_range{});
}

template <class Visitor>
void describe(Visitor& v, incremental_source& x) {
  v.value("since", x.since, moment{}, presence::required);
  v.value("query", x.query, search_text{70});
  v.value("include_forks", x.include_forks, yes_or_no{});
  v.value("overlap", x.overlap, time_span{milliseconds{0}});
}

template <class Visitor>
void describe(Visitor& v, owners_source& x) {
  v.texts("logins", x.logins, login{});
  v.value("include_forks", x.include_forks, yes_or_no{});
}

template <class Visitor>
void describe(Visitor& v, metadata_caps& x) {
  v.value("items", x.items, whole_number{1, 1'000'000'000});
  v.value("children", x.children, whole_number{1, 1'000'000'000});
}

template <class Visitor>
void describe(Visitor& v, metadata_depth& x) {
  v.value("comments", x.comments,
          one_of<comments_of>{{{"all", comments_of::all},
                               {"issues", comments_of::issues},
                               {"pull_requests", comments_of::pull_requests}}});
  v.value("open_checks", x.open_checks, yes_or_no{});
}

template <class Visitor>
void describe(Visitor& v, metadata_source& x) {
  v.texts("kinds", x.kinds, kind_name{});
  v.value("since", x.since, moment{});
  v.value("query", x.query, sql_condition{});
  v.section("caps", x.caps);
  v.section("depth", x.depth);
  v.check("kinds", kinds_fit(x),
          "has a kind without any that it hangs on, such as reviews without pull_requests");
}

template <class Visitor>
void describe(Visitor& v, source_section& x) {
  v.section("search", x.search, presence::alternative);
  v.section("census", x.census, presence::alternative);
  v.section("refresh", x.refresh, presence::alternative);
  v.section("incremental", x.incremental, presence::alternative);
  v.section("owners", x.owners, presence::alternative);
  v.section("metadata", x.metadata, presence::alternative);
  auto given = x.search.has_value() + x.census.has_value() + x.refresh.has_value() +
               x.incremental.has_value() + x.owners.has_value() + x.metadata.has_value();
  v.require(
      given == 1,
      "expected exactly one source: search, census, refresh, incremental, owners or metadata");
}

template <class Visitor>
void describe(Visitor& v, prices_section& x) {
  v.value("currency", x.currency, currency_code{});
  v.value("machine_hour", x.machine_hour, price{});
  v.value("storage_gb_month", x.storage_gb_month, price{});
}

template <class Visitor>
void describe(Visitor& v, crawl_section& x) {
  v.value("name", x.name, plain_name{}, presence::required);
  v.section("source", x.source);
  v.value("fetchers", x.fetchers, whole_number{1, 100});
  v.value("completeness", x.completeness, share{});
  v.section("prices", x.prices);
}

template <class Visitor>
void describe(Visitor& v, app_installation& x) {
  v.value("id", x.id, app_id{}, presence::required);
  v.value("installation", x.installation, whole_number{1, most_database_id}, presence::required);
  v.value("private_key", x.private_key, private_key_text(), presence::required);
}

template <class Visitor>
void describe(Visitor& v, credential& x) {
  v.value("token", x.token, token_text(), presence::alternative);
  v.section("app", x.app, presence::alternative);
  auto name = x.name.empty() ? std::optional<std::string>{} : x.name;
  v.value("name", name, plain_name{});
  x.name = name.value_or("");
  v.value("reserve", x.reserve, share{});
  v.value("daily_points", x.daily_points, whole_number{1, 1'000'000'000});
  v.value("quiet_hours", x.quiet_hours, daily_hours{});
}

template <class Visitor>
void describe(Visitor& v, limits_section& x) {
  v.value("reserve", x.reserve, share{});
  v.value("points_per_minute", x.points_per_minute, whole_number{1, 1'000'000});
  v.value("concurrent_requests", x.concurrent_requests, whole_number{1, most_concurrent_requests});
  v.value("response_seconds_per_minute", x.response_seconds_per_minute, whole_number{0, 100'000});
}

template <class Visitor>
void describe(Visitor& v, query_width_section& x) {
  v.value("page_start", x.page_start, whole_number{1, 100});
  v.value("page_max", x.page_max, whole_number{1, 100});
  v.value("count_start", x.count_start, whole_number{1, 100});
  v.value("count_max", x.count_max, whole_number{1, 100});
  v.check("page_max", x.page_start <= x.page_max, "must not be below page_start");
  v.check("count_max", x.count_start <= x.count_max, "must not be below count_start");
}

template <class Visitor>
void describe(Visitor& v, breaker_section& x) {
  v.value("failures", x.failures, whole_number{1, 1'000});
  v.value("recovery", x.recovery, time_span{});
}

template <class Visitor>
void describe(Visitor& v, http_section& x) {
  v.value("connect_timeout", x.connect_timeout, time_span{});
  v.value("write_timeout", x.write_timeout, time_span{});
  v.value("read_timeout", x.read_timeout, time_span{});
  v.value("total_timeout", x.total_timeout, time_span{});
  v.value("max_header_bytes", x.max_header_bytes, byte_size{});
  v.value("max_body_bytes", x.max_body_bytes, byte_size{});
  v.value("gzip", x.gzip,
          one_of<gzip_mode>{{{"auto", gzip_mode::automatic},
                             {"always", gzip_mode::always},
                             {"never", gzip_mode::never}}});
  v.value("ca_file", x.ca_file, file_path{});
  v.value(
      "proxy", x.proxy,
      one_of<proxy_mode>{{{"environment", proxy_mode::environment}, {"none", proxy_mode::none}}});
}

template <class Visitor>
void describe(Visitor& v, retries_section& x) {
  v.value("first_delay", x.first_delay, time_span{});
  v.value("max_delay", x.max_delay, time_span{});
  v.value("max_attempts", x.max_attempts, whole_number{1, 1'000});
  v.check("max_delay", x.first_delay <= x.max_delay, "must not be below first_delay");
}

template <class Visitor>
void describe(Visitor& v, github_section& x) {
  v.value("graphql_url", x.graphql_url, web_address{});
  v.value("rest_url", x.rest_url, web_address{});
  v.elements("credentials", x.credentials, most_credentials);
  v.section("limits", x.limits);
  v.section("query_width", x.query_width);
  v.section("breaker", x.breaker);
  v.section("http", x.http);
  v.section("retries", x.retries);
}

/// What `store.partitioning` is where it is a mapping.
struct partitioning_mapping {
  std::optional<uint64_t> hash;
  std::optional<uint64_t> range;
};

// A statement is planned for all parts each time: many make small batches slow.
template <class Visitor>
void describe(Visitor& v, partitioning_mapping& x) {
  v.value("hash", x.hash, whole_number{2, 1'024});
  v.value("range", x.range, whole_number{100'000, 1'000'000'000'000});
}

template <class Visitor>
void describe(Visitor& v, store_section& x) {
  v.value("postgres", x.postgres, servers());
  v.value("read_from", x.read_from, replicas());
  v.value("partitioning", x.partitioning, partitioning_choice{});
  v.locate("partitioning", x.partitioning_at);
  v.value("data_dir", x.data_dir, file_path{});
  v.value("writers", x.writers, whole_number{1, 8});
  v.value("batch_rows", x.batch_rows, whole_number{1, 100'000});
  v.value("batch_delay", x.batch_delay, time_span{milliseconds{0}});
}

template <class Visitor>
void describe(Visitor& v, cluster_tls& x) {
  v.value("ca", x.ca, file_path{}, presence::required);
  v.value("certificate", x.certificate, file_path{}, presence::required);
  v.value("key", x.key, file_path{}, presence::required);
}

template <class Visitor>
void describe(Visitor& v, cluster_section& x) {
  v.value("worker", x.worker, plain_name{});
  v.value("listen", x.listen, listen_address{});
  v.value("join", x.join, node_addresses{});
  v.section("tls", x.tls, presence::alternative);
  v.value("heartbeat", x.heartbeat, time_span{milliseconds{10}});
  v.value("lost_after", x.lost_after, time_span{milliseconds{50}});
  v.value("takeover_after", x.takeover_after, time_span{milliseconds{100}});
  // CAF lets whoever is connected spawn actors.
  v.check("listen", !x.listen || x.tls || is_loopback(x.listen->host),
          "must be an address of this machine alone, such as 127.0.0.1, unless cluster.tls is set");
  v.check("lost_after", 3 * x.heartbeat <= x.lost_after, "must be at least three heartbeats");
  // A leader that wakes up late must not find a worker that still listens to it.
  v.check("takeover_after", x.lost_after < x.takeover_after, "must be above lost_after");
}

template <class Visitor>
void describe(Visitor& v, telemetry_section& x) {
  v.value("listen", x.listen, listen_address{});
  v.value("log_level", x.level,
          one_of<log_level>{{{"trace", log_level::trace},
                             {"debug", log_level::debug},
                             {"info", log_level::info},
                             {"warning", log_level::warning},
                             {"error", log_level::error}}});
  v.value("progress_interval", x.progress_interval, time_span{milliseconds{100}});
}

template <class Visitor>
void describe(Visitor& v, settings& x) {
  v.section("crawl", x.crawl);
  v.section("github", x.github);
  v.section("store", x.store);
  v.section("cluster", x.cluster);
  v.locate("cluster", x.cluster.at);
  v.section("telemetry", x.telemetry);
}

} // namespace gitstar::config
