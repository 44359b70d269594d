#pragma once

#include "tools/sim/text.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace gitstar::sim {

/// The place of a repository in the data. Rows are in creation order.
using row_index = uint32_t;

inline constexpr row_index no_row = std::numeric_limits<row_index>::max();

enum repository_flag : uint8_t {
  is_fork = 1,
  is_archived = 2,
  is_disabled = 4,
  is_template = 8,
  is_mirror = 16,
  is_deleted = 32, ///< gone by a mutation; the row stays, nobody sees it
};

/// One repository. Small and in one place, so that an answer touches two cache lines per
/// repository; texts lie in the arena of the data, already escaped for JSON.
struct repository {
  static constexpr int32_t null_size = -1;
  static constexpr uint16_t null_text = 0xffff;
  static constexpr uint32_t never = 0;

  uint64_t text = 0; ///< where `owner/name` and then the description begin
  int64_t id = 0;
  uint32_t created_at = 0;
  uint32_t updated_at = 0;
  uint32_t pushed_at = never;
  uint32_t owner = 0;
  int32_t stars = 0;
  int32_t forks = 0;
  int32_t open_issues = 0; ///< without pull requests
  int32_t watchers = 0;
  int32_t disk_usage_kb = null_size;
  uint16_t full_name_size = 0;
  uint16_t description_size = null_text;
  uint16_t language = 0; ///< 0: null
  uint8_t license = 0;   ///< 0: null
  uint8_t flags = 0;
};

struct repository_owner {
  std::string login;
  int64_t id = 0;
  bool is_organization = false;
};

struct license {
  std::string key;
  std::string name;
  std::string spdx_id; ///< empty: null
};

/// What a row is made from; everything that the data cannot derive.
struct repository_input {
  repository values; ///< without `text`, `owner`, `language`, `license` and the text sizes
  std::string_view owner;
  std::string_view name;
  const std::string* description = nullptr; ///< null: no description
  std::string_view language;                ///< empty: null
  std::string_view license;                 ///< a licence key; empty: null
};

/// All repositories of the simulated GitHub, and the indexes that find them.
class dataset {
public:
  explicit dataset(uint64_t seed) : seed_(seed) {}

  uint64_t seed() const { return seed_; }

  /// Adds a repository; call in order of (created_at, id), then `finish` once.
  void add(const repository_input& input);

  /// `full_name` answers for `row` as the former name of a renamed repository.
  void add_former_name(std::string_view full_name, row_index row);

  /// Builds the indexes.
  void finish();

  void reserve(size_t rows);

  row_index size() const { return static_cast<row_index>(rows_.size()); }

  const repository& operator[](row_index row) const { return rows_[row]; }

  /// `owner/name`, escaped for JSON.
  std::string_view full_name(const repository& repo) const {
    return {text_.data() + repo.text, repo.full_name_size};
  }
  std::string_view owner_login(const repository& repo) const;
  std::string_view name(const repository& repo) const;

  static bool has_description(const repository& repo) {
    return repo.description_size != repository::null_text;
  }
  /// The description, escaped for JSON; empty where it is null.
  std::string_view description(const repository& repo) const {
    return {text_.data() + repo.text + repo.full_name_size,
            has_description(repo) ? repo.description_size : 0u};
  }

  const repository_owner& owner(const repository& repo) const { return owners_[repo.owner]; }
  const std::vector<repository_owner>& owners() const { return owners_; }

  /// Language names by number; number 0 is null.
  const std::vector<std::string>& languages() const { return languages_; }
  /// Licences by number; number 0 is null.
  const std::vector<license>& licenses() const { return licenses_; }

  /// The repository with this database id, or `no_row`.
  row_index find_id(int64_t id) const;

  /// The repository with this `owner/name` (any case), or `no_row`.
  row_index find_name(std::string_view full_name) const;

  /// The repository that once had this name (any case), or `no_row`.
  row_index find_former_name(std::string_view full_name) const;

  /// The number of an owner by login (any case), or nothing.
  std::optional<uint32_t> find_owner(std::string_view login) const;

  /// The owner with this database id, or null.
  const repository_owner* find_owner_id(int64_t id) const;

  /// Rows in order of their database id; deleted ones included.
  const std::vector<row_index>& by_id() const { return by_id_; }

  /// Star counts and flags by row, for searches over many rows.
  const std::vector<int32_t>& stars() const { return stars_; }
  const std::vector<uint8_t>& flags() const { return flags_; }

  /// The first row created at or after `time`.
  row_index first_created(unix_seconds time) const;

  /// Changes that happen on the real GitHub while somebody crawls.
  void set_stars(row_index row, int32_t stars);
  void remove(row_index row);
  void rename(row_index row, std::string_view name);
  void transfer(row_index row, std::string_view owner);
  /// Adds a repository whose creation time is not below, and whose id is above all others.
  row_index create(const repository_input& input);

private:
  void move(row_index row, std::string_view owner, std::string_view name);
  uint32_t owner_number(std::string_view login);
  uint16_t language_number(std::string_view name);
  uint8_t license_number(std::string_view key);

  uint64_t seed_;
  std::vector<repository> rows_;
  std::vector<int32_t> stars_;
  std::vector<uint8_t> flags_;
  std::vector<row_index> by_id_;
  std::string text_;
  std::vector<repository_owner> owners_;
  std::unordered_map<std::string, uint32_t> owner_numbers_; ///< by lower-case login
  std::vector<std::string> languages_{""};
  std::unordered_map<std::string, uint16_t> language_numbers_;
  std::vector<license> licenses_{{}};
  std::unordered_map<std::string, uint8_t> license_numbers_;
  std::unordered_multimap<uint64_t, row_index> by_name_; ///< by hash of the lower-case full name
  std::unordered_map<std::string, row_index> former_names_;
};

} // namespace gitstar::sim
