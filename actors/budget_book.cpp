#include "actors/budget_book.hpp"

#include "messages/time_text.hpp"

#include <algorithm>

namespace gitstar {

namespace {

using namespace std::chrono_literals;

/// A `Date` header has whole seconds and is as old as its answer's way took.
constexpr auto skew_noise = 2s;

constexpr resource resources[] = {resource::graphql, resource::core};

/// Requests to one endpoint of REST in a minute, and server time for all but GraphQL: 90 s, of
/// which GraphQL may take 60 (fact sheet 4).
constexpr uint32_t rest_requests_per_minute = 900;
constexpr uint32_t rest_response_seconds = 30;

config::limits_section limits_of(const config::limits_section& limits, resource what) {
  auto result = limits;
  if (what == resource::graphql)
    return result;
  auto lower = [](uint32_t& limit, uint32_t most) { limit = std::min(limit, most); };
  lower(result.points_per_minute, rest_requests_per_minute);
  lower(result.response_seconds_per_minute, rest_response_seconds);
  return result;
}

} // namespace

budget_book::budget_book(const config::github_section& github, wall_clock clock)
    : limits_(github.limits), clock_(clock) {
  for (auto& x : github.credentials)
    entries_.push_back({credential_account{x, limits_, clock_}, new_budgets()});
}

budget_book::budgets budget_book::new_budgets() const {
  budgets result;
  for (auto what : resources) {
    auto& each = result.at(static_cast<size_t>(what));
    each = std::make_shared<budget>(limits_of(limits_, what), clock_);
    each->set_clock_skew(skew_);
  }
  return result;
}

void budget_book::restore(time_point now, const std::vector<budget_record>& records) {
  for (auto& record : records)
    for (auto& x : entries_)
      if (x.account.name() == record.credential) {
        // Of what the credential has of its own the row of GraphQL is always up to date.
        if (record.what == resource::graphql)
          x.account.restore(record);
        x.of(record.what)->restore(now, record);
      }
  for (size_t i = 0; i < entries_.size(); ++i)
    join(i);
}

std::vector<budget_record> budget_book::records(time_point now, bool last) const {
  std::vector<budget_record> result;
  for (auto& x : entries_)
    for (auto what : resources) {
      if (!is_used(what))
        continue;
      auto& record = result.emplace_back();
      record.what = what;
      x.of(what)->describe(now, last, record);
      x.account.describe(record);
    }
  return result;
}

budget_book::mark budget_book::recording() {
  mark result;
  for (auto& x : entries_)
    for (auto what : resources)
      if (is_used(what))
        result.emplace_back(x.of(what), x.of(what)->recording());
  return result;
}

void budget_book::recorded(const mark& of) {
  for (auto& [points, total] : of)
    points->recorded(total);
}

bool budget_book::wants_record() const {
  return std::any_of(entries_.begin(), entries_.end(), [this](auto& x) {
    return x.of(resource::graphql)->wants_record() ||
           (lists_ && x.of(resource::core)->wants_record());
  });
}

std::vector<budget_view> budget_book::views() const {
  std::vector<budget_view> result;
  for (auto& x : entries_)
    for (auto what : resources) {
      if (!is_used(what))
        continue;
      auto& view = result.emplace_back();
      view.what = what;
      x.of(what)->describe(view);
      x.account.describe(view);
      view.owner = owner(x);
    }
  return result;
}

/// Credentials that share know each other before each has told its login.
std::string budget_book::owner(const entry& x) const {
  std::string first;
  for (auto& y : entries_) {
    if (y.all != x.all)
      continue;
    if (!y.account.login().empty())
      return y.account.login();
    if (first.empty())
      first = y.account.name();
  }
  return first;
}

// -- the choice ---------------------------------------------------------------

/// How many queries are under way. GitHub counts them by user, GraphQL and REST together (fact
/// sheet 4). A token whose user has not been told yet may be of any of them.
class budget_book::crowd {
public:
  explicit crowd(const budget_book& book) : limit_(book.limits_.concurrent_requests) {
    for (auto& x : book.entries_) {
      if (x.account.kind() == config::credential_kind::installation)
        continue; // a user of its own
      if (x.account.is_settled())
        most_ = std::max(most_, of(x));
      else
        untold_ += x.account.in_flight();
    }
  }

  bool has_room(const entry& x) const {
    if (x.account.kind() == config::credential_kind::installation)
      return of(x) < limit_;
    return (x.account.is_settled() ? of(x) : most_) + untold_ < limit_;
  }

private:
  static uint32_t of(const entry& x) {
    uint32_t result = 0;
    for (auto& each : x.all)
      result += each->in_flight();
    return result;
  }

  uint32_t limit_;
  uint32_t most_ = 0; // of one user
  uint32_t untold_ = 0;
};

/// Of the credentials that may send now, the one whose budget is under the greatest pressure: the
/// most points per second to spend before they expire. Where the points are what binds the crawl,
/// every budget is drained whatever the order, as soon as it is ready; where something else binds
/// (queries in flight, response time), this order lets none reach its reset with points left while
/// another ran dry long before, and it spreads queries in proportion to the budgets instead of
/// emptying one after the other. A budget whose window has not begun comes first: a window begins
/// with its first query (fact sheet 2.3), and the sooner it begins the sooner the next one can.
budget_book::choice budget_book::choose(time_point now, int64_t cost, resource what) {
  lists_ = lists_ || what == resource::core;
  // A cap on points is none on requests.
  auto points = what == resource::graphql ? cost : 0;
  choice result;
  crowd under_way{*this};
  double most = 0;
  for (size_t i = 0; i < entries_.size(); ++i) {
    auto& x = entries_[i];
    if (x.account.benched())
      continue;
    auto ready = x.account.ready_at(now, points);
    auto account_is_ready = ready && *ready <= now;
    if (account_is_ready && !under_way.has_room(x)) {
      if (result.why.empty())
        result.why = words(x, "the queries in flight", std::nullopt, now);
      continue; // after an answer
    }
    if (account_is_ready)
      ready = x.of(what)->ready_at(now, cost, x.account.reserve());
    if (!ready || *ready > now) {
      auto sooner = ready && (!result.wake || *ready < *result.wake);
      if (sooner || result.why.empty())
        result.why = words(x, account_is_ready ? x.of(what)->why() : x.account.why(), ready, now);
      if (sooner)
        result.wake = ready;
      continue;
    }
    auto pressure = x.of(what)->pressure(now, x.account.reserve());
    auto in_flight = [&](size_t index) { return entries_[index].of(what)->in_flight(); };
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

void budget_book::sent(time_point now, uint64_t query, size_t credential, int64_t cost,
                       resource what) {
  auto& x = entries_[credential];
  open_query opened{{now, cost}, credential, what, x.of(what)};
  x.account.sent(opened.of_account().cost);
  opened.points->sent(now, cost);
  open_.emplace(query, std::move(opened));
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
  account.answered(now, done.of_account(), report, done.what);
  auto other_user = account.viewer_id() != viewer_before;
  if (other_user && viewer_before != 0)
    leave(done);
  done.points->answered(now, done.query, report);
  if (report.result == outcome::secondary_limit)
    for (auto& other : entries_[done.credential].all)
      other->share_ban(*done.points);
  news result;
  result.benched = account.benched() && !was_benched;
  if (other_user && join(done.credential))
    result.shares_with = partners(done.credential);
  return result;
}

void budget_book::abandoned(time_point now, uint64_t query) {
  auto lost = close(query);
  entries_[lost.credential].account.abandoned(now, lost.of_account());
  lost.points->abandoned(lost.query);
}

void budget_book::unsent(time_point now, uint64_t query) {
  auto back = close(query);
  entries_[back.credential].account.unsent(now, back.of_account());
  back.points->unsent(back.query);
}

/// The credential's name stands for another user's token than the ledger remembers: it gets a
/// budget of its own, with the one query that told.
void budget_book::leave(open_query& query) {
  auto& x = entries_[query.credential];
  x.all = new_budgets();
  query.points->abandoned(query.query);
  query.points = x.of(query.what);
  query.points->sent(query.query.at, query.query.cost);
}

/// Lets the credential spend the budget of its user, if another one is known to be the same user's.
bool budget_book::join(size_t credential) {
  auto& x = entries_[credential];
  auto same_user = [&x](const entry& y) {
    return y.account.viewer_id() == x.account.viewer_id() && y.all != x.all;
  };
  auto other = std::find_if(entries_.begin(), entries_.end(), same_user);
  if (x.account.viewer_id() == 0 || other == entries_.end())
    return false;
  auto old = x.all;
  auto shared = other->all;
  for (auto what : resources) {
    auto i = static_cast<size_t>(what);
    shared.at(i)->merge(*old.at(i));
    for (auto& [id, open] : open_)
      if (open.points == old.at(i))
        open.points = shared.at(i);
  }
  for (auto& y : entries_)
    if (y.all == old)
      y.all = shared;
  return true;
}

std::string budget_book::partners(size_t credential) const {
  std::string result;
  for (size_t i = 0; i < entries_.size(); ++i)
    if (i != credential && entries_[i].all == entries_[credential].all)
      result += (result.empty() ? "" : ", ") + entries_[i].account.name();
  return result;
}

void budget_book::set_clock_skew(std::chrono::seconds skew) {
  if (std::chrono::abs(skew - skew_) <= skew_noise)
    return;
  skew_ = skew;
  for (auto& x : entries_)
    for (auto& each : x.all)
      each->set_clock_skew(skew);
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
