#pragma once

#include "net/query_sender.hpp"
#include "net/secret_texts.hpp"
#include "tests/actors/fake_github.hpp"
#include "tests/simulation/dice.hpp"
#include "tests/simulation/scenario.hpp"
#include "tests/simulation/stage.hpp"

#include <deque>
#include <map>
#include <memory>
#include <set>
#include <string>

namespace gitstar::simulation {

class witness;

/// GitHub as the crawler sees it through net/: searches of `fake_github`, which take time, fail as
/// the scenario wants it, and are limited (fact sheet 2 to 4). Enforces the limits and reports
/// every query that a careful client would not have sent.
class model_github {
public:
  model_github(const scenario& plan, stage& on, test::fake_github& searches);

  /// Who is told of every query and every answer.
  void tell(witness& who) { witness_ = &who; }

  /// A query leaves the crawler.
  void send(api_request request, std::shared_ptr<const process_life> from,
            net::query_sender::callback on_answer);

  // -- what happens to it ---------------------------------------------------------

  void go_away(caf::timespan length);
  /// A secondary limit for undisclosed reasons hits one user.
  void ban_somebody();
  void revoke_somebody();
  /// The operator has replaced what was revoked.
  void renew_credentials() { revoked_.clear(); }

  // -- what can be said afterwards ------------------------------------------------

  size_t in_flight() const { return in_flight_; }
  uint64_t queries() const { return queries_; }
  /// Whether a search with this text, its sort included, does not show the repository.
  bool obscures(const std::string& text, const repository& x) const;
  /// How many repositories the pages of this search repeat.
  int64_t repeats(const std::string& text);
  test::fake_github& searches() { return searches_; }

private:
  using time_point = stage::time_point;

  /// All credentials of one user.
  struct user {
    int64_t id = 0;
    timestamp window_end; ///< the epoch: no window is open
    time_point window_began;
    int64_t used = 0;
    size_t in_flight = 0;
    std::deque<std::pair<time_point, std::string>> arrivals; ///< of the last minute, by credential
    time_point banned_until;
    // When the client learned of it; `max()`: it has not.
    time_point ban_began;
    time_point told_of_ban = time_point::max();
    time_point told_of_end = time_point::max();   ///< of the points in this window
    std::map<std::string, time_point> identified; ///< by credential
  };

  struct query {
    api_request request;
    time_point sent;
    std::shared_ptr<const process_life> from;
    net::query_sender::callback on_answer;
  };

  void arrived(query x);
  void answered(query x, api_response response);
  api_response serve(const query& x);
  bool limited(user& who, const query& x, api_response& response);
  bool beyond_secondary_limit(user& who, const std::string& name);
  api_response ban(user& who);
  void echo(const std::string& credential, api_response& response);
  api_response search(const api_request& request);
  void spoil(const api_request& request, api_response& response);
  void displace(const search_field& field, field_answer& answer) const;
  rate_limit shown_limits(const user& who) const;
  api_response broken(outcome result);
  user& user_of(const std::string& credential);
  bool alone(const user& who) const;
  bool identified_since(const user& who, const std::string& credential, time_point when) const;
  void learned(user& who, const query& x, const api_response& response);
  void open_window(user& who);
  bool is_displaced(const std::string& text, const repository& x) const;
  int64_t shown_count(const search_field& field, int64_t exact) const;
  double share(const std::string& text, int64_t id) const;

  const scenario& plan_;
  stage& stage_;
  dice random_;
  dice echoes_;
  test::fake_github& searches_;
  witness* witness_ = nullptr;
  std::map<int64_t, user> users_;
  std::set<std::string> revoked_;
  time_point away_until_ = time_point::min();
  size_t in_flight_ = 0;
  uint64_t queries_ = 0;
};

/// The name of the credential at this place of the scenario.
std::string credential_name(size_t index);

/// Its token. All begin alike, as the fine-grained tokens of one user do.
std::string credential_secret(size_t index);

/// One process' way to GitHub. As net/ does, it takes the secrets out of what GitHub says.
class gateway : public net::query_sender {
public:
  gateway(model_github& github, std::shared_ptr<const process_life> life, size_t credentials);

  void async_query(api_request request, callback on_answer) override;

private:
  model_github& github_;
  std::shared_ptr<const process_life> life_;
  std::shared_ptr<net::secret_texts> secrets_ = std::make_shared<net::secret_texts>();
};

} // namespace gitstar::simulation
