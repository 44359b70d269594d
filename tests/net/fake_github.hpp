/// A GitHub of two doors for tests of credentials, with a clock that only tests move.
#pragma once

#include "net/github_client.hpp"
#include "tests/net/sample_answers.hpp"
#include "tests/net/scripted_server.hpp"
#include "tests/rsa_key.hpp"

#include <atomic>
#include <deque>
#include <future>
#include <mutex>
#include <vector>

namespace gitstar::test {

/// Waiting moves the time and is over at once.
class manual_clock : public net::clock {
public:
  time_point now() const override { return time_point{} + std::chrono::milliseconds{now_}; }

  void after(std::chrono::milliseconds delay, std::function<void()> action) override {
    {
      std::lock_guard lock{mutex_};
      waits_.push_back(delay);
    }
    advance(delay);
    action();
  }

  void stop() override {}

  void advance(std::chrono::milliseconds time) { now_ += time.count(); }

  std::vector<std::chrono::milliseconds> waits() const {
    std::lock_guard lock{mutex_};
    return waits_;
  }

private:
  std::atomic<int64_t> now_ = 1'800'000'000'000;
  mutable std::mutex mutex_;
  std::vector<std::chrono::milliseconds> waits_;
};

/// One answer, as it goes over the wire.
struct canned {
  int status = 200;
  std::string body;
  std::string headers{};
};

class fake_github {
public:
  using handler = std::function<canned(const seen_request&)>;

  fake_github() : server_{[this](session& peer, int) { serve(peer); }} {}

  /// What the next requests for tokens are answered with; the last stays.
  void mint(std::deque<canned> answers) { set(mint_answers_, std::move(answers)); }
  void query(std::deque<canned> answers) { set(query_answers_, std::move(answers)); }
  /// Decides in the place of `query`.
  void on_query(handler decide) { decide_ = std::move(decide); }
  /// No token is minted before `release` is set.
  void hold_mints(std::shared_future<void> release) { release_ = std::move(release); }

  std::vector<seen_request> mints() const { return copy(seen_mints_); }
  std::vector<seen_request> queries() const { return copy(seen_queries_); }

  net::github_client_options options() const {
    net::github_client_options result;
    result.graphql_url = server_.url("/api/graphql");
    result.rest_url = server_.url("/api/v3");
    result.tokens = {{"token-1", "ghp_0123456789abcdefghij"}};
    result.apps = {{"app-2", {"1234", 5678, config::secret{rsa_key_pem()}}}};
    result.time = clock;
    return result;
  }

  std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>();

private:
  template <class T>
  void set(T& target, T value) {
    std::lock_guard lock{mutex_};
    target = std::move(value);
  }

  template <class T>
  T copy(const T& source) const {
    std::lock_guard lock{mutex_};
    return source;
  }

  void serve(session& peer) {
    for (;;) {
      auto seen = peer.read_request();
      auto reply = answer(seen);
      peer.write("HTTP/1.1 " + std::to_string(reply.status) + " X\r\nContent-Length: " +
                 std::to_string(reply.body.size()) + "\r\n" + reply.headers + "\r\n" + reply.body);
    }
  }

  canned answer(const seen_request& seen) {
    auto is_mint = seen.target.ends_with("/access_tokens");
    if (is_mint && release_.valid())
      release_.wait();
    std::lock_guard lock{mutex_};
    (is_mint ? seen_mints_ : seen_queries_).push_back(seen);
    if (!is_mint && decide_)
      return decide_(seen);
    auto& answers = is_mint ? mint_answers_ : query_answers_;
    auto next = answers.front();
    if (answers.size() > 1)
      answers.pop_front();
    return next;
  }

  mutable std::mutex mutex_;
  std::deque<canned> mint_answers_{{500, ""}};
  std::deque<canned> query_answers_{{500, ""}};
  handler decide_;
  std::shared_future<void> release_;
  std::vector<seen_request> seen_mints_;
  std::vector<seen_request> seen_queries_;
  scripted_server server_; ///< the last: it ends its threads first
};

inline api_response ask(net::github_client& client, api_request request) {
  std::promise<api_response> answer;
  auto result = answer.get_future();
  client.async_query(std::move(request),
                     [&](api_response got) { answer.set_value(std::move(got)); });
  return result.get();
}

} // namespace gitstar::test
