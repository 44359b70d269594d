// Runs many crawls, each decided by one seed, and checks the invariants of DESIGN 4 after each.

#include "net/metrics.hpp"
#include "tests/simulation/simulation.hpp"

#include <CLI/CLI.hpp>
#include <fmt/core.h>

#include <charconv>
#include <cstdio>

using namespace gitstar;
using namespace gitstar::simulation;

namespace {

/// Seeds that once showed a bug: README.md tells which. They run first.
constexpr uint64_t regressions[] = {311, 354, 493, 866, 1114, 3401, 3568};

constexpr uint64_t first_seed = 1;
constexpr uint64_t last_seed = 2000;

/// Of so many seeds each is run twice, and both runs have to be the same.
constexpr uint64_t repeated_seeds = 50;

/// What the usual runs have to bring about, or they prove less than they claim.
constexpr const char* required[] = {"GitHub outage",
                                    "ban",
                                    "crash",
                                    "fail an actor",
                                    "hit api",
                                    "hit fetcher-",
                                    "hit fetchers",
                                    "hit ledger",
                                    "hit partitioner",
                                    "hit plan",
                                    "hit root",
                                    "hit store",
                                    "hit token-bucket",
                                    "hit writer-",
                                    "kill an actor",
                                    "revoke",
                                    "stop",
                                    "store outage",
                                    "take over",
                                    "the store throws"};

struct tally {
  uint64_t runs = 0;
  uint64_t steps = 0;
  uint64_t queries = 0;
  uint64_t processes = 0;
  std::map<std::string, uint64_t> mishaps;

  void add(const outcome_of_run& x) {
    ++runs;
    steps += x.steps;
    queries += x.queries;
    processes += x.processes;
    for (auto& [name, count] : x.mishaps)
      mishaps[name] += count;
  }

  /// Something that never happened; null if all did.
  const char* missing() const {
    for (auto name : required)
      if (!mishaps.contains(name))
        return name;
    return nullptr;
  }

  void print() const {
    fmt::print("{} runs held all invariants: {} steps, {} queries, {} processes\n", runs, steps,
               queries, processes);
    for (auto& [name, count] : mishaps)
      fmt::print("  {:6} {}\n", count, name);
  }
};

class runner {
public:
  runner(std::string program, bool traced) : program_(std::move(program)), traced_(traced) {}

  outcome_of_run run(uint64_t seed) {
    return gitstar::simulation::simulation{scenario{seed}, traced_, metrics_}.run();
  }

  /// Whether the run held all invariants.
  bool check(uint64_t seed, bool twice) {
    auto result = run(seed);
    if (result.problem.empty() && twice && run(seed).digest != result.digest)
      result.problem = "a second run with this seed took another course";
    total_.add(result);
    if (result.problem.empty())
      return true;
    fmt::print("seed {} failed after {} steps: {}\n\n{}\n\nreplay: {} --seed {} --trace\n", seed,
               result.steps, result.problem, to_string(scenario{seed}), program_, seed);
    return false;
  }

  const tally& total() const { return total_; }

private:
  std::string program_;
  bool traced_;
  std::shared_ptr<net::metrics> metrics_ = std::make_shared<net::metrics>();
  tally total_;
};

/// `A..B`, both included.
std::pair<uint64_t, uint64_t> parse_seeds(const std::string& text) {
  std::pair<uint64_t, uint64_t> result;
  auto dots = text.find("..");
  if (dots == std::string::npos)
    throw CLI::ValidationError("--seeds", "takes A..B");
  std::from_chars(text.data(), text.data() + dots, result.first);
  std::from_chars(text.data() + dots + 2, text.data() + text.size(), result.second);
  return result;
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Simulated crawls, each decided by one seed"};
  std::string seeds;
  std::optional<uint64_t> seed;
  auto traced = false;
  auto keep_going = false;
  app.add_option("--seeds", seeds, "A..B: run these instead of the usual ones");
  app.add_option("--seed", seed, "run one");
  app.add_flag("--trace", traced, "print what happens");
  app.add_flag("--keep-going", keep_going, "run on after a failure");
  try {
    app.parse(argc, argv);
    runner all{argv[0], traced};
    auto failed = 0;
    auto check = [&](uint64_t x, bool twice) {
      failed += !all.check(x, twice);
      return failed == 0 || keep_going;
    };
    if (seed) {
      check(*seed, !traced);
    } else if (!seeds.empty()) {
      auto [first, last] = parse_seeds(seeds);
      for (auto x = first; x <= last; ++x)
        if (!check(x, false))
          break;
    } else {
      auto go_on = true;
      for (auto x : regressions)
        go_on = go_on && check(x, true);
      for (auto x = first_seed; go_on && x <= last_seed; ++x)
        go_on = check(x, x <= repeated_seeds);
      if (auto name = all.total().missing(); go_on && name != nullptr) {
        fmt::print("'{}' never happened\n", name);
        ++failed;
      }
    }
    if (failed > 0) {
      fmt::print("{} of {} runs failed\n", failed, all.total().runs);
      return 1;
    }
    all.total().print();
    return 0;
  } catch (const CLI::ParseError& wrong) {
    return app.exit(wrong);
  }
}
