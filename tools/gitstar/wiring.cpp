#include "tools/gitstar/wiring.hpp"

#include "actors/search_source.hpp"
#include "cluster/node.hpp"
#include "net/proxy.hpp"
#include "net/url.hpp"

#include <spdlog/spdlog.h>

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

search_query base_query(const config::search_source& source) {
  auto text = source.query;
  if (source.include_forks)
    text += " fork:true";
  auto query = parse_search_query(text);
  if (!query)
    throw std::logic_error("the config accepted a search that cannot be read: " + text);
  return *query;
}

std::string source_text(const config::search_source& source) {
  return gitstar::search_source{base_query(source), static_cast<int64_t>(source.top.value_or(0))}
      .text();
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
