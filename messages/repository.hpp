#pragma once

#include "messages/basic.hpp"

#include <string>

namespace gitstar {

/// A repository as one answer showed it. Field names are those of the `repositories` table;
/// GitHub's GraphQL names stand beside those that differ.
struct repository {
  gitstar::repo_id repo_id = 0; ///< databaseId
  std::string full_name;        ///< nameWithOwner: "owner/name"
  int32_t star_count = 0;       ///< stargazerCount (the `stargazers` connection is closed)
  int32_t fork_count = 0;       ///< forkCount: the whole network
  /// issues(states: OPEN).totalCount: no pull requests; empty where GitHub refuses the field
  optional<int32_t> open_issue_count;
  optional<int32_t> watcher_count;   ///< watchers.totalCount: subscribers; empty as above
  optional<std::string> language;    ///< primaryLanguage.name
  optional<std::string> license;     ///< licenseInfo.key, such as "mit"
  optional<std::string> description; ///< as GitHub sends it, without NUL characters
  bool is_fork = false;
  bool is_archived = false;
  bool is_disabled = false;
  std::string visibility;          ///< public, private or internal; others as GitHub spells them
  optional<int32_t> disk_usage_kb; ///< diskUsage
  timestamp created_at;
  timestamp updated_at;
  optional<timestamp> pushed_at; ///< null for a repository without a push
  bool operator==(const repository&) const = default;
};

/// The owner's login: the part of `full_name` before the slash.
std::string_view owner_of(const repository& repo);
/// The repository's name: the part of `full_name` after the slash.
std::string_view name_of(const repository& repo);

template <class Inspector>
auto inspect(Inspector& f, repository& x) {
  return f(caf::meta::type_name("repository"), x.repo_id, x.full_name, x.star_count, x.fork_count,
           x.open_issue_count, x.watcher_count, x.language, x.license, x.description, x.is_fork,
           x.is_archived, x.is_disabled, x.visibility, x.disk_usage_kb, x.created_at, x.updated_at,
           x.pushed_at);
}

} // namespace gitstar
