#include "actors/search_source.hpp"

#include "messages/errors.hpp"
#include "messages/fwd.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

namespace gitstar {

namespace {

/// No repository on GitHub is older (the first was created in October 2007).
constexpr int64_t first_created = 1167609600; // 2007-01-01T00:00:00Z

/// Above every star count and every size in kilobytes that exists; ranges that are open above stay
/// open in the text, so that nothing is lost where we are wrong.
constexpr int64_t stars_ceiling = int64_t{1} << 20;
constexpr int64_t size_ceiling = int64_t{1} << 30;

/// The languages that most repositories have, the most frequent first; what is left after these
/// goes into one last partition.
constexpr std::array<const char*, 10> languages = {
    "JavaScript", "Python", "Java", "HTML", "TypeScript", "C++", "C#", "PHP", "C", "Go"};

/// The sorts of the passes over a partition. `updated` moves while one reads, so it comes last.
constexpr std::array<const char*, 4> sorts = {"stars-desc", "forks-desc", "stars-asc",
                                              "updated-desc"};

/// The longest description: a sort is added to it.
constexpr size_t max_description = max_search_text - std::string_view{" sort:updated-desc"}.size();

constexpr std::string_view top_prefix = "top:";

int64_t divide_up(int64_t x, int64_t by) { return (x + by - 1) / by; }

/// How many cells to count: as many as the plan wants where one query holds them, otherwise so many
/// that each of them fills a query of its own next time.
int64_t cell_count(int64_t expected, uint32_t count_width, const search_plan& plan) {
  auto width = std::max<int64_t>(count_width, 2);
  auto wanted = divide_up(expected, plan.cell);
  if (wanted > 2 * width)
    return std::min(width, divide_up(wanted, width));
  // What an even cut has left over is mostly a burst within a second: a query's worth of cells
  // finds it in few rounds.
  if (4 * wanted <= width)
    return width;
  return std::min(wanted, width);
}

/// At most `cells` ranges of equal length that cover `range`.
std::vector<int_range> even_ranges(int_range range, int64_t cells) {
  auto length = range.last - range.first + 1;
  cells = std::min(cells, length);
  std::vector<int_range> result;
  for (int64_t i = 0; i < cells; ++i) {
    auto first = range.first + length * i / cells;
    auto next = range.first + length * (i + 1) / cells;
    result.push_back({first, next - 1});
  }
  return result;
}

/// At most `points` integers in [first, last], ascending, beginning with `first`, in steps that
/// grow by one factor: star counts and sizes have long tails.
std::vector<int64_t> growing_steps(int64_t first, int64_t last, int64_t points) {
  std::vector<int64_t> result;
  auto low = static_cast<double>(first + 1);
  auto ratio = static_cast<double>(last + 1) / low;
  for (int64_t i = 0; i < points; ++i) {
    auto share = static_cast<double>(i) / static_cast<double>(points);
    auto value = static_cast<int64_t>(low * std::pow(ratio, share)) - 1;
    if (!result.empty())
      value = std::max(value, result.back() + 1);
    if (value > last)
      break;
    result.push_back(value);
  }
  return result;
}

/// Ranges for a long-tailed quantity. `ceiling` stands in for an open end.
std::vector<int_range> growing_ranges(int_range range, int64_t ceiling, int64_t cells) {
  auto first = std::max<int64_t>(range.first, 0);
  auto last = range.last == int_range::highest ? std::max(ceiling, first) : range.last;
  auto starts = growing_steps(first, last, cells);
  std::vector<int_range> result;
  for (size_t i = 0; i < starts.size(); ++i)
    result.push_back({starts[i], i + 1 < starts.size() ? starts[i + 1] - 1 : range.last});
  return result;
}

bool single(int_range range) { return range.first == range.last; }

std::vector<search_query> cut_by_language(const search_query& query) {
  std::vector<search_query> result;
  if (!query.language.empty() || !query.other_languages.empty() ||
      query.terms.find("language:") != std::string::npos)
    return result;
  auto rest = query;
  for (auto language : languages) {
    auto longer = rest;
    longer.other_languages.push_back(language);
    if (to_string(longer).size() > max_description)
      break;
    auto part = query;
    part.language = language;
    result.push_back(part);
    rest = longer;
  }
  if (!result.empty())
    result.push_back(rest);
  return result;
}

/// Whether `right` goes on where `left` ends, on the one axis in which they differ.
bool neighbours(const search_query& left, const search_query& right) {
  return left.language == right.language && left.other_languages == right.other_languages;
}

search_query hull(search_query left, const search_query& right) {
  left.created.last = right.created.last;
  left.stars.last = right.stars.last;
  left.size_kb.last = right.size_kb.last;
  return left;
}

int64_t pages(int64_t count) { return divide_up(count, page_size); }

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

std::vector<search_query> cut(const search_query& query, int64_t expected, uint32_t count_width,
                              const search_plan& plan) {
  auto cells = cell_count(expected, count_width, plan);
  // The sort is part of the text that GitHub limits.
  auto fits = [](const std::vector<search_query>& parts) {
    return std::all_of(parts.begin(), parts.end(),
                       [](auto& x) { return to_string(x).size() <= max_description; });
  };
  auto along = [&](int_range search_query::*axis, const std::vector<int_range>& ranges) {
    std::vector<search_query> result;
    for (auto range : ranges) {
      auto part = query;
      part.*axis = range;
      result.push_back(part);
    }
    return result;
  };
  if (!single(query.created))
    return along(&search_query::created, even_ranges(query.created, cells));
  if (auto ranges = growing_ranges(query.stars, stars_ceiling, cells); ranges.size() > 1)
    if (auto parts = along(&search_query::stars, ranges); fits(parts))
      return parts;
  if (auto ranges = growing_ranges(query.size_kb, size_ceiling, cells); ranges.size() > 1)
    if (auto parts = along(&search_query::size_kb, ranges); fits(parts))
      return parts;
  return cut_by_language(query);
}

std::vector<counted_search> join(const std::vector<counted_search>& cells,
                                 const search_plan& plan) {
  // best[i]: the cheapest way to join the first i cells. A page costs a field of a query; among
  // equals fewer windows win.
  struct choice {
    int64_t cost = std::numeric_limits<int64_t>::max();
    size_t from = 0;
  };
  constexpr int64_t page_cost = 1 << 20;
  std::vector<choice> best(cells.size() + 1);
  best[0].cost = 0;
  for (size_t end = 1; end <= cells.size(); ++end) {
    int64_t sum = 0;
    for (auto begin = end; begin-- > 0;) {
      if (begin + 1 < end && !neighbours(cells[begin].query, cells[begin + 1].query))
        break;
      sum += cells[begin].count;
      if (sum > plan.window && begin + 1 < end)
        break;
      auto cost = best[begin].cost + pages(sum) * page_cost + 1;
      if (cost < best[end].cost)
        best[end] = {cost, begin};
    }
  }
  std::vector<counted_search> result;
  for (auto end = cells.size(); end > 0; end = best[end].from) {
    counted_search window{cells[best[end].from].query, 0};
    for (auto i = best[end].from; i < end; ++i) {
      window.query = hull(window.query, cells[i].query);
      window.count += cells[i].count;
    }
    result.push_back(std::move(window));
  }
  std::reverse(result.begin(), result.end());
  return result;
}

threshold_search::threshold_search(int64_t wanted, int_range stars)
    : wanted_(wanted), low_(std::max<int64_t>(stars.first, 0)),
      high_(stars.last == int_range::highest ? std::max(stars_ceiling, low_ + 1) : stars.last + 1) {
}

std::vector<int64_t> threshold_search::probes(uint32_t width) const {
  // The first round includes the lowest star count, which tells whether there are enough at all.
  auto first = count_ < 0 ? low_ : low_ + 1;
  return growing_steps(first, high_ - 1, std::max<int64_t>(width, 2));
}

void threshold_search::learn(const std::vector<int64_t>& probes,
                             const std::vector<int64_t>& counts) {
  for (size_t i = 0; i < probes.size() && i < counts.size(); ++i) {
    if (counts[i] >= wanted_) {
      low_ = probes[i];
      count_ = counts[i];
      continue;
    }
    if (count_ < 0) {
      impossible_ = true;
      count_ = counts[i];
    } else {
      high_ = probes[i];
    }
    // Broad counts are estimates and need not fall with each step: the first shortfall decides.
    return;
  }
}

bool threshold_search::finished() const {
  return impossible_ || (count_ >= 0 && (high_ - low_ <= 1 || count_ == wanted_));
}

search_source::search_source(search_query base, int64_t top, search_plan plan)
    : base_(std::move(base)), top_(top), plan_(plan) {}

std::string search_source::text() const {
  return (top_ > 0 ? "search top " + std::to_string(top_) + ": " : std::string{"search: "}) +
         to_string(base_);
}

partition search_source::make(const crawl& run, int64_t parent, std::string description,
                              int64_t expected) const {
  partition result;
  result.id = partition_id(run.id, description);
  result.parent_id = parent;
  result.description = std::move(description);
  result.expected = expected;
  return result;
}

partition search_source::top_partition(const crawl& run, int64_t wanted, int_range stars) const {
  auto query = base_;
  query.stars = stars;
  return make(run, 0, std::string{top_prefix} + std::to_string(wanted) + ' ' + to_string(query),
              -1);
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
  return {make(run, 0, to_string(in_time(base_, run)), -1)};
}

bool search_source::splittable(const partition& part) const {
  return !part.description.starts_with(top_prefix) &&
         !cut(described(part), max_search_results + 1, 2, plan_).empty();
}

lease search_source::plan(const crawl&, const partition& part, query_widths widths) {
  lease result;
  result.part = part;
  pending asked;
  if (auto top = parse_top(part.description)) {
    auto& search = thresholds_.try_emplace(part.id, top->wanted, top->query.stars).first->second;
    asked.probes = search.probes(widths.counts);
    for (auto stars : asked.probes)
      result.counts.push_back(to_string(with_stars(top->query, stars)));
  } else if (part.expected < 0) {
    result.counts.push_back(part.description);
  } else if (part.expected > (part.seen > 0 ? max_search_results : plan_.window)) {
    auto plan = plan_;
    plan.cell = static_cast<int64_t>(static_cast<double>(plan_.cell) * std::sqrt(widths.pages));
    asked.cells = cut(described(part), part.expected, widths.counts, plan);
    for (auto& cell : asked.cells)
      result.counts.push_back(to_string(cell));
  }
  if (result.counts.empty())
    result.sorts = pass_texts(part.description);
  else
    pending_[part.id] = std::move(asked);
  return result;
}

caf::expected<count_outcome> search_source::counted(const crawl& run, partition part,
                                                    const std::vector<int64_t>& counts) {
  auto found = pending_.extract(part.id);
  if (found.empty() || counts.empty())
    return count_outcome{std::move(part), {}, caf::none};
  auto& asked = found.mapped();
  if (!asked.probes.empty())
    return counted_threshold(run, std::move(part), asked, counts);
  if (!asked.cells.empty())
    return counted_cells(run, std::move(part), asked, counts);
  part.expected = counts[0];
  if (part.expected == 0)
    part.state = partition_state::done;
  return count_outcome{std::move(part), {}, caf::none};
}

caf::expected<count_outcome> search_source::counted_threshold(const crawl& run, partition part,
                                                              const pending& asked,
                                                              const std::vector<int64_t>& counts) {
  auto top = parse_top(part.description);
  auto& search = thresholds_.at(part.id);
  search.learn(asked.probes, counts);
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
    result.children.push_back(
        make(run, part.id, to_string(in_time(with_stars(top->query, search.threshold()), run)),
             search.count()));
    thresholds_.erase(part.id);
  }
  result.part = std::move(part);
  return result;
}

count_outcome search_source::counted_cells(const crawl& run, partition part, const pending& asked,
                                           const std::vector<int64_t>& counts) const {
  std::vector<counted_search> cells;
  for (size_t i = 0; i < asked.cells.size() && i < counts.size(); ++i)
    cells.push_back({asked.cells[i], counts[i]});
  auto windows = join(cells, plan_);
  count_outcome result;
  if (windows.size() == 1 && to_string(windows.front().query) == part.description) {
    part.expected = windows.front().count; // fewer than it said before: not to be cut
    result.part = std::move(part);
    return result;
  }
  for (auto& window : windows)
    if (window.count > 0)
      result.children.push_back(make(run, part.id, to_string(window.query), window.count));
  part.state = partition_state::split;
  part.seen = 0;
  part.duplicates = 0;
  part.seen_ids.clear();
  result.part = std::move(part);
  return result;
}

std::vector<partition> search_source::rest(const crawl& run, const certificate& totals) const {
  auto lowest = std::max<int64_t>(base_.stars.first, 0);
  if (top_ == 0 || totals.seen >= top_ || run.threshold <= lowest)
    return {};
  return {top_partition(run, top_ - totals.seen, {base_.stars.first, run.threshold - 1})};
}

int64_t partition_id(int64_t crawl_id, std::string_view description) {
  // FNV-1a with a finalizer: two of 500,000 partitions collide with a chance below 1 in 10^7.
  uint64_t hash = 14695981039346656037ull;
  auto add = [&hash](uint8_t byte) { hash = (hash ^ byte) * 1099511628211ull; };
  for (int shift = 0; shift < 64; shift += 8)
    add(static_cast<uint8_t>(static_cast<uint64_t>(crawl_id) >> shift));
  for (auto c : description)
    add(static_cast<uint8_t>(c));
  hash ^= hash >> 32;
  hash *= 0xd6e8feb86659fd93ull;
  hash ^= hash >> 32;
  return static_cast<int64_t>(hash >> 1); // positive: easier to read and to copy
}

std::string search_cursor(int64_t rank) {
  auto text = "cursor:" + std::to_string(rank);
  std::string result(4 * ((text.size() + 2) / 3) + 1, '\0'); // OpenSSL ends the text with a zero
  auto length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(result.data()),
                                reinterpret_cast<const unsigned char*>(text.data()),
                                static_cast<int>(text.size()));
  result.resize(static_cast<size_t>(length));
  return result;
}

std::vector<std::string> pass_texts(const std::string& description) {
  std::vector<std::string> result;
  for (auto sort : sorts)
    result.push_back(description + (description.empty() ? "sort:" : " sort:") + sort);
  return result;
}

} // namespace gitstar
