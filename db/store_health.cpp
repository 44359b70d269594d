#include "db/store_health.hpp"

#include <algorithm>

namespace gitstar::db {

namespace {

std::string seconds_text(std::chrono::steady_clock::duration time) {
  return std::to_string(std::chrono::floor<std::chrono::seconds>(time).count()) + " s";
}

} // namespace

void store_health::called(uint64_t user, time_point now) {
  std::lock_guard guard{mutex_};
  calls_[user] = now;
}

store_health::log_line store_health::answered(uint64_t user, time_point now) {
  std::lock_guard guard{mutex_};
  auto call = calls_.extract(user);
  if (!outage_ && said_slow_ && !call.empty() && !silence(now)) {
    said_slow_.reset();
    return "PostgreSQL is back after " + seconds_text(now - call.mapped());
  }
  if (!outage_ || outage_->users.erase(user) == 0 || !outage_->users.empty())
    return std::nullopt;
  auto over = *outage_;
  outage_.reset();
  if (!over.said)
    return std::nullopt;
  return "PostgreSQL is back after " + seconds_text(now - over.since);
}

store_health::log_line store_health::failed(uint64_t user, const store_error& failure,
                                            time_point now) {
  std::lock_guard guard{mutex_};
  calls_.erase(user);
  ++errors_[failure.sqlstate().empty() ? "none" : failure.sqlstate()];
  if (!outage_)
    outage_ = outage{now, {}, {}};
  outage_->users.insert(user);
  outage_->cause = failure.cause();
  std::erase_if(said_, [&](auto& x) { return now - x.second >= log_interval; });
  if (!said_.try_emplace(outage_->cause, now).second)
    return std::nullopt;
  outage_->said = true;
  auto begin = outage_->since == now
                   ? std::string{"waiting for PostgreSQL: "}
                   : "waiting for PostgreSQL since " + seconds_text(now - outage_->since) + ": ";
  auto details = failure.sqlstate().empty() ? "" : std::string{": "} + failure.what();
  return begin + outage_->cause + details;
}

void store_health::left(uint64_t user) {
  std::lock_guard guard{mutex_};
  calls_.erase(user);
  if (outage_ && outage_->users.erase(user) > 0 && outage_->users.empty())
    outage_.reset();
}

std::optional<std::chrono::seconds> store_health::silence(time_point now) const {
  auto oldest = std::min_element(calls_.begin(), calls_.end(),
                                 [](auto& a, auto& b) { return a.second < b.second; });
  if (oldest == calls_.end() || now - oldest->second < slow)
    return std::nullopt;
  return std::chrono::floor<std::chrono::seconds>(now - oldest->second);
}

store_health::log_line store_health::look(time_point now) {
  std::lock_guard guard{mutex_};
  auto silent = silence(now);
  if (!silent) {
    said_slow_.reset();
    return std::nullopt;
  }
  if (said_slow_ && now - *said_slow_ < log_interval)
    return std::nullopt;
  said_slow_ = now;
  return "waiting for PostgreSQL: no answer since " + seconds_text(*silent);
}

std::string store_health::waiting_for(time_point now) const {
  std::lock_guard guard{mutex_};
  if (outage_)
    return outage_->cause;
  if (auto silent = silence(now))
    return "no answer since " + seconds_text(*silent);
  return {};
}

std::map<std::string, uint64_t> store_health::errors() const {
  std::lock_guard guard{mutex_};
  return errors_;
}

} // namespace gitstar::db
