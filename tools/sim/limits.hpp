#pragma once

#include "tools/sim/text.hpp"

#include <array>
#include <string>
#include <unordered_map>

namespace gitstar::sim {

/// The buckets of the primary limit.
enum class resource : uint8_t { graphql, core, search };

std::string_view to_string(resource x);

/// One fixed window of the primary limit: it begins with the first request that lands in it.
struct primary_window {
  int64_t limit = 0;
  int64_t used = 0;
  unix_seconds reset = 0; ///< 0: no window is open

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

/// How the crawler misbehaved. Each is a query that a careful client would not have sent.
struct violations {
  int64_t ban = 0;              ///< during a ban by a secondary limit
  int64_t exhausted = 0;        ///< with a credential that had no points left
  int64_t secondary = 0;        ///< beyond a secondary limit
  int64_t invalid_document = 0; ///< with a document or variables that GitHub rejects

  int64_t total() const { return ban + exhausted + secondary + invalid_document; }
};

/// Peaks since the last reset of the statistics.
struct limit_peaks {
  int64_t concurrency = 0;      ///< of all credentials together
  double points_per_minute = 0; ///< of the busiest credential, in points of the secondary limit
  double response_seconds_per_minute = 0;
};

/// GitHub's primary and secondary limits, per credential (fact sheet, sections 2 and 4).
class limits {
public:
  static constexpr int64_t max_concurrent = 100;
  static constexpr double max_graphql_points_per_minute = 2000;
  static constexpr double max_rest_points_per_minute = 900; ///< per endpoint
  static constexpr double max_response_seconds_per_minute = 60;
  static constexpr unix_seconds ban_seconds = 60;

  explicit limits(bool enabled) : enabled_(enabled) {}

  bool enabled() const { return enabled_; }

  /// What a request meets on arrival.
  struct admission {
    bool banned = false; ///< answer with the secondary limit's error
    bool with_retry_after = false;
    unix_seconds retry_after = 0;
  };

  /// A request arrives. `endpoint` is empty for GraphQL. Call `leave` when it is answered.
  admission enter(const std::string& credential, const std::string& endpoint, unix_seconds now);

  /// A request is answered after `seconds`.
  void leave(const std::string& credential, bool is_graphql, double seconds, unix_seconds now);

  /// Takes `points` from the primary limit; false if they are not there, and then takes none.
  bool charge(const std::string& credential, resource which, int64_t points, unix_seconds now);

  /// Takes points that the credential may not have: what a time-out costs.
  void charge_extra(const std::string& credential, resource which, int64_t points);

  /// The state of a window, for headers and `rateLimit`.
  primary_window window(const std::string& credential, resource which, unix_seconds now);

  /// A number that stands for the credential in texts; never the credential itself.
  int64_t user_id(const std::string& credential) const;

  violations& seen() { return violations_; }
  limit_peaks& peaks() { return peaks_; }
  int64_t in_flight() const { return in_flight_; }

private:
  struct account {
    std::array<primary_window, 3> windows{{{5000, 0, 0}, {5000, 0, 0}, {30, 0, 0}}};
    int64_t in_flight = 0;
    minute_window graphql_points;
    minute_window response_seconds;
    std::unordered_map<std::string, minute_window> rest_points; ///< by endpoint
    unix_seconds banned_until = 0;
    int64_t bans = 0;
  };

  primary_window& open(account& user, resource which, unix_seconds now);
  bool exceeds(account& user, const std::string& endpoint, unix_seconds now);

  bool enabled_;
  std::unordered_map<std::string, account> accounts_;
  int64_t in_flight_ = 0;
  violations violations_;
  limit_peaks peaks_;
};

} // namespace gitstar::sim
