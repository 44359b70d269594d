#pragma once

#include "tools/sim/execution.hpp"
#include "tools/sim/limits.hpp"

#include <map>
#include <set>

namespace gitstar::sim {

struct github_config {
  bool limits = true;           ///< off: as on GitHub Enterprise Server
  std::set<std::string> tokens; ///< the tokens that are accepted; empty: all
  std::string base_url;         ///< of links in answers, such as `http://127.0.0.1:8080`
  /// What the simulator takes for the time; tests put theirs here.
  std::function<std::chrono::system_clock::time_point()> now = std::chrono::system_clock::now;
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
  std::string credential;
  std::chrono::system_clock::time_point arrived;
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
  limits& limiter() { return limits_; }
  void set_base_url(std::string url) { config_.base_url = std::move(url); }

private:
  using page_key = std::pair<std::string, std::string>; ///< query text, cursor

  unix_seconds now() const;
  http_answer answer_api(const http_request& request);
  std::optional<http_answer> refuse(const http_request& request, http_answer& out);
  void add_common_headers(http_answer& out);
  void add_limit_headers(http_answer& out, resource which);
  std::string next_request_id();

  // graphql.cpp
  void answer_graphql(const http_request& request, http_answer& out);
  void run_query(const http_request& request, const plan& plan, const variable_map& variables,
                 http_answer& out);
  const compilation& compiled(const std::string& document, const std::string& operation_name);
  void answer_rate_limited(http_answer& out);
  void answer_timeout(http_answer& out);
  void record(const execution_result& done);
  model_time budget_of(const std::string& credential) const;

  // rest.cpp
  void answer_rest(const http_request& request, http_answer& out);
  void answer_rate_limit(http_answer& out);
  void answer_listing(std::string_view parameters, http_answer& out);
  void answer_repository(row_index row, http_answer& out);
  void answer_named_repository(std::string_view path, http_answer& out);

  // admin.cpp
  http_answer answer_admin(const http_request& request);
  http_answer answer_truth(std::string_view parameters);
  http_answer answer_stats();
  http_answer answer_pages();
  http_answer answer_mutation(std::string_view body);

  dataset data_;
  github_config config_;
  search_engine search_;
  limits limits_;
  statistics stats_;
  std::map<page_key, int64_t> pages_; ///< how often each search page was answered
  std::unordered_map<std::string, compilation> plans_;
  uint64_t request_count_ = 0;
  std::string spare_body_; ///< empty; answers are large, and their memory is worth keeping
};

/// The JSON text of a string.
std::string json_string(std::string_view text);

} // namespace gitstar::sim
