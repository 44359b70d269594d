#pragma once

#include "messages/search_query.hpp"

#include <cstdint>
#include <random>
#include <vector>

namespace gitstar {

/// How many of the things that are searched for existed by a time: points in ascending order,
/// with even growth between two, and after the last one as between the last two.
struct growth_point {
  int64_t seconds; ///< since 1970
  double total;
};
using growth_curve = std::vector<growth_point>;

/// How GitHub's repository ids grew, from public samples.
growth_curve growth_of_ids();

double total_at(const growth_curve& curve, int64_t seconds);

/// Where the matches of a search probably lie. Cells whose count is not known are filled at random:
/// along `created` with a growth curve, along stars and size with the long tails that these have.
/// The same seed and the same questions always give the same answers.
class match_model {
public:
  match_model(const search_query& query, int64_t matches, growth_curve curve, uint64_t seed = 1);

  /// Which of these searches nobody should guess: what they are cut from has not been counted, or
  /// it holds so many more than its neighbours that there must be a burst of repositories somewhere
  /// within. `parts` are the questions of one round of a `cell_plan`, as for the next two.
  std::vector<size_t> doubtful(const std::vector<search_query>& parts) const;

  /// Takes the counts of some of `parts`, by index, and draws the others; -1 is to be drawn, too.
  /// Returns all counts.
  std::vector<int64_t> count(const std::vector<search_query>& parts,
                             const std::vector<size_t>& known,
                             const std::vector<int64_t>& known_counts);

  /// The matches as they are known now.
  growth_curve curve() const;

private:
  struct cell {
    search_query query;
    int64_t count = 0;
    bool uneven = false; // something in it is much denser than the rest
  };

  template <class Visit>
  void for_each_cell(const std::vector<search_query>& parts, Visit visit) const;
  void draw(const std::vector<search_query>& parts, size_t begin, size_t end, int64_t matches,
            std::vector<int64_t>& counts);

  double share(const search_query& part) const;

  growth_curve curve_;
  std::vector<cell> cells_; // in the order of the plan, without gaps
  std::mt19937_64 random_;
};

} // namespace gitstar
