#pragma once

#include "tools/sim/limits.hpp"

#include <limits>
#include <map>
#include <optional>
#include <span>
#include <vector>

namespace gitstar::sim {

/// What can go wrong. `fault_classes` says what each means.
enum class fault_kind : uint8_t {
  // instead of an answer
  secondary_limit_200,
  secondary_limit_403,
  secondary_limit_429,
  secondary_limit_html,
  rate_limited,
  rate_limit_code,
  rate_limited_low,
  timeout_502_json,
  timeout_504_json,
  timeout_502_html,
  timeout_502_unicorn,
  timeout_200,
  bad_credentials,
  forbidden_html,
  blocked_451,
  outage,
  outage_reset,
  // the answer arrives spoiled, late or not at all
  malformed_json,
  truncated_json,
  truncated_gzip,
  wrong_content_type,
  empty_body,
  oversized_body,
  slow_body,
  delay,
  reset_mid_body,
  reset_before_answer,
  close_after_answer,
  // the data are not what they should be
  resource_limit,
  opaque_cursors,
  count_error,
  duplicates,
  null_nodes,
  null_nodes_with_error,
  // the world moves on
  stars,
  rename,
  transfer,
  remove,
  create,
  metadata,
};

enum class fault_group : uint8_t { answer, delivery, data, world };

/// One row of the table of all faults.
struct fault_class {
  fault_kind kind;
  fault_group group;
  std::string_view name;
  std::string_view parameters; ///< the keys that it takes, besides those that say when
  std::string_view meaning;
};

/// All of them, in the order of `fault_kind`.
std::span<const fault_class> fault_classes();

const fault_class& describe(fault_kind kind);

/// A fault and when it happens: to requests that match, every Nth of them or by chance; without
/// `every` and `probability` to all that match.
struct fault_rule {
  fault_kind kind = fault_kind::delay;

  double probability = 1;
  int64_t every = 1;
  int64_t times = std::numeric_limits<int64_t>::max(); ///< at most
  int64_t first_request = 1; ///< API requests since the faults were loaded, from 1
  int64_t last_request = std::numeric_limits<int64_t>::max();
  double from_second = 0; ///< since the faults were loaded
  double to_second = std::numeric_limits<double>::infinity();
  std::string credential; ///< the name of one; empty: any
  bool graphql = true;    ///< concerns GraphQL requests
  bool rest = false;      ///< concerns REST requests

  int64_t retry_after = 0;  ///< seconds; 0: no `retry-after`. The ban is enforced.
  int64_t milliseconds = 0; ///< of a delay or an outage
  int64_t bytes = 0;        ///< of an oversized body
  int64_t fields = 0;       ///< items that one query may have before its resources are used up
  int64_t above = 0;        ///< only counts above this are off
  int64_t count = 1;        ///< repositories that change, rounds of changes, or items that show
                            ///< twice
  int64_t by = 5;           ///< how much a star count moves at most
  double share = 0.01;      ///< of the items that are null or of the repositories whose metadata
                            ///< move, or by how much a count is off at most

  int64_t matched = 0;
  int64_t injected = 0;
};

/// A `--faults` file.
struct fault_config {
  uint64_t seed = 1;                     ///< the same seed and requests give the same faults
  std::optional<int64_t> window_seconds; ///< how long all primary windows last from now on
  int64_t clock_offset = 0;              ///< seconds that GitHub's clock is ahead of ours
  std::vector<fault_rule> rules;
};

/// Reads faults from YAML; empty text: none. `file` is what errors call it. Throws
/// `std::runtime_error` with file, line and key.
fault_config parse_faults(const std::string& text, const std::string& file);

/// How the data of one answer are spoiled.
struct data_faults {
  uint64_t salt = 0;
  int64_t max_fields = std::numeric_limits<int64_t>::max();
  bool opaque_cursors = false;
  double count_error = 0;
  int64_t count_error_above = 0;
  int64_t repeated_items = 0;
  double null_share = 0;
  double null_share_with_error = 0;
};

/// What happens to one request.
struct fault_hits {
  const fault_rule* answer = nullptr;
  const fault_rule* delivery = nullptr;
  std::vector<const fault_rule*> world;
  data_faults data;
  bool spoils_data = false;

  /// True if the client cannot use the answer, whatever was in it.
  bool loses_answer() const;
};

/// Decides what happens to which request.
class fault_injector {
public:
  fault_injector() = default;
  fault_injector(fault_config config, time_point now, int64_t requests_before);

  bool any() const { return !config_.rules.empty(); }
  int64_t clock_offset() const { return config_.clock_offset; }

  /// A request that GitHub would answer.
  struct arrival {
    int64_t number = 0; ///< of all requests
    time_point now;
    const std::string& credential;
    bool is_graphql = true;
  };
  fault_hits arrive(const arrival& request);

  /// How often each class was injected since the faults were loaded, by name.
  std::map<std::string_view, int64_t> injected() const;

private:
  bool concerns(const fault_rule& rule, const arrival& request) const;
  bool strikes(const fault_rule& rule, size_t place) const;
  void add(const fault_rule& rule, fault_hits& out) const;

  fault_config config_;
  time_point begin_;
  int64_t requests_before_ = 0;
};

/// A named set of faults that ships with the program.
struct storm {
  std::string_view name;
  std::string_view meaning;
  std::string_view yaml;
};

/// All storms, by name.
std::span<const storm> storms();

/// The storm of this name, or null.
const storm* find_storm(std::string_view name);

} // namespace gitstar::sim
