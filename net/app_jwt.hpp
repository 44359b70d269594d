#pragma once

#include "config/rsa_key.hpp"
#include "messages/basic.hpp"

#include <string>

namespace gitstar::net {

/// How long a JWT is good. GitHub takes at most ten minutes and refuses what its own clock finds
/// longer (fact sheet 8.1).
inline constexpr std::chrono::minutes jwt_life{9};

/// The JSON Web Token (RS256) with which a GitHub App proves who it is. `issued_at` is GitHub's
/// time, a little in the past. Throws `std::runtime_error` where OpenSSL cannot sign.
std::string app_jwt(const config::rsa_key& key, const std::string& app_id, timestamp issued_at);

} // namespace gitstar::net
