#pragma once

#include "actors/source.hpp"

namespace gitstar {

/// All repositories of users and organizations. They are read from the owner's own list, not
/// searched for: GitHub's index leaves some out, and a search cannot tell an owner without
/// repositories from one that does not exist.
class owners_source : public source {
public:
  /// `forks` false: forks are left out.
  owners_source(std::vector<std::string> logins, bool forks);

  std::string text() const override;
  std::vector<partition> roots(const crawl& run) const override;
  void equip(lease& work) const override;

private:
  std::vector<std::string> logins_; // sorted, none twice
  bool forks_;
};

} // namespace gitstar
