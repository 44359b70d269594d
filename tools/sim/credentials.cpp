#include "tools/sim/credentials.hpp"

#include "tools/sim/gzip.hpp"
#include "tools/sim/yaml_section.hpp"

#include <algorithm>
#include <filesystem>

namespace gitstar::sim {

namespace {

using namespace std::chrono;

struct kind_name {
  std::string_view name;
  std::string_view prefix;
  credential_kind kind;
};

constexpr kind_name kinds[] = {
    {"classic", "ghp_", credential_kind::classic},
    {"fine_grained", "github_pat_", credential_kind::fine_grained},
    {"oauth", "gho_", credential_kind::oauth},
    {"installation", "ghs_", credential_kind::installation},
};

credential_kind kind_of(std::string_view token) {
  for (const auto& known : kinds)
    if (token.starts_with(known.prefix))
      return known.kind;
  return credential_kind::classic;
}

void read_kind(yaml_section& from, std::optional<credential_kind>& out) {
  std::optional<std::string> text;
  from.read("kind", text);
  if (!text)
    return;
  auto known = std::find_if(std::begin(kinds), std::end(kinds),
                            [&](const auto& kind) { return kind.name == *text; });
  if (known == std::end(kinds))
    from.fail("'kind' must be classic, fine_grained, oauth or installation");
  out = known->kind;
}

token_config read_token(yaml_section& from) {
  token_config out;
  from.read("name", out.name);
  from.read("token", out.token);
  if (out.token.empty())
    from.fail("'token' is missing");
  from.with("user", [&](yaml_section& user) {
    auto& identity = out.user.emplace();
    user.read("id", identity.id);
    user.read("login", identity.login);
  });
  read_kind(from, out.kind);
  from.read("limit", out.limit);
  from.read("remaining", out.remaining);
  from.read("window_seconds", out.window_seconds);
  from.read("revoked_after", out.revoked_after);
  return out;
}

installation_config read_installation(yaml_section& from) {
  installation_config out;
  from.read("id", out.id);
  from.read("name", out.name);
  from.read("limit", out.limit);
  from.read("remaining", out.remaining);
  from.read("window_seconds", out.window_seconds);
  from.read("suspended", out.suspended);
  return out;
}

app_config read_app(yaml_section& from, const std::filesystem::path& folder) {
  app_config out;
  std::string key;
  from.read("id", out.id);
  from.read("client_id", out.client_id);
  from.read("slug", out.slug);
  from.read("public_key", key);
  from.read("token_seconds", out.token_seconds);
  from.read("replication_ms", out.replication_ms);
  if (key.empty())
    from.fail("'public_key' is missing: a PEM file");
  out.public_key_pem = read_maybe_gzipped(folder / key);
  from.each("installations",
            [&](yaml_section& each) { out.installations.push_back(read_installation(each)); });
  return out;
}

/// A made-up id that is always the same for a text.
int64_t id_of(std::string_view text) {
  return static_cast<int64_t>(hash_text(text) % 90'000'000) + 10'000'000;
}

template <class Config>
budget_terms terms_of(const Config& from, unix_seconds window) {
  budget_terms out;
  out.limit = from.limit.value_or(out.limit);
  out.used = out.limit - std::min(out.limit, from.remaining.value_or(out.limit));
  out.window = from.window_seconds.value_or(window);
  return out;
}

/// About 520 characters, as since 2026 (fact sheet, sections 0 and 8). Nobody checks the signature,
/// so that noise does.
std::string make_token(const app_config& app, int64_t installation, time_point expires,
                       uint64_t salt) {
  auto payload = "{\"iss\":" + std::to_string(app.id) + ",\"sub\":" + std::to_string(installation) +
                 ",\"exp\":" + std::to_string(seconds_of(expires)) +
                 ",\"scope\":\"metadata:read\",\"jti\":\"" + std::to_string(mix(salt)) + "\"}";
  std::string noise;
  for (uint64_t i = 0; i < 256; ++i)
    noise += static_cast<char>(mix(salt, i));
  return "ghs_" + std::to_string(app.id) + "_" +
         base64url_encode("{\"alg\":\"RS256\",\"typ\":\"JWT\"}") + "." + base64url_encode(payload) +
         "." + base64url_encode(noise);
}

} // namespace

credentials_config read_credentials(const std::string& path) {
  credentials_config out;
  auto folder = std::filesystem::path{path}.parent_path();
  YAML::Node document;
  try {
    document = YAML::Load(read_maybe_gzipped(path));
  } catch (const YAML::Exception& error) {
    throw std::runtime_error(path + ": " + error.what());
  }
  yaml_section file{path, document};
  file.each("tokens", [&](yaml_section& each) { out.tokens.push_back(read_token(each)); });
  file.each("apps", [&](yaml_section& each) { out.apps.push_back(read_app(each, folder)); });
  file.finish();
  if (out.empty())
    throw std::runtime_error(path + ": neither 'tokens' nor 'apps'");
  return out;
}

credential_registry::credential_registry(credentials_config config, limits& limiter, time_point now)
    : config_(std::move(config)), limits_(limiter) {
  anonymous_.name = "anonymous";
  unknown_.name = unknown_.account = "unknown";
  apps_.name = apps_.account = "apps";
  for (const auto& token : config_.tokens)
    add(token, now);
  for (const auto& app : config_.apps)
    add(app, now);
}

credential& credential_registry::add(const token_config& from, time_point now) {
  auto number = std::to_string(credentials_.size() + 1);
  auto& out = credentials_.emplace_back();
  out.name = from.name.empty() ? "token-" + number : from.name;
  out.kind = from.kind.value_or(kind_of(from.token));
  out.viewer = from.user.value_or(account_identity{id_of(from.token), ""});
  if (out.viewer.login.empty())
    out.viewer.login = "user-" + std::to_string(out.viewer.id);
  out.account = from.user ? "user:" + std::to_string(out.viewer.id) : "token:" + number;
  out.revoked_after = from.revoked_after.value_or(out.revoked_after);
  if (from.limit || from.remaining || from.window_seconds)
    limits_.set_terms(out.account, terms_of(from, limits_.default_window()), seconds_of(now));
  tokens_[from.token] = {&out};
  return out;
}

void credential_registry::add(const app_config& app, time_point now) {
  for (const auto& from : app.installations) {
    auto id = std::to_string(from.id);
    auto& out = credentials_.emplace_back();
    out.name = from.name.empty() ? "installation-" + id : from.name;
    out.kind = credential_kind::installation;
    // One bot stands for the App in all its installations, whose budgets are separate all the same.
    auto slug = app.slug.empty() ? "app-" + std::to_string(app.id) : app.slug;
    out.viewer = {id_of(slug), slug + "[bot]"};
    out.account = "installation:" + id;
    limits_.set_terms(out.account, terms_of(from, limits_.default_window()), seconds_of(now));
    installations_.push_back({from, &app, &out});
  }
}

credential_registry::asker credential_registry::arrive(const std::string& token, bool is_graphql,
                                                       time_point now) {
  asker out;
  if (token.empty()) {
    out = {&anonymous_, !is_graphql && config_.empty()};
  } else {
    auto entry = find(token, now);
    out.who = entry.of;
    out.accepted = entry.of != &unknown_ && entry.of->requests_ever < entry.of->revoked_after &&
                   now >= entry.valid_from && now < entry.expires;
  }
  ++out.who->requests;
  ++out.who->requests_ever;
  return out;
}

credential& credential_registry::arrive_app() {
  ++apps_.requests;
  return apps_;
}

credential_registry::token_entry credential_registry::find(const std::string& token,
                                                           time_point now) {
  if (auto known = tokens_.find(token); known != tokens_.end())
    return known->second;
  if (!config_.empty())
    return {&unknown_};
  token_config fresh;
  fresh.token = token;
  return {&add(fresh, now)};
}

const app_config* credential_registry::find_app(std::string_view issuer) const {
  for (const auto& app : config_.apps)
    if (issuer == std::to_string(app.id) || (!app.client_id.empty() && issuer == app.client_id))
      return &app;
  return nullptr;
}

const installation* credential_registry::find_installation(const app_config& app,
                                                           int64_t id) const {
  for (const auto& one : installations_)
    if (one.app == &app && one.config.id == id)
      return &one;
  return nullptr;
}

credential_registry::minted credential_registry::mint(const installation& of, time_point now) {
  minted out;
  out.expires = floor<seconds>(now) + seconds{of.app->token_seconds};
  out.token = make_token(*of.app, of.config.id, out.expires, ++minted_);
  tokens_[out.token] = {of.owner, now + milliseconds{of.app->replication_ms}, out.expires};
  return out;
}

void credential_registry::forget_use() {
  auto forget = [](credential& one) {
    one.requests = 0;
    one.points = 0;
    one.seen = {};
  };
  each(forget);
}

} // namespace gitstar::sim
