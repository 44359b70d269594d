#pragma once

#include <caf/actor_clock.hpp>

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace gitstar {

/// The searches of one partition that are to be counted now. They are handed out in portions, each
/// under a lease of its own, so that several fetchers fill a query each.
class count_round {
public:
  using time_point = caf::actor_clock::time_point;

  explicit count_round(std::vector<std::string> questions);

  /// A portion can be handed out.
  bool has_more() const { return !unasked_.empty(); }
  /// Hands out at most `size` searches until `due`.
  std::vector<std::string> take(size_t size, int64_t lease, uint64_t holder, time_point due);

  bool is_out(int64_t lease) const { return out_.contains(lease); }
  /// Takes what a portion counted. False where these are not its counts.
  bool answered(int64_t lease, const std::vector<int64_t>& counts);
  /// The portion is handed out again.
  void give_back(int64_t lease);
  /// The same for all that the dead `holder` had; returns whether there was any.
  bool lost(uint64_t holder);
  /// The same for what ran out; returns whether there was any.
  bool expire(time_point now);
  void renew(uint64_t holder, time_point due);

  /// When the next portion runs out.
  std::optional<time_point> next_due() const;

  /// All counts, in the order of the questions; empty as long as some are missing.
  std::vector<int64_t> result() const;

private:
  struct portion {
    std::vector<uint32_t> indices;
    uint64_t holder;
    time_point due;
  };

  template <class Predicate>
  bool give_back_if(Predicate predicate);

  std::vector<std::string> questions_;
  std::vector<int64_t> counts_;
  size_t missing_;
  std::deque<uint32_t> unasked_;
  std::map<int64_t, portion> out_; // by lease number
};

} // namespace gitstar
