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

private:
  class implementation;
  std::unique_ptr<implementation> impl_;
};

} // namespace gitstar::db
