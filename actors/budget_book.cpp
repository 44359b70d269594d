#include "actors/budget_book.hpp"

#include "messages/time_text.hpp"

#include <algorithm>

namespace gitstar {

namespace {

using namespace std::chrono_literals;

/// A `Date` header has whole seconds and is as old as its answer's way took.
constexpr auto skew_noise = 2s;

} // namespace

budget_book::budget_book(const config::github_section& github, wall_clock clock)
    : limits_(github.limits), clock_(clock) {
  for (auto& x : github.credentials)
    entries_.push_back(
        {credential_account{x, limits_, clock_}, std::make_shared<budget>(limits_, clock_)});
}

void budget_book::restore(time_point now, const std::vector<budget_record>& records) {
  for (auto& record : records)
    for (auto& x : entries_)
      if (x.account.name() == record.credential) {
        x.account.restore(record);
        x.points->restore(now, record);
      }
  for (size_t i = 0; i < entries_.size(); ++i)
    join(i);
}

std::vector<budget_record> budget_book::records(time_point now, bool last) const {
  std::vector<budget_record> result;
  for (auto& x : entries_) {
    auto& record = result.emplace_back();
    x.points->describe(now, last, record);
    x.account.describe(record);
  }
  return result;
}

budget_book::mark budget_book::recording() {
  mark result;
  for (auto& x : entries_)
    result.emplace_back(x.points, x.points->recording());
  return result;
}

void budget_book::recorded(const mark& of) {
  for (auto& [points, total] : of)
    points->recorded(total);
}

bool budget_book::wants_record() const {
  return std::any_of(entries_.begin(), entries_.end(),
                     [](auto& x) { return x.points->wants_record(); });
}

std::vector<budget_view> budget_book::views() const {
  std::vector<budget_view> result;
  for (auto& x : entries_) {
    auto& view = result.emplace_back();
    x.points->describe(view);
    x.account.describe(view);
    view.owner = owner(x);
  }
  return result;
}

/// Credentials that share know each other before each has told its login.
std::string budget_book::owner(const entry& x) const {
  std::string first;
  for (auto& y : entries_) {
    if (y.points != x.points)
      continue;
    if (!y.account.login().empty())
      return y.account.login();
    if (first.empty())
      first = y.account.name();
  }
  return first;
}

// -- the choice ---------------------------------------------------------------

/// Of the credentials that may send now, the one whose budget is under the greatest pressure: the
/// most points per second to spend before they expire. Where the points are what binds the crawl,
/// every budget is drained whatever the order, as soon as it is ready; where something else binds
/// (queries in flight, response time), this order lets none reach its reset with points left while
/// another ran dry long before, and it spreads queries in proportion to the budgets instead of
/// emptying one after the other. A budget whose window has not begun comes first: a window begins
/// with its first query (fact sheet 2.3), and the sooner it begins the sooner the next one can.
budget_book::choice budget_book::choose(time_point now, int64_t cost) {
  choice result;
  double most = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    auto& x = entries_[i];
    if (x.account.benched())
      continue;
    auto ready = x.account.ready_at(now, cost);
    auto account_is_ready = ready && *ready <= now;
    if (account_is_ready)
      ready = x.points->ready_at(now, cost, x.account.reserve());
    if (!ready || *ready > now) {
      auto sooner = ready && (!result.wake || *ready < *result.wake);
      if (sooner || result.why.empty())
        result.why = words(x, account_is_ready ? x.points->why() : x.account.why(), ready, now);
      if (sooner)
        result.wake = ready;
      continue;
    }
    auto pressure = x.points->pressure(now, x.account.reserve());
    auto in_flight = [this](size_t index) { return entries_[index].points->in_flight(); };
    auto better = !result.credential || pressure > most ||
                  (pressure == most && in_flight(i) < in_flight(*result.credential));
    if (!better)
      continue;
    result.credential = i;
    most = pressure;
  }
  return result;
}

std::string budget_book::words(const entry& x, const std::string& why,
                               std::optional<time_point> until, time_point now) const {
  auto result = why + " of " + x.account.name();
  if (until && *until >= now + 1min)
    result += " until " + to_utc_text(clock_.at(*until)).substr(11, 5) + " UTC";
  return result;
}

// -- what is sent and answered ------------------------------------------------

void budget_book::sent(time_point now, uint64_t query, size_t credential, int64_t cost) {
  auto& x = entries_[credential];
  x.account.sent(cost);
  x.points->sent(now, cost);
  open_.emplace(query, open_query{{now, cost}, credential, x.points});
}

budget_book::open_query budget_book::close(uint64_t query) {
  auto result = std::move(open_.at(query));
  open_.erase(query);
  return result;
}

budget_book::news budget_book::answered(time_point now, uint64_t query,
                                        const query_report& report) {
  auto done = close(query);
  auto& account = entries_[done.credential].account;
  auto was_benched = account.benched();
  auto viewer_before = account.viewer_id();
  if (report.server_clock_skew)
    set_clock_skew(*report.server_clock_skew);
  account.answered(now, done.query, report);
  auto other_user = account.viewer_id() != viewer_before;
  if (other_user && viewer_before != 0)
    leave(done);
  done.points->answered(now, done.query, report);
  news result;
  result.benched = account.benched() && !was_benched;
  if (other_user && join(done.credential))
    result.shares_with = partners(done.credential);
  return result;
}

void budget_book::abandoned(time_point now, uint64_t query) {
  auto lost = close(query);
  entries_[lost.credential].account.abandoned(now, lost.query);
  lost.points->abandoned(lost.query);
}

void budget_book::unsent(time_point now, uint64_t query) {
  auto back = close(query);
  entries_[back.credential].account.unsent(now, back.query);
  back.points->unsent(back.query);
}

/// The credential's name stands for another user's token than the ledger remembers: it gets a
/// budget of its own, with the one query that told.
void budget_book::leave(open_query& query) {
  auto own = std::make_shared<budget>(limits_, clock_);
  own->set_clock_skew(skew_);
  own->sent(query.query.at, query.query.cost);
  query.points->abandoned(query.query);
  query.points = own;
  entries_[query.credential].points = own;
}

/// Lets the credential spend the budget of its user, if another one is known to be the same user's.
bool budget_book::join(size_t credential) {
  auto& x = entries_[credential];
  auto same_user = [&x](const entry& y) {
    return y.account.viewer_id() == x.account.viewer_id() && y.points != x.points;
  };
  auto other = std::find_if(entries_.begin(), entries_.end(), same_user);
  if (x.account.viewer_id() == 0 || other == entries_.end())
    return false;
  auto old = x.points;
  auto shared = other->points;
  shared->merge(*old);
  for (auto& [id, open] : open_)
    if (open.points == old)
      open.points = shared;
  for (auto& y : entries_)
    if (y.points == old)
      y.points = shared;
  return true;
}

std::string budget_book::partners(size_t credential) const {
  std::string result;
  for (size_t i = 0; i < entries_.size(); ++i)
    if (i != credential && entries_[i].points == entries_[credential].points)
      result += (result.empty() ? "" : ", ") + entries_[i].account.name();
  return result;
}

void budget_book::set_clock_skew(std::chrono::seconds skew) {
  if (std::chrono::abs(skew - skew_) <= skew_noise)
    return;
  skew_ = skew;
  for (auto& x : entries_)
    x.points->set_clock_skew(skew);
}

// -- benched ------------------------------------------------------------------

bool budget_book::all_benched() const {
  return std::all_of(entries_.begin(), entries_.end(), [](auto& x) { return x.account.benched(); });
}

std::string budget_book::rejections() const {
  std::string result;
  for (auto& x : entries_) {
    if (!x.account.benched())
      continue;
    if (!result.empty())
      result += "; ";
    result += x.account.name() + ": " + x.account.rejection();
  }
  return result;
}

} // namespace gitstar
