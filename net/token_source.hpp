#pragma once

#include "messages/api.hpp"
#include "net/clock.hpp"

#include <functional>
#include <optional>
#include <string>

namespace gitstar::net {

/// A token to send a query with, or why there is none.
struct token_answer {
  std::string token;    ///< empty: there is none
  api_response refusal; ///< set where there is none: what the query is answered with
};

/// What has become of one query so far with the tokens of one source.
struct token_trial {
  std::string token; ///< that it was last sent with
  clock::time_point sent_at;
  uint32_t waits = 0;   ///< for the token to be known to all of GitHub
  bool renewed = false; ///< a refused token was replaced for it
};

/// Where the token of one credential comes from. Used on the network thread only.
class token_source {
public:
  using callback = std::function<void(token_answer)>;

  virtual ~token_source() = default;

  /// Calls back exactly once, inline where the token is at hand.
  virtual void async_token(callback on_token) = 0;

  /// GitHub answered 401. How long to wait until a token is asked for and the query sent again;
  /// nothing where that is no use: the credential is bad.
  virtual std::optional<std::chrono::milliseconds> unauthorized(token_trial& trial) = 0;
};

/// A personal access token, or any other that we do not mint.
class fixed_token : public token_source {
public:
  explicit fixed_token(std::string token) : token_(std::move(token)) {}

  void async_token(callback on_token) override { on_token({token_, {}}); }
  std::optional<std::chrono::milliseconds> unauthorized(token_trial&) override { return {}; }

private:
  std::string token_;
};

} // namespace gitstar::net
