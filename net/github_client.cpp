#include "net/github_client.hpp"

#include "net/classify.hpp"
#include "net/github_query.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <algorithm>
#include <condition_variable>
#include <mutex>
#include <stdexcept>
#include <thread>

namespace gitstar::net {

namespace asio = boost::asio;

namespace {

timestamp now() {
  return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

api_response refusal(outcome result, std::string message) {
  api_response response;
  response.result = result;
  response.message = std::move(message);
  return response;
}

void replace_all(std::string& text, const std::string& secret) {
  for (auto at = text.find(secret); at != std::string::npos; at = text.find(secret, at))
    text.replace(at, secret.size(), "***");
}

bool fits_into_header(const std::string& token) {
  return !token.empty() && std::all_of(token.begin(), token.end(),
                                       [](unsigned char c) { return c > ' ' && c < 0x7f; });
}

} // namespace

class github_client::worker {
public:
  explicit worker(github_client_options options)
      : options_(std::move(options)), endpoint_(parse_url(options_.graphql_url)),
        client_(context_, endpoint_, options_.http) {
    for (const auto& [name, token] : options_.tokens)
      if (!fits_into_header(token))
        throw std::runtime_error{"the token of " + name +
                                 " is empty or has a character that no token has"};
    thread_ = std::thread{[this] { context_.run(); }};
  }

  ~worker() { stop(); }

  void query(api_request request, callback on_answer) {
    auto token = options_.tokens.find(request.credential);
    if (token == options_.tokens.end())
      return on_answer(
          refusal(outcome::unauthorized, "no credential is called " + request.credential));
    if (!begin())
      return on_answer(refusal(outcome::network, "stopped"));
    auto message = post(request, token->second);
    client_.async_send(std::move(message), [this, request = std::move(request),
                                            on_answer = std::move(on_answer)](http_response got) {
      auto answer = classify(request, std::move(got), now());
      scrub(answer);
      on_answer(std::move(answer));
      end();
    });
  }

  void stop() {
    {
      std::unique_lock lock{mutex_};
      stopped_ = true;
      client_.stop();
      idle_.wait(lock, [this] { return pending_ == 0; });
    }
    if (!thread_.joinable())
      return;
    work_.reset();
    thread_.join();
  }

private:
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

  http_request post(const api_request& request, const std::string& token) const {
    http_request result;
    result.target = endpoint_.target;
    result.headers = {{"User-Agent", options_.user_agent},
                      {"Authorization", "Bearer " + token},
                      {"Accept", "application/vnd.github+json"},
                      {"Content-Type", "application/json"},
                      {"X-Github-Next-Global-ID", "1"}};
    result.body = query_body(request);
    return result;
  }

  /// Takes the tokens out of every text for people.
  void scrub(api_response& answer) const {
    for (const auto& [name, token] : options_.tokens) {
      replace_all(answer.message, token);
      for (auto& field : answer.fields)
        replace_all(field.message, token);
    }
  }

  const github_client_options options_;
  const url endpoint_;
  asio::io_context context_{1};
  asio::executor_work_guard<asio::io_context::executor_type> work_{context_.get_executor()};
  http_client client_;
  std::mutex mutex_;
  std::condition_variable idle_;
  uint64_t pending_ = 0; ///< queries whose callback has not returned
  bool stopped_ = false;
  std::thread thread_;
};

github_client::github_client(github_client_options options)
    : worker_(std::make_unique<worker>(std::move(options))) {}

github_client::~github_client() = default;

void github_client::async_query(api_request request, callback on_answer) {
  worker_->query(std::move(request), std::move(on_answer));
}

void github_client::stop() { worker_->stop(); }

} // namespace gitstar::net
