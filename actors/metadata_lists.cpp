#include "actors/metadata_lists.hpp"

#include "messages/metadata/registry.hpp"

#include <algorithm>

namespace gitstar {

namespace {

bool contains(const std::vector<std::string>& names, std::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

bool is_read(const metadata_plan& plan, const metadata::kind& of, const metadata::list& from) {
  if (from.parent.empty())
    return true;
  auto name = std::string{from.parent} + '.' + std::string{of.name};
  return contains(plan.kinds, from.parent) && !contains(plan.skipped, name);
}

} // namespace

metadata_lists::metadata_lists(const metadata_plan& plan) {
  for (const auto* kind : metadata::all_kinds()) {
    if (!contains(plan.kinds, kind->name))
      continue;
    for (const auto& list : kind->lists) {
      if (!is_read(plan, *kind, list))
        continue;
      if (list.parent.empty()) {
        own_.push_back(kind);
        continue;
      }
      auto same = std::find_if(nested_.begin(), nested_.end(), [&](const nested_list& x) {
        return metadata::same_list(*x.list, list);
      });
      if (same == nested_.end()) {
        const auto* parent = metadata::find_kind(list.parent);
        same = nested_.insert(nested_.end(), {std::string{kind->name}, parent, &list, {}, false});
      }
      same->kinds.push_back(kind);
      same->while_open =
          same->while_open || (plan.open_checks && kind->kept == metadata::freshness::while_open);
    }
  }
}

std::vector<const nested_list*> metadata_lists::of(const metadata::kind& parent) const {
  std::vector<const nested_list*> result;
  for (const auto& x : nested_)
    if (x.parent == &parent)
      result.push_back(&x);
  return result;
}

std::vector<std::string> metadata_lists::names_below(const metadata::kind& parent) const {
  std::vector<std::string> result;
  for (const auto* x : of(parent))
    for (const auto* kind : x->kinds) {
      result.emplace_back(kind->name);
      auto more = names_below(*kind);
      result.insert(result.end(), more.begin(), more.end());
    }
  return result;
}

void complete(metadata_row& row, const metadata::kind& of, repo_id repo,
              const metadata::kind* of_parent, const metadata_row* parent, int64_t position) {
  for (size_t i = 0; i < of.columns.size(); ++i) {
    const auto& column = of.columns[i];
    switch (column.from) {
    case metadata::origin::repository:
      row.values[i] = std::to_string(repo);
      break;
    case metadata::origin::position:
      row.values[i] = std::to_string(position);
      break;
    case metadata::origin::parent:
      if (of_parent != nullptr && parent != nullptr)
        if (auto index = metadata::column_index(*of_parent, column.name))
          row.values[i] = parent->values[*index];
      break;
    case metadata::origin::node:
    case metadata::origin::holder:
      break;
    }
  }
}

std::string value_of(const metadata_row& row, const metadata::kind& of, std::string_view column) {
  auto index = metadata::column_index(of, column);
  return index && row.values[*index] ? *row.values[*index] : std::string{};
}

metadata_row key_of(const metadata_row& row, const metadata::kind& of) {
  metadata_row result;
  for (auto i : metadata::key_indexes(of))
    result.values.push_back(row.values[i]);
  return result;
}

} // namespace gitstar
