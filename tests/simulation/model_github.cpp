#include "tests/simulation/model_github.hpp"

#include "actors/search_source.hpp"
#include "tests/simulation/witness.hpp"

#include <fmt/core.h>

#include <algorithm>

namespace gitstar::simulation {

namespace {

using namespace std::chrono_literals;

constexpr auto minute = 60s;

/// After a mishap supervisors go on replacing actors for a while.
constexpr auto unrest = 15s;

/// Without a sort: passes over one window are refused alike.
std::string without_sort(const std::string& text) { return text.substr(0, text.rfind("sort:")); }

const std::vector<outcome> host_failures = {outcome::network, outcome::server_error,
                                            outcome::timeout};

/// GitHub tells of limits only where it has got as far as looking at the query.
bool tells_limits(outcome result) {
  return result != outcome::network && result != outcome::timeout && result != outcome::malformed &&
         result != outcome::server_error && result != outcome::unauthorized;
}

} // namespace

std::string credential_name(size_t index) { return "token-" + std::to_string(index + 1); }

std::string credential_secret(size_t index) {
  return fmt::format("github_pat_11SIMULATED{}{}0123456789", index + 1, stage::secret_part);
}

gateway::gateway(model_github& github, std::shared_ptr<const process_life> life, size_t credentials)
    : github_(github), life_(std::move(life)) {
  for (size_t i = 0; i < credentials; ++i)
    secrets_->add(credential_secret(i));
}

void gateway::async_query(api_request request, callback on_answer) {
  if (!life_->alive)
    return;
  github_.send(std::move(request), life_,
               [secrets = secrets_, on_answer = std::move(on_answer)](api_response response) {
                 secrets->scrub(response);
                 on_answer(std::move(response));
               });
}

model_github::model_github(const scenario& plan, stage& on, test::fake_github& searches)
    : plan_(plan), stage_(on), random_(plan.seed, 2), echoes_(plan.seed, 5), searches_(searches) {
  for (auto id : plan_.users)
    users_[id].id = id;
  searches_.opaque_cursors = plan_.opaque_cursors;
  searches_.shown_count = [this](const search_field& field, int64_t exact) {
    return shown_count(field, exact);
  };
  searches_.is_hidden = [this](const search_field&, const repository& x) {
    return share("hidden", x.repo_id) < plan_.hidden;
  };
  searches_.is_null = [this](const search_field& field, const repository& x) {
    return share("null " + field.query, x.repo_id) < plan_.null;
  };
}

double model_github::share(const std::string& text, int64_t id) const {
  uint64_t hash = 14695981039346656037ull ^ plan_.seed;
  for (auto c : text)
    hash = (hash ^ static_cast<uint8_t>(c)) * 1099511628211ull;
  hash = (hash ^ static_cast<uint64_t>(id)) * 0x9e3779b97f4a7c15ull;
  hash ^= hash >> 29;
  hash *= 0xbf58476d1ce4e5b9ull;
  return static_cast<double>(hash >> 11) * 0x1p-53;
}

model_github::user& model_github::user_of(const std::string& credential) {
  for (size_t i = 0; i < plan_.users.size(); ++i)
    if (credential == credential_name(i))
      return users_.at(plan_.users[i]);
  throw std::logic_error("no such credential: " + credential);
}

// -- a query on its way ---------------------------------------------------------

void model_github::send(api_request request, std::shared_ptr<const process_life> from,
                        net::query_sender::callback on_answer) {
  ++queries_;
  stage_.trace(fmt::format("query of {} {} with {}, first '{}'", request.fields.size(),
                           to_string(request.shape), request.credential,
                           request.fields.empty() ? "" : request.fields[0].query));
  witness_->asked(request, *from);
  query x{std::move(request), stage_.now, std::move(from), std::move(on_answer)};
  auto way = milliseconds{random_.between(0, plan_.way.count())};
  stage_.after(way, [this, x = std::move(x)]() mutable { arrived(std::move(x)); });
}

void model_github::arrived(query x) {
  auto response = serve(x);
  ++in_flight_;
  auto& who = user_of(x.request.credential);
  ++who.in_flight;
  auto service = milliseconds{random_.between(0, plan_.service.count()) +
                              random_.between(0, plan_.way.count())};
  stage_.after(service, [this, &who, x = std::move(x), response = std::move(response)]() mutable {
    --in_flight_;
    --who.in_flight;
    answered(std::move(x), std::move(response));
  });
}

void model_github::answered(query x, api_response response) {
  response.elapsed = std::chrono::duration_cast<milliseconds>(stage_.now - x.sent);
  stage_.trace(fmt::format("answer {} to {}: {}", to_string(response.result), x.request.credential,
                           response.message));
  if (!x.from->alive)
    return;
  if (stage_.calm_since(x.sent - unrest))
    learned(user_of(x.request.credential), x, response);
  witness_->delivered(x.request, response);
  echo(x.request.credential, response);
  x.on_answer(std::move(response));
}

api_response model_github::serve(const query& x) {
  if (stage_.now < away_until_)
    return broken(random_.one_of(host_failures));
  if (revoked_.contains(x.request.credential))
    return broken(outcome::unauthorized);
  auto& who = user_of(x.request.credential);
  api_response response;
  if (!limited(who, x, response)) {
    who.used += plan_.points_per_hour > 0;
    response =
        random_.chance(plan_.fails) ? broken(random_.one_of(plan_.failures)) : search(x.request);
    if (response.result == outcome::secondary_limit)
      response = ban(who);
  }
  if (tells_limits(response.result))
    response.limits = shown_limits(who);
  if (x.request.identify && !response.fields.empty())
    response.identity = viewer{who.id, "user-" + std::to_string(who.id)};
  return response;
}

api_response model_github::broken(outcome result) {
  return test::failure(result, "simulated " + to_string(result));
}

/// Puts the secret that came with the query into all that an answer says in words.
void model_github::echo(const std::string& credential, api_response& response) {
  std::string secret;
  for (size_t i = 0; i < plan_.users.size(); ++i)
    if (credential == credential_name(i))
      secret = credential_secret(i);
  auto add = [&](std::string& text) {
    if (echoes_.chance(0.5))
      text += "; you sent '" + secret + "', that is " + secret.substr(0, secret.size() - 5);
  };
  if (response.result != outcome::ok)
    add(response.message);
  add(response.request_id);
  if (response.identity)
    add(response.identity->login);
  for (auto& field : response.fields)
    if (field.error != field_error::none)
      add(field.message);
}

// -- limits -----------------------------------------------------------------------

bool model_github::alone(const user& who) const {
  return std::count(plan_.users.begin(), plan_.users.end(), who.id) == 1;
}

/// Whose a credential is, its first good answer tells; whoever fails forgets it.
bool model_github::identified_since(const user& who, const std::string& credential,
                                    time_point when) const {
  if (alone(who))
    return stage_.calm_since(when);
  auto found = who.identified.find(credential);
  return found != who.identified.end() && found->second < when && stage_.calm_since(found->second);
}

void model_github::learned(user& who, const query& x, const api_response& response) {
  auto& name = x.request.credential;
  if (response.identity)
    who.identified.insert_or_assign(name, stage_.now);
  if (!identified_since(who, name, stage_.now))
    return;
  // An answer to a query from before this ban speaks of an earlier one.
  if (response.result == outcome::secondary_limit && x.sent >= who.ban_began)
    who.told_of_ban = std::min(who.told_of_ban, stage_.now);
  if (response.result == outcome::primary_limit)
    who.told_of_end = std::min(who.told_of_end, stage_.now);
}

void model_github::open_window(user& who) {
  auto wall = stage_.clock.at(stage_.now);
  if (wall < who.window_end)
    return;
  who.window_end = wall + 1h;
  who.window_began = stage_.now;
  who.used = 0;
  who.told_of_end = time_point::max();
}

rate_limit model_github::shown_limits(const user& who) const {
  rate_limit result;
  result.known = true;
  result.enabled = plan_.points_per_hour > 0;
  if (!result.enabled)
    return result;
  result.limit = plan_.points_per_hour;
  result.remaining = std::max<int64_t>(plan_.points_per_hour - who.used, 0);
  result.cost = 1;
  result.reset_at = who.window_end;
  return result;
}

/// Whether the query meets a limit; then `response` says so.
bool model_github::limited(user& who, const query& x, api_response& response) {
  if (plan_.points_per_hour == 0)
    return false;
  open_window(who);
  auto& name = x.request.credential;
  // A careful client would have known better: it was told, and nobody has forgotten it since.
  auto knew = [&](time_point told) { return x.sent > told && identified_since(who, name, told); };
  if (stage_.now < who.banned_until) {
    if (knew(who.told_of_ban))
      stage_.fail("a query with " + name + " during a ban that the crawler knew of");
    response = ban(who);
    return true;
  }
  if (beyond_secondary_limit(who, name)) {
    response = ban(who);
    return true;
  }
  if (who.used >= plan_.points_per_hour) {
    if (knew(who.told_of_end) || (alone(who) && stage_.calm_since(who.window_began)))
      stage_.fail("a query with " + name + " without points left");
    response = broken(outcome::primary_limit);
    return true;
  }
  return false;
}

bool model_github::beyond_secondary_limit(user& who, const std::string& name) {
  std::erase_if(who.arrivals, [this](auto& x) { return x.first + minute <= stage_.now; });
  who.arrivals.emplace_back(stage_.now, name);
  auto begin = stage_.now - minute - 2s;
  auto too_fast = who.arrivals.size() > plan_.points_per_minute;
  // The ledger knows of the last minute, whoever was killed in it.
  auto knew = (alone(who) && stage_.alone_since(begin)) ||
              std::all_of(who.arrivals.begin(), who.arrivals.end(),
                          [&](auto& x) { return identified_since(who, x.second, begin); });
  if (too_fast && knew)
    stage_.fail(fmt::format("{} queries within a minute with {}", who.arrivals.size(), name));
  auto too_many = who.in_flight >= plan_.concurrent;
  if (too_many && stage_.calm_since(begin))
    stage_.fail(fmt::format("{} queries at once with {}", who.in_flight + 1, name));
  return too_fast || too_many;
}

api_response model_github::ban(user& who) {
  auto response = broken(outcome::secondary_limit);
  // A query during a ban does not lengthen it.
  if (who.banned_until <= stage_.now) {
    auto length = std::chrono::seconds{random_.between(1, 120)};
    auto told_how_long = random_.chance(0.5);
    who.banned_until = stage_.now + (told_how_long ? length : minute);
    who.told_of_ban = time_point::max();
    who.ban_began = stage_.now;
  }
  if (random_.chance(0.5) || who.banned_until > stage_.now + minute)
    response.retry_after = std::chrono::ceil<std::chrono::seconds>(who.banned_until - stage_.now);
  return response;
}

void model_github::go_away(caf::timespan length) { away_until_ = stage_.now + length; }

void model_github::ban_somebody() {
  if (plan_.points_per_hour > 0)
    ban(users_.at(random_.one_of(plan_.users)));
}

void model_github::revoke_somebody() {
  revoked_.insert(credential_name(static_cast<size_t>(random_.any() % plan_.users.size())));
}

// -- searches ---------------------------------------------------------------------

int64_t model_github::shown_count(const search_field& field, int64_t exact) const {
  auto error = plan_.count_error;
  if (exact > 2 * plan_.window)
    error = std::max(error, plan_.broad_error);
  auto way = 2 * share("count " + field.query, 0) - 1;
  // Broad estimates promise too much: what they hide nobody can know.
  if (plan_.count_error == 0)
    way = std::abs(way);
  return exact + static_cast<int64_t>(static_cast<double>(exact) * error * way);
}

bool model_github::is_displaced(const std::string& text, const repository& x) const {
  return share("displaced " + text, x.repo_id) < plan_.displaced;
}

bool model_github::obscures(const std::string& text, const repository& x) const {
  search_field field{text, ""};
  return searches_.is_hidden(field, x) || searches_.is_null(field, x) || is_displaced(text, x);
}

/// Repeats the repository before in the place of each that is displaced.
void model_github::displace(const search_field& field, field_answer& answer) const {
  auto& rows = answer.repositories;
  for (size_t i = 1; i < rows.size(); ++i)
    if (is_displaced(field.query, rows[i]))
      rows[i] = rows[i - 1];
}

int64_t model_github::repeats(const std::string& text) {
  std::set<repo_id> seen;
  int64_t result = 0;
  for (int64_t rank = 0; rank < max_search_results; rank += page_size) {
    search_field field{text, rank == 0 ? "" : search_cursor(rank)};
    auto response = searches_.answer({query_shape::search_page, "", {field}});
    displace(field, response.fields[0]);
    for (auto& x : response.fields[0].repositories)
      result += !seen.insert(x.repo_id).second;
    if (!response.fields[0].has_next_page)
      break;
  }
  return result;
}

api_response model_github::search(const api_request& request) {
  auto pages = request.shape == query_shape::search_page;
  if (request.fields.size() > (pages ? plan_.page_ceiling : plan_.count_ceiling))
    return broken(random_.chance(0.5) ? outcome::timeout : outcome::resource_limit);
  for (auto& field : request.fields)
    if (field.query.size() > max_search_text)
      stage_.fail("GitHub would refuse the length of '" + field.query + "'");
  auto response = searches_.answer(request);
  if (pages)
    for (size_t i = 0; i < request.fields.size(); ++i)
      displace(request.fields[i], response.fields[i]);
  spoil(request, response);
  return response;
}

/// Lets some of the fields fail.
void model_github::spoil(const api_request& request, api_response& response) {
  auto fail = [&](size_t i, field_error error) {
    response.fields[i] = {};
    response.fields[i].error = error;
    response.fields[i].message = "simulated";
    response.result = outcome::partial;
  };
  auto moody = random_.chance(plan_.partial);
  for (size_t i = 0; i < request.fields.size(); ++i) {
    if (request.shape == query_shape::search_page &&
        share("refused " + without_sort(request.fields[i].query), 0) < plan_.refused)
      fail(i, field_error::forbidden);
    else if (moody && random_.chance(0.3))
      fail(i, random_.chance(0.5) ? field_error::transient : field_error::resource_limit);
  }
}

} // namespace gitstar::simulation
