#pragma once

#include "messages/metadata/rows.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gitstar::db {

/// What a sync of metadata asks of the store before it asks GitHub. Blocking, not thread-safe, each
/// call a transaction of its own without session state. Every function throws `store_error`.
/// Metadata is written with the other findings of a batch (`crawl_store::write`).
class metadata_store {
public:
  /// Does not connect yet. Throws `store_error` if the connection string is none.
  explicit metadata_store(const std::string& connection_string);
  ~metadata_store();

  /// How far these kinds of these repositories are read; without a row where none was read yet. By
  /// repository, then kind.
  std::vector<metadata_watermark> watermarks(const std::vector<repo_id>& repositories,
                                             const std::vector<std::string>& kinds);

  /// Repositories that are there, with an id above `after`, ascending, at most `limit`. `condition`
  /// is SQL over the columns of `repositories`, from the operator's config; empty: all.
  std::vector<repo_id> repositories(const std::string& condition, repo_id after, uint32_t limit);

  /// What is stored, and there, of one kind in the lists of some parents: `link` names the columns
  /// and each of `parents` has their values. By key.
  metadata_rows stored(const std::string& kind, const std::vector<std::string>& link,
                       const std::vector<metadata_row>& parents);

  /// The elements that are open (`metadata::kind::open_state`) in these repositories. By key.
  metadata_rows open(const std::string& kind, const std::vector<repo_id>& repositories);

  /// The rows of `found` that are not stored, are gone, or differ, in their order: the parents
  /// whose lists have to be read.
  metadata_rows changed(const metadata_rows& found);

private:
  class implementation;
  std::unique_ptr<implementation> impl_;
};

} // namespace gitstar::db
