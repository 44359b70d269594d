#pragma once

#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>

namespace gitstar::net {

/// A URL that cannot be used. `what()` says why, without the URL's user information.
class url_error : public std::invalid_argument {
public:
  using std::invalid_argument::invalid_argument;
};

/// An `http` or `https` URL, taken apart.
struct url {
  bool tls = false;      ///< scheme `https`
  std::string host;      ///< lower case; an IPv6 address without brackets
  uint16_t port = 0;     ///< the scheme's where the URL names none
  std::string target;    ///< path and query, at least "/"
  std::string user_info; ///< "user:password", percent-decoded; empty where there is none

  /// `host`, with brackets around an IPv6 address, and `:port` unless it is the scheme's own: what
  /// a `Host` header carries.
  std::string authority() const;

  /// `scheme://authority`, without user information.
  std::string origin() const;

  /// Whether the host is this machine: `localhost`, 127.0.0.0/8 or ::1.
  bool is_loopback() const;

  bool operator==(const url&) const = default;
};

/// Parses `text`. Throws `url_error`.
url parse_url(std::string_view text);

} // namespace gitstar::net
