#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// GitHub's global node ids (fact sheet, section 6).
namespace gitstar::sim {

/// The kinds of objects whose ids the simulator knows.
enum class node_kind : uint8_t {
  repository,
  user,
  organization,
  issue,
  pull_request,
  issue_comment,
  review,
  review_comment,
  commit,
  check_run,
  status_context,
  release,
  discussion,
  other, ///< well formed, of another type
};

/// Whether objects of the kind are part of a repository.
constexpr bool is_metadata(node_kind kind) {
  return kind >= node_kind::issue && kind != node_kind::other;
}

/// What a node id says.
struct node_id {
  node_kind kind = node_kind::other;
  int64_t database_id = 0;
  bool legacy = false; ///< GitHub warns about ids of this form
  int64_t repository_id =
      0;             ///< of what is in a repository, where the form tells it; 0: it does not
  std::string sha{}; ///< of a commit, which has no database id
};

/// `010:Repository1296269` in base64: what objects made before mid 2021 are served with.
std::string legacy_node_id(node_kind kind, int64_t database_id);

/// `R_` and base64url of msgpack `[0, id]`.
std::string next_node_id(node_kind kind, int64_t database_id);

/// The id that GitHub serves for an object: its age decides, or `X-Github-Next-Global-ID: 1`.
std::string served_node_id(node_kind kind, int64_t database_id, bool next_form);

/// The same for what is in a repository: in the new form msgpack `[0, repository id, id]`. Of a
/// commit, `sha` stands for the id. `is_old`: made before GitHub changed the form.
std::string served_node_id(const node_id& item, bool is_old, bool next_form);

/// Reads both forms; nothing if the text is no node id.
std::optional<node_id> parse_node_id(std::string_view text);

} // namespace gitstar::sim
