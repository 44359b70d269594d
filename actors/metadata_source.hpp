#pragma once

#include "actors/source.hpp"

namespace gitstar {

/// The issues, pull requests and so on of repositories that are in the store already. The LEDGER
/// makes the partitions: blocks of repositories that one probe asks for.
class metadata_source : public source {
public:
  /// `condition`: SQL on the columns of `repositories`.
  metadata_source(metadata_plan plan, std::string condition)
      : plan_(std::move(plan)), condition_(std::move(condition)) {}

  std::string text() const override;
  std::vector<partition> roots(const crawl&) const override { return {}; }
  optional<known_selection> selection() const override;
  void equip(lease& work) const override;

private:
  metadata_plan plan_;
  std::string condition_;
};

} // namespace gitstar
