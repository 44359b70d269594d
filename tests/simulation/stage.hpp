/// What the simulated parts of one run share.
#pragma once

#include "actors/wall_clock.hpp"

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <string_view>

namespace gitstar::simulation {

/// One process of the crawler.
struct process_life {
  uint32_t number = 0;
  bool alive = true; ///< false: nothing that its actors still do reaches the world
};

/// The time, what is going to happen outside of the actors, and the first thing that went wrong.
class stage {
public:
  using time_point = caf::actor_clock::time_point;

  explicit stage(bool traced) : traced_(traced) {}

  time_point now;
  wall_clock clock;

  void after(caf::timespan delay, std::function<void()> what) {
    plans_.emplace(now + delay, std::move(what));
  }

  /// When something happens next; `time_point::max()` if nothing is planned.
  time_point next() const { return plans_.empty() ? time_point::max() : plans_.begin()->first; }

  void run_due() {
    while (next() <= now) {
      auto what = std::move(plans_.begin()->second);
      plans_.erase(plans_.begin());
      what();
    }
  }

  /// The run has failed; only the first reason counts.
  void fail(std::string reason) {
    trace("PROBLEM " + reason);
    if (problem_.empty())
      problem_ = std::move(reason);
  }
  const std::string& problem() const { return problem_; }

  /// An actor or a process has come to harm: what it knew may be lost.
  void disturb() { disturbed_at_ = now; }
  /// Nobody has lost anything since `when`, and one process works alone.
  bool calm_since(time_point when) const { return disturbed_at_ < when && processes == 1; }

  /// Since `when` no two processes have worked at once.
  bool alone_since(time_point when) const { return processes < 2 && together_at_ < when; }

  void process_begins() {
    if (++processes > 1)
      together_at_ = now;
  }
  void process_ends() {
    if (processes-- > 1)
      together_at_ = now;
  }

  uint32_t processes = 0; ///< alive

  void trace(const std::string& text) const {
    if (traced_)
      std::printf("%12.3f  %s\n", std::chrono::duration<double>(now - clock.actor_at_start).count(),
                  text.c_str());
  }
  bool traced() const { return traced_; }

  /// DESIGN 4, invariant 7: nothing that is shown, sent or stored may hold a secret. The beginning
  /// of one may stay: the kind of a token and the number of its user.
  void search(const std::string& place, std::string_view text) {
    if (text.find(secret_part) != std::string_view::npos)
      fail("a secret in " + place);
  }

  /// What every secret of a run holds and nothing else does.
  static constexpr std::string_view secret_part = "ThatMustNotShowUp";

private:
  std::multimap<time_point, std::function<void()>> plans_;
  std::string problem_;
  time_point disturbed_at_ = time_point::min();
  time_point together_at_ = time_point::min();
  bool traced_;
};

} // namespace gitstar::simulation
