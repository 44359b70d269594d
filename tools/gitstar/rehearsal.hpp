/// What a rehearsal shows: the store compared with the simulated GitHub.
#pragma once

#include "messages/basic.hpp"

#include <map>
#include <set>
#include <string>

namespace gitstar::tool {

using star_counts = std::map<repo_id, int64_t>;

/// `repo_id` and `star_count` of the simulator's truth (`/_sim/truth.csv`). Throws
/// `std::runtime_error` where a line cannot be read.
star_counts read_truth(const std::string& csv);

/// The repositories that changed while the rehearsal ran (`/_sim/changes.csv`).
std::set<repo_id> read_changes(const std::string& csv);

/// The store beside the truth. What GitHub changed during the crawl may differ.
struct comparison {
  int64_t equal = 0;
  int64_t moved = 0;   ///< differ, and GitHub changed them meanwhile
  int64_t missing = 0; ///< GitHub has them, the store does not
  int64_t wrong = 0;   ///< the store has other stars, or a repository that GitHub does not have
  bool operator==(const comparison&) const = default;
};

comparison compare(const star_counts& stored, const star_counts& truth,
                   const std::set<repo_id>& changed);

/// The last lines of a rehearsal. `stats` is the simulator's account (`/_sim/stats`, JSON),
/// `report` the crawl's (`--report`, JSON).
std::string rehearsal_text(const comparison& found, const std::string& stats,
                           const std::string& report);

/// The violations of GitHub's limits that the simulator counted.
int64_t violations_in(const std::string& stats);

} // namespace gitstar::tool
