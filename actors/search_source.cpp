#include "actors/search_source.hpp"

#include "messages/errors.hpp"
#include "messages/fwd.hpp"
#include "net/base64.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace gitstar {

namespace {

/// No repository on GitHub is older (the first was created in October 2007).
constexpr int64_t first_created = 1167609600; // 2007-01-01T00:00:00Z

/// The sorts of the passes over a partition. `updated` moves while one reads, so it comes last.
constexpr std::array<const char*, 4> sorts = {"stars-desc", "forks-desc", "stars-asc",
                                              "updated-desc"};

static_assert(max_description + std::string_view{" sort:updated-desc"}.size() <= max_search_text);

constexpr std::string_view top_prefix = "top:";

/// `top:N text` as written by `top_partition`.
struct top_description {
  int64_t wanted = 0;
  search_query query;
};

optional<top_description> parse_top(std::string_view description) {
  if (!description.starts_with(top_prefix))
    return caf::none;
  description.remove_prefix(top_prefix.size());
  auto blank = std::min(description.find(' '), description.size());
  top_description result;
  std::from_chars(description.data(), description.data() + blank, result.wanted);
  auto query = parse_search_query(description.substr(std::min(blank + 1, description.size())));
  if (!query)
    return caf::none;
  result.query = *query;
  return result;
}

search_query with_stars(search_query query, int64_t first) {
  query.stars.first = first;
  return query;
}

search_query described(const partition& part) {
  auto query = parse_search_query(part.description);
  if (!query) // we wrote it: only a damaged ledger brings us here
    throw std::runtime_error("the ledger holds a partition whose description cannot be read: " +
                             part.description);
  // What splitting by language wrote comes back as terms, where it need not be cut again.
  return *query;
}

std::string sample(const search_query& query) { return "'" + to_string(query) + "'"; }

} // namespace

search_source::search_source(search_query base, int64_t top, search_plan plan)
    : base_(std::move(base)), top_(top), plan_(plan) {}

std::string search_source::text() const {
  return (top_ > 0 ? "search top " + std::to_string(top_) + ": " : std::string{"search: "}) +
         to_string(base_);
}

partition search_source::top_partition(const crawl& run, int64_t wanted, int_range stars) const {
  auto query = base_;
  query.stars = stars;
  return new_partition(
      run.id, 0, std::string{top_prefix} + std::to_string(wanted) + ' ' + to_string(query), -1);
}

/// The search restricted to what existed when the crawl began, and to times at all, so that it can
/// be cut.
static search_query in_time(search_query query, const crawl& run) {
  query.created.first = std::max(query.created.first, first_created);
  query.created.last = std::min(query.created.last, run.started_at.time_since_epoch().count());
  return query;
}

std::vector<partition> search_source::roots(const crawl& run) const {
  if (top_ > 0)
    return {top_partition(run, top_, base_.stars)};
  return {new_partition(run.id, 0, to_string(in_time(base_, run)), -1)};
}

bool search_source::splittable(const partition& part) const {
  return !part.description.starts_with(top_prefix) && !cut(described(part), 2).empty();
}

bool search_source::needs_counts(const partition& part) const {
  return part.expected < 0 || part.expected > plan_.window;
}

void search_source::equip(lease& work) const {
  work.splittable = splittable(work.part);
  work.sorts = pass_texts(work.part.description);
}

std::string search_source::prelude(const crawl& run) const {
  return top_ > 0 && run.threshold < 0 ? "threshold" : "";
}

std::vector<std::string> search_source::questions(const partition& part, query_widths widths) {
  std::vector<std::string> result;
  if (auto top = parse_top(part.description)) {
    threshold_plan fresh{{top->wanted, top->query.stars}, {}};
    auto& plan = thresholds_.try_emplace(part.id, std::move(fresh)).first->second;
    plan.probes = plan.search.probes(widths.counts);
    for (auto stars : plan.probes)
      result.push_back(to_string(with_stars(top->query, stars)));
    return result;
  }
  if (part.expected < 0)
    return {part.description};
  auto found = cells_.find(part.id);
  if (found == cells_.end()) {
    if (part.expected <= (part.seen > 0 ? max_search_results : plan_.window))
      return {};
    cell_plan fresh{described(part), part.expected, widths, plan_};
    found = cells_.emplace(part.id, std::move(fresh)).first;
  }
  for (auto& cell : found->second.questions())
    result.push_back(to_string(cell));
  return result;
}

void search_source::forget(int64_t partition_id) {
  cells_.erase(partition_id);
  thresholds_.erase(partition_id);
}

caf::expected<count_outcome> search_source::counted(const crawl& run, partition part,
                                                    const std::vector<int64_t>& counts) {
  if (auto found = thresholds_.find(part.id); found != thresholds_.end())
    return counted_threshold(run, std::move(part), found->second, counts);
  if (auto found = cells_.find(part.id); found != cells_.end()) {
    auto& plan = found->second;
    plan.learn(counts);
    if (!plan.questions().empty())
      return count_outcome{std::move(part), {}, caf::none};
    auto result = counted_cells(run, std::move(part), plan);
    cells_.erase(found);
    return result;
  }
  part.expected = counts.at(0);
  if (part.expected == 0)
    part.state = partition_state::done;
  return count_outcome{std::move(part), {}, caf::none};
}

caf::expected<count_outcome> search_source::counted_threshold(const crawl& run, partition part,
                                                              threshold_plan& plan,
                                                              const std::vector<int64_t>& counts) {
  auto top = parse_top(part.description);
  auto& search = plan.search;
  search.learn(plan.probes, counts);
  // The band below a threshold is crawled for what did not turn up above it: all of it, then.
  if (search.impossible() && run.threshold < 0)
    return caf::make_error(errc::bad_config, "top asks for " + std::to_string(top->wanted) +
                                                 " repositories, but " + sample(top->query) +
                                                 " matches only " + std::to_string(search.count()));
  count_outcome result;
  part.expected = search.count();
  if (search.finished()) {
    part.state = partition_state::split;
    result.threshold = search.threshold();
    result.children.push_back(new_partition(
        run.id, part.id, to_string(in_time(with_stars(top->query, search.threshold()), run)),
        search.count()));
    thresholds_.erase(part.id);
  }
  result.part = std::move(part);
  return result;
}

count_outcome search_source::counted_cells(const crawl& run, partition part,
                                           const cell_plan& plan) const {
  auto windows = plan.windows();
  count_outcome result;
  if (windows.size() == 1 && to_string(windows.front().query) == part.description) {
    part.expected = windows.front().count; // fewer than it said before: not to be cut
    result.part = std::move(part);
    return result;
  }
  for (auto& window : windows)
    if (window.count > 0)
      result.children.push_back(
          new_partition(run.id, part.id, to_string(window.query), window.count));
  part.state = partition_state::split;
  part.seen = 0;
  part.duplicates = 0;
  part.seen_ids.clear();
  result.part = std::move(part);
  return result;
}

std::vector<partition> search_source::rest(const crawl& run, const certificate& totals) const {
  auto lowest = std::max<int64_t>(base_.stars.first, 0);
  // A dead letter says why it is missing, and may be the band itself: asking again is a repair.
  if (top_ == 0 || totals.seen >= top_ || run.threshold <= lowest || totals.dead > 0)
    return {};
  return {top_partition(run, top_ - totals.seen, {base_.stars.first, run.threshold - 1})};
}

std::string search_cursor(int64_t rank) { return net::base64("cursor:" + std::to_string(rank)); }

std::vector<std::string> pass_texts(const std::string& description) {
  std::vector<std::string> result;
  for (auto sort : sorts)
    result.push_back(description + (description.empty() ? "sort:" : " sort:") + sort);
  return result;
}

} // namespace gitstar
