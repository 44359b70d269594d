#include "net/github_client.hpp"

#include "config/header_text.hpp"
#include "net/classify.hpp"
#include "net/installation_tokens.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace gitstar::net {

namespace asio = boost::asio;

namespace {

/// Octokit mints one token at a time; a few more do not hold a big crawl up.
constexpr uint32_t most_mints_at_once = 4;

api_response refusal(outcome result, std::string message) {
  api_response response;
  response.result = result;
  response.message = std::move(message);
  return response;
}

/// The path of a URL that others are appended to.
std::string base_path(const url& root) {
  auto path = root.target;
  path.erase(path.find_last_not_of('/') + 1);
  return path;
}

} // namespace

class github_client::worker {
public:
  explicit worker(github_client_options options)
      : options_(std::move(options)), endpoint_(parse_url(options_.graphql_url)),
        time_(options_.time ? options_.time : system_clock(context_)),
        client_(context_, endpoint_, options_.http) {
    for (const auto& [name, token] : options_.tokens)
      add_token(name, token);
    if (!options_.apps.empty())
      add_apps();
    thread_ = std::thread{[this] {
      context_.run();
      std::lock_guard lock{mutex_};
      ran_ = true;
      idle_.notify_all();
    }};
  }

  ~worker() { stop(); }

  void query(api_request request, callback on_answer) {
    auto job = std::make_shared<errand>();
    job->request = std::move(request);
    job->on_answer = std::move(on_answer);
    start(job);
  }

  void document(const std::string& credential, const std::string& text, callback on_answer) {
    auto job = std::make_shared<errand>();
    job->request.credential = credential;
    job->document = text;
    job->on_answer = std::move(on_answer);
    start(job);
  }

  void stop() {
    stop([this](auto& lock, auto done) { return idle_.wait(lock, done), true; });
  }

  bool stop(std::chrono::milliseconds patience) {
    auto until = std::chrono::steady_clock::now() + patience;
    return stop([&](auto& lock, auto done) { return idle_.wait_until(lock, until, done); });
  }

private:
  /// One query, from `async_query` to its callback.
  struct errand {
    api_request request;
    std::string document; ///< sent instead of the request's own
    callback on_answer;
    token_source* source = nullptr;
    token_trial trial;
    field_set without; ///< as it was sent
  };
  using errand_ptr = std::shared_ptr<errand>;

  void add_token(const std::string& name, const std::string& token) {
    if (token.empty() || !config::fits_into_header(token))
      throw std::runtime_error{"the token of " + name +
                               " is empty or has a character that no token has"};
    secrets_.add(token);
    sources_.emplace(name, std::make_unique<fixed_token>(token));
  }

  void add_apps() {
    auto root = parse_url(options_.rest_url);
    auto http = options_.http;
    http.proxy = options_.rest_proxy;
    http.max_connections = most_mints_at_once;
    rest_.emplace(context_, root, http);
    for (const auto& [name, app] : options_.apps)
      sources_.emplace(name,
                       std::make_unique<installation_tokens>(
                           installation_options{name, app, base_path(root), options_.user_agent},
                           *rest_, *time_, secrets_));
  }

  void start(const errand_ptr& job) {
    auto source = sources_.find(job->request.credential);
    if (source == sources_.end())
      return job->on_answer(
          refusal(outcome::unauthorized, "no credential is called " + job->request.credential));
    if (!begin())
      return job->on_answer(refusal(outcome::network, "stopped"));
    job->source = source->second.get();
    asio::post(context_, [this, job] { send(job); });
  }

  /// `wait(lock, done)` says whether `done` came to hold.
  template <class Wait>
  bool stop(Wait wait) {
    {
      std::unique_lock lock{mutex_};
      stopped_ = true;
      client_.stop();
      if (rest_)
        rest_->stop();
      if (listing_)
        listing_->stop();
      asio::post(context_, [this] { time_->stop(); });
      if (!wait(lock, [this] { return pending_ == 0; }))
        return false;
      work_.reset();
      if (!wait(lock, [this] { return ran_; }))
        return false;
    }
    if (thread_.joinable())
      thread_.join();
    return true;
  }

  /// Counts a query in; false after `stop`.
  bool begin() {
    std::lock_guard lock{mutex_};
    pending_ += stopped_ ? 0 : 1;
    return !stopped_;
  }

  void end() {
    std::lock_guard lock{mutex_};
    if (--pending_ == 0)
      idle_.notify_all();
  }

  void send(const errand_ptr& job) {
    job->source->async_token([this, job](token_answer got) {
      if (got.token.empty())
        return finish(job, std::move(got.refusal));
      job->trial.token = std::move(got.token);
      job->trial.sent_at = time_->now();
      job->without = refused_;
      auto is_listing = job->request.shape == query_shape::id_list;
      auto* client = is_listing ? listing_client(job) : &client_;
      if (client != nullptr)
        client->async_send(is_listing ? get(*job) : post(*job),
                           [this, job](http_response came) { answered(job, std::move(came)); });
    });
  }

  /// Made with the first listing: most crawls need none. Null: the job is finished.
  http_client* listing_client(const errand_ptr& job) {
    try {
      std::lock_guard lock{mutex_};
      if (!listing_ && !stopped_) {
        auto http = options_.http;
        http.proxy = options_.rest_proxy;
        listing_.emplace(context_, parse_url(options_.rest_url), http);
      }
      if (listing_)
        return &*listing_;
    } catch (const std::exception& failure) {
      finish(job, refusal(outcome::network, options_.rest_url + ": " + failure.what()));
      return nullptr;
    }
    finish(job, refusal(outcome::network, "stopped"));
    return nullptr;
  }

  /// Fact sheet 1 and 7.
  http_request get(const errand& job) const {
    http_request result;
    result.method = "GET";
    result.target = base_path(parse_url(options_.rest_url)) + listing_path(job.request);
    result.headers = {{"User-Agent", options_.user_agent},
                      {"Authorization", "Bearer " + job.trial.token},
                      {"Accept", "application/vnd.github+json"},
                      {"X-GitHub-Api-Version", "2022-11-28"}};
    return result;
  }

  http_request post(const errand& job) const {
    http_request result;
    result.target = endpoint_.target;
    result.headers = {{"User-Agent", options_.user_agent},
                      {"Authorization", "Bearer " + job.trial.token},
                      {"Accept", "application/vnd.github+json"},
                      {"Content-Type", "application/json"},
                      {"X-Github-Next-Global-ID", "1"}};
    result.body =
        job.document.empty() ? query_body(job.request, job.without) : document_body(job.document);
    return result;
  }

  void answered(const errand_ptr& job, http_response got) {
    if (got.failure == http_failure::none && got.status == 401) {
      if (auto delay = job->source->unauthorized(job->trial))
        return time_->after(*delay, [this, job] { send(job); });
    }
    auto now = std::chrono::floor<std::chrono::seconds>(time_->now());
    auto [answer, refused, viewer_refused] = classify(job->request, std::move(got), now);
    secrets_.scrub(answer);
    auto new_refusals = job->document.empty() ? refused & ~job->without : field_set{};
    auto anonymous = job->request.identify && viewer_refused;
    if (leave_out(new_refusals, answer.message) || anonymous) {
      job->request.identify = job->request.identify && !anonymous;
      return send(job);
    }
    finish(job, std::move(answer));
  }

  /// Whether there is anything that the next query shall not ask, though this one did.
  bool leave_out(const field_set& refused, const std::string& reason) {
    for (size_t i = 0; i < refused.size(); ++i)
      if (refused.test(i) && !refused_.test(i) && options_.on_refused_field)
        options_.on_refused_field(std::string{repository_fields[i].name}, reason);
    refused_ |= refused;
    return refused.any();
  }

  void finish(const errand_ptr& job, api_response answer) {
    job->on_answer(std::move(answer));
    end();
  }

  const github_client_options options_;
  const url endpoint_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  std::shared_ptr<clock> time_;
  secret_texts secrets_;
  http_client client_;
  std::optional<http_client> rest_;    ///< set where there are Apps
  std::optional<http_client> listing_; ///< set where ids were listed
  std::map<std::string, std::unique_ptr<token_source>> sources_;
  field_set refused_; ///< what no query asks any more
  std::mutex mutex_;
  std::condition_variable idle_;
  uint64_t pending_ = 0; ///< queries whose callback has not returned
  bool stopped_ = false;
  bool ran_ = false; ///< the network thread has nothing left to do
  std::thread thread_;
};

github_client::github_client(github_client_options options)
    : worker_(std::make_unique<worker>(std::move(options))) {}

github_client::~github_client() = default;

void github_client::async_query(api_request request, callback on_answer) {
  worker_->query(std::move(request), std::move(on_answer));
}

void github_client::async_document(const std::string& credential, const std::string& document,
                                   callback on_answer) {
  worker_->document(credential, document, std::move(on_answer));
}

void github_client::stop() { worker_->stop(); }

bool github_client::stop(std::chrono::milliseconds patience) { return worker_->stop(patience); }

} // namespace gitstar::net
