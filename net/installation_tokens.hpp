#pragma once

#include "config/config.hpp"
#include "config/rsa_key.hpp"
#include "net/http_client.hpp"
#include "net/secret_texts.hpp"
#include "net/token_source.hpp"

#include <string>
#include <vector>

namespace gitstar::net {

/// Which installation, and what its requests carry.
struct installation_options {
  std::string credential; ///< its name in the config, for messages
  config::app_installation app;
  std::string rest_path; ///< of the REST API's root: "" or, on a server of one's own, "/api/v3"
  std::string user_agent;
};

/// The tokens of one GitHub App installation (fact sheet 8): minted when the first query needs one
/// and again five minutes before the last one expires, kept in memory only. However many queries
/// wait, one request is under way.
///
/// GitHub's clock counts, not ours: it is learned from the `Date` of every answer, and a JWT that
/// GitHub's clock refuses is signed again once.
class installation_tokens : public token_source {
public:
  /// All references must outlive this. Throws `std::runtime_error` where the key cannot be read.
  installation_tokens(installation_options options, http_client& rest, clock& time,
                      secret_texts& secrets);

  /// Where GitHub gives no token the refusal is `outcome::unauthorized` if the key, the App or the
  /// installation is to blame, else what went wrong: `network`, `timeout`, a limit, ...
  void async_token(callback on_token) override;

  /// A token younger than five seconds may not be known to all of GitHub yet: the query is sent
  /// with it again after 1, 2 and 3 seconds. An older one is dropped and replaced once.
  std::optional<std::chrono::milliseconds> unauthorized(token_trial& trial) override;

private:
  using time_point = clock::time_point;

  void mint(bool may_sign_again);
  http_request mint_request();
  void answered(http_response got, bool may_sign_again);
  bool accept(const std::string& body);
  void refuse(http_response got);
  void deliver(const token_answer& answer);
  std::string blame(const api_response& answer) const;
  void retire_token();

  installation_options options_;
  config::rsa_key key_;
  http_client& rest_;
  clock& time_;
  secret_texts& secrets_;
  std::vector<callback> waiting_; ///< not empty: a request is under way
  std::chrono::seconds skew_{0};  ///< GitHub's clock minus ours
  std::string token_;             ///< empty: none, or refused
  std::string jwt_;               ///< the last one
  std::string last_token_;        ///< queries sent with it may still be under way
  time_point minted_at_;
  time_point renew_at_;
  time_point expires_at_;
};

} // namespace gitstar::net
