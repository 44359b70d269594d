/// The GraphQL that we send. The fields asked and the fields that `github_answer` reads belong
/// together: change both.
#pragma once

#include "messages/api.hpp"

#include <bitset>
#include <iterator>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace gitstar::net {

/// Repositories per page: what GitHub allows at most (fact sheet 3, `first` 1 to 100).
inline constexpr uint32_t page_size = 100;

/// What we ask of every repository, in this order.
struct repository_field {
  std::string_view name;
  std::string_view selection;
  bool optional; ///< the `repositories` table can do without it
};

/// `issues` and `watchers` take no `first`: they cost no points (fact sheet 2.2). The `stargazers`
/// connection is closed to us (fact sheet 0), its count is not.
inline constexpr repository_field repository_fields[] = {
    {"databaseId", "databaseId", false},
    {"nameWithOwner", "nameWithOwner", false},
    {"stargazerCount", "stargazerCount", false},
    {"forkCount", "forkCount", false},
    {"issues", "issues(states:OPEN){totalCount}", true},
    {"watchers", "watchers{totalCount}", true},
    {"primaryLanguage", "primaryLanguage{name}", true},
    {"licenseInfo", "licenseInfo{key}", true},
    {"description", "description", true},
    {"isFork", "isFork", false},
    {"isArchived", "isArchived", false},
    {"isDisabled", "isDisabled", false},
    {"visibility", "visibility", false},
    {"diskUsage", "diskUsage", true},
    {"createdAt", "createdAt", false},
    {"updatedAt", "updatedAt", false},
    {"pushedAt", "pushedAt", true}};

/// Some of `repository_fields`, by index.
using field_set = std::bitset<std::size(repository_fields)>;

/// The index of the optional field with this name.
std::optional<size_t> optional_field(std::string_view name);

/// The names, separated by commas.
std::string to_string(const field_set& fields);

/// The query document for `width` fields of one shape that asks for repositories: field i has the
/// alias `f<i>`, its search text is the variable `$q<i>` and its cursor `$a<i>`; the node ids of
/// `nodes` are `$i<i>`. `identify` adds the viewer; `without` leaves fields of the repositories
/// out.
std::string query_text(query_shape shape, size_t width, bool identify = false,
                       const field_set& without = {});

/// What every query asks besides: the budget and, to `identify` the credential, the viewer.
std::string own_fields(bool identify);

/// The body of the POST request: the document and its variables as JSON.
std::string query_body(const api_request& request, const field_set& without = {});

/// The path, query included, of the listing that an `id_list` asks for, below the root of REST.
std::string listing_path(const api_request& request);

/// The body for a document without variables.
std::string document_body(const std::string& document);

/// The document that asks for these fields of the one repository with the most stars.
std::string probe_text(const field_set& fields, bool identify);

struct named_query {
  std::string name;
  std::string text;
};

/// Every kind of document that the program can send, each with one field and with three, for a
/// check against GitHub's schema.
std::vector<named_query> all_query_texts();

} // namespace gitstar::net
