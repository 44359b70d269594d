#pragma once

#include "net/url.hpp"

#include <functional>
#include <optional>
#include <string>

namespace gitstar::net {

/// Looks up an environment variable; empty where it is not set.
using environment_lookup = std::function<std::string(const char* name)>;

/// `getenv`.
std::string process_environment(const char* name);

/// The proxy for requests to `origin`, from HTTPS_PROXY or HTTP_PROXY (by the origin's scheme) and
/// NO_PROXY; lower-case names win, as in curl. NO_PROXY is a comma-separated list of host names,
/// each meaning the host and everything below it, with an optional port, or `*`. This machine is
/// never asked for through a proxy. Throws `url_error` naming the variable.
std::optional<url> proxy_from_environment(const url& origin,
                                          const environment_lookup& lookup = process_environment);

} // namespace gitstar::net
