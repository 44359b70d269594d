/// HTTP as the rest of net/ sees it: no Beast type reaches beyond the client.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace gitstar::net {

using http_headers = std::vector<std::pair<std::string, std::string>>;

struct http_request {
  std::string method = "POST";
  std::string target = "/"; ///< path and query
  http_headers headers;     ///< the client adds Host, Content-Length and Accept-Encoding
  std::string body;
};

/// Why there is no answer.
enum class http_failure : uint8_t {
  none,
  connect,   ///< could not resolve or reach the host, or did not in time
  tls,       ///< the handshake failed: most often the certificate
  proxy,     ///< the proxy refused or did not speak HTTP
  lost,      ///< the connection ended before the answer was complete
  timeout,   ///< the request was sent, the answer did not come in time
  oversized, ///< header or body passed its limit
  malformed, ///< not HTTP, or the body's compression is broken
  stopped,   ///< the client was stopped
};

struct http_response {
  http_failure failure = http_failure::none;
  std::string detail; ///< one line about the failure, naming the host; never a secret
  int32_t status = 0; ///< 0: no answer, or none whose header was complete
  http_headers headers;
  std::string body;                     ///< decompressed
  std::chrono::milliseconds elapsed{0}; ///< from the first byte sent to the last received

  /// The value of a header; empty where it is missing. Names are compared ignoring case.
  std::string_view header(std::string_view name) const;
};

} // namespace gitstar::net
