#pragma once

#include "config/config.hpp"
#include "net/clock.hpp"
#include "net/github_query.hpp"
#include "net/http_client.hpp"
#include "net/query_sender.hpp"

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <string>

namespace gitstar::net {

struct github_client_options {
  std::string graphql_url = "https://api.github.com/graphql";
  std::string rest_url = "https://api.github.com"; ///< where tokens are minted and ids listed
  http_options http;
  std::optional<url> rest_proxy;                        ///< in the place of `http.proxy`
  std::map<std::string, std::string> tokens;            ///< secret by the credential's name
  std::map<std::string, config::app_installation> apps; ///< likewise
  std::string user_agent = "gitstar";                   ///< GitHub refuses requests without one

  /// Called on the network thread, once for each field that queries leave out from then on, because
  /// GitHub refuses it; its column stays unknown.
  std::function<void(const std::string& field, const std::string& reason)> on_refused_field{};

  std::shared_ptr<clock> time{}; ///< unset: the system's
};

/// Sends queries to GitHub's GraphQL endpoint, and to REST where ids are listed, from a network
/// thread of its own, with tokens given or minted. No token, JWT or private key ever appears in an
/// answer, not even where the server sends it back.
class github_client : public query_sender {
public:
  /// Throws `url_error` for a bad URL and `std::runtime_error` for unreadable certificates, a token
  /// that no header can carry, or an unreadable private key.
  explicit github_client(github_client_options options);

  /// Stops, as `stop` does. Not to be called on the network thread.
  ~github_client() override;

  /// A credential that has no token is an `outcome::unauthorized`. One query is sent again for a
  /// 401 that may come from a token too young or too old (see `installation_tokens`), for a viewer
  /// that GitHub does not tell, and where a field is refused that it can do without.
  void async_query(api_request request, callback on_answer) override;

  /// Sends any other GraphQL document: its answer tells the outcome, the limits, the viewer and in
  /// `message` what was refused, and has no fields.
  void async_document(const std::string& credential, const std::string& document,
                      callback on_answer);

  /// Answers all queries on their way with `outcome::network`, and later ones inline. Returns when
  /// every callback has been called and the network thread has ended. Not to be called on the
  /// network thread.
  void stop();

  /// The same, but false after `patience`: a callback has not returned, or a name is being looked
  /// up, which nothing can interrupt. The destructor would wait for it.
  bool stop(std::chrono::milliseconds patience);

private:
  class worker;
  std::unique_ptr<worker> worker_;
};

} // namespace gitstar::net
