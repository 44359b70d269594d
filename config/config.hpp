/// What a config file says. One struct per YAML section; its members are the section's keys and
/// its initializers their defaults. `reference.yaml` shows all of it with a sentence per key.
#pragma once

#include "config/partitioning.hpp"
#include "config/secret.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace gitstar::config {

using milliseconds = std::chrono::milliseconds;

/// Where in a config file something stands, so that errors found later can name the place.
struct location {
  std::string file;
  int line = 0;      ///< from 1; 0 where only the file is known
  int column = 0;    ///< from 1
  std::string key{}; ///< path such as `crawl.source.search.top`; empty for the file as a whole
};

/// `file:line:column: key`, without the parts that are not known.
std::string to_string(const location& at);

/// What is wrong with a config: where, and what was expected and found.
struct problem {
  location at;
  std::string message;
};

/// The one line for the user: `file:line:column: key: message`. Never holds a secret.
std::string to_string(const problem& what);

/// A TCP address to listen on.
struct endpoint {
  std::string host;
  uint16_t port = 0; ///< 0: the system picks one
  bool operator==(const endpoint&) const = default;
};

/// `host:port`, with brackets around an IPv6 address.
std::string to_string(const endpoint& address);

// -- crawl --------------------------------------------------------------------

/// `crawl.source.search`: the repositories that one search text matches.
struct search_source {
  std::string query;           ///< at most 100 characters; no `sort:` or `fork:`
  std::optional<uint64_t> top; ///< only so many, those with the most stars; unset: all matches
  bool include_forks = false;  ///< GitHub leaves forks out unless asked
  location top_at;             ///< of `top`, or of the search where `top` is not set
};

/// Whether ids are listed by REST before they are asked for.
enum class list_mode : uint8_t {
  never,     ///< `false`
  always,    ///< `true`
  automatic, ///< `auto`: where that spends less
};

/// `crawl.source.census`: all repositories with an id of a range.
struct census_source {
  uint64_t first = 1; ///< database id
  uint64_t last = 0;  ///< database id, inclusive; required
  list_mode list_first = list_mode::never;
};

/// `crawl.source.refresh`: repositories that are in the store, read again.
struct refresh_source {
  std::chrono::seconds older_than{0}; ///< read last at least so long ago
  std::optional<uint64_t> limit;      ///< at most so many; unset: all
  std::string query = "stars:>=0";    ///< which: a range of stars
};

/// `crawl.source.incremental`: what was pushed to since the last run.
struct incremental_source {
  std::chrono::sys_seconds since; ///< of the first run; required
  std::string query = "stars:>=0";
  bool include_forks = false;
  milliseconds overlap{3'600'000}; ///< of one run with the one before
};

/// `crawl.source.owners`: all repositories of users and organizations.
struct owners_source {
  std::vector<std::string> logins; ///< required
  bool include_forks = true;
};

/// `crawl.source.metadata.caps`: how much is read of one list at most; unset: all.
struct metadata_caps {
  std::optional<uint64_t> items;    ///< of one of a repository's own lists, what moved last first
  std::optional<uint64_t> children; ///< of a list of one issue, pull request or review
};

/// Whose comments are read.
enum class comments_of : uint8_t { all, issues, pull_requests };

/// `crawl.source.metadata.depth`: what is read beside the lists themselves.
struct metadata_depth {
  comments_of comments = comments_of::all; ///< the conversations
  bool open_checks = true; ///< checks of open pull requests each time: they move without these
};

/// `crawl.source.metadata`: issues, pull requests and what hangs on them, of repositories that are
/// in the store.
struct metadata_source {
  std::vector<std::string> kinds;                ///< required; tables of metadata
  std::optional<std::chrono::sys_seconds> since; ///< leave out what has not moved since; unset: all
  std::string query = "star_count >= 0";         ///< which repositories: a condition in SQL
  metadata_caps caps;
  metadata_depth depth;
};

/// Exactly one of them.
struct source_section {
  std::optional<search_source> search;
  std::optional<census_source> census;
  std::optional<refresh_source> refresh;
  std::optional<incremental_source> incremental;
  std::optional<owners_source> owners;
  std::optional<metadata_source> metadata;
};

/// `crawl.prices`: what `gitstar plan` reckons the machines with. What is not set is not shown.
struct prices_section {
  std::string currency = "EUR";
  std::optional<double> machine_hour;     ///< of the machine that crawler and PostgreSQL run on
  std::optional<double> storage_gb_month; ///< of the database; a GB is 10^9 bytes
};

struct crawl_section {
  std::string name; ///< required; 1 to 63 characters of a-z, 0-9 and -
  source_section source;
  uint32_t fetchers = 8;     ///< fetcher actors
  double completeness = 1.0; ///< share of the expected repositories; below it the exit code is 3
  prices_section prices;
};

// -- github -------------------------------------------------------------------

/// What GitHub's limits and resource limits depend on. Told by the form of the token, never by its
/// length (fact sheet 0 and 1).
enum class credential_kind : uint8_t {
  unknown,      ///< for example a token of an old GitHub Enterprise Server
  classic,      ///< `ghp_...`: personal access token (classic)
  fine_grained, ///< `github_pat_...`: fine-grained personal access token
  oauth,        ///< `gho_...`
  user_app,     ///< `ghu_...`: a user's token for a GitHub App
  installation, ///< `ghs_...`, or minted for `app`
};
std::string to_string(credential_kind kind);

/// A GitHub App installation, whose tokens we mint ourselves (fact sheet 8).
struct app_installation {
  std::string id; ///< the App's id or client id: `iss` of the JWT
  int64_t installation = 0;
  secret private_key; ///< PEM; `read_rsa_key` reads it
};

/// A part of every day, UTC, `HH:MM-HH:MM`; it may reach over midnight.
struct daily_span {
  std::chrono::minutes from{0}; ///< since midnight, inclusive
  std::chrono::minutes to{0};   ///< exclusive
  bool operator==(const daily_span&) const = default;
};

/// Exactly one of `token` and `app`.
struct credential {
  std::string name; ///< unless set `token-1`, `app-2`, ...: what logs, metrics and the ledger say
  secret token;
  std::optional<app_installation> app{};
  credential_kind kind = credential_kind::unknown; ///< not a key
  std::optional<double> reserve{};                 ///< unset: `limits.reserve`
  std::optional<uint64_t> daily_points{};  ///< at most so many points per UTC day; unset: no cap
  std::optional<daily_span> quiet_hours{}; ///< no query is sent then; unset: never quiet
  location at{};
};

/// What the crawler leaves itself of GitHub's limits (docs: "Rate limits and query limits for the
/// GraphQL API").
struct limits_section {
  double reserve = 0.02;                     ///< share of the points per window never spent
  uint32_t points_per_minute = 2000;         ///< secondary limit of the GraphQL endpoint
  uint32_t concurrent_requests = 100;        ///< secondary limit of one user or installation
  uint32_t response_seconds_per_minute = 60; ///< server time per minute; 0: no such limit
};

/// How many 100-item fields one query carries: where learning begins and where it ends.
struct query_width_section {
  uint32_t page_start = 1;
  uint32_t page_max = 10;
  uint32_t count_start = 50;
  uint32_t count_max = 100;
};

/// The circuit breaker of the API host.
struct breaker_section {
  uint32_t failures = 5;         ///< in a row open it
  milliseconds recovery{60'000}; ///< until a trial request may close it
};

enum class gzip_mode : uint8_t {
  automatic, ///< `auto`: ask for compressed answers unless the host is this machine
  always,
  never,
};

enum class proxy_mode : uint8_t {
  environment, ///< HTTPS_PROXY, HTTP_PROXY and NO_PROXY
  none,
};

struct http_section {
  milliseconds connect_timeout{10'000}; ///< name lookup, TCP, proxy and TLS together
  milliseconds write_timeout{10'000};   ///< without progress
  milliseconds read_timeout{15'000};    ///< without progress
  milliseconds total_timeout{30'000};   ///< one request, from start to end
  uint64_t max_header_bytes = 64 << 10;
  uint64_t max_body_bytes = 64 << 20; ///< after decompression
  gzip_mode gzip = gzip_mode::automatic;
  std::optional<std::filesystem::path> ca_file; ///< PEM; unset: the system's certificates
  proxy_mode proxy = proxy_mode::environment;
};

/// Retries of one piece of work: doubling, jittered delays.
struct retries_section {
  milliseconds first_delay{1'000};
  milliseconds max_delay{60'000};
  uint32_t max_attempts = 8; ///< then the work is a dead letter
};

struct github_section {
  std::string graphql_url = "https://api.github.com/graphql";
  std::string rest_url = "https://api.github.com";
  std::vector<credential> credentials; ///< required; 1 to 1,000
  limits_section limits;
  query_width_section query_width;
  breaker_section breaker;
  http_section http;
  retries_section retries;
};

// -- store --------------------------------------------------------------------

struct store_section {
  /// `embedded` (a private server under `data_dir`), or libpq connection strings or URIs: one, or
  /// one for each shard. The first also holds the ledger.
  std::vector<secret> postgres{secret{"embedded"}};
  /// Replicas of those servers, for commands that only read.
  std::optional<std::vector<secret>> read_from;
  config::partitioning partitioning; ///< fixed when a store is made
  location partitioning_at;
  std::filesystem::path data_dir = "var/postgres"; ///< relative to the current directory
  uint32_t writers = 2;
  uint32_t batch_rows = 2000;   ///< a writer commits at so many rows,
  milliseconds batch_delay{10}; ///< or after so long, whichever is first

  bool embedded() const { return postgres.front().reveal() == "embedded"; }
};

// -- cluster ------------------------------------------------------------------

/// `cluster.tls`: mutual TLS between nodes. Files in PEM.
struct cluster_tls {
  std::filesystem::path ca;          ///< whoever shows a certificate of this CA belongs to us
  std::filesystem::path certificate; ///< this node's
  std::filesystem::path key;         ///< its private key, without a passphrase
};

struct cluster_section {
  std::optional<std::string> worker; ///< a worker's name in logs; unset: host and process id
  std::optional<endpoint> listen;    ///< where a coordinator waits for workers; unset: nowhere
  std::vector<endpoint> join;        ///< the coordinators that a worker may find, leader or standby
  std::optional<cluster_tls> tls;
  milliseconds heartbeat{500};        ///< between two signs of life, of workers and of the leader
  milliseconds lost_after{3'000};     ///< a worker or coordinator silent for so long is gone
  milliseconds takeover_after{6'000}; ///< a leader silent for so long is replaced by a standby
  location at{};
};

// -- telemetry ----------------------------------------------------------------

enum class log_level : uint8_t { trace, debug, info, warning, error };

struct telemetry_section {
  std::optional<endpoint> listen = endpoint{"127.0.0.1", 9464}; ///< unset (`""`): no metrics server
  log_level level = log_level::info;                            ///< key `log_level`
  milliseconds progress_interval{10'000}; ///< between progress lines where there is no terminal
};

// -- all of it ----------------------------------------------------------------

struct settings {
  crawl_section crawl;
  github_section github;
  store_section store;
  cluster_section cluster;
  telemetry_section telemetry;
};

using result = std::variant<settings, problem>;

/// Looks a variable up; nothing where it is not set.
using environment = std::function<std::optional<std::string>(const std::string& name)>;

/// The variables of this process.
environment process_environment();

/// Whether a token must be there. Commands that only look at the store run without one.
enum class tokens : uint8_t {
  needed,
  unused, ///< tokens are left empty: no variable and no file is read for them
};

/// Reads the config in `text`; `file` is its name in errors. In every value `${NAME}` stands for a
/// variable of the environment and `${NAME:-text}` for one that may be unset or empty; in `token`,
/// `private_key`, `postgres` and `read_from`, `file:PATH` stands for the content of a file,
/// relative to the current directory.
result parse(const std::string& text, const std::string& file, const environment& env,
             tokens use = tokens::needed);

/// `parse` of a file's content.
result load(const std::filesystem::path& file, const environment& env = process_environment(),
            tokens use = tokens::needed);

// -- what keys there are ------------------------------------------------------

enum class value_kind : uint8_t {
  text,
  text_or_number,
  integer,
  fraction,
  boolean,
  duration,
  size,
  choice,
  choice_or_mapping,
  secret,
  secrets ///< one or a list
};

/// One key that the parser knows. Tests compare the list with the reference and the schema.
struct key_info {
  std::string path; ///< `github.limits.reserve`; an element of a list is `[]`
  value_kind kind = value_kind::text;
  std::optional<std::string> value; ///< as YAML writes it; nothing where unset or secret
  bool required = false;
  std::optional<double> minimum; ///< inclusive; of integers and fractions
  std::optional<double> maximum; ///< inclusive
  std::vector<std::string> choices;
};

/// Every key with its value in `of`; for default-constructed settings these are the defaults.
std::vector<key_info> list_keys(settings of = {});

} // namespace gitstar::config
