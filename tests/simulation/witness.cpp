#include "tests/simulation/witness.hpp"

#include "actors/search_source.hpp"
#include "tests/actors/world.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace gitstar::simulation {

namespace {

/// One query in flight and two batches that are not committed (DESIGN 4, invariant 1).
constexpr uint32_t queries_at_risk = 3;

bool is_top(const partition& x) { return x.description.starts_with("top:"); }

bool is_leaf(const partition& x) { return x.state != partition_state::split && !is_top(x); }

} // namespace

const std::map<int64_t, partition>& witness::ledger() const { return data_->partitions[run().id]; }

// -- while it runs ----------------------------------------------------------------

void witness::asked(const api_request& request, const process_life& from) {
  if (request.shape != query_shape::search_page || plan_.opaque_cursors)
    return;
  for (auto& field : request.fields)
    if (committed_.contains({field.query, field.after}))
      stage_.fail(fmt::format("process {} asks again for what was stored when it began: '{}' "
                              "after '{}'",
                              from.number, field.query, field.after));
}

void witness::delivered(const api_request& request, const api_response& response) {
  auto good = response.result == outcome::ok || response.result == outcome::partial;
  // Opaque cursors prove some pages wrong, and what was read behind them is read again.
  if (request.shape != query_shape::search_page || !good || plan_.opaque_cursors)
    return;
  std::vector<repo_id> rows;
  for (size_t i = 0; i < request.fields.size(); ++i) {
    if (response.fields[i].error != field_error::none)
      continue;
    repeated_ += !delivered_.insert({request.fields[i].query, request.fields[i].after}).second;
    for (auto& x : response.fields[i].repositories)
      rows.push_back(x.repo_id);
  }
  read_.insert(rows.begin(), rows.end());
  // What was leased again while its first holder lives is asked for twice.
  if (repeated_ > allowed_ && !plan_.short_leases)
    stage_.fail(fmt::format(
        "{} pages were asked for again although they were answered, and losses explain {}",
        repeated_, allowed_));
  std::erase_if(uncommitted_, [this](auto& ids) {
    return std::all_of(ids.begin(), ids.end(), [this](auto id) { return stored(id); });
  });
  uncommitted_.push_back(std::move(rows));
  if (uncommitted_.size() > queries_at_risk * plan_.fetchers && stage_.processes == 1)
    stage_.fail(fmt::format("{} answers in memory that are not committed, with {} fetchers",
                            uncommitted_.size(), plan_.fetchers));
}

void witness::lost(uint32_t fetchers) {
  stage_.disturb();
  allowed_ += uint64_t{queries_at_risk} * fetchers * plan_.page_width;
  uncommitted_.clear();
}

void witness::crashed() {
  if (!data_->crawls.empty())
    committed_ = test::committed_pages(*data_, run().id);
}

void witness::saw(const crawl_progress& progress) {
  auto held = progress.ready + progress.leased + progress.waiting;
  // What a split partition became is kept whole: the children of one query's counts.
  if (held > 2 * plan_.partitions + 100)
    stage_.fail(fmt::format("{} partitions in memory with a window of {}", held, plan_.partitions));
}

/// DESIGN 4, invariant 8: what GitHub shows as it is stored costs no write of its row.
void witness::check_row_writes(const batch& work) {
  for (auto& row : work.rows) {
    auto writes = data_->row_writes[row.repo_id];
    auto versions = row_writes_.try_emplace(row.repo_id, 1).first->second;
    if (writes > versions)
      stage_.fail(fmt::format("the row of repository {} was written {} times, and GitHub showed {} "
                              "version(s) of it",
                              row.repo_id, writes, versions));
  }
}

void witness::committed(const batch& work) {
  check_row_writes(work);
  for (auto& changed : work.partitions) {
    auto& now = ledger().at(changed.id);
    if (auto before = known_.find(changed.id); before != known_.end())
      check_progress(before->second, now);
    known_[changed.id] = now;
    for (auto id : now.seen_ids)
      if (!stored(id))
        stage_.fail(fmt::format("the ledger counts repository {} of '{}', and its row is not there",
                                id, now.description));
    if (is_leaf(now) && now.seen > stored_matches(now.description))
      stage_.fail(fmt::format("the ledger counts {} repositories of '{}', and only {} are there",
                              now.seen, now.description, stored_matches(now.description)));
  }
}

void witness::check_progress(const partition& before, const partition& now) {
  // Where leases run out under fetchers that are alive each of these goes on from what it knows,
  // but what one lease says grows.
  if (overlap_ || (plan_.short_leases && before.lease != now.lease))
    return;
  auto ended = before.state != partition_state::open;
  if (ended && !(now == before))
    stage_.fail(fmt::format("'{}' was {} and is {} again", now.description, to_string(before.state),
                            to_string(now.state)));
  auto goes_on = now.state == partition_state::open && now.pass == before.pass;
  if (!ended && now.state != partition_state::split &&
      (now.seen < before.seen || now.pass < before.pass))
    stage_.fail(
        fmt::format("progress of '{}' fell from {} to {}", now.description, before.seen, now.seen));
  if (!ended && goes_on && !plan_.opaque_cursors && (before.pages_done & ~now.pages_done) != 0 &&
      now.seen <= max_search_results && now.expected <= max_search_results)
    stage_.fail(fmt::format("pages of '{}' that were stored are forgotten: {:x}, then {:x}",
                            now.description, before.pages_done, now.pages_done));
}

int64_t witness::stored_matches(const std::string& description) const {
  auto& found = github_.searches().find(description + " sort:stars-desc");
  return std::count_if(found.begin(), found.end(), [this](auto* x) { return stored(x->repo_id); });
}

// -- at the end ---------------------------------------------------------------------

std::set<repo_id> witness::wanted() const {
  auto query = *parse_search_query(plan_.query);
  if (plan_.top > 0)
    query.stars.first = std::max(query.stars.first, run().threshold);
  std::set<repo_id> result;
  for (auto* x : github_.searches().find(to_string(query) + " sort:stars-desc"))
    result.insert(x->repo_id);
  return result;
}

void witness::finished(const crawl_progress& end) {
  auto ids = wanted();
  for (auto& truth : github_.searches().repositories()) {
    auto row = data_->repositories.find(truth.repo_id);
    if (row == data_->repositories.end())
      continue;
    if (!ids.contains(truth.repo_id))
      stage_.fail(fmt::format("repository {} is stored and does not match", truth.repo_id));
    if (!(row->second == truth))
      stage_.fail(fmt::format("repository {} differs from the truth", truth.repo_id));
  }
  for (auto& [id, part] : ledger())
    if (is_leaf(part))
      check_leaf(part);
    else if (part.state == partition_state::open)
      stage_.fail("'" + part.description + "' is still open");
  check_coverage();
  check_sums(end);
  at_end_ = ledger();
}

/// A crawl that has ended stays as its certificate says.
void witness::closed() {
  for (auto& [id, part] : at_end_)
    if (auto& now = ledger().at(id); !(now == part))
      stage_.fail(fmt::format("'{}' was {} with {} of {} when the crawl ended, and is {} with {} "
                              "of {} now",
                              part.description, to_string(part.state), part.seen, part.expected,
                              to_string(now.state), now.seen, now.expected));
}

void witness::next_crawl(std::set<repo_id> changed) {
  known_.clear();
  committed_.clear();
  delivered_.clear();
  uncommitted_.clear();
  read_.clear();
  overlap_ = false;
  repeated_ = allowed_ = 0;
  for (auto id : changed)
    ++row_writes_[id];
}

void witness::finished_again(const crawl_progress& end) {
  for (auto& truth : github_.searches().repositories()) {
    if (!read_.contains(truth.repo_id))
      continue;
    auto row = data_->repositories.find(truth.repo_id);
    if (row == data_->repositories.end() || !(row->second == truth))
      stage_.fail(
          fmt::format("repository {} was read again and differs from the truth", truth.repo_id));
  }
  check_sums(end);
}

void witness::check_leaf(const partition& leaf) {
  if (leaf.state == partition_state::open)
    stage_.fail("'" + leaf.description + "' is still open");
  if (leaf.state != partition_state::done && leaf.reason.empty())
    stage_.fail("'" + leaf.description + "' is not complete and nobody says why");
  // A dead letter's stay for its repair.
  if (leaf.state != partition_state::dead && !leaf.seen_ids.empty())
    stage_.fail("'" + leaf.description + "' keeps ids although it is finished");
  auto& found = github_.searches().find(leaf.description + " sort:stars-desc");
  auto exact = static_cast<int64_t>(found.size());
  if (plan_.count_error == 0 && exact <= 2 * plan_.window && leaf.expected >= 0 &&
      leaf.expected != exact)
    stage_.fail(fmt::format("'{}' expects {} of {}", leaf.description, leaf.expected, exact));
  if (leaf.state == partition_state::dead)
    return;
  auto texts = pass_texts(leaf.description);
  auto beyond = exact > max_search_results;
  for (auto* x : found) {
    auto never = std::all_of(texts.begin(), texts.end(),
                             [&](auto& text) { return github_.obscures(text, *x); });
    auto once = std::any_of(texts.begin(), texts.end(),
                            [&](auto& text) { return github_.obscures(text, *x); });
    // Nobody can miss what the pages do not show and the count does not count.
    auto excused =
        leaf.state == partition_state::incomplete ? beyond || never : plan_.count_error > 0 && once;
    if (!stored(x->repo_id) && !excused)
      stage_.fail(fmt::format("repository {} of '{}' ({}) is missing", x->repo_id, leaf.description,
                              to_string(leaf.state)));
  }
  if (leaf.seen != stored_matches(leaf.description) && !beyond)
    stage_.fail(fmt::format("'{}' says it has seen {}, and {} are stored", leaf.description,
                            leaf.seen, stored_matches(leaf.description)));
  check_duplicates(leaf);
}

/// The certificate counts what the pages of the first pass repeat.
void witness::check_duplicates(const partition& leaf) {
  auto exact = github_.searches().count(leaf.description);
  if (plan_.opaque_cursors || plan_.count_error > 0 || exact > max_search_results || exact == 0)
    return;
  auto truth = github_.repeats(pass_texts(leaf.description)[0]);
  if (leaf.duplicates != truth)
    stage_.fail(fmt::format("'{}' counts {} duplicates, and GitHub sent {}", leaf.description,
                            leaf.duplicates, truth));
}

/// Leaves share no repository and leave none out.
void witness::check_coverage() {
  std::map<repo_id, int> leaves;
  auto whole = true; // all of it was cut as far as leaves
  for (auto& [id, part] : ledger()) {
    if (!is_leaf(part)) {
      whole = whole && part.state == partition_state::split;
      continue;
    }
    for (auto* x : github_.searches().find(part.description + " sort:stars-desc"))
      ++leaves[x->repo_id];
  }
  for (auto& [id, count] : leaves)
    if (count > 1)
      stage_.fail(fmt::format("repository {} is in {} partitions", id, count));
  if (!whole)
    return;
  for (auto id : wanted())
    if (!leaves.contains(id) && plan_.count_error == 0)
      stage_.fail(fmt::format("repository {} is in no partition", id));
}

void witness::check_sums(const crawl_progress& end) {
  if (run().state != end.run.state)
    stage_.fail("the ledger says '" + run().state + "', the crawl says '" + end.run.state + "'");
  certificate truth;
  for (auto& [id, part] : ledger()) {
    truth.done += part.state == partition_state::done;
    truth.dead += part.state == partition_state::dead;
    truth.incomplete += part.state == partition_state::incomplete;
    truth.split += part.state == partition_state::split;
    if (part.state == partition_state::split)
      continue;
    auto expected = std::max<int64_t>(part.expected, 0);
    truth.expected += expected;
    truth.seen += part.seen;
    truth.duplicates += part.duplicates;
    truth.missing += std::max<int64_t>(expected - part.seen, 0);
  }
  if (!(end.totals == truth))
    stage_.fail(fmt::format("the certificate is wrong: expected {} seen {} missing {} open {}, "
                            "the ledger says {}, {}, {} and none",
                            end.totals.expected, end.totals.seen, end.totals.missing,
                            end.totals.open, truth.expected, truth.seen, truth.missing));
  auto complete = truth.missing == 0 && truth.incomplete == 0 && truth.dead == 0;
  if (end.run.state != (complete ? "complete" : "incomplete"))
    stage_.fail("the crawl calls itself " + end.run.state);
  auto all = run().threshold <= parse_search_query(plan_.query)->stars.first;
  if (plan_.top > 0 && truth.seen < plan_.top && !all && truth.dead == 0)
    stage_.fail(fmt::format("{} repositories of the {} wanted", truth.seen, plan_.top));
}

} // namespace gitstar::simulation
