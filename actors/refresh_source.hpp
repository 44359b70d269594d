#pragma once

#include "actors/source.hpp"

namespace gitstar {

/// Repositories that are in the store already, read again by id, those first that most likely have
/// changed. The LEDGER makes the partitions: lists of ids, of which none is read twice.
class refresh_source : public source {
public:
  explicit refresh_source(const known_selection& which) : which_(which) {}

  std::string text() const override;
  std::vector<partition> roots(const crawl&) const override { return {}; }
  optional<known_selection> selection() const override { return which_; }
  void equip(lease& work) const override { work.shape = query_shape::nodes; }

private:
  known_selection which_;
};

} // namespace gitstar
