/// The config's sections as what the parts of the program take.
#pragma once

#include "config/config.hpp"
#include "messages/search_query.hpp"
#include "net/github_client.hpp"

namespace gitstar::tool {

/// Refused fields are logged.
net::github_client_options client_options(const config::github_section& github);

/// The search as the source plans with it. The config has checked the text.
search_query base_query(const config::search_source& source);

} // namespace gitstar::tool
