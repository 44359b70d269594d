/// Host and port, as URLs name them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace gitstar::config {

struct authority {
  std::string host;             ///< lower case; an IPv6 address without brackets
  std::optional<uint16_t> port; ///< where one is named
};

/// Why a text is no authority: a sentence without the text, for that may be a password.
struct bad_authority {
  const char* why;
};

/// Reads `host`, `host:port`, `[v6]` or `[v6]:port`.
std::variant<authority, bad_authority> read_authority(std::string_view text);

/// `localhost`, 127.0.0.0/8 or ::1: what nobody else reaches.
bool is_loopback(const std::string& host);

} // namespace gitstar::config
