#include "actors/count_round.hpp"

#include <algorithm>
#include <numeric>

namespace gitstar {

count_round::count_round(std::vector<std::string> questions)
    : questions_(std::move(questions)), counts_(questions_.size(), -1), missing_(questions_.size()),
      unasked_(questions_.size()) {
  std::iota(unasked_.begin(), unasked_.end(), 0u);
}

std::vector<std::string> count_round::take(size_t size, int64_t lease, uint64_t holder,
                                           time_point due) {
  auto end = unasked_.begin() + static_cast<std::ptrdiff_t>(std::min(size, unasked_.size()));
  portion next{{unasked_.begin(), end}, holder, due};
  unasked_.erase(unasked_.begin(), end);
  std::vector<std::string> result;
  for (auto i : next.indices)
    result.push_back(questions_[i]);
  out_.emplace(lease, std::move(next));
  return result;
}

bool count_round::answered(int64_t lease, const std::vector<int64_t>& counts) {
  auto found = out_.find(lease);
  if (found == out_.end() || found->second.indices.size() != counts.size())
    return false;
  auto count = counts.begin();
  for (auto i : found->second.indices)
    counts_[i] = *count++;
  missing_ -= counts.size();
  out_.erase(found);
  return true;
}

template <class Predicate>
bool count_round::give_back_if(Predicate predicate) {
  auto given_back = std::erase_if(out_, [&](const auto& entry) {
    auto& [lease, x] = entry;
    if (!predicate(lease, x))
      return false;
    unasked_.insert(unasked_.end(), x.indices.begin(), x.indices.end());
    return true;
  });
  return given_back > 0;
}

void count_round::give_back(int64_t lease) {
  give_back_if([=](int64_t number, const portion&) { return number == lease; });
}

bool count_round::lost(uint64_t holder) {
  return give_back_if([=](int64_t, const portion& x) { return x.holder == holder; });
}

bool count_round::expire(time_point now) {
  return give_back_if([=](int64_t, const portion& x) { return x.due <= now; });
}

void count_round::renew(uint64_t holder, time_point due) {
  for (auto& [lease, x] : out_)
    if (x.holder == holder)
      x.due = due;
}

std::optional<count_round::time_point> count_round::next_due() const {
  std::optional<time_point> result;
  for (auto& [lease, x] : out_)
    result = result ? std::min(*result, x.due) : x.due;
  return result;
}

std::vector<int64_t> count_round::result() const {
  return missing_ == 0 ? counts_ : std::vector<int64_t>{};
}

} // namespace gitstar
