/// How likely it is that a repository's star count has changed since it was read last: what a
/// refresh spends its points by.
#pragma once

#include <cstdint>
#include <string>

namespace gitstar::db {

/// What is known of a repository's past.
struct check_history {
  int64_t stars = 0;        ///< when read last
  int64_t intervals = 0;    ///< between two readings
  int64_t changes = 0;      ///< intervals after which the star count differed
  double observed_days = 0; ///< all intervals together
  double age_days = 0;      ///< since it was read last
};

/// How often the star count of a repository with so many stars changes, per day: -ln(1 - p) for a
/// share p of repositories that changed within a day.
double class_rate(int64_t stars);

/// The chance that the star count is another now. A repository's own history counts by interval,
/// because several changes between two readings show as one; its star class counts like two
/// intervals more.
double change_chance(const check_history& past);

/// `-ln(1 - change_chance)`, which orders alike, in SQL: of the columns stars, intervals, changes,
/// observed_days and age_days.
std::string change_order_sql();

} // namespace gitstar::db
