#include "actors/listing_reader.hpp"

#include <algorithm>
#include <iterator>
#include <sstream>

namespace gitstar {

namespace {

/// Ids that are listed before they are read: enough pages to fill a query. Fewer commits would
/// write a longer list each time.
constexpr size_t block_size = 10 * static_cast<size_t>(ids_per_page);

constexpr std::string_view cursor_prefix = "listed ";

} // namespace

bool listing_reader::fits(const lease& work) {
  auto& part = work.part;
  auto is_fresh = part.cursor.empty() && part.pages_done == 0;
  return parse_id_range(part.description) && (part.cursor.starts_with(cursor_prefix) ||
                                              (is_fresh && work.listing != id_listing::never));
}

listing_reader::listing_reader(lease work)
    : part_(std::move(work.part)), mode_(work.listing), range_(*parse_id_range(part_.description)),
      listed_(range_.first - 1) {
  if (part_.cursor.starts_with(cursor_prefix))
    std::istringstream{part_.cursor.substr(cursor_prefix.size())} >> listed_ >> aside_;
  aside_ = std::min(aside_, part_.seen_ids.size());
  if (mode_ == id_listing::never)
    stop_listing();
  else if (part_.pages_done != 0 || room() == 0 || listed_ >= range_.last)
    begin_block();
}

query_shape listing_reader::shape() const {
  return is_listing() ? query_shape::id_list : query_shape::nodes;
}

bool listing_reader::finished() const { return rest_ && rest_->finished(); }

optional<id_range> listing_reader::wants_known() const {
  if (listed_ >= range_.last || rest_ || mode_ == id_listing::never)
    return caf::none;
  return id_range{listed_ + 1, range_.last};
}

void listing_reader::know(std::vector<repo_id> ids) { known_ = std::move(ids); }

optional<uint32_t> listing_reader::next_page() {
  if (rest_)
    return rest_->next_page();
  if (block_)
    return block_->next_page();
  if (asked_)
    return caf::none;
  asked_ = true;
  return uint32_t{0};
}

uint32_t listing_reader::available() const {
  if (rest_)
    return rest_->available();
  if (block_)
    return block_->available();
  return asked_ ? 0 : 1;
}

void listing_reader::put_back(uint32_t page) {
  if (rest_)
    rest_->put_back(page);
  else if (block_)
    block_->put_back(page);
  asked_ = false;
}

search_field listing_reader::field(uint32_t page) const {
  if (rest_)
    return rest_->field(page);
  if (block_)
    return block_->field(page);
  return {"", std::to_string(listed_)};
}

bool listing_reader::absorb(uint32_t page, field_answer& answer, findings& found) {
  if (rest_)
    return rest_->absorb(page, answer, found);
  if (block_) {
    auto moved = block_->absorb(page, answer, found);
    auto& now = block_->part();
    part_.seen = now.seen;
    part_.expected = now.expected;
    part_.pages_done = now.pages_done;
    part_.attempts = now.attempts;
    if (block_->finished())
      end_block();
    return moved;
  }
  if (!asked_)
    return true;
  asked_ = false;
  part_.attempts = 0;
  take(answer);
  return true;
}

/// There is no listing: what is left is asked for unlisted.
bool listing_reader::settles(uint32_t, const field_answer& answer, findings&) {
  if (!is_listing() || answer.error != field_error::not_found)
    return false;
  asked_ = false;
  part_.attempts = 0;
  stop_listing();
  return true;
}

void listing_reader::stop_listing() {
  mode_ = id_listing::never;
  if (part_.seen_ids.size() > aside_)
    begin_block();
  else
    go_unlisted();
}

/// How many more ids the block takes before it is read.
size_t listing_reader::room() const {
  auto size = part_.seen_ids.size() - aside_;
  return size < block_size ? static_cast<size_t>(most_listed_ids) - size : 0;
}

void listing_reader::take(const field_answer& answer) {
  auto is_first = part_.seen_ids.size() == aside_;
  if (mode_ == id_listing::automatic && is_first && !is_worth_it(answer))
    return go_unlisted();
  // Where an element is null, a repository is there whose id may be any up to the next one's.
  auto is_certain = true;
  auto is_last = answer.ids.empty() || !answer.has_next_page;
  auto before = listed_;
  for (auto id : answer.ids) {
    if (id == 0) {
      is_certain = false;
      continue;
    }
    if (id <= listed_)
      continue;
    is_last = is_last || id > range_.last;
    if (id > range_.last || room() == 0)
      break;
    std::vector<repo_id> ids;
    if (!is_certain)
      for (auto other = listed_ + 1; other < id && ids.size() < room(); ++other)
        ids.push_back(other);
    auto complete = is_certain || ids.size() < room();
    if (complete)
      ids.push_back(id);
    add_up_to(complete ? id : ids.back(), ids);
    if (!complete)
      break;
    is_certain = true;
  }
  if (is_last && is_certain && room() > 0) {
    add_up_to(range_.last, {});
  } else if (!is_certain && listed_ == before) {
    // No id of the range shows how far the nulls reach: the next hundred are asked for.
    auto last = std::min(range_.last, listed_ + ids_per_page);
    std::vector<repo_id> ids;
    for (auto id = listed_ + 1; id <= last; ++id)
      ids.push_back(id);
    add_up_to(last, ids);
  }
  if (room() == 0 || listed_ >= range_.last)
    begin_block();
  else
    note();
}

bool listing_reader::is_worth_it(const field_answer& answer) const {
  std::vector<repo_id> shown;
  for (auto id : answer.ids)
    if (id > 0)
      shown.push_back(id);
  auto is_end = shown.empty() || !answer.has_next_page || shown.back() > range_.last;
  auto last = is_end ? range_.last : shown.back();
  auto to_ask = [&](repo_id id) { return id > listed_ && id <= last; };
  auto unlisted = [&](repo_id id) {
    return to_ask(id) && !std::binary_search(shown.begin(), shown.end(), id);
  };
  auto ids = std::count_if(shown.begin(), shown.end(), to_ask) +
             std::count_if(known_.begin(), known_.end(), unlisted);
  auto density = static_cast<double>(ids) / static_cast<double>(last - listed_);
  auto per_page = 1.0 / width_;
  return density * (1 + per_page) < per_page;
}

/// The ids up to `last`, or as far as there is room, are these and those that are known; all others
/// are holes.
void listing_reader::add_up_to(repo_id last, const std::vector<repo_id>& ids) {
  auto from = std::upper_bound(known_.begin(), known_.end(), listed_);
  auto to = std::upper_bound(from, known_.end(), last);
  std::vector<repo_id> all;
  std::set_union(ids.begin(), ids.end(), from, to, std::back_inserter(all));
  if (all.size() > room()) {
    all.resize(room());
    last = all.back();
  }
  part_.expected -= last - listed_ - static_cast<int64_t>(all.size());
  part_.seen_ids.insert(part_.seen_ids.end(), all.begin(), all.end());
  listed_ = last;
}

void listing_reader::begin_block() {
  note();
  lease work;
  work.part = part_;
  work.part.description.clear(); // it is a list
  work.part.cursor.clear();
  work.part.seen_ids.erase(work.part.seen_ids.begin(),
                           work.part.seen_ids.begin() + static_cast<std::ptrdiff_t>(aside_));
  block_ = std::make_unique<id_reader>(std::move(work));
  if (block_->finished()) // it is empty
    end_block();
}

void listing_reader::end_block() {
  auto unread = block_->part().seen_ids;
  block_.reset();
  part_.pages_done = 0;
  part_.seen_ids.resize(aside_);
  part_.seen_ids.insert(part_.seen_ids.end(), unread.begin(), unread.end());
  aside_ = part_.seen_ids.size();
  note();
  if (listed_ >= range_.last || mode_ == id_listing::never)
    go_unlisted();
}

/// What is left of the range, and of what was set aside, is an `id_reader`'s.
void listing_reader::go_unlisted() {
  part_.cursor = id_reader::cursor_from(listed_ + 1);
  part_.pages_done = 0;
  lease work;
  work.part = part_;
  rest_ = std::make_unique<id_reader>(std::move(work));
}

void listing_reader::note() {
  part_.cursor =
      std::string{cursor_prefix} + std::to_string(listed_) + ' ' + std::to_string(aside_);
}

} // namespace gitstar
