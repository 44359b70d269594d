#include "tools/gitstar/leader.hpp"

#include <spdlog/spdlog.h>

#include <unistd.h>

namespace gitstar::tool {

std::string node_name() {
  char host[256] = "localhost";
  gethostname(host, sizeof host - 1);
  return std::string{host} + ':' + std::to_string(getpid());
}

leader::leader(const std::string& connection_string, const std::string& name,
               const std::string& source, const config::cluster_section& settings)
    : settings_(settings),
      place_(connection_string, name, source, node_name(), settings.takeover_after) {}

leader::~leader() {
  thread_.request_stop();
  if (thread_.joinable())
    thread_.join();
  // Where PostgreSQL is away a standby waits until we would have been silent for long enough.
  if (leads())
    resign();
}

db::leadership::answer leader::wait(const std::function<bool()>& stopped) {
  thread_ = {}; // of an earlier term
  confirmed_ = clock::time_point::min();
  deposed_ = false;
  std::string told;
  while (!stopped()) {
    try {
      auto asked_at = clock::now();
      std::lock_guard guard{mutex_};
      auto answer = place_.try_lead();
      if (answer == db::leadership::answer::leads) {
        confirmed_ = asked_at;
        thread_ = std::jthread{[this](const std::stop_token& ended) { stay(ended); }};
      }
      if (answer != db::leadership::answer::waits)
        return answer;
      if (told != place_.leader())
        spdlog::info("standing by: {} leads", told = place_.leader());
    } catch (const db::store_error& failure) {
      if (!failure.transient())
        throw;
      spdlog::debug("cannot ask who leads: {}", failure.what());
    }
    std::this_thread::sleep_for(settings_.heartbeat);
  }
  return db::leadership::answer::waits;
}

bool leader::leads() const {
  auto confirmed = confirmed_.load();
  return !deposed_ && confirmed != clock::time_point::min() &&
         clock::now() - confirmed < settings_.takeover_after;
}

void leader::resign() {
  try {
    place_.resign();
  } catch (const db::store_error& failure) {
    spdlog::debug("cannot resign: {}", failure.what());
  }
}

void leader::conclude() {
  try {
    std::lock_guard guard{mutex_};
    place_.conclude();
  } catch (const db::store_error& failure) {
    spdlog::warn("who is started next reports this crawl once more: {}", failure.what());
  }
}

void leader::stay(const std::stop_token& ended) {
  while (!ended.stop_requested() && !deposed_) {
    std::this_thread::sleep_for(settings_.heartbeat);
    auto asked_at = clock::now();
    try {
      std::lock_guard guard{mutex_};
      if (place_.renew())
        confirmed_ = asked_at;
      else
        deposed_ = true;
    } catch (const db::store_error& failure) {
      spdlog::debug("cannot show that this coordinator is alive: {}", failure.what());
    }
  }
}

} // namespace gitstar::tool
