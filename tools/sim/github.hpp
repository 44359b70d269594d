#pragma once

#include "tools/sim/credentials.hpp"
#include "tools/sim/execution.hpp"
#include "tools/sim/faults.hpp"

#include <map>

namespace gitstar::sim {

struct github_config {
  bool limits = true;                 ///< off: as on GitHub Enterprise Server
  unix_seconds window_seconds = 3600; ///< of the primary limit
  credentials_config credentials;     ///< who may ask; empty: everybody
  fault_config faults;
  double metadata_scale = 0; ///< mean number of issues per repository; 0: no metadata
  size_t metadata_bytes = size_t{192} << 20; ///< about how many of them are remembered
  std::string base_url; ///< of links in answers, such as `http://127.0.0.1:8080`
  /// What the simulator takes for the time; tests put theirs here.
  std::function<time_point()> now = std::chrono::system_clock::now;
};

/// What the simulator looks at in an HTTP request.
struct http_request {
  std::string method;
  std::string target;
  std::string authorization;
  std::string user_agent;
  std::string_view body;
  bool next_global_ids = false;
};

/// How an answer is sent where a fault spoils that.
struct delivery {
  enum class manner : uint8_t {
    whole,
    truncated_gzip, ///< half of the compressed body
    drops,          ///< the body in small parts over `duration`
    endless,        ///< the body, then blanks up to `bytes`
    reset_mid_body, ///< half of the body, then the connection is reset
    reset,          ///< the connection is reset at once
    close_after,    ///< whole, then the connection ends without notice
    outage,         ///< reset, and no connection is taken for `duration`
    outage_reset,   ///< reset, and so is every API request for `duration`
  };

  manner how = manner::whole;
  std::chrono::milliseconds delay{0}; ///< before anything is sent
  std::chrono::milliseconds duration{0};
  size_t bytes = 0;
};

/// An HTTP answer. `more`, where it is set, appends the next part of a long body and says whether
/// there may be another.
struct http_answer {
  int status = 200;
  std::string content_type = "application/json; charset=utf-8";
  std::string headers; ///< further header lines, each with its line end
  std::string body;
  std::function<bool(std::string&)> more;
  bool close = false;  ///< the connection ends with this answer
  bool is_api = false; ///< latency, concurrency and response time count for it
  bool is_graphql = false;
  sim::delivery delivery;
  credential* asker = nullptr; ///< of an API request
  bool announces_ban = false;
  std::optional<resource> announces_empty; ///< says that nothing is left of it
  time_point arrived;
};

/// Something that moved while somebody crawled.
struct change {
  int64_t request = 0;   ///< how many API requests had come before or with it since the start
  std::string_view kind; ///< stars, rename, transfer, delete or create
  int64_t repo_id = 0;
  std::string before; ///< a star count or a full name; empty: it was not there
  std::string after;
};

/// What the simulator counted since the last reset.
struct statistics {
  int64_t requests = 0;
  int64_t graphql_requests = 0;
  int64_t rest_requests = 0;
  int64_t points = 0;
  int64_t search_pages = 0;
  int64_t search_counts = 0;
  int64_t repeated_pages = 0;
  int64_t node_lookups = 0;
  int64_t timeouts = 0;
  int64_t resource_limits = 0; ///< queries answered in part
  int64_t rate_limited = 0;    ///< answers that said the primary limit is exceeded
  int64_t unauthorized = 0;
  double response_seconds = 0;
};

/// A GitHub to rehearse against: takes HTTP requests, gives HTTP answers, knows no sockets. Not
/// thread-safe: one thread owns it.
class github {
public:
  github(dataset data, github_config config);

  /// Answers a request. An API request is under way until `sent` is called with the answer.
  http_answer answer(const http_request& request);

  /// The answer has been sent, or cannot be. Takes its body's memory for answers to come.
  void sent(http_answer& answer);

  const dataset& data() const { return data_; }
  const statistics& stats() const { return stats_; }
  void set_base_url(std::string url) { config_.base_url = std::move(url); }

private:
  using page_key = std::pair<std::string, std::string>; ///< query text, cursor

  time_point now() const { return config_.now(); }
  /// What GitHub's own clock says then.
  unix_seconds server_time(time_point at) const {
    return seconds_of(at) + injector_.clock_offset();
  }
  http_answer answer_api(const http_request& request);
  void answer_admitted(const http_request& request, std::string_view path, http_answer& out);
  void answer_unauthorized(bool anonymous, http_answer& out);
  void answer_banned(const limits::admission& admission, http_answer& out);
  void blame(http_answer& out, violation kind) { out.asker->seen.add(kind); }
  void add_common_headers(http_answer& out);
  void add_limit_headers(http_answer& out, resource which);
  void write_limit_headers(http_answer& out, resource which, const primary_window& window);
  std::string secondary_limit_body();
  std::string next_request_id();

  // graphql.cpp
  void answer_graphql(const http_request& request, http_answer& out);
  void run_query(const http_request& request, const plan& plan, const variable_map& variables,
                 http_answer& out);
  const compilation& compiled(const std::string& document, const std::string& operation_name);
  void answer_rate_limited(http_answer& out);
  void answer_timeout(http_answer& out);
  std::string something_went_wrong();
  void record(const execution_result& done);

  // app_tokens.cpp
  void answer_app(const http_request& request, std::string_view path, http_answer& out);
  void answer_installation(const http_request& request, const app_config& app,
                           std::string_view path, http_answer& out);
  void describe_installation(const installation& what, http_answer& out);

  // injection.cpp
  void inject(const fault_rule& fault, http_answer& out);
  void inject_secondary_limit(const fault_rule& fault, http_answer& out);
  void inject_primary_limit(const fault_rule& fault, http_answer& out);
  void spoil(const fault_rule& fault, http_answer& out);
  void change_world(const fault_rule& fault);
  void load_faults(fault_config faults);
  http_answer answer_faults(std::string_view yaml);

  // world.cpp
  void set_stars(row_index row, int32_t stars);
  void rename(row_index row, std::string_view name);
  void transfer(row_index row, std::string_view owner);
  void remove(row_index row);
  void create(std::string_view owner);
  void record_change(std::string_view kind, row_index row, std::string before, std::string after);
  uint64_t next_random();
  row_index random_row();
  std::string random_owner();

  // rest.cpp
  void answer_rest(const http_request& request, std::string_view path, http_answer& out);
  void answer_rate_limit(http_answer& out);
  void answer_listing(std::string_view parameters, http_answer& out);
  void answer_repository(row_index row, http_answer& out);
  void answer_named_repository(std::string_view path, http_answer& out);

  // admin.cpp
  http_answer answer_admin(const http_request& request);
  http_answer answer_truth(std::string_view parameters);
  http_answer answer_stats();
  http_answer answer_pages();
  http_answer answer_changes();
  http_answer answer_mutation(std::string_view body);
  int64_t open_issues(const repository& repo);
  void reset_statistics();

  // metadata_admin.cpp
  http_answer answer_metadata(std::string_view path, std::string_view parameters);
  http_answer answer_metadata_table(std::string_view parameters);
  http_answer answer_metadata_rounds(std::string_view parameters);
  http_answer answer_metadata_addition(std::string_view parameters);

  dataset data_;
  github_config config_;
  search_engine search_;
  metadata metadata_;
  limits limits_;
  credential_registry credentials_;
  fault_injector injector_;
  fault_hits hits_; ///< what happens to the request that is being answered
  std::vector<change> changes_;
  uint64_t random_ = 0; ///< how many random choices were made for changes
  statistics stats_;
  std::map<page_key, int64_t> pages_; ///< how often each search page was answered
  std::unordered_map<std::string, compilation> plans_;
  int64_t request_count_ = 0; ///< API requests since the start
  unix_seconds date_of_ = 0;
  std::string date_;       ///< the Date header of that second
  std::string spare_body_; ///< empty; answers are large, and their memory is worth keeping
};

/// The JSON text of a string.
std::string json_string(std::string_view text);

/// GraphQL's word for an exceeded primary limit, in the spelling before or since December 2025.
std::string primary_limit_body(int64_t user_id, bool new_spelling);

/// An error as REST answers it.
void answer_error(http_answer& out, int status, std::string_view message);

/// Plain text.
http_answer plain_answer(int status, std::string text);

/// What REST answers for a repository that nobody may see, with status 451.
extern const std::string_view blocked_body;

/// An error page as the proxies before GitHub send it.
void answer_page(http_answer& out, int status, std::string_view title);

} // namespace gitstar::sim
