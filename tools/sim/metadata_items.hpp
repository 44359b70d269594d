#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

/// What a repository has besides itself: issues, pull requests and what hangs on them. Items are
/// small: their texts are not stored but made from a number (`metadata_text.hpp`).
namespace gitstar::sim {

/// Seconds since 1970; 0 is null.
using item_time = uint32_t;

/// Who did something, see `people`; 0 is nobody, a ghost, whom GitHub shows as null.
using person = uint32_t;

// The values of GitHub's enums, in the order of its schema. Items hold an index, or `no_value`.
inline constexpr uint8_t no_value = 0xff;
inline constexpr std::array<std::string_view, 3> thread_states{"CLOSED", "OPEN", "MERGED"};
enum thread_state : uint8_t { state_closed, state_open, state_merged };
inline constexpr std::array<std::string_view, 4> issue_reasons{"COMPLETED", "DUPLICATE",
                                                               "NOT_PLANNED", "REOPENED"};
enum issue_reason : uint8_t {
  reason_completed,
  reason_duplicate,
  reason_not_planned,
  reason_reopened
};
inline constexpr std::array<std::string_view, 8> author_associations{
    "COLLABORATOR", "CONTRIBUTOR", "FIRST_TIMER", "FIRST_TIME_CONTRIBUTOR",
    "MANNEQUIN",    "MEMBER",      "NONE",        "OWNER"};
inline constexpr std::array<std::string_view, 5> review_states{"APPROVED", "CHANGES_REQUESTED",
                                                               "COMMENTED", "DISMISSED", "PENDING"};
enum review_state : uint8_t {
  review_approved,
  review_changes_requested,
  review_commented,
  review_dismissed,
  review_pending
};
inline constexpr std::array<std::string_view, 3> review_decisions{"APPROVED", "CHANGES_REQUESTED",
                                                                  "REVIEW_REQUIRED"};
inline constexpr std::array<std::string_view, 6> check_statuses{
    "COMPLETED", "IN_PROGRESS", "PENDING", "QUEUED", "REQUESTED", "WAITING"};
enum check_status : uint8_t { check_completed, check_in_progress };
inline constexpr std::array<std::string_view, 9> check_conclusions{
    "ACTION_REQUIRED", "CANCELLED",       "FAILURE", "NEUTRAL",  "SKIPPED",
    "STALE",           "STARTUP_FAILURE", "SUCCESS", "TIMED_OUT"};
inline constexpr std::array<std::string_view, 5> context_states{"ERROR", "EXPECTED", "FAILURE",
                                                                "PENDING", "SUCCESS"};

/// What everything has that somebody wrote.
struct written_item {
  int64_t id = 0;    ///< `fullDatabaseId`, or `databaseId` where there is no other
  uint64_t text = 0; ///< of the body; 0: empty. Changes with an edit.
  item_time created_at = 0;
  item_time updated_at = 0;
  person author = 0;
  uint8_t association = 0;
};

struct comment_item : written_item {};

struct review_comment_item : written_item {
  uint64_t path = 0;
  int32_t line = 0;     ///< 0: null
  uint64_t commit = 0;  ///< 0: null
  int64_t reply_to = 0; ///< id of another; 0: null
};

struct review_item : written_item {
  uint8_t state = 0;
  item_time submitted_at = 0;
  uint64_t commit = 0; ///< 0: null
  std::vector<review_comment_item> comments;
};

struct commit_item {
  uint64_t seed = 0; ///< its sha is made from this
  item_time authored_at = 0;
  item_time committed_at = 0;
  person author = 0;
  int32_t additions = 0;
  int32_t deletions = 0;
  int32_t changed_files = -1; ///< -1: null
  uint8_t parents = 1;
};

/// A check run or, where `id` is 0, a status context.
struct check_item {
  int64_t id = 0;
  uint64_t name = 0;
  uint8_t status = no_value;     ///< of a check run
  uint8_t conclusion = no_value; ///< of a check run; the state of a status context
  uint8_t app = 0;               ///< 0: null
  bool has_url = true;
  item_time started_at = 0;
  item_time completed_at = 0;
};

/// What issues and pull requests have in common.
struct thread_item : written_item {
  uint64_t title = 0;
  int32_t number = 0;
  int32_t reactions = 0;
  item_time closed_at = 0;
  uint8_t state = state_open;
  uint8_t milestone = 0; ///< 0: null
  bool is_locked = false;
  std::vector<uint16_t> labels;
  std::vector<person> assignees;
  std::vector<comment_item> comments;
};

struct issue_item : thread_item {
  uint8_t reason = no_value;
};

struct pull_request_item : thread_item {
  bool is_draft = false;
  uint8_t decision = no_value;
  uint8_t base_ref = 0;
  int32_t additions = 0;
  int32_t deletions = 0;
  int32_t changed_files = 0;
  uint64_t head_ref = 0;
  item_time merged_at = 0;
  person merged_by = 0;
  commit_item merge; ///< without a seed: null
  std::vector<review_item> reviews;
  std::vector<commit_item> commits; ///< never empty; the last is the head
  std::vector<commit_item> dropped; ///< by force; their shas still lead to them
  std::vector<check_item> checks;   ///< of the head
};

struct release_item : written_item {
  uint64_t name = 0; ///< 0: null
  int32_t version = 0;
  bool is_draft = false;
  bool is_prerelease = false;
  item_time published_at = 0;
};

struct discussion_item : written_item {
  uint64_t title = 0;
  int32_t number = 0;
  int32_t comments = 0;
  int32_t upvotes = 0;
  item_time closed_at = 0;
  uint8_t category = 0;
  uint8_t answered = no_value; ///< 0, 1, or null where the category has no answers
  bool is_locked = false;
};

/// Whose ids are counted apart from each other.
enum class id_space : uint8_t {
  issue,
  pull_request,
  issue_comment,
  review,
  review_comment,
  check_run,
  release,
  discussion
};
inline constexpr size_t id_spaces = 8;

/// All metadata of one repository. Lists are in order of creation, and thus of their ids.
struct repository_metadata {
  int64_t repo_id = 0;
  uint64_t place = 0; ///< among all repositories, by id: ids of items are made from it
  bool has_issues = true;
  bool has_discussions = false;
  int32_t last_number = 0;
  int32_t last_version = 0;
  std::array<int32_t, id_spaces> used_ids{};
  uint64_t used_texts = 0;
  std::vector<issue_item> issues;
  std::vector<pull_request_item> pull_requests;
  std::vector<release_item> releases;
  std::vector<discussion_item> discussions;

  /// About how many bytes it takes.
  size_t footprint() const;
};

} // namespace gitstar::sim
