#pragma once

#include "messages/metadata/asks.hpp"
#include "messages/metadata/kind.hpp"

#include <string>
#include <vector>

namespace gitstar {

/// A list that elements of one kind have, and all kinds that the plan reads from it.
struct nested_list {
  std::string name; ///< of its first kind
  const metadata::kind* parent = nullptr;
  const metadata::list* list = nullptr;
  std::vector<const metadata::kind*> kinds;
  bool while_open = false; ///< it moves without its parent while that is open
};

/// The lists that a plan reads, by the descriptions of its kinds.
class metadata_lists {
public:
  explicit metadata_lists(const metadata_plan& plan);

  /// Kinds that repositories themselves have lists of.
  const std::vector<const metadata::kind*>& own() const { return own_; }

  /// What is read of each element of a kind.
  std::vector<const nested_list*> of(const metadata::kind& parent) const;

  /// The names of all lists that are read with the elements of a kind, theirs included.
  std::vector<std::string> names_below(const metadata::kind& parent) const;

private:
  std::vector<const metadata::kind*> own_;
  std::vector<nested_list> nested_;
};

/// Fills in what an element has from where it stands: `parent` is the row of its parent, of the
/// kind `of_parent`, which is null for the repository's own lists.
void complete(metadata_row& row, const metadata::kind& of, repo_id repo,
              const metadata::kind* of_parent, const metadata_row* parent, int64_t position);

/// The value of a column, empty where it is null.
std::string value_of(const metadata_row& row, const metadata::kind& of, std::string_view column);

/// The values of the key columns.
metadata_row key_of(const metadata_row& row, const metadata::kind& of);

} // namespace gitstar
