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

/// The source as the ledger and all nodes of a cluster name it.
std::string source_text(const config::search_source& source);

enum class node_role : uint8_t { coordinator, worker };

/// What the config lacks for a node of a cluster, as the line for the user; empty: nothing.
std::string why_no_node(const config::settings& settings, node_role role);

} // namespace gitstar::tool
