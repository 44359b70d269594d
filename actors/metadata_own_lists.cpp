#include "actors/metadata_work.hpp"
#include "messages/time_text.hpp"

#include <algorithm>

/// A repository's own lists, from their first page to the watermark.
namespace gitstar {

namespace {

using namespace std::chrono_literals;
using metadata::freshness;

/// Timestamps are of seconds, and clocks differ a little.
constexpr auto settling_time = 2s;

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

} // namespace

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
  x.cut_within = x.cut_within || page.cut_short;
  auto broken = page.null_count > 0 || page.cut_short;
  x.held = x.held || broken;
  // What moved last comes first: the mark begins anew behind it.
  if (broken && x.newest_first())
    x.newest = caf::none;
  auto marks = x.newest_first() ? !broken : !x.held;
  auto& rows = page.rows.front().rows;
  auto wanted = true;
  // It counts what hangs below this page, beside the page itself.
  x.pending = 1;
  for (size_t i = 0; i < rows.size() && wanted; ++i)
    wanted = take_element(index, std::move(rows[i]), page.nodes[i], marks, found);
  x.read += static_cast<int64_t>(rows.size()) + page.null_count;
  x.stopped = !wanted;
  x.last = x.stopped || !page.has_next_page || page.end_cursor.empty();
  x.after = page.end_cursor;
  if (--x.pending == 0)
    end_page(index, found);
}

/// False: this one and what follows is not wanted.
bool metadata_reader::take_element(size_t index, metadata_row row, const std::string& node,
                                   bool marks, findings& found) {
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
  if (plan_.most_items > 0 && static_cast<int64_t>(x.keys.size()) >= plan_.most_items) {
    x.capped = true;
    return false;
  }
  if (marks)
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
  if (checks)
    std::erase_if(x.unseen, [&](const std::string& name) {
      auto failed = x.next.unread.find(name);
      return failed == x.next.unread.end() || failed->second.node == node;
    });
  if (old)
    return true;
  if (is_watched(kind) && !node.empty()) {
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
      begin_nested(*list, x.repo, index, node,
                   {list->name, node, number_of(value_of(*parent, kind, "number"))}, parent,
                   x.known.mark || x.resumed || checks, found);
  }
  add_row(found, kind, std::move(row));
  return true;
}

/// Everything on and below the page is there.
void metadata_reader::end_page(size_t index, findings& found) {
  auto& x = own_.at(index);
  if (x.over)
    return accept(index, found);
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
      if (x.anew) // whoever goes on must not stop where an earlier reading did
        state.mark = caf::none;
    } else if (x.held) {
      state.mark = reached(x);
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
  // Of what is beyond a cap nobody knows whether it is still there.
  auto capped = plan_.most_items > 0;
  auto partial = plan_.since || capped;
  auto name = std::string{x.kind->name};
  switch (x.what) {
  case own_list::aim::all:
    if (!partial && (x.resumed || seen != x.total))
      return check(x), add({own_page{index}});
    return accept(index, found);
  case own_list::aim::moved: {
    if (capped)
      return accept(index, found);
    if (x.known.cut.contains(name)) // what failed then may have come back without moving
      return check(x), add({own_page{index}});
    if (x.known.total < 0 && !x.resumed)
      return accept(index, found);
    auto expected = x.known.total + static_cast<int64_t>(x.added.size());
    // What came as null may have been added or not.
    auto most = expected + x.nulls;
    if (!x.resumed && x.total > most && !partial)
      return read_all(x), add({own_page{index}});
    if (x.resumed || x.total < expected || x.total > most)
      return check(x), add({own_page{index}});
    return accept(index, found);
  }
  case own_list::aim::check:
    break;
  }
  if (x.capped)
    return accept(index, found);
  if (seen < x.total && ++x.pass < most_passes) {
    // What has moved across the border of two pages turns up when the list is read again.
    x.earlier.insert(x.keys.begin(), x.keys.end());
    x.after.clear();
    x.read = 0;
    x.nulls = 0;
    x.cut_within = false;
    return add({own_page{index}});
  }
  if (seen < x.total) {
    x.next.cut[name] =
        std::to_string(x.total - seen) + " of " + std::to_string(x.total) + " did not turn up";
    x.total = -1;
  } else if (x.nulls > 0) {
    x.next.cut[name] = std::to_string(x.nulls) + " came as null";
  } else {
    if (x.cut_within)
      x.next.cut[name] = "a list within an element has more than came";
    else
      x.next.cut.erase(name);
    for (const auto& unseen : x.unseen) {
      x.next.cut.erase(unseen);
      x.next.unread.erase(unseen);
      x.left_over.erase(unseen);
    }
    if (x.kind->can_go)
      show_own_list(x.repo, *x.kind, std::move(x.key_rows), found);
  }
  accept(index, found);
}

/// Whether some list below moves without its parent while that is open.
bool metadata_reader::is_watched(const metadata::kind& of) const {
  if (of.open_state.empty())
    return false;
  for (const auto* list : lists_.of(of))
    for (const auto* kind : list->kinds)
      if (kind->kept == freshness::while_open)
        return true;
  return false;
}

/// How far everything is there.
optional<timestamp> metadata_reader::reached(const own_list& x) {
  auto result = x.held && x.anew ? optional<timestamp>{} : x.known.mark;
  raise(result, x.newest);
  return result;
}

/// Whether nothing more can move in the second of the mark.
bool metadata_reader::is_settled(const own_list& x) {
  return !x.unsettled && !x.held && x.next.mark && x.asked_at >= *x.next.mark + settling_time;
}

/// Reads the whole list to see what is gone. What is below its elements is there already.
void metadata_reader::check(own_list& x) {
  x.next.mark = reached(x);
  x.next.settled = is_settled(x);
  x.what = own_list::aim::check;
  x.expected = std::max<int64_t>(x.total, 1);
  x.earlier = std::move(x.keys);
  x.keys.clear();
  x.key_rows.clear();
  for (const auto& [name, failed] : x.next.unread)
    x.unseen.insert(name);
  x.next.open.clear();
  x.after.clear();
  x.since = caf::none;
  x.capped_order = false;
  x.pass = 0;
  x.read = 0;
  x.nulls = 0;
  x.cut_within = false;
}

/// More turned up than were added: something came back that has not moved.
void metadata_reader::read_all(own_list& x) {
  x.what = own_list::aim::all;
  x.anew = true;
  x.expected = x.total;
  x.since = caf::none;
  x.after.clear();
  x.keys.clear();
  x.newest = caf::none;
  x.held = false;
  x.next.cut.clear();
  x.next.unread.clear();
  x.left_over.clear();
  x.read = 0;
  x.nulls = 0;
  x.cut_within = false;
}

/// Asks once more for lists that failed in an earlier sync and whose parents have not moved since.
bool metadata_reader::read_left_over(size_t index, findings& found) {
  auto& x = own_.at(index);
  std::set<unread_list> wanted;
  for (const auto& [name, failed] : std::exchange(x.left_over, {})) {
    wanted.insert(failed);
    x.next.cut.erase(name);
    x.next.unread.erase(name);
  }
  x.over = true;
  for (const auto& failed : wanted)
    for (const auto* list : lists_.of(*x.kind))
      if (std::any_of(list->kinds.begin(), list->kinds.end(),
                      [&](const metadata::kind* y) { return y->name == failed.list; }))
        begin_nested(*list, x.repo, index, failed.node, failed,
                     parent_row(x.repo, *x.kind, failed.number), true, found);
  return x.pending > 0;
}

void metadata_reader::accept(size_t index, findings& found) {
  if (read_left_over(index, found))
    return;
  auto& x = own_.at(index);
  auto& state = x.next;
  auto name = std::string{x.kind->name};
  // A check that follows other reading does not move the mark: it has not read what is below.
  auto marked = x.what == own_list::aim::check && x.kind->kept != freshness::whole;
  if (!marked) {
    state.mark = reached(x);
    if (plan_.since)
      raise(state.mark, plan_.since);
    state.settled = is_settled(x);
    if (x.nulls > 0)
      state.cut[name] = std::to_string(x.nulls) + " came as null";
    else if (x.cut_within)
      state.cut[name] = "a list within an element has more than came";
  }
  state.total = x.total;
  std::erase_if(state.large, [&](const std::string& node) { return !state.open.contains(node); });
  state.with = lists_.names_below(*x.kind);
  state.from = plan_.since;
  state.cap = plan_.most_items;
  state.unfinished = false;
  state.after.clear();
  state.newest = caf::none;
  remember_sizes(x, state);
  auto repo = x.repo;
  for (const auto& [list, why] : state.cut)
    fail(repo, x.kind, failure::known, list + ": " + why);
  if (state != x.known)
    found.watermarks.push_back(to_watermark(repositories_[repo].id, name, state));
  own_.erase(index);
  settle(repo, found);
}

/// The list cannot be read now. Its mark stays, so the next sync tries again.
void metadata_reader::abandon(size_t index, const std::string& why, findings& found) {
  auto& x = own_.at(index);
  auto repo = x.repo;
  fail(repo, x.kind, failure::list, std::string{x.kind->name} + ": " + why);
  own_.erase(index);
  settle(repo, found);
}

} // namespace gitstar
