#include "tools/gitstar/wiring.hpp"

#include "actors/census_source.hpp"
#include "actors/incremental_source.hpp"
#include "actors/metadata_source.hpp"
#include "actors/owners_source.hpp"
#include "actors/refresh_source.hpp"
#include "actors/search_source.hpp"
#include "cluster/node.hpp"
#include "messages/metadata/registry.hpp"
#include "net/proxy.hpp"
#include "net/url.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

namespace gitstar::tool {

namespace {

net::gzip_use gzip_use(config::gzip_mode mode) {
  switch (mode) {
  case config::gzip_mode::always:
    return net::gzip_use::always;
  case config::gzip_mode::never:
    return net::gzip_use::never;
  case config::gzip_mode::automatic:
    break;
  }
  return net::gzip_use::automatic;
}

} // namespace

net::github_client_options client_options(const config::github_section& github) {
  net::github_client_options result;
  result.graphql_url = github.graphql_url;
  result.rest_url = github.rest_url;
  for (auto& x : github.credentials) {
    if (x.app)
      result.apps.emplace(x.name, *x.app);
    else
      result.tokens.emplace(x.name, x.token.reveal());
  }
  result.on_refused_field = [](const std::string& field, const std::string& reason) {
    spdlog::warn("GitHub refuses the field {}; its column stays unknown: {}", field, reason);
  };
  result.user_agent = "gitstar/" GITSTAR_VERSION;
  auto& http = github.http;
  result.http.connect_timeout = http.connect_timeout;
  result.http.write_timeout = http.write_timeout;
  result.http.read_timeout = http.read_timeout;
  result.http.total_timeout = http.total_timeout;
  result.http.max_connections = github.limits.concurrent_requests;
  result.http.max_header_bytes = static_cast<uint32_t>(http.max_header_bytes);
  result.http.max_body_bytes = http.max_body_bytes;
  result.http.gzip = gzip_use(http.gzip);
  if (http.ca_file)
    result.http.ca_file = http.ca_file->string();
  if (http.proxy == config::proxy_mode::environment) {
    result.http.proxy = net::proxy_from_environment(net::parse_url(github.graphql_url));
    result.rest_proxy = net::proxy_from_environment(net::parse_url(github.rest_url));
  }
  return result;
}

static search_query checked_query(std::string text, bool include_forks) {
  if (include_forks)
    text += " fork:true";
  auto query = parse_search_query(text);
  if (!query)
    throw std::logic_error("the config accepted a search that cannot be read: " + text);
  return *query;
}

search_query base_query(const config::search_source& source) {
  return checked_query(source.query, source.include_forks);
}

search_query base_query(const config::incremental_source& source) {
  return checked_query(source.query, source.include_forks);
}

known_selection selection(const config::refresh_source& source) {
  auto stars = checked_query(source.query, false).stars;
  known_selection result;
  result.older_than_s = source.older_than.count();
  result.limit = static_cast<int64_t>(source.limit.value_or(0));
  result.stars_first = std::max<int64_t>(stars.first, 0);
  result.stars_last = stars.last;
  return result;
}

static id_listing listing_of(config::list_mode mode) {
  switch (mode) {
  case config::list_mode::never:
    return id_listing::never;
  case config::list_mode::always:
    return id_listing::always;
  case config::list_mode::automatic:
    return id_listing::automatic;
  }
  return id_listing::never;
}

/// Kinds in the registry's order, whatever the config's: the same plan is the same source.
static metadata_plan plan_of(const config::metadata_source& source) {
  using config::comments_of;
  metadata_plan result;
  for (const auto* kind : metadata::all_kinds())
    if (std::find(source.kinds.begin(), source.kinds.end(), kind->name) != source.kinds.end())
      result.kinds.emplace_back(kind->name);
  if (source.depth.comments == comments_of::issues)
    result.skipped = {"pull_requests.issue_comments"};
  if (source.depth.comments == comments_of::pull_requests)
    result.skipped = {"issues.issue_comments"};
  if (source.since)
    result.since = *source.since;
  result.most_items = static_cast<int64_t>(source.caps.items.value_or(0));
  result.most_children = static_cast<int64_t>(source.caps.children.value_or(0));
  result.open_checks = source.depth.open_checks;
  return result;
}

source_factory source_maker(const config::source_section& source) {
  if (auto& ids = source.census)
    return [range = id_range{static_cast<repo_id>(ids->first), static_cast<repo_id>(ids->last)},
            listing = listing_of(ids->list_first)] {
      return std::make_unique<census_source>(range, listing);
    };
  if (source.refresh)
    return [which = selection(*source.refresh)] { return std::make_unique<refresh_source>(which); };
  if (auto& pushed = source.incremental)
    return [base = base_query(*pushed), since = pushed->since,
            overlap = std::chrono::floor<std::chrono::seconds>(pushed->overlap)] {
      return std::make_unique<incremental_source>(base, since, overlap);
    };
  if (auto& owners = source.owners)
    return [logins = owners->logins, forks = owners->include_forks] {
      return std::make_unique<owners_source>(logins, forks);
    };
  if (auto& metadata = source.metadata)
    return [plan = plan_of(*metadata), condition = metadata->query] {
      return std::make_unique<metadata_source>(plan, condition);
    };
  auto& search = source.search.value();
  return [base = base_query(search), top = static_cast<int64_t>(search.top.value_or(0))] {
    return std::make_unique<search_source>(base, top);
  };
}

std::string source_text(const config::source_section& source) {
  return source_maker(source)()->text();
}

std::string why_no_node(const config::settings& settings, node_role role) {
  auto& cluster = settings.cluster;
  auto at = cluster.at;
  auto say = [&](const std::string& key, const std::string& what) {
    at.key = key;
    return config::to_string(config::problem{at, what});
  };
  if (role == node_role::coordinator && !cluster.listen)
    return say("cluster.listen", "a coordinator needs HOST:PORT where workers can join");
  if (role == node_role::worker && cluster.join.empty())
    return say("cluster.join", "a worker needs HOST:PORT of its coordinators");
  if (settings.store.embedded()) {
    at.line = 0;
    return say("store.postgres",
               "the nodes of a cluster share a server: expected a connection string");
  }
  if (auto wrong = why_no_tls(cluster); !wrong.empty()) {
    auto colon = wrong.find(": ");
    return say(wrong.substr(0, colon), wrong.substr(colon + 2));
  }
  return {};
}

} // namespace gitstar::tool
