#include "tests/actors/memory_store.hpp"

#include "actors/metadata_lists.hpp"
#include "messages/metadata/registry.hpp"

#include <algorithm>

namespace gitstar::test {

void memory_store::begin(const std::string& call) {
  data_->calls.push_back(call);
  if (data_->before)
    data_->before(call);
}

crawl& memory_store::fenced(int64_t crawl_id, int64_t epoch) {
  auto& run = data_->crawls.at(static_cast<size_t>(crawl_id - 1));
  if (run.epoch != epoch)
    throw db::fenced_error("crawl " + std::to_string(crawl_id) + " was taken over");
  return run;
}

crawl memory_store::open_crawl(const db::crawl_request& request) {
  begin("open_crawl");
  for (auto& x : data_->crawls) {
    auto unfinished = x.state == "running" || x.state == "stopped";
    if (!unfinished || x.name != request.name || x.source != request.source)
      continue;
    ++x.epoch;
    x.state = "running";
    x.resumed = true;
    return x;
  }
  crawl fresh;
  fresh.id = static_cast<int64_t>(data_->crawls.size()) + 1;
  fresh.epoch = 1;
  fresh.name = request.name;
  fresh.source = request.source;
  fresh.state = "running";
  fresh.started_at = data_->now;
  for (auto& x : data_->crawls)
    if (x.name == request.name && x.source == request.source && x.state == "complete")
      fresh.previous_at = x.started_at;
  data_->crawls.push_back(fresh);
  return fresh;
}

batch_receipt memory_store::write(const batch& work) {
  begin("write");
  auto& run = fenced(work.crawl_id, work.epoch);
  batch_receipt result;
  for (auto& row : work.rows) {
    ++result.rows;
    auto [position, inserted] = data_->repositories.try_emplace(row.repo_id, row);
    if (!inserted && position->second == row)
      continue;
    position->second = row;
    ++data_->row_writes[row.repo_id];
    ++(inserted ? result.inserted : result.updated);
  }
  for (auto id : work.gone)
    data_->gone.insert(id);
  write_metadata(work, result);
  for (auto& part : work.partitions) {
    auto& parts = data_->partitions[work.crawl_id];
    auto [position, inserted] = parts.try_emplace(part.id, part);
    if (!inserted && position->second.state == partition_state::open &&
        part.lease >= position->second.lease)
      position->second = part;
  }
  if (work.threshold)
    run.threshold = *work.threshold;
  data_->writes.push_back(work);
  return result;
}

/// Marks what stands under a parent and is not `there`, and all below it.
void memory_store::lose(const std::string& of, const std::vector<std::string>& link,
                        const std::vector<std::string>& parent, const std::set<std::string>& there,
                        batch_receipt& receipt) {
  auto& kind = *metadata::find_kind(of);
  for (auto& [key, row] : data_->metadata[of]) {
    auto same = true;
    for (size_t i = 0; i < link.size(); ++i)
      same = same && value_of(row, kind, link[i]) == parent[i];
    if (!same || there.contains(key) || !data_->metadata_gone[of].insert(key).second)
      continue;
    ++receipt.items_gone;
    for (auto* child : metadata::all_kinds())
      for (auto& list : child->lists) {
        if (list.parent != of || !child->can_go)
          continue;
        std::vector<std::string> names{list.link.begin(), list.link.end()};
        std::vector<std::string> values;
        for (auto& name : names)
          values.push_back(value_of(row, kind, name));
        lose(std::string{child->name}, names, values, {}, receipt);
      }
  }
}

void memory_store::write_metadata(const batch& work, batch_receipt& receipt) {
  auto text = [](const metadata_row& key) {
    std::string result;
    for (auto& x : key.values)
      result += x.value_or("") + ' ';
    return result;
  };
  for (auto& list : work.lists) {
    std::set<std::string> there;
    for (auto& key : list.keys)
      there.insert(text(key));
    lose(list.kind, list.link, list.parent, there, receipt);
  }
  for (auto& rows : work.metadata) {
    auto& kind = *metadata::find_kind(rows.kind);
    for (auto& row : rows.rows) {
      auto key = text(key_of(row, kind));
      auto [position, inserted] = data_->metadata[rows.kind].try_emplace(key, row);
      auto back = data_->metadata_gone[rows.kind].erase(key) > 0;
      ++receipt.items;
      receipt.items_inserted += inserted;
      receipt.items_updated += !inserted && (back || !(position->second == row));
      position->second = row;
    }
  }
  data_->metadata_writes += receipt.items_inserted + receipt.items_updated + receipt.items_gone;
  for (auto& x : work.watermarks)
    data_->watermarks[{x.repo_id, x.kind}] = x;
}

std::vector<metadata_watermark> memory_store::watermarks(const std::vector<repo_id>& repositories,
                                                         const std::vector<std::string>& kinds) {
  begin("watermarks");
  std::vector<metadata_watermark> result;
  for (auto id : repositories)
    for (auto& kind : kinds)
      if (auto found = data_->watermarks.find({id, kind}); found != data_->watermarks.end())
        result.push_back(found->second);
  return result;
}

std::vector<partition> memory_store::open_partitions(int64_t crawl_id, int64_t after_id,
                                                     uint32_t limit) {
  begin("open_partitions");
  std::vector<partition> result;
  auto& parts = data_->partitions[crawl_id];
  for (auto i = parts.upper_bound(after_id); i != parts.end() && result.size() < limit; ++i)
    if (i->second.state == partition_state::open)
      result.push_back(i->second);
  return result;
}

int64_t memory_store::select_known(const crawl& run, const known_selection& which) {
  begin("select_known");
  fenced(run.id, run.epoch);
  std::vector<repository> chosen;
  for (auto& [id, x] : data_->repositories)
    if (!which.condition.empty() ||
        (x.star_count >= which.stars_first && x.star_count <= which.stars_last))
      chosen.push_back(x);
  std::stable_sort(chosen.begin(), chosen.end(),
                   [](auto& a, auto& b) { return a.star_count > b.star_count; });
  if (which.limit > 0)
    chosen.resize(std::min(chosen.size(), static_cast<size_t>(which.limit)));
  auto per_list = which.condition.empty() ? size_t{1000} : size_t{100};
  for (size_t i = 0; i < chosen.size(); ++i) {
    auto number = static_cast<int64_t>(1 + i / per_list);
    auto& part = data_->partitions[run.id][number];
    part.id = number;
    part.description = "known " + std::to_string(part.id);
    part.seen_ids.push_back(chosen[i].repo_id);
    part.expected = static_cast<int64_t>(part.seen_ids.size());
  }
  return static_cast<int64_t>(chosen.size());
}

std::vector<repo_id> memory_store::known_ids(repo_id first, repo_id last) {
  begin("known_ids");
  std::vector<repo_id> result;
  auto& known = data_->repositories;
  for (auto x = known.lower_bound(first); x != known.end() && x->first <= last; ++x)
    if (!data_->gone.contains(x->first))
      result.push_back(x->first);
  return result;
}

certificate memory_store::certify(int64_t crawl_id) {
  begin("certify");
  certificate result;
  for (auto& [id, x] : data_->partitions[crawl_id]) {
    result.open += x.state == partition_state::open;
    result.split += x.state == partition_state::split;
    result.done += x.state == partition_state::done;
    result.incomplete += x.state == partition_state::incomplete;
    result.dead += x.state == partition_state::dead;
    if (x.state == partition_state::split)
      continue;
    auto expected = std::max<int64_t>(x.expected, 0);
    result.expected += expected;
    result.seen += x.seen;
    result.duplicates += x.duplicates;
    result.missing += std::max<int64_t>(expected - x.seen, 0);
  }
  return result;
}

void memory_store::set_state(int64_t crawl_id, int64_t epoch, const std::string& state) {
  begin("set_state");
  fenced(crawl_id, epoch).state = state;
}

std::vector<budget_record> memory_store::load_budgets() {
  begin("load_budgets");
  std::vector<budget_record> result;
  for (auto& [name, x] : data_->budgets)
    result.push_back(x);
  return result;
}

void memory_store::save_budgets(int64_t crawl_id, int64_t epoch,
                                const std::vector<budget_record>& budgets) {
  begin("save_budgets");
  fenced(crawl_id, epoch);
  for (auto& x : budgets)
    data_->budgets[x.credential + (x.what == resource::core ? " core" : "")] = x;
}

void memory_store::save_errors(int64_t crawl_id, const std::vector<error_record>& errors) {
  begin("save_errors");
  for (auto& x : errors) {
    auto& stored = data_->errors[crawl_id][x.kind];
    auto count = stored.count + x.count;
    stored = x;
    stored.count = count;
  }
}

std::vector<width_record> memory_store::load_widths() {
  begin("load_widths");
  std::vector<width_record> result;
  for (auto& [key, x] : data_->widths)
    result.push_back(x);
  return result;
}

void memory_store::save_widths(const std::vector<width_record>& widths) {
  begin("save_widths");
  for (auto& x : widths)
    data_->widths[{x.shape, x.credential_kind}] = x;
}

} // namespace gitstar::test
