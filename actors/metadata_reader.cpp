#include "actors/metadata_work.hpp"

#include <algorithm>
#include <charconv>

namespace gitstar {

namespace {

using metadata::freshness;

/// Of what has moved since the last time mostly little; GitHub charges for what may come.
constexpr uint32_t first_moved_page = 10;

/// Further pages of own lists wait while so many lists below them are open.
constexpr size_t most_nested_open = 400;
constexpr uint32_t most_own_elements = 400;

/// Failures that a reason quotes.
constexpr size_t most_quoted = 3;

/// Failures below one own list that the store remembers.
constexpr size_t most_remembered = 20;

std::vector<std::string> names_of(const std::vector<const metadata::kind*>& kinds) {
  std::vector<std::string> result;
  for (const auto* x : kinds)
    result.emplace_back(x->name);
  return result;
}

} // namespace

int64_t number_of(const std::string& text) {
  int64_t result = -1;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

void add_row(findings& found, const metadata::kind& of, metadata_row row) {
  auto same = std::find_if(found.metadata.begin(), found.metadata.end(),
                           [&](const metadata_rows& x) { return x.kind == of.name; });
  if (same == found.metadata.end())
    same = found.metadata.insert(found.metadata.end(), {std::string{of.name}, {}});
  same->rows.push_back(std::move(row));
}

metadata_reader::metadata_reader(lease work, const std::vector<metadata_watermark>& marks)
    : part_(std::move(work.part)), plan_(std::move(work.metadata)), lists_(plan_) {
  std::map<repo_id, size_t> index;
  for (auto id : part_.seen_ids)
    if (index.emplace(id, repositories_.size()).second)
      repositories_.emplace_back().id = id;
  for (const auto& mark : marks)
    if (auto found = index.find(mark.repo_id); found != index.end()) {
      auto& x = repositories_[found->second];
      if (mark.kind == whole_repository) {
        x.synced = to_sync_state(mark);
        continue;
      }
      auto state = to_list_state(mark);
      // What GitHub could not bear it may bear again.
      for (auto& [list, size] : state.page_sizes)
        x.sizes[list] = std::min(largest_page, std::max(1u, size) * 2);
      x.known.emplace(mark.kind, std::move(state));
    }
  unsettled_ = repositories_.size();
  if (unsettled_ == 0)
    finish();
  probe all;
  auto add_probe = [&] {
    if (!all.repositories.empty())
      add({std::exchange(all, {})});
  };
  for (size_t i = 0; i < repositories_.size(); ++i) {
    all.repositories.push_back(i);
    if (all.repositories.size() == repositories_per_probe)
      add_probe();
  }
  add_probe();
  for (const auto* kind : lists_.own())
    for (const auto* list : lists_.of(*kind))
      if (list->while_open)
        add_open_rounds(*list, *kind);
}

metadata_reader::~metadata_reader() = default;

void metadata_reader::add_open_rounds(const nested_list& list, const metadata::kind& parent) {
  // A list of two pages does not have to wait for an answer.
  for (auto large : {false, true}) {
    round all{&list, large};
    auto add_round = [&] {
      if (!all.parents.empty())
        add({std::exchange(all, {&list, large})});
    };
    for (size_t i = 0; i < repositories_.size(); ++i) {
      auto known = repositories_[i].known.find(std::string{parent.name});
      if (known == repositories_[i].known.end())
        continue;
      const auto& state = known->second;
      for (const auto& [node, number] : state.open) {
        if (state.large.contains(node) != large)
          continue;
        all.parents.push_back({i, node, number});
        ++repositories_[i].left;
        if (all.parents.size() == repositories_per_probe)
          add_round();
      }
    }
    add_round();
  }
}

// -- tasks ----------------------------------------------------------------------------------------

std::deque<uint32_t>& metadata_reader::queue_of(const task& x) {
  if (std::holds_alternative<own_page>(x.what))
    return pages_;
  return std::holds_alternative<nested_page>(x.what) ? nested_ : probes_;
}

void metadata_reader::add(task what, bool first) {
  auto id = next_task_++;
  auto& queue = queue_of(what);
  if (first)
    queue.push_front(id);
  else
    queue.push_back(id);
  tasks_.emplace(id, std::move(what));
}

query_shape metadata_reader::shape() const {
  return probes_.empty() ? query_shape::metadata_list : query_shape::metadata_probe;
}

/// Memory holds what is below the pages that are open.
bool metadata_reader::may_begin_page() const {
  if (pages_.empty() || nested_open_ >= most_nested_open)
    return false;
  uint32_t elements = 0;
  for (auto id : asked_pages_)
    elements += first_of(own_.at(std::get<own_page>(tasks_.at(id).what).list));
  return elements < most_own_elements;
}

uint32_t metadata_reader::available() const {
  if (finished_)
    return 0;
  if (!probes_.empty())
    return static_cast<uint32_t>(probes_.size());
  return static_cast<uint32_t>(nested_.size() + (may_begin_page() ? pages_.size() : 0));
}

optional<uint32_t> metadata_reader::next_page() {
  if (finished_)
    return caf::none;
  auto take = [](std::deque<uint32_t>& from) {
    auto id = from.front();
    from.pop_front();
    return id;
  };
  if (!probes_.empty())
    return take(probes_);
  if (!nested_.empty())
    return take(nested_);
  if (!may_begin_page())
    return caf::none;
  auto id = take(pages_);
  asked_pages_.insert(id);
  return id;
}

void metadata_reader::put_back(uint32_t page) {
  auto found = tasks_.find(page);
  if (found == tasks_.end())
    return;
  asked_pages_.erase(page);
  queue_of(found->second).push_front(page);
}

uint32_t metadata_reader::page_size(size_t repo, const std::string& list) const {
  const auto& sizes = repositories_[repo].sizes;
  auto found = sizes.find(list);
  return found == sizes.end() ? largest_page : found->second;
}

uint32_t metadata_reader::first_of(const own_list& x) const {
  auto size = page_size(x.repo, std::string{x.kind->name});
  if (x.what == own_list::aim::moved && x.read == 0)
    return std::min(size, first_moved_page);
  if (x.what == own_list::aim::moved && x.newest_first())
    return size; // nobody knows how many have moved
  auto left = std::clamp<int64_t>(x.expected - x.read, 1, largest_page);
  return std::min(size, static_cast<uint32_t>(left));
}

uint32_t metadata_reader::first_of(const nested_read& x) const {
  auto size = page_size(x.repo, x.list->name);
  if (x.count < 0)
    return size;
  auto left = std::clamp<int64_t>(x.count - x.read, 1, largest_page);
  return std::min(size, static_cast<uint32_t>(left));
}

search_field metadata_reader::field(uint32_t page) const {
  search_field result;
  auto& ask = result.metadata;
  const auto& what = tasks_.at(page).what;
  if (const auto* x = std::get_if<probe>(&what)) {
    for (auto i : x->repositories)
      result.ids.push_back(repositories_[i].id);
    ask.kinds = names_of(lists_.own());
  } else if (const auto* y = std::get_if<round>(&what)) {
    for (const auto& parent : y->parents)
      ask.nodes.push_back(parent.node);
    ask.kinds = names_of(y->list->kinds);
    ask.parent = y->list->list->parent;
    ask.both_ends = y->both_ends;
  } else if (const auto* z = std::get_if<own_page>(&what)) {
    const auto& list = own_.at(z->list);
    result.ids = {repositories_[list.repo].id};
    ask.kinds = {std::string{list.kind->name}};
    ask.first = first_of(list);
    ask.after = list.after;
    ask.newest = list.capped_order;
    if (list.kind->kept == freshness::since)
      ask.since = list.since;
  } else {
    const auto& nested = *std::get<nested_page>(what).of;
    ask.nodes = {nested.node};
    ask.kinds = names_of(nested.list->kinds);
    ask.parent = nested.list->list->parent;
    ask.continues = nested.continues;
    ask.first = first_of(nested);
    ask.after = nested.after;
  }
  return result;
}

bool metadata_reader::absorb(uint32_t page, field_answer& answer, findings& found) {
  auto taken = tasks_.extract(page);
  asked_pages_.erase(page);
  if (taken.empty() || finished_)
    return true;
  auto x = std::move(taken.mapped());
  auto moved = true;
  if (auto* asked = std::get_if<probe>(&x.what)) {
    auto which = *asked;
    moved = take_probe(which, x, answer, found);
  } else if (auto* several = std::get_if<round>(&x.what)) {
    auto which = *several;
    moved = take_round(which, x, answer, found);
  } else if (answer.pages.empty()) {
    add(std::move(x)); // cannot be: a page without an error is there
    return false;
  } else if (auto* own = std::get_if<own_page>(&x.what)) {
    take_own_page(own->list, answer.pages.front(), found);
  } else {
    take_nested_page(std::get<nested_page>(x.what).of, answer.pages.front(), found);
  }
  if (moved)
    part_.attempts = 0;
  return moved;
}

bool metadata_reader::settles(uint32_t page, const field_answer& answer, findings& found) {
  auto position = tasks_.find(page);
  if (position == tasks_.end())
    return true;
  auto why = to_string(answer.error) + ": " + answer.message;
  auto& what = position->second.what;
  // A cursor does not live for ever.
  auto stale = answer.error == field_error::rejected;
  if (auto* own = std::get_if<own_page>(&what)) {
    auto index = own->list;
    auto& list = own_.at(index);
    if (stale && !list.after.empty() && ++list.pass < most_passes) {
      list.after.clear();
      list.read = 0;
      list.resumed = true;
      put_back(page);
      return true;
    }
    tasks_.erase(position);
    asked_pages_.erase(page);
    if (answer.error == field_error::not_found)
      lose(list.repo, found);
    abandon(index, why, found);
    return true;
  }
  if (auto* nested = std::get_if<nested_page>(&what)) {
    auto x = nested->of;
    if (stale && !x->after.empty() && ++x->pass < most_passes) {
      x->restart();
      put_back(page);
      return true;
    }
    tasks_.erase(position);
    // The parent has vanished since it was read: the next look at its list shows that.
    end_nested(*x, answer.error == field_error::not_found ? "" : why, found);
    return true;
  }
  return false;
}

bool metadata_reader::ask_less(uint32_t page, const std::string& why, findings& found) {
  auto position = tasks_.find(page);
  if (position == tasks_.end())
    return true;
  auto& x = position->second;
  auto again = ++x.tries < most_tries;
  auto halve = [&](auto& list) {
    auto half = list.size() / 2;
    std::remove_reference_t<decltype(list)> rest{list.begin() + static_cast<std::ptrdiff_t>(half),
                                                 list.end()};
    list.resize(half);
    return rest;
  };
  auto smaller = [&](size_t repo, const std::string& list, uint32_t first) {
    if (first > 1) {
      repositories_[repo].sizes[list] = first / 2;
      x.tries = 0;
    }
    return first > 1 || again;
  };
  if (auto* asked = std::get_if<probe>(&x.what)) {
    if (asked->repositories.size() > 1) {
      x.tries = 0;
      put_back(page);
      add({probe{halve(asked->repositories)}}, true);
      return true;
    }
    if (again)
      return put_back(page), true;
    auto repo = asked->repositories.front();
    tasks_.erase(position);
    fail(repo, nullptr, failure::list, why);
    settle(repo, found);
    return true;
  }
  if (auto* several = std::get_if<round>(&x.what)) {
    if (std::exchange(several->both_ends, false))
      return put_back(page), true;
    if (several->parents.size() > 1) {
      x.tries = 0;
      put_back(page);
      add({round{several->list, several->both_ends, halve(several->parents)}}, true);
      return true;
    }
    if (again)
      return put_back(page), true;
    auto repo = several->parents.front().repo;
    const auto& list = *several->list;
    tasks_.erase(position);
    fail(repo, list.parent, failure::part, list.name + ": " + why);
    settle(repo, found);
    return true;
  }
  if (auto* own = std::get_if<own_page>(&x.what)) {
    auto index = own->list;
    const auto& list = own_.at(index);
    if (smaller(list.repo, std::string{list.kind->name}, first_of(list)))
      return put_back(page), true;
    tasks_.erase(position);
    asked_pages_.erase(page);
    abandon(index, why, found);
    return true;
  }
  auto nested = std::get<nested_page>(x.what).of;
  if (smaller(nested->repo, nested->list->name, first_of(*nested)))
    return put_back(page), true;
  tasks_.erase(position);
  end_nested(*nested, why, found);
  return true;
}

// -- the end --------------------------------------------------------------------------------------

/// Without `own` it is all own lists.
void metadata_reader::fail(size_t repo, const metadata::kind* own, failure what,
                           const std::string& why) {
  auto& x = repositories_[repo];
  x.failures.push_back(why);
  if (what == failure::known)
    return;
  auto kinds = own != nullptr ? std::vector{own} : lists_.own();
  for (const auto* kind : kinds) {
    auto name = std::string{kind->name};
    if (what == failure::list)
      x.failed.insert(name);
    if (auto& reasons = x.lacking[name]; reasons.size() < most_remembered)
      reasons.push_back(own != nullptr ? why : name + ": " + why);
  }
}

/// When it was read is known also where nothing has moved. What other crawls read of it stays.
void metadata_reader::remember_sync(size_t repo, findings& found) {
  auto& x = repositories_[repo];
  auto state = std::move(x.synced);
  if (x.asked_at)
    state.asked_at = x.asked_at;
  for (const auto* kind : lists_.own()) {
    auto name = std::string{kind->name};
    state.lacking.erase(name);
    if (x.asked_at && !x.failed.contains(name))
      state.read[name] = *x.asked_at;
  }
  state.lacking.merge(x.lacking);
  found.watermarks.push_back(to_watermark(x.id, state));
}

void metadata_reader::lose(size_t repo, findings& found) {
  auto& x = repositories_[repo];
  if (!std::exchange(x.gone, true))
    found.gone.push_back(x.id);
}

/// One of the things that the repository waits for has ended.
void metadata_reader::settle(size_t repo, findings& found) {
  auto& x = repositories_[repo];
  if (--x.left > 0)
    return;
  if (x.gone) {
    --part_.expected;
  } else if (x.failures.empty()) {
    ++part_.seen;
  } else {
    ++failed_;
    for (const auto& why : x.failures)
      if (failures_.size() < most_quoted)
        failures_.push_back(std::to_string(x.id) + ' ' + why);
  }
  if (!x.gone)
    remember_sync(repo, found);
  if (x.gone || x.failures.empty())
    std::erase(part_.seen_ids, x.id);
  x.known.clear();
  x.sizes.clear();
  x.synced = {};
  x.failed.clear();
  x.lacking.clear();
  if (--unsettled_ == 0)
    finish();
}

void metadata_reader::finish() {
  finished_ = true;
  part_.state = failed_ == 0 ? partition_state::done : partition_state::incomplete;
  part_.reason.clear();
  if (failed_ == 0)
    return;
  part_.reason = std::to_string(failed_) + " repositories could not be read to the end";
  for (const auto& why : failures_)
    part_.reason += "; " + why;
}

} // namespace gitstar
