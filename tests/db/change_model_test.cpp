#include "db/change_model.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::db;

TEST_CASE("without a history the star class decides", "[change_model]") {
  check_history past;
  past.age_days = 1;
  auto chance = [&](int64_t stars) {
    past.stars = stars;
    return change_chance(past);
  };
  CHECK(chance(0) < 0.002);
  CHECK(chance(9) < 0.002);
  CHECK(chance(3'000) == Approx(0.45));
  CHECK(chance(20'000) == Approx(0.89));
  CHECK(chance(400'000) == Approx(0.99));
  past.age_days = 7;
  CHECK(chance(3'000) == Approx(1 - 0.55 * 0.55 * 0.55 * 0.55 * 0.55 * 0.55 * 0.55));
  past.age_days = 0;
  CHECK(chance(400'000) == 0);
}

TEST_CASE("a repository's own history outweighs its class", "[change_model]") {
  check_history busy{50, 20, 20, 20, 1};
  check_history quiet{50, 20, 0, 20, 1};
  CHECK(change_chance(busy) > 0.9);
  CHECK(change_chance(quiet) < 0.01);
  check_history quiet_star{20'000, 20, 0, 20, 1};
  CHECK(change_chance(quiet_star) < 0.1);
  CHECK(change_chance(quiet_star) > change_chance(quiet));
}

TEST_CASE("rare readings do not make a busy repository look quiet", "[change_model]") {
  // Read every 30 days, and changed each time: that it changed within a day is not known, but its
  // class says so.
  check_history monthly{20'000, 10, 10, 300, 30};
  CHECK(change_chance(monthly) > 0.95);
  monthly.age_days = 1;
  CHECK(change_chance(monthly) < change_chance({20'000, 10, 10, 10, 1}));
}

TEST_CASE("the chance grows with the time since the last reading", "[change_model]") {
  check_history past{800, 5, 1, 10, 0};
  auto before = change_chance(past);
  for (past.age_days = 0.5; past.age_days < 400; past.age_days *= 2) {
    auto chance = change_chance(past);
    CHECK(chance > before);
    CHECK(chance <= 1);
    before = chance;
  }
}
