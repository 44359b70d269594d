/// Runs actors in the test's own thread, on a clock that moves only when the test says so.
#pragma once

#include "messages/interfaces.hpp"

#include <caf/all.hpp>
#include <caf/scheduler/test_coordinator.hpp>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <vector>

namespace gitstar::test {

/// A Catch2 fixture with an actor system of its own. Nothing runs unless a member function of the
/// fixture is called; actors must not be spawned detached.
class virtual_time {
  /// First of all members: the system keeps a reference to it.
  struct configuration : caf::actor_system_config {
    configuration() {
      add_message_types<caf::id_block::gitstar>();
      add_error_category(caf::atom("gitstar"), render_error);
      set("scheduler.policy", caf::atom("testing"));
    }
  };

  configuration config_;

public:
  virtual_time()
      : sys(config_), sched(dynamic_cast<caf::scheduler::test_coordinator&>(sys.scheduler())),
        self(sys) {}

  /// A timer that is armed again and again would never let the system end.
  ~virtual_time() {
    for (auto& x : spawned_)
      caf::anon_send_exit(x, caf::exit_reason::kill);
    run();
  }

  virtual_time(const virtual_time&) = delete;
  virtual_time& operator=(const virtual_time&) = delete;

  /// Spawns an actor and lets it begin.
  template <caf::spawn_options Options = caf::no_spawn_options, class F, class... Args>
  auto spawn(F f, Args&&... args) {
    auto result = sys.spawn<Options>(f, std::forward<Args>(args)...);
    adopt(caf::actor_cast<caf::actor>(result));
    run();
    return result;
  }

  /// Ends an actor that something else spawned when the test ends.
  void adopt(caf::actor x) { spawned_.push_back(std::move(x)); }

  /// Runs jobs until none is left. A test that goes on forever fails instead.
  void run() {
    constexpr size_t too_many = 50'000'000;
    for (size_t i = 0; sched.has_job(); ++i) {
      if (i == too_many)
        throw std::runtime_error("the actors do not come to rest");
      sched.run_once();
    }
  }

  /// Moves the clock by `span`, from one entry of its schedule to the next: one big step would fire
  /// a timer that is armed again only once.
  void advance(caf::timespan span) {
    auto end = now() + span;
    run();
    for (auto next = next_timer(); next <= end; next = next_timer())
      step_to(next);
    step_to(end);
  }

  /// Moves the clock until `holds()`, at most by `limit`. Returns whether it does.
  template <class Predicate>
  bool advance_until(Predicate holds, caf::timespan limit) {
    auto end = now() + limit;
    run();
    while (!holds()) {
      auto next = next_timer();
      if (next > end)
        return false;
      step_to(next);
    }
    return true;
  }

  caf::actor_clock::time_point now() const { return sched.clock().now(); }

  /// When the clock has something to do next; `max()` if never.
  caf::actor_clock::time_point next_timer() const {
    auto& schedule = sched.clock().schedule();
    return schedule.empty() ? caf::actor_clock::time_point::max() : schedule.begin()->first;
  }

  /// Delayed messages that are on their way. (CAF 0.17 keeps the timer of an answered request until
  /// it runs out; those do not count.)
  size_t timers() const {
    auto& schedule = sched.clock().schedule();
    return static_cast<size_t>(std::count_if(schedule.begin(), schedule.end(), [](auto& entry) {
      return entry.second->subtype == caf::detail::simple_actor_clock::actor_msg_type;
    }));
  }

  /// Asks and gives the answer or the error. Fails where no answer comes without time passing.
  template <class T, class Handle, class... Args>
  caf::expected<T> ask(const Handle& to, Args&&... args) {
    auto answer = self->request(to, caf::infinite, std::forward<Args>(args)...);
    run();
    if (!self->has_next_message())
      throw std::runtime_error("no answer yet");
    caf::expected<T> result{caf::sec::unexpected_message};
    if constexpr (std::is_void_v<T>)
      answer.receive([&] { result = caf::expected<void>{}; },
                     [&](caf::error& reason) { result = std::move(reason); });
    else
      answer.receive([&](T& value) { result = std::move(value); },
                     [&](caf::error& reason) { result = std::move(reason); });
    return result;
  }

  /// A question whose answer is looked at later.
  template <class T>
  struct pending {
    std::shared_ptr<std::vector<caf::expected<T>>> answers =
        std::make_shared<std::vector<caf::expected<T>>>();

    bool answered() const { return !answers->empty(); }
    const caf::expected<T>& get() const { return answers->at(0); }
  };

  /// Asks without waiting for the answer.
  template <class T, class Handle, class... Args>
  pending<T> ask_later(const Handle& to, Args... args) {
    pending<T> result;
    auto keep = [answers = result.answers](caf::expected<T> x) {
      answers->push_back(std::move(x));
    };
    // The receiver is an argument: CAF binds a reference to null for a function without one.
    auto ask = [=](caf::event_based_actor* me, const Handle& whom) {
      auto response = me->request(whom, caf::infinite, args...);
      auto fail = [keep](caf::error& reason) { keep(std::move(reason)); };
      if constexpr (std::is_void_v<T>)
        response.then([keep] { keep(caf::expected<void>{}); }, fail);
      else
        response.then([keep](T& value) { keep(std::move(value)); }, fail);
    };
    auto asker = sys.spawn(ask, to);
    adopt(caf::actor_cast<caf::actor>(asker));
    run();
    return result;
  }

  /// Sends without waiting for an answer, and lets everybody react.
  template <class Handle, class... Args>
  void tell(const Handle& to, Args&&... args) {
    caf::anon_send(to, std::forward<Args>(args)...);
    run();
  }

  /// Ends an actor and lets everybody react.
  template <class Handle>
  void end(const Handle& actor, caf::exit_reason reason = caf::exit_reason::user_shutdown) {
    caf::anon_send_exit(actor, reason);
    run();
  }

  /// Whether the actor has ended.
  template <class Handle>
  static bool ended(const Handle& actor) {
    return caf::actor_cast<caf::abstract_actor*>(actor)->getf(
        caf::abstract_actor::is_terminated_flag);
  }

  caf::actor_system sys;
  caf::scheduler::test_coordinator& sched;
  caf::scoped_actor self;

private:
  void step_to(caf::actor_clock::time_point when) {
    if (when > now())
      sched.clock().advance_time(when - now());
    else
      sched.clock().advance_time(caf::timespan{0});
    run();
  }

  std::vector<caf::actor> spawned_;
};

} // namespace gitstar::test
