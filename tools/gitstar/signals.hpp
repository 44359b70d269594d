#pragma once

#include <functional>
#include <thread>

namespace gitstar::tool {

/// Keeps SIGINT and SIGTERM away from every thread, so that `signal_watch` gets them. To be called
/// before the first thread is started.
void block_signals();

/// Calls `on_first` for the first SIGINT or SIGTERM; the second ends the process at once with exit
/// code 130. What is not committed then is asked for again on the next run.
class signal_watch {
public:
  explicit signal_watch(std::function<void()> on_first);
  ~signal_watch();
  signal_watch(const signal_watch&) = delete;
  signal_watch& operator=(const signal_watch&) = delete;

private:
  std::thread thread_;
};

} // namespace gitstar::tool
