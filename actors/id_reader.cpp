#include "actors/id_reader.hpp"

#include <algorithm>
#include <bit>
#include <charconv>
#include <unordered_set>

namespace gitstar {

namespace {

constexpr std::string_view range_prefix = "ids ";

/// Answers without data for an id until it counts as missing.
constexpr uint32_t most_tries = 4;

constexpr auto full_page = static_cast<size_t>(ids_per_page);

uint32_t pages_for(int64_t ids) {
  return static_cast<uint32_t>((ids + ids_per_page - 1) / ids_per_page);
}

template <class Number>
bool read_number(std::string_view text, Number& number) {
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc{} && end == text.data() + text.size();
}

} // namespace

std::string to_string(const id_range& ids) {
  return std::string{range_prefix} + std::to_string(ids.first) + '-' + std::to_string(ids.last);
}

optional<id_range> parse_id_range(std::string_view description) {
  if (!description.starts_with(range_prefix))
    return caf::none;
  description.remove_prefix(range_prefix.size());
  auto dash = std::min(description.find('-'), description.size());
  id_range result;
  if (dash == description.size() || !read_number(description.substr(0, dash), result.first) ||
      !read_number(description.substr(dash + 1), result.last))
    return caf::none;
  return result;
}

id_reader::id_reader(lease work)
    : part_(std::move(work.part)), range_(parse_id_range(part_.description)),
      // What failed before is asked for in smaller pieces.
      most_asked_(std::max<size_t>(1, full_page >> std::min(part_.attempts, 7u))) {
  auto space = part_.cursor.find(' ');
  read_number(std::string_view{part_.cursor}.substr(0, space), done_);
  if (range_ && space != std::string::npos) {
    from_ = part_.cursor.substr(space);
    read_number(std::string_view{from_}.substr(1), range_->first);
  }
  if (range_ && done_ >= pages_for(range_->size()))
    range_ = caf::none; // what it could not have is a list now
  if (page_count() == 0 && part_.seen >= part_.expected)
    finish(partition_state::done, "");
  else if (page_count() == 0)
    finish(partition_state::incomplete, "which repositories it lacks is not known any more");
}

std::string id_reader::cursor_from(repo_id first) { return "0 " + std::to_string(first); }

uint32_t id_reader::page_count() const {
  auto listed = std::min(static_cast<int64_t>(part_.seen_ids.size()), most_listed_ids);
  return pages_for(range_ ? range_->size() : listed);
}

uint32_t id_reader::end_of_window() const {
  return std::min(range_ ? done_ + page_window : page_window, page_count());
}

bool id_reader::can_ask(uint32_t page) const {
  if ((part_.pages_done >> (range_ ? page - done_ : page) & 1) != 0)
    return false;
  auto found = pages_.find(page);
  return found == pages_.end() || (found->second.asked == 0 && !found->second.ended);
}

uint32_t id_reader::available() const {
  uint32_t result = 0;
  if (!finished_)
    for (auto page = range_ ? done_ : 0; page < end_of_window(); ++page)
      result += can_ask(page);
  return result;
}

optional<uint32_t> id_reader::next_page() {
  if (finished_)
    return caf::none;
  for (auto page = range_ ? done_ : 0; page < end_of_window(); ++page)
    if (can_ask(page)) {
      auto& x = pages_.try_emplace(page, open_page{ids_of(page), {}}).first->second;
      x.asked = std::min(most_asked_, x.left.size());
      return page;
    }
  return caf::none;
}

std::vector<repo_id> id_reader::ids_of(uint32_t page) const {
  auto begin = static_cast<int64_t>(page) * ids_per_page;
  std::vector<repo_id> result;
  if (range_) {
    auto end = std::min(begin + ids_per_page, range_->size());
    for (auto i = begin; i < end; ++i)
      result.push_back(range_->first + i);
  } else {
    auto end = std::min(begin + ids_per_page, static_cast<int64_t>(part_.seen_ids.size()));
    result.assign(part_.seen_ids.begin() + begin, part_.seen_ids.begin() + end);
  }
  return result;
}

void id_reader::put_back(uint32_t page) {
  if (auto found = pages_.find(page); found != pages_.end())
    found->second.asked = 0;
}

search_field id_reader::field(uint32_t page) const {
  auto& x = pages_.at(page);
  search_field result;
  result.ids.assign(x.left.begin(), x.left.begin() + static_cast<std::ptrdiff_t>(x.asked));
  return result;
}

bool id_reader::absorb(uint32_t page, field_answer& answer, findings& found) {
  auto position = pages_.find(page);
  if (finished_ || position == pages_.end() || position->second.asked == 0)
    return true;
  auto moved = take(position->second, answer, found);
  if (position->second.left.empty())
    end_page(page);
  return moved;
}

/// Whether the answer settled anything.
bool id_reader::take(open_page& page, const field_answer& answer, findings& found) {
  std::vector<field_error> why(page.asked, field_error::transient);
  for (auto& x : answer.lacking)
    if (x.index < why.size())
      why[x.index] = x.error;
  std::unordered_set<repo_id> asked{page.left.begin(),
                                    page.left.begin() + static_cast<std::ptrdiff_t>(page.asked)};
  std::unordered_set<repo_id> came;
  for (auto& row : answer.repositories)
    // GitHub says which repository it is: what was not asked for has no place here.
    if (asked.contains(row.repo_id) && came.insert(row.repo_id).second)
      found.rows.push_back(row);
  std::vector<repo_id> left;
  auto limited = false;
  for (size_t i = 0; i < page.asked; ++i) {
    auto id = page.left[i];
    if (came.contains(id)) {
      ++page.seen;
    } else if (why[i] == field_error::not_found) {
      ++page.holes;
      found.gone.push_back(id);
    } else if (why[i] == field_error::forbidden || why[i] == field_error::rejected) {
      page.unread.push_back(id);
    } else if (why[i] == field_error::resource_limit && page.asked > 1) {
      limited = true;
      left.push_back(id);
    } else if (gives_up(id)) {
      page.unread.push_back(id);
    } else {
      left.push_back(id);
    }
  }
  auto moved = left.size() < page.asked;
  if (limited)
    most_asked_ = std::max<size_t>(1, page.asked / 2);
  else if (left.empty())
    most_asked_ = std::min(full_page, most_asked_ * 2);
  left.insert(left.end(), page.left.begin() + static_cast<std::ptrdiff_t>(page.asked),
              page.left.end());
  page.left = std::move(left);
  page.asked = 0;
  return moved || limited;
}

bool id_reader::gives_up(repo_id id) {
  if (++tries_[id] < most_tries)
    return false;
  tries_.erase(id);
  return true;
}

void id_reader::count(const open_page& page) {
  part_.seen += page.seen;
  part_.expected -= page.holes;
}

void id_reader::end_page(uint32_t page) {
  auto& x = pages_.at(page);
  if (range_) {
    count(x);
    part_.seen_ids.insert(part_.seen_ids.end(), x.unread.begin(), x.unread.end());
    part_.pages_done |= 1u << (page - done_);
    part_.attempts = 0; // what is read of a page that is given back has to be read again
    pages_.erase(page);
    auto in_order = static_cast<uint32_t>(std::countr_one(part_.pages_done));
    part_.pages_done = in_order < page_window ? part_.pages_done >> in_order : 0;
    done_ += in_order;
    part_.cursor = std::to_string(done_) + from_;
    if (done_ == page_count())
      end_range();
    return;
  }
  // A page with ids that are not to be had is not done: whoever goes on after a crash has to know
  // which they are, and asks again.
  x.ended = true;
  if (x.unread.empty()) {
    count(x);
    part_.pages_done |= 1u << page;
    part_.attempts = 0;
    pages_.erase(page);
  }
  auto all = page_count();
  auto settled = static_cast<uint32_t>(std::popcount(part_.pages_done));
  for (auto& [index, other] : pages_)
    settled += other.ended;
  if (settled == all)
    end_list();
}

void id_reader::end_range() {
  range_ = caf::none;
  part_.pages_done = 0;
  tries_.clear();
  if (part_.seen_ids.empty())
    finish(partition_state::done, "");
}

void id_reader::end_list() {
  auto listed = std::min(part_.seen_ids.size(), static_cast<size_t>(most_listed_ids));
  std::vector<repo_id> unread{part_.seen_ids.begin() + static_cast<std::ptrdiff_t>(listed),
                              part_.seen_ids.end()};
  for (auto& [index, page] : pages_) {
    count(page);
    unread.insert(unread.end(), page.unread.begin(), page.unread.end());
  }
  pages_.clear();
  part_.seen_ids = std::move(unread);
  if (part_.seen_ids.empty())
    return finish(partition_state::done, "");
  finish(partition_state::incomplete,
         std::to_string(part_.seen_ids.size()) +
             " repositories are there but closed to us, or came without data again and again");
}

void id_reader::finish(partition_state state, std::string reason) {
  finished_ = true;
  part_.state = state;
  part_.reason = std::move(reason);
  part_.pages_done = 0;
}

} // namespace gitstar
