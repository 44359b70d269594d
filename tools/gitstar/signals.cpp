#include "tools/gitstar/signals.hpp"

#include "tools/gitstar/commands.hpp"

#include <cerrno>
#include <csignal>
#include <ctime>

#include <pthread.h>
#include <unistd.h>

namespace gitstar::tool {

namespace {

/// Ends the watching thread; nobody else sends it to this process.
constexpr int end_of_watch = SIGUSR2;

/// A little less than the five seconds that are promised.
constexpr timespec longest_stop{4, 800'000'000};

sigset_t watched() {
  sigset_t result;
  sigemptyset(&result);
  for (auto signal : {SIGINT, SIGTERM, end_of_watch})
    sigaddset(&result, signal);
  return result;
}

} // namespace

signal_watch::signal_watch() {
  auto signals = watched();
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  thread_ = std::thread{[this] { watch(); }};
}

signal_watch::~signal_watch() {
  pthread_kill(thread_.native_handle(), end_of_watch);
  thread_.join();
}

void signal_watch::watch() {
  auto signals = watched();
  int signal = 0;
  if (sigwait(&signals, &signal) != 0 || signal == end_of_watch)
    return;
  stop_.request_stop();
  do
    signal = sigtimedwait(&signals, nullptr, &longest_stop);
  while (signal < 0 && errno == EINTR);
  if (signal != end_of_watch)
    _exit(exit_stopped);
}

} // namespace gitstar::tool
