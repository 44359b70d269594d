#include "actors/workload.hpp"

#include "actors/threshold_search.hpp"

#include <algorithm>
#include <cmath>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <queue>

namespace gitstar {

namespace {

/// Larger crawls are planned in this size and scaled: their windows look the same.
constexpr int64_t largest_plan = 200'000;

/// Without a threshold to ask for, any will do that the search allows: only the number of rounds
/// matters.
int64_t assumed_threshold(int_range stars) {
  auto lowest = std::max<int64_t>(stars.first, 0);
  return lowest + std::min<int64_t>(100, (std::max(stars.last, lowest) - lowest) / 2);
}

/// One draw of the cells decides by chance how windows come out: this many are averaged.
constexpr uint64_t draws = 5;

constexpr auto whole_numbers = {&workload::partitions,    &workload::splits,
                                &workload::count_queries, &workload::counts,
                                &workload::page_queries,  &workload::pages};
constexpr auto fractions = {&workload::points, &workload::response_seconds, &workload::seconds,
                            &workload::superseded_bytes};

/// The sorts that an incomplete partition is read with, before it is given up.
constexpr int64_t passes_of_incomplete = 4;

int64_t divide_up(int64_t x, int64_t by) { return (x + by - 1) / by; }

/// What an open partition's ids take in PostgreSQL after so many pages: up to 2 KB with their row,
/// which is pruned; beyond that out of line, in chunks of which four fill a page of 8 KB.
double superseded(int64_t pages) {
  constexpr int64_t inline_limit = 2'000;
  constexpr int64_t chunk = 1'996;
  constexpr int64_t chunk_with_index = 2'048 + 30;
  auto bytes = pages * page_size * static_cast<int64_t>(sizeof(repo_id));
  return bytes < inline_limit ? 0.0
                              : static_cast<double>(divide_up(bytes, chunk) * chunk_with_index);
}

int64_t rounded(double n) { return static_cast<int64_t>(std::llround(n)); }

/// A partition that is counted: rounds of questions, each round handed out in portions.
struct counting {
  search_query query;
  int64_t expected = -1;
  std::optional<threshold_search> threshold;
  std::optional<cell_plan> cells;
  std::vector<search_query> questions;
  std::vector<int64_t> probes;
  int64_t unasked = 0;
  int64_t unanswered = 0;
};
using counting_ptr = std::shared_ptr<counting>;

/// What a fetcher gets for one lease: a portion of counts, or a partition's pages.
struct piece {
  counting_ptr counts; ///< null: pages
  int64_t fields = 0;  ///< not yet sent
  int64_t open = 0;    ///< not yet answered
  int64_t pages = 0;   ///< altogether
  bool full_page = false;
  bool predicted = false;
};

/// One crawl on the fetchers' own clock. Partitioner, token bucket and fetchers as far as they
/// decide what goes into a query; `actors/partitioner.cpp` and `actors/fetcher.cpp` are the
/// originals.
class rehearsal {
public:
  rehearsal(const crawl_outline& outline, const count_source& ask, uint64_t seed);

  estimation run();

private:
  struct fetcher {
    uint32_t page_width = 0; // as its last permit said
    uint32_t count_width = 0;
    std::deque<piece> pages;
    std::deque<piece> counts;
    bool predicted = false;
    bool dry = false;
  };

  struct answer {
    double at;
    int64_t order;
    size_t fetcher;
    bool counts;
    uint32_t total = 0;
    double seconds = 0;
    std::vector<int64_t> fields; // of each piece of that shape, in its order
    bool operator>(const answer& x) const { return at != x.at ? at > x.at : order > x.order; }
  };

  void begin();
  void begin_cells(const counting_ptr& part);
  void plan(const counting_ptr& part);
  void ask_next(const counting_ptr& part);
  void counted(const counting_ptr& part);
  void counted_threshold(const counting_ptr& part);
  std::vector<int64_t> probe_counts(const counting& part);
  std::vector<int64_t> cell_counts(const counting& part);
  std::vector<int64_t> ask_for_cells(const std::vector<search_query>& cells);
  void add_window(int64_t count);

  std::optional<piece> take();
  static void give(fetcher& x, piece work);
  void grant();
  void go_on(size_t index);
  bool lease(fetcher& x, size_t index, bool wanted_counts, bool wait);
  void send(fetcher& x, size_t index, bool counts);
  void receive(const answer& x);
  void scale_up();
  static int64_t available(const piece& x);

  crawl_outline outline_;
  const count_source& ask_;
  uint64_t seed_;
  std::optional<match_model> model_;
  query_widths widths_;
  std::deque<counting_ptr> counting_;
  std::deque<int64_t> windows_; // matches of partitions that wait to be read
  bool predicted_ = false;
  std::vector<fetcher> fetchers_;
  std::deque<size_t> waiting_;
  std::priority_queue<answer, std::vector<answer>, std::greater<>> answers_;
  int64_t order_ = 0;
  double now_ = 0;
  double usual_seconds_ = 0; // of response time, if it were the usual
  double scale_ = 1;         // the crawl is so many times what is planned
  bool shape_told_ = false;  // GitHub has told the first cut
  workload before_;          // what did not get smaller
  estimation result_;
};

rehearsal::rehearsal(const crawl_outline& outline, const count_source& ask, uint64_t seed)
    : outline_(outline), ask_(ask), seed_(seed), widths_(outline.planned),
      fetchers_(std::max(outline.fetchers, 1u)) {}

// -- planning -----------------------------------------------------------------

void rehearsal::begin() {
  auto root = std::make_shared<counting>();
  root->query = outline_.query;
  if (outline_.top > 0)
    root->threshold.emplace(outline_.top, outline_.query.stars);
  ask_next(root);
}

/// The next round of questions: those of the threshold, the whole, or the cells.
void rehearsal::ask_next(const counting_ptr& part) {
  part->questions.clear();
  if (part->threshold) {
    part->probes = part->threshold->probes(widths_.counts);
    for (auto stars : part->probes) {
      part->questions.push_back(part->query);
      part->questions.back().stars.first = stars;
    }
  } else if (part->cells) {
    part->questions = part->cells->questions();
  } else {
    part->questions = {part->query};
  }
  part->unasked = part->unanswered = static_cast<int64_t>(part->questions.size());
  counting_.push_front(part);
}

void rehearsal::counted(const counting_ptr& part) {
  if (part->threshold)
    return counted_threshold(part);
  auto counts = cell_counts(*part);
  if (!part->cells) {
    part->expected = counts.front();
    return begin_cells(part);
  }
  part->cells->learn(counts);
  if (!part->cells->questions().empty())
    return ask_next(part);
  ++result_.work.splits;
  for (auto& window : part->cells->windows()) {
    if (window.count <= outline_.plan.window) {
      add_window(window.count);
      continue;
    }
    auto child = std::make_shared<counting>();
    child->query = window.query;
    child->expected = window.count;
    plan(child);
  }
}

/// The matches are known. Too many are planned as fewer of the same kind.
void rehearsal::begin_cells(const counting_ptr& part) {
  outline_.matches = part->expected;
  if (part->expected > largest_plan) {
    scale_ = static_cast<double>(part->expected) / static_cast<double>(largest_plan);
    part->expected = largest_plan;
    before_ = result_.work;
    before_.seconds = now_;
  }
  model_.emplace(part->query, part->expected, outline_.curve, seed_);
  plan(part);
}

/// Cuts a partition into cells, unless it can be read, or cannot be cut.
void rehearsal::plan(const counting_ptr& part) {
  if (part->expected <= outline_.plan.window)
    return add_window(part->expected);
  part->cells.emplace(part->query, part->expected, widths_, outline_.plan);
  if (!part->cells->questions().empty())
    return ask_next(part);
  add_window(part->expected);
}

void rehearsal::counted_threshold(const counting_ptr& part) {
  auto& search = *part->threshold;
  search.learn(part->probes, probe_counts(*part));
  if (search.impossible())
    throw too_few_matches("top asks for " + std::to_string(outline_.top) + " repositories, but '" +
                          to_string(part->query) + "' matches only " +
                          std::to_string(search.count()));
  if (!search.finished())
    return ask_next(part);
  ++result_.work.splits;
  if (ask_)
    result_.threshold = search.threshold();
  auto child = std::make_shared<counting>();
  child->query = part->query;
  child->query.stars.first = search.threshold();
  child->expected = ask_ ? search.count() : outline_.matches;
  begin_cells(child);
}

/// The counts of `stars:>=probe`. What GitHub was not asked for follows the power law that
/// `match_model` has for stars, too.
std::vector<int64_t> rehearsal::probe_counts(const counting& part) {
  auto counts = ask_ ? ask_(part.questions) : std::vector<int64_t>(part.questions.size(), -1);
  auto threshold = static_cast<double>(assumed_threshold(part.query.stars));
  for (size_t i = 0; i < counts.size(); ++i) {
    auto share = (threshold + 1) / (static_cast<double>(part.probes[i]) + 1);
    if (counts[i] < 0)
      counts[i] = rounded(static_cast<double>(outline_.top) * std::pow(share, 0.75));
  }
  return counts;
}

std::vector<int64_t> rehearsal::cell_counts(const counting& part) {
  if (!part.cells) { // the whole
    auto counts = ask_ ? ask_(part.questions) : std::vector<int64_t>{-1};
    return counts.front() < 0 ? std::vector{outline_.matches} : counts;
  }
  auto doubtful = ask_ ? model_->doubtful(part.questions) : std::vector<size_t>{};
  std::vector<search_query> asked;
  for (auto i : doubtful)
    asked.push_back(part.questions[i]);
  return model_->count(part.questions, doubtful, ask_for_cells(asked));
}

std::vector<int64_t> rehearsal::ask_for_cells(const std::vector<search_query>& cells) {
  if (cells.empty())
    return {};
  // Of a crawl that is planned smaller than it is, the first cut tells the shape; a burst in it
  // would get smaller, too, which bursts do not.
  if (scale_ > 1 && shape_told_)
    return std::vector<int64_t>(cells.size(), -1);
  shape_told_ = true;
  auto counts = ask_(cells);
  for (auto& x : counts)
    if (x > 0)
      x = rounded(static_cast<double>(x) / scale_);
  return counts;
}

void rehearsal::add_window(int64_t count) {
  if (count <= 0)
    return;
  ++result_.work.partitions;
  windows_.push_back(count);
}

// -- fetchers -----------------------------------------------------------------

int64_t rehearsal::available(const piece& x) {
  if (x.counts || x.predicted)
    return x.fields;
  auto waiting = x.open > x.fields;
  return waiting ? 0 : std::min<int64_t>(x.fields, 1);
}

std::optional<piece> rehearsal::take() {
  if (!counting_.empty()) {
    auto part = counting_.front();
    auto portion = std::min<int64_t>(std::max(widths_.counts, 2u), part->unasked);
    part->unasked -= portion;
    if (part->unasked == 0)
      counting_.pop_front();
    return piece{part, portion, portion, false, true};
  }
  if (windows_.empty())
    return {};
  auto count = windows_.front();
  windows_.pop_front();
  auto pages = divide_up(std::min(count, max_search_results), page_size);
  if (count > max_search_results)
    pages *= passes_of_incomplete;
  return piece{nullptr, pages, pages, pages, count >= page_size, predicted_};
}

/// Whether the fetcher goes on at once; otherwise it waits for work.
bool rehearsal::lease(fetcher& x, size_t index, bool wanted_counts, bool wait) {
  if (x.page_width > 0)
    widths_.pages = x.page_width;
  if (x.count_width > 0)
    widths_.counts = x.count_width;
  auto work = take();
  if (!work) {
    x.dry = !wait;
    if (wait)
      waiting_.push_back(index);
    return !wait;
  }
  x.dry = !wait && wanted_counts && !work->counts;
  give(x, std::move(*work));
  return true;
}

void rehearsal::give(fetcher& x, piece work) {
  work.predicted = work.predicted || x.predicted;
  (work.counts ? x.counts : x.pages).push_back(std::move(work));
}

void rehearsal::grant() {
  while (!waiting_.empty() && (!counting_.empty() || !windows_.empty())) {
    auto index = waiting_.front();
    waiting_.pop_front();
    give(fetchers_[index], *take());
    go_on(index);
  }
}

void rehearsal::go_on(size_t index) {
  auto& x = fetchers_[index];
  for (;;) {
    auto sum = [](const std::deque<piece>& pieces) {
      int64_t fields = 0;
      for (auto& p : pieces)
        fields += available(p);
      return fields;
    };
    auto counts = sum(x.counts) > 0;
    auto fields = counts ? sum(x.counts) : sum(x.pages);
    auto width = std::max(counts ? x.count_width : x.page_width, 1u);
    if (fields >= width || x.dry)
      return send(x, index, counts);
    if (!lease(x, index, counts, fields == 0))
      return;
  }
}

void rehearsal::send(fetcher& x, size_t index, bool counts) {
  auto width = static_cast<int64_t>((counts ? outline_.counts : outline_.pages).current());
  (counts ? x.count_width : x.page_width) = static_cast<uint32_t>(width);
  answer next{0, order_++, index, counts, 0, 0, {}};
  for (auto& p : counts ? x.counts : x.pages) {
    auto fields = std::min(available(p), width - int64_t{next.total});
    p.fields -= fields;
    next.total += static_cast<uint32_t>(fields);
    next.fields.push_back(fields);
  }
  x.dry = false;
  auto& work = result_.work;
  (counts ? work.count_queries : work.page_queries) += 1;
  (counts ? work.counts : work.pages) += next.total;
  work.points += static_cast<double>(query_points(next.total));
  auto took = [&](const response_time& times) {
    return counts ? times.counts(next.total) : times.pages(next.total);
  };
  next.seconds = took(outline_.times);
  work.response_seconds += next.seconds;
  // Who answers first decides what goes together: measured times would give another plan each time.
  auto usual = took({});
  usual_seconds_ += usual;
  next.at = now_ + usual;
  answers_.push(std::move(next));
}

void rehearsal::receive(const answer& got) {
  auto& x = fetchers_[got.fetcher];
  auto& pieces = got.counts ? x.counts : x.pages;
  (got.counts ? outline_.counts : outline_.pages)
      .succeeded(got.total, milliseconds{rounded(got.seconds * 1000)});
  std::vector<counting_ptr> complete;
  for (size_t i = 0; i < got.fields.size(); ++i) {
    auto& p = pieces[i];
    p.open -= got.fields[i];
    if (got.fields[i] == 0)
      continue;
    if (p.counts) {
      p.counts->unanswered -= got.fields[i];
      if (p.counts->unanswered == 0)
        complete.push_back(p.counts);
    } else {
      if (p.open > 0)
        result_.work.superseded_bytes += superseded(p.pages - p.open);
      if (!p.full_page)
        continue;
      p.predicted = x.predicted = predicted_ = true;
    }
  }
  std::erase_if(pieces, [](auto& p) { return p.open == 0; });
  for (auto& part : complete)
    counted(part);
  grant();
  go_on(got.fetcher);
}

estimation rehearsal::run() {
  begin();
  for (size_t i = 0; i < fetchers_.size(); ++i)
    go_on(i);
  while (!answers_.empty()) {
    auto next = answers_.top();
    answers_.pop();
    now_ = next.at;
    receive(next);
  }
  auto real_seconds = result_.work.response_seconds;
  result_.work.seconds = now_;
  scale_up();
  if (usual_seconds_ > 0)
    result_.work.seconds *= real_seconds / usual_seconds_;
  result_.work.repositories = outline_.matches;
  if (model_)
    result_.curve = model_->curve();
  return result_;
}

void rehearsal::scale_up() {
  auto& work = result_.work;
  for (auto member : whole_numbers)
    work.*member =
        before_.*member + rounded(static_cast<double>(work.*member - before_.*member) * scale_);
  for (auto member : fractions)
    work.*member = before_.*member + (work.*member - before_.*member) * scale_;
}

workload mean(const std::vector<workload>& samples) {
  workload result = samples.front();
  auto n = static_cast<double>(samples.size());
  for (auto member : whole_numbers) {
    double sum = 0;
    for (auto& x : samples)
      sum += static_cast<double>(x.*member);
    result.*member = rounded(sum / n);
  }
  for (auto member : fractions) {
    double sum = 0;
    for (auto& x : samples)
      sum += x.*member;
    result.*member = sum / n;
  }
  return result;
}

/// Remembers what GitHub was asked. From the second rehearsal on, nobody asks any more.
class memory {
public:
  explicit memory(const count_source& ask) : ask_(ask) {}

  std::vector<int64_t> ask(const std::vector<search_query>& searches) {
    auto counts = ask_(searches);
    for (size_t i = 0; i < searches.size(); ++i)
      counts_[to_string(searches[i])] = counts.at(i);
    return counts;
  }

  std::vector<int64_t> recall(const std::vector<search_query>& searches) const {
    std::vector<int64_t> result;
    for (auto& x : searches) {
      auto found = counts_.find(to_string(x));
      result.push_back(found == counts_.end() ? -1 : found->second);
    }
    return result;
  }

private:
  const count_source& ask_;
  std::map<std::string, int64_t> counts_;
};

} // namespace

int64_t query_points(int64_t connections) {
  return std::max<int64_t>(1, std::llround(static_cast<double>(connections) / 100));
}

estimation estimate(const crawl_outline& outline, const count_source& ask) {
  memory told{ask};
  count_source first;
  count_source later;
  if (ask) {
    first = [&](auto& searches) { return told.ask(searches); };
    later = [&](auto& searches) { return told.recall(searches); };
  }
  auto result = rehearsal{outline, first, 1}.run();
  auto known = outline;
  known.matches = result.work.repositories;
  known.curve = result.curve;
  std::vector<workload> works{result.work};
  for (uint64_t seed = 2; seed <= draws && !result.curve.empty(); ++seed)
    works.push_back(rehearsal{known, later, seed}.run().work);
  result.work = mean(works);
  return result;
}

} // namespace gitstar
