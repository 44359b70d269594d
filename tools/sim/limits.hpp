#pragma once

#include "tools/sim/text.hpp"

#include <array>
#include <chrono>
#include <string>
#include <unordered_map>

namespace gitstar::sim {

using time_point = std::chrono::system_clock::time_point;

/// Since 1970, rounded down.
inline unix_seconds seconds_of(time_point time) {
  return std::chrono::floor<std::chrono::seconds>(time).time_since_epoch().count();
}

/// The buckets of the primary limit.
enum class resource : uint8_t { graphql, core, search };

std::string_view to_string(resource x);

/// One fixed window of the primary limit: it begins with the first request that lands in it.
struct primary_window {
  int64_t limit = 0;
  int64_t used = 0;
  unix_seconds length = 3600;
  unix_seconds reset = 0;                     ///< 0: no window is open
  time_point known_empty = time_point::max(); ///< from then on the client knows that it is

  int64_t remaining() const { return used < limit ? limit - used : 0; }
};

/// What was added during the last 60 seconds, at a resolution of one second.
class minute_window {
public:
  void add(unix_seconds now, double amount);
  double sum(unix_seconds now);

private:
  void move_to(unix_seconds now);

  std::array<double, 60> seconds_{};
  unix_seconds last_ = 0;
  double sum_ = 0;
};

/// How a query can break GitHub's rules. Each is one that a careful client would not have sent.
enum class violation : uint8_t {
  none,
  ban,              ///< during a ban that the client has been told of
  exhausted,        ///< with a credential that the client knows to have no points left
  secondary,        ///< beyond a secondary limit
  invalid_document, ///< with a document or variables that GitHub rejects
};

/// How often each happened.
struct violations {
  int64_t ban = 0;
  int64_t exhausted = 0;
  int64_t secondary = 0;
  int64_t invalid_document = 0;

  void add(violation kind);
  void add(const violations& others);
  int64_t total() const { return ban + exhausted + secondary + invalid_document; }
};

/// Peaks since the last reset of the statistics.
struct limit_peaks {
  int64_t concurrency = 0;      ///< of all credentials together
  double points_per_minute = 0; ///< of the busiest account, in points of the secondary limit
  double response_seconds_per_minute = 0; ///< of the busiest account
};

/// What an account may spend on GraphQL and, with the same limit, on REST (fact sheet,
/// section 2.1).
struct budget_terms {
  int64_t limit = 5000;       ///< points per window
  int64_t used = 0;           ///< GraphQL points that are gone at the start; their window is open
  unix_seconds window = 3600; ///< seconds
};

/// GitHub's primary and secondary limits (fact sheet, sections 2 and 4), per account: a user, whose
/// credentials share them, or an installation.
///
/// A client learns of a ban or of the end of its points from an answer. What it sent before cannot
/// be blamed on it: such queries are refused, but violations begin `notice` after the answer.
class limits {
public:
  static constexpr int64_t max_concurrent = 100;
  static constexpr double max_graphql_points_per_minute = 2000;
  static constexpr double max_rest_points_per_minute = 900; ///< per endpoint
  static constexpr double max_response_seconds_per_minute = 60;
  static constexpr std::chrono::seconds ban_duration{60};
  static constexpr std::chrono::milliseconds notice{250};

  /// `window` is the length of the primary window where an account's terms do not say it.
  explicit limits(bool enabled, unix_seconds window = 3600) : enabled_(enabled), window_(window) {}

  bool enabled() const { return enabled_; }
  unix_seconds default_window() const { return window_; }

  void set_terms(const std::string& account, const budget_terms& terms, unix_seconds now);

  /// What a request meets on arrival.
  struct admission {
    violation broken = violation::none;
    bool banned = false; ///< answer with the secondary limit's error, which announces the ban
    bool with_retry_after = false;
    unix_seconds retry_after = 0;
  };

  /// A request arrives. `endpoint` is empty for GraphQL. Call `leave` when it is answered.
  admission enter(const std::string& account, const std::string& endpoint, time_point now);

  /// A request is answered after `seconds`.
  void leave(const std::string& account, bool is_graphql, double seconds, time_point now);

  /// Bans an account for a while, whatever it did; the answer that announces it is under way, and
  /// says how long the ban lasts, as all answers during it.
  void ban(const std::string& account, std::chrono::seconds duration, time_point now);

  /// An answer that announces the account's ban has been sent.
  void announced_ban(const std::string& account, time_point now);

  /// An answer that tells that no points are left has been sent.
  void announced_empty(const std::string& account, resource which, time_point now);

  /// What became of a wish for points.
  struct purchase {
    bool done = false; ///< otherwise none were taken
    violation broken = violation::none;
  };

  /// Takes `points` from the primary limit if they are there.
  purchase charge(const std::string& account, resource which, int64_t points, time_point now);

  /// Takes points that the account may not have: what a time-out costs.
  void charge_extra(const std::string& account, resource which, int64_t points);

  /// Nothing is left from now on, until the window ends.
  void use_up(const std::string& account, resource which, unix_seconds now);

  /// From now on all windows but those of search are as long, also of accounts with terms.
  void set_window(unix_seconds length, unix_seconds now);

  /// The state of a window, for headers and `rateLimit`.
  primary_window window(const std::string& account, resource which, unix_seconds now);

  limit_peaks& peaks() { return peaks_; }
  int64_t in_flight() const { return in_flight_; }

private:
  struct ledger {
    explicit ledger(unix_seconds window);

    std::array<primary_window, 3> windows;
    int64_t in_flight = 0;
    minute_window graphql_points;
    minute_window response_seconds;
    std::unordered_map<std::string, minute_window> rest_points; ///< by endpoint
    time_point banned_until = time_point::min();
    time_point ban_known = time_point::max(); ///< from then on the client knows of the ban
    bool says_retry_after = true;             ///< the answers during the ban
    int64_t bans = 0;                         ///< by a secondary limit

    primary_window& of(resource which) { return windows[static_cast<size_t>(which)]; }
  };

  ledger& find(const std::string& account);
  primary_window& open(ledger& user, resource which, unix_seconds now);
  bool exceeds(ledger& user, const std::string& endpoint, unix_seconds now);

  bool enabled_;
  unix_seconds window_;
  std::unordered_map<std::string, ledger> accounts_;
  int64_t in_flight_ = 0;
  limit_peaks peaks_;
};

} // namespace gitstar::sim
