#pragma once

#include "net/http_message.hpp"
#include "net/url.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace boost::asio {
class io_context;
}

namespace gitstar::net {

/// Whether to ask for compressed answers.
enum class gzip_use : uint8_t {
  automatic, ///< unless the host is this machine, where compression costs more than it saves
  always,
  never,
};

struct http_options {
  std::chrono::milliseconds connect_timeout{10'000}; ///< name lookup, TCP, proxy, TLS together
  std::chrono::milliseconds write_timeout{10'000};   ///< until the request is written
  std::chrono::milliseconds read_timeout{15'000};    ///< without progress
  std::chrono::milliseconds total_timeout{30'000};   ///< a request, from `async_send` to its answer
  std::chrono::milliseconds idle_timeout{50'000};    ///< a connection unused longer is closed
  uint32_t max_connections = 128;                    ///< further requests wait
  uint32_t max_header_bytes = 64 << 10;
  uint64_t max_body_bytes = 64 << 20; ///< after decompression
  gzip_use gzip = gzip_use::automatic;
  std::string ca_file;      ///< PEM; empty: the system's certificates
  std::optional<url> proxy; ///< see `proxy_from_environment`
};

/// A pool of keep-alive connections to one origin, plain or TLS, direct or through a proxy. The
/// server's certificate is always verified, its host name included.
///
/// A connection that the server closed while it was idle is replaced: where a request on a reused
/// connection gets no byte of an answer, it is sent once more on a fresh one.
///
/// `async_send` and `stop` may be called from any thread; one thread runs the io_context and makes
/// the callbacks, which must not throw.
class http_client {
public:
  using callback = std::function<void(http_response)>;

  /// Throws `std::runtime_error` where the certificates cannot be read or the proxy cannot be used.
  http_client(boost::asio::io_context& context, url origin, http_options options);

  /// Stops, as `stop` does.
  ~http_client();

  http_client(const http_client&) = delete;
  http_client& operator=(const http_client&) = delete;

  /// Sends a request and calls back exactly once.
  void async_send(http_request request, callback on_response);

  /// Ends all requests with `http_failure::stopped` and closes all connections, as soon as the
  /// io_context's thread comes to it.
  void stop();

private:
  class pool;
  std::shared_ptr<pool> pool_;
};

} // namespace gitstar::net
