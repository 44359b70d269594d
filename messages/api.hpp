/// What fetchers ask of GitHub and what they are told: the border between actors and net/.
#pragma once

#include "messages/basic.hpp"
#include "messages/metadata/asks.hpp"
#include "messages/repository.hpp"

#include <string>
#include <vector>

namespace gitstar {

/// Queries of one shape cost alike and share a learned width.
enum class query_shape : uint8_t {
  search_count,   ///< `search(first: 1) { repositoryCount }` per field
  search_page,    ///< `search(first: 100)` with the repositories per field
  nodes,          ///< `nodes(ids: [...])`: at most 100 repositories by id per field
  owner_page,     ///< `repositoryOwner { repositories(first: 100) }` per field
  id_list,        ///< REST `/repositories?since=`: one field, the next 100 ids after `after`
  metadata_probe, ///< how far the lists of at most 100 repositories or parents have come, per field
  metadata_list,  ///< a page of a list of metadata per field
};
std::string to_string(query_shape shape);

/// What a credential spends, each with its own amount per hour (fact sheet 2.1): what GitHub calls
/// `x-ratelimit-resource`.
enum class resource : uint8_t {
  graphql, ///< points
  core,    ///< requests of REST
};
std::string to_string(resource which);

/// What queries of a shape are paid with.
constexpr resource resource_of(query_shape shape) {
  return shape == query_shape::id_list ? resource::core : resource::graphql;
}

std::string to_string(query_shape shape);

inline bool is_metadata(query_shape shape) {
  return shape == query_shape::metadata_probe || shape == query_shape::metadata_list;
}

/// One aliased field of a query: the matches of a search, one page of them, repositories by id, or
/// lists of metadata.
struct search_field {
  std::string
      query; ///< the whole search text, `sort:` included, at most 200 characters; or a login
  std::string after;          ///< cursor, empty for the first page; or an id, of `id_list`
  std::vector<repo_id> ids{}; ///< of `nodes` and of lists of repositories: at most 100
  metadata_ask metadata{};    ///< of the shapes of metadata
  bool operator==(const search_field&) const = default;
};

/// One query: all its fields have one shape.
struct api_request {
  query_shape shape = query_shape::search_page;
  std::string credential; ///< the credential's name; net/ resolves it to the secret
  std::vector<search_field> fields;
  bool identify = false; ///< also ask whose credential it is, which costs nothing
  bool operator==(const api_request&) const = default;
};

/// What one answer as a whole means. DESIGN invariant 3: the body decides.
enum class outcome : uint8_t {
  ok = 0,
  partial,         ///< some fields are good, the others carry their own `field_error`
  primary_limit,   ///< the budget's points are spent (RATE_LIMITED or RATE_LIMIT)
  secondary_limit, ///< too fast, too many at once, or too much CPU time
  resource_limit,  ///< RESOURCE_LIMITS_EXCEEDED on every field: ask less in one query
  timeout,         ///< 502, 504, "Something went wrong while executing", or our own total time-out
  unauthorized,    ///< the credential is bad, expired, revoked or suspended
  forbidden,       ///< 403 that is no rate limit and does not blame the credential: missing rights
  rejected,        ///< GitHub refused the query: validation, syntax, node limit
  malformed,       ///< neither valid JSON nor a known error page
  oversized,       ///< the body passed the configured limit and was refused while it streamed
  network,         ///< could not resolve, connect, or finish the exchange
  server_error,    ///< any other 5xx
  blocked,         ///< 451: what was asked for is closed to everybody
};
std::string to_string(outcome result);

/// Why one field of an answer has no data.
enum class field_error : uint8_t {
  none = 0,
  resource_limit, ///< retry smaller
  transient,      ///< retry
  not_found,
  forbidden,
  rejected, ///< for example a search text that GitHub refuses
};
std::string to_string(field_error error);

/// The budget as one answer showed it, from `rateLimit` in the body, else from the headers.
struct rate_limit {
  bool known = false;    ///< neither body nor headers spoke of a limit: nothing below is set
  bool enabled = true;   ///< false: the server says null in the body and sends no headers (GHES)
  int64_t limit = 0;     ///< points per window
  int64_t remaining = 0; ///< points
  int64_t cost = -1;     ///< points of this query; -1 unknown
  timestamp reset_at;    ///< end of the window
  bool operator==(const rate_limit&) const = default;
};

/// An element of `nodes` that came without a repository.
struct lacking_node {
  uint32_t index = 0; ///< in `search_field::ids`
  field_error error = field_error::transient;
  bool operator==(const lacking_node&) const = default;
};

/// The answer to one `search_field`.
struct field_answer {
  field_error error = field_error::none;
  std::string message;     ///< GitHub's words where `error` is set
  int64_t match_count = 0; ///< repositoryCount
  std::string end_cursor;  ///< pageInfo.endCursor; empty on an empty page
  bool has_next_page = false;
  uint32_t null_count = 0; ///< elements of `nodes` that were null or had no databaseId
  std::vector<repository> repositories;
  std::vector<lacking_node> lacking; ///< of `nodes`, by index; the other ids came
  /// Of `id_list`, ascending; 0 where GitHub shows null for a repository that is there.
  std::vector<repo_id> ids{};
  std::vector<metadata_page> pages{}; ///< of the shapes of metadata
  bool operator==(const field_answer&) const = default;
};

/// Whose credential a query was sent with: all tokens of one user share one budget (fact
/// sheet 2.1).
struct viewer {
  int64_t id = 0; ///< the user's database id
  std::string login;
  bool operator==(const viewer&) const = default;
};

/// The answer to one query: a page (DESIGN) per field.
struct api_response {
  outcome result = outcome::ok;
  int32_t http_status = 0; ///< 0: no answer came
  std::string message;     ///< what went wrong, for logs; never a secret
  std::string request_id;  ///< x-github-request-id
  optional<std::chrono::seconds> retry_after;
  rate_limit limits;
  optional<std::chrono::seconds> server_clock_skew; ///< `Date` header minus our clock
  milliseconds elapsed{0};          ///< from the first byte sent to the last received
  uint64_t body_bytes = 0;          ///< after decompression
  optional<viewer> identity;        ///< if it was asked for and GitHub told it
  std::vector<field_answer> fields; ///< as many as the request had, in its order, if ok or partial
  bool operator==(const api_response&) const = default;
};

template <class Inspector>
auto inspect(Inspector& f, search_field& x) {
  return f(caf::meta::type_name("search_field"), x.query, x.after, x.ids, x.metadata);
}

template <class Inspector>
auto inspect(Inspector& f, api_request& x) {
  return f(caf::meta::type_name("api_request"), x.shape, x.credential, x.fields, x.identify);
}

template <class Inspector>
auto inspect(Inspector& f, rate_limit& x) {
  return f(caf::meta::type_name("rate_limit"), x.known, x.enabled, x.limit, x.remaining, x.cost,
           x.reset_at);
}

template <class Inspector>
auto inspect(Inspector& f, lacking_node& x) {
  return f(caf::meta::type_name("lacking_node"), x.index, x.error);
}

template <class Inspector>
auto inspect(Inspector& f, field_answer& x) {
  return f(caf::meta::type_name("field_answer"), x.error, x.message, x.match_count, x.end_cursor,
           x.has_next_page, x.null_count, x.repositories, x.lacking, x.ids, x.pages);
}

template <class Inspector>
auto inspect(Inspector& f, viewer& x) {
  return f(caf::meta::type_name("viewer"), x.id, x.login);
}

template <class Inspector>
auto inspect(Inspector& f, api_response& x) {
  return f(caf::meta::type_name("api_response"), x.result, x.http_status, x.message, x.request_id,
           x.retry_after, x.limits, x.server_clock_skew, x.elapsed, x.body_bytes, x.identity,
           x.fields);
}

} // namespace gitstar
