#include "net/installation_tokens.hpp"

#include "messages/time_text.hpp"
#include "net/app_jwt.hpp"
#include "net/classify.hpp"
#include "net/http_date.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include <algorithm>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace gitstar::net {

namespace {

using namespace std::chrono_literals;

/// Fact sheet 8.1: clocks differ a little.
constexpr auto jwt_backdate = 60s;

/// Fact sheet 8.5: a token lives an hour, and queries sent with it must come back in time.
constexpr auto renew_ahead = 5min;
constexpr auto longest_use = 55min;

/// While GitHub mints none, an older token that is still good is used for so long.
constexpr auto renew_again = 30s;

/// Fact sheet 8.5: how long a new token may be unknown to a part of GitHub.
constexpr auto settling = 5s;
constexpr uint32_t most_waits = 3;

timestamp in_seconds(clock::time_point time) {
  return std::chrono::floor<std::chrono::seconds>(time);
}

/// What GitHub says to a JWT whose times its own clock does not accept (fact sheet 8.4).
bool is_about_time(const http_response& got) {
  return got.body.find("claim ('exp')") != std::string::npos ||
         got.body.find("claim ('iat')") != std::string::npos;
}

struct minted_token {
  std::string text;
  timestamp expires_at;
};

std::optional<minted_token> read_token(const std::string& body) {
  boost::system::error_code bad;
  auto answer = boost::json::parse(body, bad);
  auto object = bad ? nullptr : answer.if_object();
  auto token = object ? object->if_contains("token") : nullptr;
  auto expiry = object ? object->if_contains("expires_at") : nullptr;
  if (!token || !token->is_string() || token->as_string().empty() || !expiry ||
      !expiry->is_string())
    return std::nullopt;
  auto time = parse_utc_text({expiry->as_string().data(), expiry->as_string().size()});
  if (!time)
    return std::nullopt;
  return minted_token{std::string{token->as_string()}, *time};
}

/// The world's fault, which passes, as opposed to that of the key, the App or the installation.
bool is_passing(outcome result) {
  return result != outcome::unauthorized && result != outcome::forbidden &&
         result != outcome::rejected && result != outcome::blocked;
}

} // namespace

installation_tokens::installation_tokens(installation_options options, http_client& rest,
                                         clock& time, secret_texts& secrets)
    : options_(std::move(options)), key_(config::read_rsa_key(options_.app.private_key.reveal())),
      rest_(rest), time_(time), secrets_(secrets) {
  if (!key_)
    throw std::runtime_error{"the private key of " + options_.credential + " cannot be read"};
  std::istringstream lines{options_.app.private_key.reveal()};
  for (std::string line; std::getline(lines, line);)
    if (!line.starts_with("-----"))
      secrets_.add(line);
}

void installation_tokens::async_token(callback on_token) {
  if (!token_.empty() && time_.now() < renew_at_)
    return on_token({token_, {}});
  waiting_.push_back(std::move(on_token));
  if (waiting_.size() == 1)
    mint(true);
}

std::optional<std::chrono::milliseconds> installation_tokens::unauthorized(token_trial& trial) {
  auto is_present = trial.token == token_;
  if (is_present && trial.sent_at < minted_at_ + settling && trial.waits < most_waits)
    return ++trial.waits * 1s;
  if (trial.renewed)
    return std::nullopt;
  trial.renewed = true;
  trial.waits = 0;
  if (is_present)
    retire_token();
  return 0ms;
}

void installation_tokens::mint(bool may_sign_again) {
  rest_.async_send(mint_request(), [this, may_sign_again](http_response got) {
    answered(std::move(got), may_sign_again);
  });
}

http_request installation_tokens::mint_request() {
  secrets_.remove(jwt_);
  jwt_ = app_jwt(key_, options_.app.id, in_seconds(time_.now()) + skew_ - jwt_backdate);
  secrets_.add(jwt_);
  http_request result;
  result.target = options_.rest_path + "/app/installations/" +
                  std::to_string(options_.app.installation) + "/access_tokens";
  result.headers = {{"User-Agent", options_.user_agent},
                    {"Authorization", "Bearer " + jwt_},
                    {"Accept", "application/vnd.github+json"},
                    {"X-GitHub-Api-Version", "2022-11-28"}};
  return result;
}

void installation_tokens::answered(http_response got, bool may_sign_again) {
  auto date = parse_http_date(got.header("date"));
  if (date)
    skew_ = *date - in_seconds(time_.now());
  if (got.status == 401 && may_sign_again && date && is_about_time(got))
    return mint(false);
  if (got.failure != http_failure::none || got.status != 201 || !accept(got.body))
    return refuse(std::move(got));
  deliver({token_, {}});
}

bool installation_tokens::accept(const std::string& body) {
  auto minted = read_token(body);
  if (!minted)
    return false;
  retire_token();
  token_ = std::move(minted->text);
  secrets_.add(token_);
  minted_at_ = time_.now();
  expires_at_ = time_point{minted->expires_at} - skew_;
  auto life = expires_at_ - minted_at_;
  // A server may give its tokens a shorter life: they, too, are used for a while.
  auto use = life > 2 * renew_ahead ? life - renew_ahead : life / 2;
  renew_at_ = minted_at_ + std::min<time_point::duration>(use, longest_use);
  return true;
}

void installation_tokens::refuse(http_response got) {
  auto is_success = got.failure == http_failure::none && got.status / 100 == 2;
  auto answer = classify({}, std::move(got), in_seconds(time_.now())).answer;
  if (is_success) {
    answer.result = outcome::malformed;
    answer.message = "the answer has no token with a time of expiry"; // the body may hold one
  }
  auto passing = is_passing(answer.result);
  if (passing && !token_.empty() && time_.now() < expires_at_) {
    renew_at_ = time_.now() + renew_again;
    return deliver({token_, {}});
  }
  answer.message = "no token for " + options_.credential + ": " + blame(answer) + answer.message;
  // The REST API's budget is another than the one that the query would be paid from.
  if (answer.result == outcome::primary_limit && answer.limits.known) {
    auto now = in_seconds(time_.now()) + skew_;
    answer.retry_after = std::max(answer.limits.reset_at - now, std::chrono::seconds{0});
  }
  if (answer.result == outcome::primary_limit)
    answer.result = outcome::secondary_limit;
  answer.limits = {};
  if (!passing)
    answer.result = outcome::unauthorized;
  secrets_.scrub(answer);
  deliver({"", std::move(answer)});
}

std::string installation_tokens::blame(const api_response& answer) const {
  if (is_passing(answer.result))
    return "";
  auto installation = "installation " + std::to_string(options_.app.installation);
  switch (answer.http_status) {
  case 401:
    return "GitHub does not accept the private key of App " + options_.app.id + ": ";
  case 404:
    return "App " + options_.app.id + " has no " + installation + ": ";
  default:
    return installation + " may not be used: ";
  }
}

void installation_tokens::deliver(const token_answer& answer) {
  for (auto& on_token : std::exchange(waiting_, {}))
    on_token(answer);
}

/// Answers to queries that were sent with it may still come.
void installation_tokens::retire_token() {
  if (token_.empty())
    return;
  secrets_.remove(last_token_);
  last_token_ = std::exchange(token_, {});
}

} // namespace gitstar::net
