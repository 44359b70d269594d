#pragma once

#include "actors/query_width.hpp"
#include "config/config.hpp"
#include "messages/store.hpp"

#include <map>
#include <utility>
#include <vector>

namespace gitstar {

/// The learned widths, one per query shape and kind of credential: what GitHub bears in one query
/// depends on both (fact sheet 3).
class width_table {
public:
  explicit width_table(const config::query_width_section& settings) : settings_(settings) {}

  /// Goes on from what earlier processes learned. Kinds that this program does not know are left
  /// alone.
  void restore(const std::vector<width_record>& records);
  /// The widths in use, by shape and kind.
  std::vector<width_record> records() const;

  query_width& of(query_shape shape, config::credential_kind kind);

private:
  uint32_t start(query_shape shape) const;
  uint32_t max(query_shape shape) const;

  config::query_width_section settings_;
  std::map<std::pair<query_shape, config::credential_kind>, query_width> widths_;
};

} // namespace gitstar
