#include "db/change_model.hpp"

#include <algorithm>
#include <cmath>
#include <cstdio>

namespace gitstar::db {

namespace {

struct star_class {
  int64_t below;        ///< stars
  double share_per_day; ///< that change within a day
};

/// Between the lists of projects in fashion and those of ordinary users, nearer to the latter: a
/// public record of daily star counts, 2017 to 2026.
constexpr star_class star_classes[] = {{1, 0.0003},    {10, 0.0016},     {100, 0.018},
                                       {1'000, 0.12},  {5'000, 0.45},    {10'000, 0.75},
                                       {50'000, 0.89}, {INT64_MAX, 0.99}};

/// Intervals that the star class counts for.
constexpr double prior_intervals = 2;

/// Nobody is certain to change.
constexpr double highest_share = 0.999999;

std::string number(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.17g::float8", value);
  return text;
}

double rate_of(double share) { return -std::log1p(-std::min(share, highest_share)); }

} // namespace

double class_rate(int64_t stars) {
  auto found = std::find_if(std::begin(star_classes), std::end(star_classes),
                            [&](auto& x) { return stars < x.below; });
  return rate_of((found == std::end(star_classes) ? found[-1] : *found).share_per_day);
}

double change_chance(const check_history& past) {
  auto rate = class_rate(past.stars);
  if (past.intervals > 0 && past.observed_days > 0) {
    auto intervals = static_cast<double>(past.intervals);
    auto days = past.observed_days / intervals;
    auto expected = prior_intervals * -std::expm1(-rate * days);
    auto share = (static_cast<double>(past.changes) + expected) / (intervals + prior_intervals);
    rate = rate_of(share) / days;
  }
  return -std::expm1(-rate * past.age_days);
}

std::string change_order_sql() {
  std::string rate = "case";
  for (auto& x : star_classes)
    rate +=
        " when stars < " + std::to_string(x.below) + " then " + number(rate_of(x.share_per_day));
  rate += " end";
  auto prior = number(prior_intervals);
  auto days = std::string{"(observed_days / intervals)"};
  auto share = "((changes + " + prior + " * (1 - exp(-(" + rate + ") * " + days +
               "))) / (intervals + " + prior + "))";
  return "(age_days * case when intervals > 0 and observed_days > 0 then -ln(1 - least(" + share +
         ", " + number(highest_share) + ")) / " + days + " else " + rate + " end)";
}

} // namespace gitstar::db
