#include "actors/metadata_work.hpp"
#include "messages/metadata/registry.hpp"

#include <algorithm>

/// The beginning of a repository: what has moved, and what may have without a sign of it.
namespace gitstar {

namespace {

using metadata::freshness;

bool contains_all(const std::vector<std::string>& names, const std::vector<std::string>& wanted) {
  return std::all_of(wanted.begin(), wanted.end(), [&](const std::string& x) {
    return std::find(names.begin(), names.end(), x) != names.end();
  });
}

} // namespace

bool metadata_reader::take_probe(probe& asked, task& x, const field_answer& answer,
                                 findings& found) {
  std::map<uint32_t, field_error> lacking;
  for (const auto& each : answer.lacking)
    lacking.emplace(each.index, each.error);
  std::set<size_t> shown;
  for (const auto& page : answer.pages) {
    if (page.node >= asked.repositories.size())
      continue;
    repositories_[asked.repositories[page.node]].asked_at = found.asked_at;
    begin(asked.repositories[page.node], page, *metadata::find_kind(page.kind), found);
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
      fail(repo, nullptr, failure::list, "closed to us");
      settle(repo, found);
    } else if (error == field_error::transient && x.tries + 1 >= most_tries) {
      fail(repo, nullptr, failure::list, "came without data again and again");
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
void metadata_reader::begin(size_t repo, const metadata_page& shown, const metadata::kind& of,
                            findings& found) {
  auto& repository = repositories_[repo];
  auto name = std::string{of.name};
  const auto known = repository.known[name];
  if (shown.refused)
    return fail(repo, &of, failure::list, name + ": closed to us");
  auto never = !known.mark && !known.unfinished;
  if (shown.closed || (never && shown.total == 0))
    return show_none(repo, known, of, found);
  // Older releases did not remember where the list stands that failed.
  auto lost = std::any_of(known.cut.begin(), known.cut.end(), [&](const auto& x) {
    return x.first != name && !known.unread.contains(x.first);
  });
  // The config may ask for more now than was read.
  auto more = lost || !contains_all(known.with, lists_.names_below(of)) ||
              (known.from && (!plan_.since || *plan_.since < *known.from)) ||
              (known.cap > 0 && (plan_.most_items == 0 || plan_.most_items > known.cap));
  auto hidden = of.kept == freshness::whole && (of.moved_at.empty() || shown.total > largest_page);
  auto quiet = !never && !more && !hidden && !known.unfinished && known.settled &&
               known.cut.empty() && shown.total == known.total &&
               (!shown.newest || *shown.newest <= *known.mark);
  if (quiet)
    return;
  own_list x;
  x.repo = repo;
  x.kind = &of;
  x.known = known;
  x.next = known;
  x.left_over = known.unread;
  x.expected = shown.total;
  if (!is_watched(of))
    x.next.open.clear();
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
    x.next.unread.clear();
    x.left_over.clear();
  } else {
    x.what = own_list::aim::moved;
    x.since = known.mark;
  }
  if (plan_.most_items > 0) {
    x.capped_order = x.what != own_list::aim::check;
    x.next.cut.erase(name); // no check follows that would do so
  }
  own_.emplace(next_own_, std::move(x));
  add({own_page{next_own_++}});
  ++repository.left;
}

/// A list that is switched off, or has become empty: what it had is gone.
void metadata_reader::show_none(size_t repo, const list_state& known, const metadata::kind& of,
                                findings& found) {
  list_state none_left;
  none_left.total = 0;
  if (known == list_state{} || known == none_left)
    return;
  if (of.can_go)
    show_own_list(repo, of, {}, found);
  found.watermarks.push_back(to_watermark(repositories_[repo].id, std::string{of.name}, none_left));
}

/// What the lists of an element need of it that is known by its number.
std::shared_ptr<const metadata_row>
metadata_reader::parent_row(size_t repo, const metadata::kind& of, int64_t number) const {
  metadata_row row;
  row.values.resize(of.columns.size());
  row.values[*metadata::column_index(of, "number")] = std::to_string(number);
  complete(row, of, repositories_[repo].id, nullptr, nullptr, 0);
  return std::make_shared<const metadata_row>(std::move(row));
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
    auto read = std::make_shared<nested_read>();
    read->list = asked.list;
    read->repo = parent.repo;
    read->parent_node = parent.node;
    read->node = parent.node;
    read->parent = parent_row(parent.repo, *asked.list->parent, parent.number);
    read->keys.resize(asked.list->kinds.size());
    ++nested_open_;
    take_nested_page(read, page, found);
  }
  round left{asked.list, asked.both_ends};
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
      fail(parent.repo, asked.list->parent, failure::part,
           asked.list->name + " of number " + std::to_string(parent.number) + ": " +
               to_string(error));
    settle(parent.repo, found);
  }
  auto moved = left.parents.size() < asked.parents.size();
  if (left.parents.empty())
    return true;
  left.both_ends = left.both_ends && !limited;
  if (limited && left.parents.size() > 1) {
    auto half = left.parents.size() / 2;
    round rest{asked.list,
               left.both_ends,
               {left.parents.begin() + static_cast<std::ptrdiff_t>(half), left.parents.end()}};
    left.parents.resize(half);
    add({std::move(rest)}, true);
  }
  add({std::move(left), limited ? 0 : x.tries + 1}, true);
  return moved || limited;
}

} // namespace gitstar
