/// A server on loopback that does exactly what a test tells it to, on plain TCP or TLS.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace gitstar::test {

/// What a client sent.
struct seen_request {
  std::string method;
  std::string target;
  std::string body;
  std::function<std::string(const std::string& name)> header;
};

/// One connection, as its script sees it. Every function blocks; once the client has gone they
/// throw, which ends the script.
class session {
public:
  virtual ~session() = default;
  virtual seen_request read_request() = 0;
  virtual void write(const std::string& text) = 0;
  /// Ends the connection with an RST instead of a FIN.
  virtual void reset() = 0;
  /// Waits until the client closes.
  virtual void wait_for_close() = 0;
  /// After the answer to CONNECT: goes on with TLS, as the certificate's host.
  virtual void start_tls() = 0;
  /// The host that the client named when TLS began (SNI); empty: none.
  virtual std::string named_host() = 0;
  /// Sends 200 with a Content-Length.
  void answer(const std::string& body, const std::string& headers = "");
};

/// Where a PEM certificate and its key lie.
struct tls_identity {
  std::string certificate_file;
  std::string key_file;
  std::shared_ptr<void> files; ///< both files go with the last copy
};

/// Writes a self-signed certificate for `host`, a name or an IPv4 address, into a temporary
/// directory.
tls_identity make_identity(const std::string& host);

class scripted_server {
public:
  /// Runs with each connection and its number, from 0; the connection ends with it.
  using script = std::function<void(session&, int number)>;

  /// `identity`: speak TLS from the start; `start_tls` also needs it.
  explicit scripted_server(script each, const tls_identity* identity = nullptr,
                           bool tls_at_once = true);

  /// Ends all connections and waits for their scripts.
  ~scripted_server();

  uint16_t port() const;
  std::string url(const std::string& path = "/") const;
  int connections() const;

private:
  class impl;
  std::unique_ptr<impl> impl_;
};

/// A port of loopback on which nobody listens.
uint16_t unused_port();

} // namespace gitstar::test
