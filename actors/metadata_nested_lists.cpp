#include "actors/metadata_work.hpp"

#include <algorithm>

/// Lists that elements of other lists have.
namespace gitstar {

/// `may_be_stored`: something of this list may be in the store already.
void metadata_reader::begin_nested(const nested_list& list, size_t repo, size_t own,
                                   const std::string& node, const unread_list& top,
                                   const std::shared_ptr<const metadata_row>& parent,
                                   bool may_be_stored, findings& found) {
  // A count that did not come says nothing.
  auto count = list.list->count.empty()
                   ? int64_t{-1}
                   : number_of(value_of(*parent, *list.parent, list.list->count));
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
  read->top = top;
  read->parent = parent;
  read->count = count;
  if (own_.at(own).over) // has failed before: once is enough
    read->pass = most_passes - 1;
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
            begin_nested(*each, x->repo, x->own, page.nodes[i], x->top, parent, true, found);
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
  if (list.while_open && x->own != none) {
    auto& large = own_.at(x->own).next.large;
    if (page.total > largest_page)
      large.insert(x->parent_node);
    else
      large.erase(x->parent_node);
  }
  auto came = x->read + x->nulls;
  if (!capped && !page.closed && came < page.total && ++x->pass < most_passes) {
    x->restart();
    x->count = page.total;
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

/// The same of a list of the repository itself.
void metadata_reader::show_own_list(size_t repo, const metadata::kind& of,
                                    std::vector<metadata_row> keys, findings& found) const {
  const auto& list = *std::find_if(of.lists.begin(), of.lists.end(),
                                   [](const metadata::list& x) { return x.parent.empty(); });
  found.lists.push_back({std::string{of.name},
                         {list.link.begin(), list.link.end()},
                         {std::to_string(repositories_[repo].id)},
                         std::move(keys)});
}

void metadata_reader::end_nested(nested_read& x, const std::string& why, findings& found) {
  --nested_open_;
  auto number = value_of(*x.parent, *x.list->parent, "number");
  auto name = x.list->name + " of number " + number;
  if (x.parent_node != x.top.node && !x.top.node.empty())
    name += ", " + x.parent_node; // a number has several such lists
  if (x.own == none) {
    if (!why.empty())
      fail(x.repo, x.list->parent, failure::part, name + ": " + why);
    return settle(x.repo, found);
  }
  auto& own = own_.at(x.own);
  own.left_over.erase(name);
  if (why.empty()) {
    own.next.cut.erase(name);
    own.next.unread.erase(name);
  } else {
    own.next.cut[name] = why;
    own.next.unread[name] = x.top;
  }
  if (--own.pending == 0)
    end_page(x.own, found);
}

} // namespace gitstar
