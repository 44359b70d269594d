#pragma once

#include "tools/sim/github.hpp"

namespace gitstar::sim {

struct server_config {
  std::string address = "127.0.0.1";
  uint16_t port = 0;                    ///< 0: any that is free
  std::chrono::milliseconds latency{0}; ///< before each API answer
  std::string tls_cert;                 ///< PEM file; empty: plain HTTP
  std::string tls_key;                  ///< PEM file
};

/// Serves a simulated GitHub over HTTP/1.1 with keep-alive, on the thread that calls `run`.
class server {
public:
  /// Binds and listens. Throws `std::runtime_error` if that fails. Links in the answers of `site`
  /// will lead here.
  server(github& site, const server_config& config);
  ~server();

  /// Such as `http://127.0.0.1:8080`.
  const std::string& url() const;

  /// Serves until `stop` or, if asked to watch for them, SIGINT or SIGTERM.
  void run(bool watch_signals = false);

  /// Ends `run` at once; may be called from any thread.
  void stop();

private:
  class implementation;
  std::unique_ptr<implementation> impl_;
};

} // namespace gitstar::sim
