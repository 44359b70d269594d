#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace gitstar::net {

struct health {
  bool ok = true;
  std::string text; ///< the body: what is wrong, or how things are
};

/// What the server answers. Called on its thread; may block for a moment, must not throw.
struct status_handlers {
  std::function<std::string()> metrics; ///< `GET /metrics`: Prometheus' text format
  std::function<health()> healthz;      ///< `GET /healthz`: 200 where `ok`, else 503
};

struct status_server_options {
  std::string host = "127.0.0.1"; ///< an address, or a name that this machine has
  uint16_t port = 9464;           ///< 0: the system picks one
  std::chrono::milliseconds request_timeout{10'000}; ///< to send a request and to take the answer
  uint32_t max_request_bytes = 16 << 10;             ///< header and body
  uint32_t max_connections = 64;                     ///< further ones are closed at once
};

/// A small HTTP server for monitoring, on a thread of its own.
class status_server {
public:
  /// Listens when it returns. Throws `std::runtime_error` saying why it cannot.
  status_server(status_server_options options, status_handlers handlers);

  /// Closes all connections.
  ~status_server();

  status_server(const status_server&) = delete;
  status_server& operator=(const status_server&) = delete;

  uint16_t port() const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

} // namespace gitstar::net
