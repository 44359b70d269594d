#include "tools/gitstar/signals.hpp"

#include "tools/gitstar/commands.hpp"

#include <csignal>
#include <utility>

#include <pthread.h>
#include <unistd.h>

namespace gitstar::tool {

namespace {

/// Ends the watching thread; nobody else sends it to this process.
constexpr int end_of_watch = SIGUSR2;

sigset_t watched() {
  sigset_t result;
  sigemptyset(&result);
  for (auto signal : {SIGINT, SIGTERM, end_of_watch})
    sigaddset(&result, signal);
  return result;
}

} // namespace

void block_signals() {
  auto signals = watched();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
}

signal_watch::signal_watch(std::function<void()> on_first) {
  thread_ = std::thread{[on_first = std::move(on_first)] {
    auto signals = watched();
    for (int count = 0, signal = 0; sigwait(&signals, &signal) == 0 && signal != end_of_watch;) {
      if (++count > 1)
        _exit(exit_stopped);
      on_first();
    }
  }};
}

signal_watch::~signal_watch() {
  pthread_kill(thread_.native_handle(), end_of_watch);
  thread_.join();
}

} // namespace gitstar::tool
