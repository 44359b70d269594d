#include "tests/simulation/scenario.hpp"

#include "tests/simulation/dice.hpp"

#include <fmt/core.h>

namespace gitstar::simulation {

namespace {

using namespace std::chrono_literals;

/// A part of the values, each with the same chance; at least one.
template <class T>
std::vector<T> some_of(dice& random, const std::vector<T>& all) {
  std::vector<T> result;
  for (auto& x : all)
    if (random.chance(0.4))
      result.push_back(x);
  if (result.empty())
    result.push_back(random.one_of(all));
  return result;
}

/// Most runs are spared most troubles, so that each is also seen alone.
double sometimes(dice& random, double how_often, double share) {
  return random.chance(how_often) ? share : 0;
}

void draw_data(scenario& x, dice& random) {
  x.repositories = static_cast<size_t>(random.between(0, 9) == 0 ? random.between(0, 20)
                                                                 : random.between(50, 2500));
  if (random.chance(0.2))
    x.burst = x.repositories / 2;
  if (random.chance(0.03)) {
    x.repositories = 2400;
    x.burst = 1500; // more than one search shows
  }
  x.query = "stars:>=" + std::to_string(random.between(0, 2));
  // Of the power law of `random_repositories` about a third has two stars.
  if (random.chance(0.3) && x.repositories >= 50)
    x.top = static_cast<int64_t>(x.repositories) / random.between(5, 20);
}

void draw_searches(scenario& x, dice& random) {
  x.opaque_cursors = random.chance(0.15);
  x.hidden = sometimes(random, 0.1, 0.01);
  x.null = sometimes(random, 0.15, 0.05);
  x.displaced = sometimes(random, 0.15, 0.05);
  x.broad_error = sometimes(random, 0.15, 0.3);
  x.count_error = sometimes(random, 0.1, 0.03);
  x.refused = sometimes(random, 0.08, 0.1);
}

void draw_limits(scenario& x, dice& random) {
  auto credentials = random.between(1, 4);
  for (int64_t i = 0; i < credentials; ++i)
    x.users.push_back(random.chance(0.3) && i > 0 ? x.users[0] : 100 + i);
  if (random.chance(0.7))
    x.points_per_hour = random.chance(0.3) ? random.between(10, 60) : 5000;
  if (random.chance(0.2))
    x.points_per_minute = static_cast<uint32_t>(random.between(3, 30));
  if (random.chance(0.2))
    x.concurrent = static_cast<uint32_t>(random.between(1, 4));
  x.page_ceiling = static_cast<uint32_t>(random.between(1, 12));
  x.count_ceiling = static_cast<uint32_t>(random.between(2, 120));
  x.way = milliseconds{random.between(1, 300)};
  x.service = milliseconds{random.one_of<int64_t>({5, 200, 1500, 8000})};
  x.fails = sometimes(random, 0.35, 0.15);
  x.partial = sometimes(random, 0.3, 0.2);
  x.failures = some_of<outcome>(random, {outcome::timeout, outcome::network, outcome::server_error,
                                         outcome::malformed, outcome::oversized,
                                         outcome::resource_limit, outcome::secondary_limit});
}

void draw_config(scenario& x, dice& random) {
  x.fetchers = static_cast<uint32_t>(random.between(1, 8));
  x.writers = static_cast<uint32_t>(random.between(1, 3));
  x.window = random.one_of<int64_t>({30, 90, 250, 900});
  x.partitions = random.chance(0.3) ? static_cast<uint32_t>(random.between(2, 10)) : 5000;
  x.page_width = static_cast<uint32_t>(random.between(1, 10));
  x.count_width = static_cast<uint32_t>(random.between(2, 50));
  x.batch_rows = random.chance(0.5) ? 2000 : static_cast<uint32_t>(random.between(1, 300));
  x.batch_delay = milliseconds{random.one_of<int64_t>({1, 10, 1000})};
  x.attempts = static_cast<uint32_t>(random.between(2, 8));
  x.leases_expire = random.chance(0.3);
  x.store_fails = sometimes(random, 0.2, 0.1);
  x.store_forgets = sometimes(random, 0.2, 0.2);
}

void draw_mishaps(scenario& x, dice& random) {
  x.shuffled = random.chance(0.8);
  if (random.chance(0.2))
    return;
  x.most_mishaps = static_cast<uint32_t>(random.between(1, 25));
  x.mishap_per_step = 1.0 / static_cast<double>(random.one_of<int64_t>({30, 100, 300, 1000}));
  x.mishaps = some_of<mishap>(random, {mishap::kill_actor, mishap::fail_actor, mishap::store_throws,
                                       mishap::crash, mishap::stop, mishap::take_over,
                                       mishap::github_outage, mishap::store_outage, mishap::ban,
                                       mishap::revoke});
}

} // namespace

const char* to_string(mishap x) {
  switch (x) {
  case mishap::kill_actor:
    return "kill an actor";
  case mishap::fail_actor:
    return "fail an actor";
  case mishap::store_throws:
    return "the store throws";
  case mishap::crash:
    return "crash";
  case mishap::stop:
    return "stop";
  case mishap::take_over:
    return "take over";
  case mishap::github_outage:
    return "GitHub outage";
  case mishap::store_outage:
    return "store outage";
  case mishap::ban:
    return "ban";
  case mishap::revoke:
    return "revoke";
  }
  return "unknown";
}

scenario::scenario(uint64_t number) : seed(number) {
  dice random{seed, 1};
  draw_data(*this, random);
  draw_searches(*this, random);
  draw_limits(*this, random);
  draw_config(*this, random);
  draw_mishaps(*this, random);
  dice leases{seed, 7};
  short_leases = leases.chance(0.15);
  lease_time = milliseconds{leases.between(100, 60'000)};
}

std::string to_string(const scenario& x) {
  auto result = fmt::format(
      "{} repositories, {} in one second, query '{}', top {}\n"
      "cursors {}, hidden {}, null {}, displaced {}, broad counts off by {}, counts off by {}, "
      "refused {}\n"
      "{} credentials, {} points an hour, {} a minute, {} at once; {} pages or {} counts a query; "
      "{} ms way, {} ms service; {} fail, {} partial\n"
      "store: {} fail, {} forgotten\n"
      "{} fetchers, {} writers, windows of {}, {} partitions in memory, {} pages and {} counts a "
      "query, {} rows a batch, {} attempts, leases {}\n"
      "{}, {} mishaps:",
      x.repositories, x.burst, x.query, x.top, x.opaque_cursors ? "opaque" : "predictable",
      x.hidden, x.null, x.displaced, x.broad_error, x.count_error, x.refused, x.users.size(),
      x.points_per_hour, x.points_per_minute, x.concurrent, x.page_ceiling, x.count_ceiling,
      x.way.count(), x.service.count(), x.fails, x.partial, x.store_fails, x.store_forgets,
      x.fetchers, x.writers, x.window, x.partitions, x.page_width, x.count_width, x.batch_rows,
      x.attempts,
      x.short_leases    ? "run out"
      : x.leases_expire ? "expire"
                        : "do not expire",
      x.shuffled ? "shuffled" : "in order", x.most_mishaps);
  for (auto kind : x.mishaps)
    result += fmt::format(" {};", to_string(kind));
  return result;
}

} // namespace gitstar::simulation
