/// The config's sections as what the parts of the program take.
#pragma once

#include "actors/source.hpp"
#include "config/config.hpp"
#include "messages/search_query.hpp"
#include "net/github_client.hpp"

namespace gitstar::tool {

/// Refused fields are logged.
net::github_client_options client_options(const config::github_section& github);

/// The search as the source plans with it. The config has checked the text.
search_query base_query(const config::search_source& source);
search_query base_query(const config::incremental_source& source);

/// Which repositories of the store are read again.
known_selection selection(const config::refresh_source& source);

/// The source as the PARTITIONER plans with it.
source_factory source_maker(const config::source_section& source);

/// What the ledger knows crawls of this source by.
std::string source_text(const config::source_section& source);

} // namespace gitstar::tool
