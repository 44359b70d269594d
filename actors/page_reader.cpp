#include "actors/page_reader.hpp"

#include "actors/search_source.hpp"

#include <algorithm>
#include <bit>

namespace gitstar {

namespace {

constexpr uint32_t max_pages = static_cast<uint32_t>(max_search_results / page_size);

uint32_t bit(uint32_t page) { return 1u << page; }

} // namespace

page_reader::page_reader(lease work)
    : part_(std::move(work.part)), texts_(std::move(work.sorts)), mode_(work.cursors),
      splittable_(work.splittable), handed_out_(part_.pages_done),
      seen_(part_.seen_ids.begin(), part_.seen_ids.end()) {
  // Pages that were read one after the other go on where they stopped.
  if (!part_.cursor.empty())
    mode_ = cursor_mode::serial;
  // Pages that were read with predicted cursors left none to go on from.
  if (mode_ == cursor_mode::serial && part_.pages_done != 0 && part_.cursor.empty()) {
    part_.pages_done = 0;
    handed_out_ = 0;
  }
  asked_pages_ = static_cast<uint32_t>(std::bit_width(handed_out_));
  if (part_.pages_done != 0 && asked_pages_ < max_pages &&
      part_.expected > int64_t{asked_pages_} * page_size)
    followed_ = bit(asked_pages_);
}

uint32_t page_reader::page_count() const {
  if (last_page_ > 0)
    return last_page_;
  auto pages = (std::min(part_.expected, max_search_results) + page_size - 1) / page_size;
  // A count that falls while pages are under way does not take them back: they may hold the rest.
  return std::max({static_cast<uint32_t>(std::max<int64_t>(pages, 1)), asked_pages_});
}

uint32_t page_reader::available() const {
  if (finished_)
    return 0;
  auto pages = page_count();
  if (mode_ == cursor_mode::predicted)
    return pages - static_cast<uint32_t>(std::popcount(handed_out_ & (bit(pages) - 1)));
  // The answer under way decides on the mode, or names the next cursor.
  auto waiting = handed_out_ != part_.pages_done;
  return waiting || static_cast<uint32_t>(std::countr_one(handed_out_)) >= pages ? 0 : 1;
}

optional<uint32_t> page_reader::next_page() {
  if (available() == 0)
    return caf::none;
  auto page = static_cast<uint32_t>(std::countr_one(handed_out_));
  handed_out_ |= bit(page);
  asked_pages_ = std::max(asked_pages_, page + 1);
  return page;
}

void page_reader::put_back(uint32_t page) { handed_out_ &= ~bit(page); }

search_field page_reader::field(uint32_t page) const {
  search_field result{texts_[part_.pass], ""};
  if (page > 0)
    result.after = mode_ == cursor_mode::serial ? part_.cursor : search_cursor(page * page_size);
  return result;
}

bool page_reader::absorb(uint32_t page, field_answer& answer, findings& found) {
  if ((handed_out_ & bit(page)) == 0 || finished_)
    return true;      // asked for with a cursor that has proved wrong, or past the end of the pass
  part_.attempts = 0; // it moves
  unreadable_ += answer.null_count;
  for (auto& row : answer.repositories) {
    if (!seen_.insert(row.repo_id).second) {
      // The other passes repeat on purpose what the first has read.
      if (part_.pass == 0)
        ++part_.duplicates;
      continue;
    }
    part_.seen_ids.push_back(row.repo_id);
    ++part_.seen;
    found.rows.push_back(std::move(row));
  }
  part_.pages_done |= bit(page);
  expect(page, answer);
  check_cursor(page, answer);
  if (mode_ == cursor_mode::serial) {
    part_.cursor = answer.end_cursor;
    if (!answer.has_next_page)
      last_page_ = page + 1;
  }
  auto all = bit(page_count()) - 1;
  if ((part_.pages_done & all) == all)
    end_pass();
  return true;
}

void page_reader::expect(uint32_t page, const field_answer& answer) {
  part_.expected = answer.match_count;
  highest_ = std::max(highest_, part_.expected);
  // A count can be too low. A page that is followed by another proves it, and the ledger keeps the
  // proof as the least count that includes the other.
  if (answer.has_next_page && page + 1 < max_pages)
    followed_ |= bit(page + 1);
  auto unread = static_cast<int64_t>(std::bit_width(followed_ & ~part_.pages_done));
  if (unread > 0)
    part_.expected = std::max(part_.expected, (unread - 1) * page_size + 1);
}

void page_reader::check_cursor(uint32_t page, const field_answer& answer) {
  auto items = static_cast<int64_t>(answer.repositories.size() + answer.null_count);
  if (mode_ == cursor_mode::serial || items < page_size)
    return;
  predicted_ = answer.end_cursor == search_cursor((page + 1) * page_size);
  if (*predicted_) {
    mode_ = cursor_mode::predicted;
    return;
  }
  // Page 1 needs no prediction; what was read behind a wrong one is read again.
  mode_ = cursor_mode::serial;
  if (part_.pages_done != bit(0))
    part_.pages_done = 0;
  handed_out_ = part_.pages_done;
  followed_ &= bit(1);
  asked_pages_ = static_cast<uint32_t>(std::bit_width(handed_out_));
}

void page_reader::end_pass() {
  auto last = part_.pass + 1 >= texts_.size();
  // Where the count fell between two pages something was deleted, and what moved up in its place
  // may have slipped past the border of the pages: another pass has to show it.
  auto steady = part_.seen >= highest_ || last;
  if (part_.seen >= part_.expected && steady)
    return finish(partition_state::done, "");
  if (part_.expected > max_search_results && splittable_)
    return finish(partition_state::open, "");
  if (!last) {
    ++part_.pass;
    part_.pages_done = 0;
    part_.cursor.clear();
    handed_out_ = 0;
    asked_pages_ = 0;
    followed_ = 0;
    last_page_ = 0;
    highest_ = 0;
    unreadable_ = 0;
    return;
  }
  auto reason = "read with " + std::to_string(texts_.size()) + " sorts, " +
                std::to_string(part_.expected - part_.seen) + " of " +
                std::to_string(part_.expected) + " did not turn up";
  if (part_.expected > max_search_results)
    reason += "; more than 1,000 matches that no qualifier separates";
  if (unreadable_ > 0)
    reason += "; " + std::to_string(unreadable_) + " came as null";
  finish(partition_state::incomplete, std::move(reason));
}

void page_reader::finish(partition_state state, std::string reason) {
  finished_ = true;
  part_.state = state;
  part_.reason = std::move(reason);
  part_.pages_done = 0;
  part_.cursor.clear();
  if (state != partition_state::open)
    part_.seen_ids.clear();
}

} // namespace gitstar
