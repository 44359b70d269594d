#include "actors/owner_reader.hpp"

#include <algorithm>
#include <sstream>

namespace gitstar {

namespace {

constexpr std::string_view prefix = "owner ";

} // namespace

std::string owner_description(const std::string& login) { return std::string{prefix} + login; }

owner_reader::owner_reader(lease work)
    : part_(std::move(work.part)), login_(part_.description.substr(prefix.size())),
      wants_forks_(work.forks) {
  // `read nulls cursor`, as `absorb` writes it.
  std::istringstream{part_.cursor} >> read_ >> nulls_ >> after_;
}

optional<uint32_t> owner_reader::next_page() {
  if (available() == 0)
    return caf::none;
  asked_ = true;
  return uint32_t{0};
}

search_field owner_reader::field(uint32_t) const { return {login_, after_}; }

bool owner_reader::absorb(uint32_t, field_answer& answer, findings& found) {
  if (finished_ || !asked_)
    return true;
  asked_ = false;
  part_.attempts = 0;
  for (auto& row : answer.repositories) {
    if (row.is_fork && !wants_forks_)
      continue;
    ++part_.seen;
    found.rows.push_back(std::move(row));
  }
  read_ += static_cast<int64_t>(answer.repositories.size()) + answer.null_count;
  nulls_ += answer.null_count;
  after_ = answer.end_cursor;
  part_.expected = part_.seen + nulls_ + std::max<int64_t>(answer.match_count - read_, 0);
  part_.cursor = std::to_string(read_) + ' ' + std::to_string(nulls_) + ' ' + after_;
  if (!answer.has_next_page || after_.empty())
    end_pass();
  return true;
}

bool owner_reader::settles(uint32_t, const field_answer& answer, findings&) {
  if (answer.error != field_error::not_found)
    return false;
  finish(partition_state::incomplete, "no such user or organization: " + answer.message);
  return true;
}

void owner_reader::end_pass() {
  if (part_.seen >= part_.expected)
    return finish(partition_state::done, "");
  if (part_.pass > 0)
    return finish(partition_state::incomplete,
                  "read twice, " + std::to_string(part_.expected - part_.seen) + " of " +
                      std::to_string(part_.expected) + " did not turn up, " +
                      std::to_string(nulls_) + " came as null");
  ++part_.pass;
  part_.seen = 0;
  part_.cursor.clear();
  read_ = 0;
  nulls_ = 0;
  after_.clear();
}

void owner_reader::finish(partition_state state, std::string reason) {
  finished_ = true;
  part_.state = state;
  part_.reason = std::move(reason);
  part_.cursor.clear();
}

} // namespace gitstar
