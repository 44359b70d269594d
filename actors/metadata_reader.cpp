#include "actors/metadata_reader.hpp"

#include "messages/metadata/registry.hpp"
#include "messages/time_text.hpp"

#include <algorithm>
#include <charconv>

namespace gitstar {

namespace {

using namespace std::chrono_literals;
using metadata::freshness;

/// Elements of a page: what GitHub allows at most (fact sheet 3).
constexpr uint32_t largest_page = 100;

/// Of what has moved since the last time mostly little; GitHub charges for what may come.
constexpr uint32_t first_moved_page = 10;

/// Answers without data for the smallest thing that can be asked, until it is given up.
constexpr uint32_t most_tries = 4;

/// How often a list is read again from its beginning when it was short of its count.
constexpr uint32_t most_passes = 3;

/// Further pages of own lists wait while so many lists below them are open.
constexpr size_t most_nested_open = 400;
constexpr uint32_t most_own_elements = 400;

/// Timestamps are of seconds, and clocks differ a little.
constexpr auto settling_time = 2s;

/// Failures that a reason quotes.
constexpr size_t most_quoted = 3;

constexpr size_t none = static_cast<size_t>(-1);

int64_t number_of(const std::string& text) {
  int64_t result = -1;
  std::from_chars(text.data(), text.data() + text.size(), result);
  return result;
}

bool contains_all(const std::vector<std::string>& names, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& x) {
    return std::find(names.begin(), names.end(), x) != names.end();
  });
}

void add_row(findings& found, const metadata::kind& of, metadata_row row) {
  auto same = std::find_if(found.metadata.begin(), found.metadata.end(),
                           [&](const metadata_rows& x) { return x.kind == of.name; });
  if (same == found.metadata.end())
    same = found.metadata.insert(found.metadata.end(), {std::string{of.name}, {}});
  same->rows.push_back(std::move(row));
}

std::string key_text(const metadata_row& row, const metadata::kind& of) {
  std::string result;
  for (auto i : metadata::key_indexes(of))
    result += (result.empty() ? "" : " ") + row.values[i].value_or("");
  return result;
}

/// What grows from element to element, however they move: the number, or else the id.
int64_t ordinal_of(const metadata_row& row, const metadata::kind& of) {
  auto number = value_of(row, of, "number");
  return number_of(number.empty() ? key_text(row, of) : number);
}

template <class T>
void raise(optional<T>& to, const optional<T>& value) {
  if (value && (!to || *to < *value))
    to = value;
}

std::vector<std::string> names_of(const std::vector<const metadata::kind*>& kinds) {
  std::vector<std::string> result;
  for (const auto* x : kinds)
    result.emplace_back(x->name);
  return result;
}

} // namespace

struct metadata_reader::repository_work {
  repo_id id = 0;
  std::map<std::string, list_state> known; ///< by kind
  std::map<std::string, uint32_t> sizes;   ///< of pages, by list, where less than the largest
  uint32_t left = 1;                       ///< the probe, lists and rounds that have not ended
  bool gone = false;
  std::vector<std::string> failures;
};

struct metadata_reader::own_list {
  enum class aim : uint8_t {
    all,   ///< everything, and what is below it
    moved, ///< what has moved since the mark, and what is below it
    check, ///< everything, to see what is gone; below it only of what was not seen before
  };

  size_t repo = 0;
  const metadata::kind* kind = nullptr;
  list_state known; ///< as stored
  list_state next;  ///< as it will be
  aim what = aim::all;
  bool resumed = false; ///< what was read before the interruption is not counted
  bool anew = false;    ///< what was read before counts for nothing
  bool stopped = false; ///< there is more that is not wanted
  bool capped = false;
  bool last = false; ///< no page follows
  std::string after;
  optional<timestamp> since; ///< asked for
  uint32_t pass = 0;
  uint32_t pending = 0; ///< lists below the elements of this page
  int64_t read = 0;     ///< elements of this pass
  int64_t expected = 0; ///< as far as known, for the size of pages
  int64_t total = -1;   ///< of the whole list, as this pass saw it
  uint32_t nulls = 0;
  timestamp asked_at;           ///< when `newest` was asked for
  optional<timestamp> newest;   ///< what moved last in this pass
  bool unsettled = false;       ///< `newest` was asked for by somebody else
  optional<timestamp> page_end; ///< when the last element of the page had moved
  std::unordered_set<std::string> keys;
  std::unordered_set<std::string> earlier; ///< of a check: those whose lists are read already
  std::unordered_set<int64_t> added;       ///< ordinals beyond what was known
  std::vector<metadata_row> key_rows;      ///< of a check

  bool newest_first() const { return kind->kept != freshness::since || capped_order; }
  bool capped_order = false; ///< asked for newest first because only some are wanted
};

struct metadata_reader::nested_read {
  const nested_list* list = nullptr;
  size_t repo = 0;
  size_t own = none; ///< the own list that waits for it
  std::string parent_node;
  std::string node; ///< that is asked
  bool continues = false;
  std::shared_ptr<const metadata_row> parent;
  int64_t count = -1; ///< as its parent says
  std::string after;
  int64_t read = 0;
  uint32_t nulls = 0;
  uint32_t pass = 0;
  bool cut_within = false;
  std::vector<std::vector<metadata_row>> keys; ///< by kind, of those that can go
};

metadata_reader::metadata_reader(lease work, const std::vector<metadata_watermark>& marks)
    : part_(std::move(work.part)), plan_(std::move(work.metadata)), lists_(plan_) {
  std::map<repo_id, size_t> index;
  for (auto id : part_.seen_ids)
    if (index.emplace(id, repositories_.size()).second)
      repositories_.emplace_back().id = id;
  for (const auto& mark : marks)
    if (auto found = index.find(mark.repo_id); found != index.end()) {
      auto& x = repositories_[found->second];
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
  round all{&list, {}};
  auto add_round = [&] {
    if (!all.parents.empty())
      add({std::exchange(all, {&list, {}})});
  };
  for (size_t i = 0; i < repositories_.size(); ++i) {
    auto known = repositories_[i].known.find(std::string{parent.name});
    if (known == repositories_[i].known.end() || known->second.open.empty())
      continue;
    for (const auto& [node, number] : known->second.open) {
      all.parents.push_back({i, node, number});
      ++repositories_[i].left;
      if (all.parents.size() == repositories_per_probe)
        add_round();
    }
  }
  add_round();
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
      *x = nested_read{x->list,
                       x->repo,
                       x->own,
                       x->parent_node,
                       x->parent_node,
                       false,
                       x->parent,
                       x->count,
                       {},
                       0,
                       0,
                       x->pass,
                       false,
                       std::vector<std::vector<metadata_row>>(x->list->kinds.size())};
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
    fail(repo, why);
    settle(repo, found);
    return true;
  }
  if (auto* several = std::get_if<round>(&x.what)) {
    if (several->parents.size() > 1) {
      x.tries = 0;
      put_back(page);
      add({round{several->list, halve(several->parents)}}, true);
      return true;
    }
    if (again)
      return put_back(page), true;
    auto repo = several->parents.front().repo;
    auto name = several->list->name;
    tasks_.erase(position);
    fail(repo, name + ": " + why);
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

// -- the beginning of a repository ----------------------------------------------------------------

bool metadata_reader::take_probe(probe& asked, task& x, const field_answer& answer,
                                 findings& found) {
  std::map<uint32_t, field_error> lacking;
  for (const auto& each : answer.lacking)
    lacking.emplace(each.index, each.error);
  std::set<size_t> shown;
  for (const auto& page : answer.pages) {
    if (page.node >= asked.repositories.size())
      continue;
    begin(asked.repositories[page.node], page, *metadata::find_kind(page.kind));
    shown.insert(page.node);
  }
  probe left;
  auto limited = false;
  for (size_t i = 0; i < asked.repositories.size(); ++i) {
    auto repo = asked.repositories[i];
    auto why = lacking.find(static_cast<uint32_t>(i));
    auto error = why == lacking.end() ? field_error::transient : why->second;
    if (shown.contains(i)) {
      settle(repo, found);
    } else if (error == field_error::not_found) {
      lose(repo, found);
      settle(repo, found);
    } else if (error == field_error::forbidden || error == field_error::rejected) {
      fail(repo, "closed to us");
      settle(repo, found);
    } else if (error == field_error::transient && x.tries + 1 >= most_tries) {
      fail(repo, "came without data again and again");
      settle(repo, found);
    } else {
      limited = limited || error == field_error::resource_limit;
      left.repositories.push_back(repo);
    }
  }
  auto moved = left.repositories.size() < asked.repositories.size();
  if (left.repositories.empty())
    return true;
  if (limited && left.repositories.size() > 1) {
    auto half = left.repositories.size() / 2;
    probe rest{
        {left.repositories.begin() + static_cast<std::ptrdiff_t>(half), left.repositories.end()}};
    left.repositories.resize(half);
    add({std::move(rest)}, true);
  }
  add({std::move(left), limited ? 0 : x.tries + 1}, true);
  return moved || limited;
}

/// Decides what has to be read of a list that a probe has shown.
void metadata_reader::begin(size_t repo, const metadata_page& shown, const metadata::kind& of) {
  auto& repository = repositories_[repo];
  const auto known = repository.known[std::string{of.name}];
  auto leave = [&] {
    for (const auto& [list, why] : known.cut)
      fail(repo, list + ": " + why);
  };
  auto never = !known.mark && !known.unfinished;
  if (shown.closed || (never && shown.total == 0 && known.total <= 0))
    return leave();
  // The config may ask for more now than was read.
  auto more = !contains_all(known.with, lists_.names_below(of)) ||
              (known.from && (!plan_.since || *plan_.since < *known.from)) ||
              (known.cap > 0 && (plan_.most_items == 0 || plan_.most_items > known.cap));
  auto hidden = of.kept == freshness::whole && (of.moved_at.empty() || shown.total > largest_page);
  auto quiet = !never && !more && !hidden && !known.unfinished && known.settled &&
               shown.total == known.total && (!shown.newest || *shown.newest <= *known.mark);
  if (quiet)
    return leave();
  own_list x;
  x.repo = repo;
  x.kind = &of;
  x.known = known;
  x.next = known;
  x.expected = shown.total;
  if (of.kept == freshness::whole) {
    x.what = own_list::aim::check;
  } else if (known.unfinished && !more) {
    x.what = known.mark ? own_list::aim::moved : own_list::aim::all;
    x.resumed = true;
    x.after = known.after;
    x.newest = known.newest;
    x.unsettled = known.newest ? true : false;
    x.since = known.mark;
  } else if (never || more) {
    x.what = own_list::aim::all;
    x.anew = true;
    x.since = plan_.since;
    x.next.cut.clear();
  } else {
    x.what = own_list::aim::moved;
    x.since = known.mark;
  }
  x.capped_order = x.what == own_list::aim::all && plan_.most_items > 0;
  own_.emplace(next_own_, std::move(x));
  add({own_page{next_own_++}});
  ++repository.left;
}

bool metadata_reader::take_round(round& asked, task& x, field_answer& answer, findings& found) {
  std::map<uint32_t, field_error> lacking;
  for (const auto& each : answer.lacking)
    lacking.emplace(each.index, each.error);
  std::set<size_t> shown;
  for (auto& page : answer.pages) {
    if (page.node >= asked.parents.size() || !shown.insert(page.node).second)
      continue;
    const auto& parent = asked.parents[page.node];
    const auto& kind = *asked.list->parent;
    metadata_row row;
    row.values.resize(kind.columns.size());
    row.values[*metadata::column_index(kind, "number")] = std::to_string(parent.number);
    complete(row, kind, repositories_[parent.repo].id, nullptr, nullptr, 0);
    auto read = std::make_shared<nested_read>();
    read->list = asked.list;
    read->repo = parent.repo;
    read->parent_node = parent.node;
    read->node = parent.node;
    read->parent = std::make_shared<metadata_row>(std::move(row));
    read->keys.resize(asked.list->kinds.size());
    ++nested_open_;
    take_nested_page(read, page, found);
  }
  round left{asked.list, {}};
  auto limited = false;
  for (size_t i = 0; i < asked.parents.size(); ++i) {
    if (shown.contains(i))
      continue;
    const auto& parent = asked.parents[i];
    auto why = lacking.find(static_cast<uint32_t>(i));
    auto error = why == lacking.end() ? field_error::transient : why->second;
    auto hopeless = error == field_error::transient && x.tries + 1 >= most_tries;
    if (error == field_error::resource_limit || (error == field_error::transient && !hopeless)) {
      limited = limited || error == field_error::resource_limit;
      left.parents.push_back(parent);
      continue;
    }
    // One that is not there any more shows in the list that it was in.
    if (error != field_error::not_found)
      fail(parent.repo, asked.list->name + " of number " + std::to_string(parent.number) + ": " +
                            to_string(error));
    settle(parent.repo, found);
  }
  auto moved = left.parents.size() < asked.parents.size();
  if (left.parents.empty())
    return true;
  if (limited && left.parents.size() > 1) {
    auto half = left.parents.size() / 2;
    round rest{asked.list,
               {left.parents.begin() + static_cast<std::ptrdiff_t>(half), left.parents.end()}};
    left.parents.resize(half);
    add({std::move(rest)}, true);
  }
  add({std::move(left), limited ? 0 : x.tries + 1}, true);
  return moved || limited;
}

// -- a repository's own lists ---------------------------------------------------------------------

void metadata_reader::take_own_page(size_t index, metadata_page& page, findings& found) {
  auto& x = own_.at(index);
  auto first = x.read == 0;
  if (page.closed)
    return abandon(index, "the list was closed while it was read", found);
  if (first || !x.newest_first())
    x.asked_at = found.asked_at;
  // A list read from what moved last is as its first page shows it: what moves later comes before.
  if (first || !x.newest_first() || x.what != own_list::aim::moved)
    x.total = page.whole_total >= 0 ? page.whole_total : page.total;
  x.expected = std::max(page.total, x.read + 1);
  x.nulls += page.null_count;
  if (page.cut_short)
    x.next.cut[std::string{x.kind->name}] = "a list within an element has more than came";
  auto& rows = page.rows.front().rows;
  auto wanted = true;
  // It counts what hangs below this page, beside the page itself.
  x.pending = 1;
  for (size_t i = 0; i < rows.size() && wanted; ++i)
    wanted = take_element(index, std::move(rows[i]), page.nodes[i], found);
  x.read += static_cast<int64_t>(rows.size()) + page.null_count;
  x.stopped = !wanted;
  x.last = x.stopped || !page.has_next_page || page.end_cursor.empty();
  x.after = page.end_cursor;
  if (--x.pending == 0)
    end_page(index, found);
}

/// False: this one and what follows is not wanted.
bool metadata_reader::take_element(size_t index, metadata_row row, const std::string& node,
                                   findings& found) {
  auto& x = own_.at(index);
  const auto& kind = *x.kind;
  auto& repository = repositories_[x.repo];
  auto moved = parse_utc_text(value_of(row, kind, kind.moved_at));
  auto old = plan_.since && moved && *moved < *plan_.since;
  auto checks = x.what == own_list::aim::check;
  if (x.newest_first() && !checks && moved) {
    if (x.what == own_list::aim::moved && *moved < *x.known.mark)
      return false;
    if (old)
      return false;
  }
  if (!checks && plan_.most_items > 0 && static_cast<int64_t>(x.keys.size()) >= plan_.most_items) {
    x.capped = true;
    return false;
  }
  raise(x.newest, moved);
  x.page_end = moved;
  complete(row, kind, repository.id, nullptr, nullptr, 0);
  auto key = key_text(row, kind);
  auto fresh = x.keys.insert(key).second;
  if (checks && fresh)
    x.key_rows.push_back(key_of(row, kind));
  auto ordinal = ordinal_of(row, kind);
  if (ordinal > x.known.top)
    x.added.insert(ordinal);
  x.next.top = std::max(x.next.top, ordinal);
  if (old)
    return true;
  if (!kind.open_state.empty() && !node.empty()) {
    if (value_of(row, kind, "state") == kind.open_state)
      x.next.open[node] = number_of(value_of(row, kind, "number"));
    else
      x.next.open.erase(node);
  }
  // What moved at the mark itself was read then, unless more could still move in that second. Of a
  // check, what has not moved since the mark was read before it.
  auto stored = x.known.mark && !x.anew && moved && ordinal <= x.known.top &&
                (*moved < *x.known.mark || (x.known.settled && *moved == *x.known.mark));
  auto seen = checks ? x.earlier.contains(key) || stored
                     : x.what == own_list::aim::moved && !x.resumed && stored;
  auto below = lists_.of(kind);
  if (!below.empty() && !seen) {
    auto parent = std::make_shared<const metadata_row>(row);
    for (const auto* list : below)
      begin_nested(*list, x.repo, index, node, parent, x.known.mark || x.resumed || checks, found);
  }
  add_row(found, kind, std::move(row));
  return true;
}

/// Everything on and below the page is there.
void metadata_reader::end_page(size_t index, findings& found) {
  auto& x = own_.at(index);
  if (x.last)
    return end_reading(index, found);
  if (x.what != own_list::aim::check) {
    // Whoever goes on after a crash does so behind this page.
    auto state = x.next;
    state.unfinished = true;
    state.with = lists_.names_below(*x.kind);
    state.from = plan_.since;
    state.cap = plan_.most_items;
    state.settled = false;
    state.total = x.known.total;
    if (x.newest_first()) {
      state.after = x.after;
      state.newest = x.newest;
    } else {
      state.mark = x.page_end ? x.page_end : x.known.mark;
    }
    remember_sizes(x, state);
    found.watermarks.push_back(
        to_watermark(repositories_[x.repo].id, std::string{x.kind->name}, state));
  }
  add({own_page{index}});
}

void metadata_reader::remember_sizes(const own_list& x, list_state& state) const {
  state.page_sizes.clear();
  const auto& sizes = repositories_[x.repo].sizes;
  auto names = lists_.names_below(*x.kind);
  names.emplace_back(x.kind->name);
  for (const auto& name : names)
    if (auto found = sizes.find(name); found != sizes.end() && found->second < largest_page)
      state.page_sizes.insert(*found);
}

/// The list was read to its end: does that add up?
void metadata_reader::end_reading(size_t index, findings& found) {
  auto& x = own_.at(index);
  auto seen = static_cast<int64_t>(x.keys.size()) + x.nulls;
  auto partial = plan_.since || x.capped || x.known.cap > 0;
  switch (x.what) {
  case own_list::aim::all:
    if (!partial && (x.resumed || seen != x.total))
      return check(x), add({own_page{index}});
    return accept(index, found);
  case own_list::aim::moved: {
    if (x.known.total < 0 && !x.resumed)
      return accept(index, found);
    auto expected = x.known.total + static_cast<int64_t>(x.added.size());
    if (!x.resumed && x.total > expected && !partial)
      return read_all(x), add({own_page{index}});
    if (x.resumed || x.total != expected)
      return check(x), add({own_page{index}});
    return accept(index, found);
  }
  case own_list::aim::check:
    break;
  }
  auto name = std::string{x.kind->name};
  if (seen < x.total && ++x.pass < most_passes) {
    // What has moved across the border of two pages turns up when the list is read again.
    x.earlier.insert(x.keys.begin(), x.keys.end());
    x.after.clear();
    x.read = 0;
    x.nulls = 0;
    return add({own_page{index}});
  }
  if (seen < x.total) {
    x.next.cut[name] =
        std::to_string(x.total - seen) + " of " + std::to_string(x.total) + " did not turn up";
    x.total = -1;
  } else if (x.nulls > 0) {
    x.next.cut[name] = std::to_string(x.nulls) + " came as null";
  } else {
    x.next.cut.erase(name);
    const auto& list = *std::find_if(x.kind->lists.begin(), x.kind->lists.end(),
                                     [](const metadata::list& y) { return y.parent.empty(); });
    if (x.kind->can_go)
      found.lists.push_back({name,
                             {list.link.begin(), list.link.end()},
                             {std::to_string(repositories_[x.repo].id)},
                             std::move(x.key_rows),
                             caf::none,
                             caf::none});
  }
  accept(index, found);
}

/// Whether nothing more can move in the second of the mark.
bool metadata_reader::is_settled(const own_list& x) {
  return !x.unsettled && x.next.mark && x.asked_at >= *x.next.mark + settling_time;
}

/// Reads the whole list to see what is gone. What is below its elements is there already.
void metadata_reader::check(own_list& x) {
  x.next.mark = x.known.mark;
  raise(x.next.mark, x.newest);
  x.next.settled = is_settled(x);
  x.what = own_list::aim::check;
  x.expected = std::max<int64_t>(x.total, 1);
  x.earlier = std::move(x.keys);
  x.keys.clear();
  x.key_rows.clear();
  x.next.open.clear();
  x.after.clear();
  x.since = caf::none;
  x.capped_order = false;
  x.pass = 0;
  x.read = 0;
  x.nulls = 0;
}

/// More turned up than were added: something came back that has not moved.
void metadata_reader::read_all(own_list& x) {
  x.what = own_list::aim::all;
  x.anew = true;
  x.expected = x.total;
  x.since = caf::none;
  x.after.clear();
  x.keys.clear();
  x.read = 0;
  x.nulls = 0;
}

void metadata_reader::accept(size_t index, findings& found) {
  auto& x = own_.at(index);
  auto& state = x.next;
  auto name = std::string{x.kind->name};
  // A check that follows other reading does not move the mark: it has not read what is below.
  auto marked = x.what == own_list::aim::check && x.kind->kept != freshness::whole;
  if (!marked) {
    raise(state.mark, x.newest);
    if (plan_.since)
      raise(state.mark, plan_.since);
    state.settled = is_settled(x);
    if (x.nulls > 0)
      state.cut[name] = std::to_string(x.nulls) + " came as null";
  }
  state.total = x.total;
  state.with = lists_.names_below(*x.kind);
  state.from = plan_.since;
  state.cap = plan_.most_items;
  state.unfinished = false;
  state.after.clear();
  state.newest = caf::none;
  remember_sizes(x, state);
  auto repo = x.repo;
  for (const auto& [list, why] : state.cut)
    fail(repo, list + ": " + why);
  if (state != x.known)
    found.watermarks.push_back(to_watermark(repositories_[repo].id, name, state));
  own_.erase(index);
  settle(repo, found);
}

/// The list cannot be read now. Its mark stays, so the next sync tries again.
void metadata_reader::abandon(size_t index, const std::string& why, findings& found) {
  auto& x = own_.at(index);
  auto repo = x.repo;
  fail(repo, std::string{x.kind->name} + ": " + why);
  own_.erase(index);
  settle(repo, found);
}

// -- lists within ---------------------------------------------------------------------------------

/// `may_be_stored`: something of this list may be in the store already.
void metadata_reader::begin_nested(const nested_list& list, size_t repo, size_t own,
                                   const std::string& node,
                                   const std::shared_ptr<const metadata_row>& parent,
                                   bool may_be_stored, findings& found) {
  auto count =
      list.list->count.empty()
          ? int64_t{-1}
          : std::max<int64_t>(0, number_of(value_of(*parent, *list.parent, list.list->count)));
  if (count == 0) {
    if (may_be_stored)
      show_list(list, *parent, std::vector<std::vector<metadata_row>>(list.kinds.size()), found);
    return;
  }
  auto read = std::make_shared<nested_read>();
  read->list = &list;
  read->repo = repo;
  read->own = own;
  read->parent_node = node;
  read->node = node;
  read->parent = parent;
  read->count = count;
  read->keys.resize(list.kinds.size());
  ++nested_open_;
  ++own_.at(own).pending;
  add({nested_page{std::move(read)}});
}

void metadata_reader::take_nested_page(const std::shared_ptr<nested_read>& x, metadata_page& page,
                                       findings& found) {
  const auto& list = *x->list;
  auto capped = false;
  if (x->continues || !page.closed) {
    x->nulls += page.null_count;
    x->cut_within = x->cut_within || page.cut_short;
    auto count = page.rows.front().rows.size();
    for (size_t i = 0; i < count && !capped; ++i) {
      if (plan_.most_children > 0 && x->read >= plan_.most_children) {
        capped = true;
        break;
      }
      ++x->read;
      for (size_t k = 0; k < list.kinds.size(); ++k) {
        const auto& kind = *list.kinds[k];
        auto row = std::move(page.rows[k].rows[i]);
        complete(row, kind, repositories_[x->repo].id, list.parent, x->parent.get(), x->read);
        if (kind.can_go)
          x->keys[k].push_back(key_of(row, kind));
        auto below = lists_.of(kind);
        if (!below.empty() && x->own != none) {
          auto parent = std::make_shared<const metadata_row>(row);
          for (const auto* each : below)
            begin_nested(*each, x->repo, x->own, page.nodes[i], parent, true, found);
        }
        add_row(found, kind, std::move(row));
      }
    }
  }
  auto more = page.has_next_page && !page.end_cursor.empty();
  if (more && plan_.most_children > 0 && x->read >= plan_.most_children)
    capped = true;
  if (more && !capped) {
    x->after = page.end_cursor;
    x->count = std::max(page.total, x->read + 1);
    if (!list.list->way.empty() && !page.holder.empty()) {
      x->node = page.holder;
      x->continues = true;
    }
    return add({nested_page{x}}, true);
  }
  auto came = x->read + x->nulls;
  if (!capped && !page.closed && came < page.total && ++x->pass < most_passes) {
    x->node = x->parent_node;
    x->continues = false;
    x->after.clear();
    x->count = page.total;
    x->read = 0;
    x->nulls = 0;
    for (auto& keys : x->keys)
      keys.clear();
    return add({nested_page{x}});
  }
  std::string why;
  if (!capped && !page.closed && came < page.total)
    why = "only " + std::to_string(came) + " of " + std::to_string(page.total) + " came";
  else if (x->nulls > 0)
    why = std::to_string(x->nulls) + " came as null";
  else if (x->cut_within)
    why = "a list within an element has more than came";
  if (why.empty() && !capped)
    show_list(list, *x->parent, x->keys, found);
  end_nested(*x, why, found);
}

/// Says what a list has now: the rest of what is stored is gone.
void metadata_reader::show_list(const nested_list& list, const metadata_row& parent,
                                const std::vector<std::vector<metadata_row>>& keys,
                                findings& found) const {
  for (size_t k = 0; k < list.kinds.size(); ++k) {
    const auto& kind = *list.kinds[k];
    if (!kind.can_go)
      continue;
    metadata_list shown;
    shown.kind = kind.name;
    for (auto name : list.list->link) {
      shown.link.emplace_back(name);
      shown.parent.push_back(value_of(parent, *list.parent, name));
    }
    shown.keys = keys[k];
    found.lists.push_back(std::move(shown));
  }
}

void metadata_reader::end_nested(nested_read& x, const std::string& why, findings& found) {
  --nested_open_;
  auto number = value_of(*x.parent, *x.list->parent, "number");
  auto name = x.list->name + " of number " + number;
  if (x.own == none) {
    if (!why.empty())
      fail(x.repo, name + ": " + why);
    return settle(x.repo, found);
  }
  auto& own = own_.at(x.own);
  if (why.empty())
    own.next.cut.erase(name);
  else
    own.next.cut[name] = why;
  if (--own.pending == 0)
    end_page(x.own, found);
}

// -- the end --------------------------------------------------------------------------------------

void metadata_reader::fail(size_t repo, const std::string& why) {
  repositories_[repo].failures.push_back(why);
}

void metadata_reader::lose(size_t repo, findings& found) {
  auto& x = repositories_[repo];
  if (!std::exchange(x.gone, true))
    found.gone.push_back(x.id);
}

/// One of the things that the repository waits for has ended.
void metadata_reader::settle(size_t repo, findings&) {
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
  if (x.gone || x.failures.empty())
    std::erase(part_.seen_ids, x.id);
  x.known.clear();
  x.sizes.clear();
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
