#include "actors/owners_source.hpp"

#include "actors/owner_reader.hpp"

#include <algorithm>

namespace gitstar {

owners_source::owners_source(std::vector<std::string> logins, bool forks)
    : logins_(std::move(logins)), forks_(forks) {
  // GitHub's logins differ by more than their case.
  for (auto& login : logins_)
    std::transform(login.begin(), login.end(), login.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c | 0x20) : c; });
  std::sort(logins_.begin(), logins_.end());
  logins_.erase(std::unique(logins_.begin(), logins_.end()), logins_.end());
}

std::string owners_source::text() const {
  constexpr size_t most_shown = 5;
  auto result = std::string{forks_ ? "owners with forks: " : "owners: "};
  std::string all;
  for (auto& login : logins_)
    all += login + ' ';
  if (logins_.size() <= most_shown)
    return result + all.substr(0, all.size() - 1);
  return result + std::to_string(logins_.size()) + ", list " + std::to_string(partition_id(0, all));
}

std::vector<partition> owners_source::roots(const crawl& run) const {
  std::vector<partition> result;
  for (auto& login : logins_)
    result.push_back(new_partition(run.id, 0, owner_description(login), -1));
  return result;
}

void owners_source::equip(lease& work) const {
  work.shape = query_shape::owner_page;
  work.forks = forks_;
}

} // namespace gitstar
