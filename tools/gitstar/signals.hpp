#pragma once

#include <stop_token>
#include <thread>

namespace gitstar::tool {

/// Asks for a stop when the first SIGINT or SIGTERM comes. The second, or five seconds that have
/// not been enough, ends the process at once with exit code 130. What is not committed then is
/// asked for again on the next run.
///
/// Keeps these signals away from every other thread, so it is to be made before the first of them,
/// and before all that may take long, also in its destructor.
class signal_watch {
public:
  signal_watch();
  ~signal_watch();
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

  /// Its callbacks run on a thread of their own, and must not block.
  std::stop_token stop() const { return stop_.get_token(); }

private:
  void watch();

  std::stop_source stop_;
  std::thread thread_;
};

} // namespace gitstar::tool
