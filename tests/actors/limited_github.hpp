/// GitHub's limits, obeyed to the letter: the points of every user and installation, the secondary
/// limits, and the reserve that we promise to leave. What is asked is answered by somebody else.
#pragma once

#include "actors/wall_clock.hpp"
#include "net/query_sender.hpp"
#include "tests/virtual_time.hpp"

#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gitstar::test {

/// The points of a user or an installation when the crawl begins.
struct account {
  int64_t viewer_id = 0; ///< 0: an installation
  int64_t limit = 0;     ///< points per window
  int64_t remaining = 0; ///< of the window that is under way
  std::chrono::seconds reset_in{0};
  std::vector<std::string> credentials; ///< their names
};

/// Queries that a limit forbade.
struct violation_counts {
  uint64_t points = 0;        ///< none was left
  uint64_t reserve = 0;       ///< fewer than the reserve were left afterwards
  uint64_t per_minute = 0;    ///< more than 2,000 within 60 s
  uint64_t response_time = 0; ///< more than 60 s of it within 60 s
  uint64_t concurrent = 0;    ///< more than 100 at once of one account
  bool operator==(const violation_counts&) const = default;
};

class limited_github : public net::query_sender {
public:
  using answerer = std::function<api_response(const api_request&)>;

  limited_github(virtual_time& time, wall_clock clock, std::vector<account> accounts,
                 double reserve, answerer content);

  void async_query(api_request request, callback on_answer) override;

  milliseconds elapsed{100}; ///< of every query
  violation_counts violations;
  uint64_t points = 0; ///< spent by all

private:
  using time_point = caf::actor_clock::time_point;

  struct state {
    account user;
    timestamp reset_at;
    std::deque<time_point> sent;     // within the last minute
    std::deque<time_point> finished; // within the last minute
    size_t in_flight = 0;
  };

  struct open_query {
    api_request request;
    callback on_answer;
    state* by;
    bool refused;
  };

  bool charge(state& by);
  void check_minute(state& by);
  void finish(uint64_t id);

  virtual_time& time_;
  wall_clock clock_;
  double reserve_;
  answerer content_;
  std::vector<state> states_;
  std::map<std::string, state*> by_credential_;
  std::map<uint64_t, open_query> open_;
  uint64_t next_id_ = 1;
  caf::actor timer_;
};

/// The least time in which the accounts can supply `points`, under the limits that the model checks
/// and with queries that take `elapsed`: every account spends what its window has left down to the
/// reserve at once, as fast as 60 s of response time a minute allow, and begins its next window in
/// the very second in which the last one ends.
std::chrono::seconds least_time(const std::vector<account>& accounts, double reserve,
                                milliseconds elapsed, int64_t points);

} // namespace gitstar::test
