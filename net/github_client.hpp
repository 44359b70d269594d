#pragma once

#include "net/http_client.hpp"
#include "net/query_sender.hpp"

#include <map>
#include <memory>
#include <string>

namespace gitstar::net {

struct github_client_options {
  std::string graphql_url = "https://api.github.com/graphql";
  http_options http;
  std::map<std::string, std::string> tokens; ///< secret by the credential's name
  std::string user_agent = "gitstar";        ///< GitHub refuses requests without one
};

/// Sends queries to GitHub's GraphQL endpoint from a network thread of its own. No token ever
/// appears in an answer, not even where the server sends it back.
class github_client : public query_sender {
public:
  /// Throws `url_error` for a bad URL and `std::runtime_error` for unreadable certificates or a
  /// token that no header can carry.
  explicit github_client(github_client_options options);

  /// Stops, as `stop` does. Not to be called on the network thread.
  ~github_client() override;

  /// A credential that has no token is an `outcome::unauthorized`.
  void async_query(api_request request, callback on_answer) override;

  /// Answers all queries on their way with `outcome::network`, and later ones inline. Returns when
  /// every callback has been called. Not to be called on the network thread.
  void stop();

private:
  class worker;
  std::unique_ptr<worker> worker_;
};

} // namespace gitstar::net
