/// What a refresh may read of the repositories in one database. Internal to db/: includes libpqxx.
#pragma once

#include "db/connection.hpp"
#include "messages/store.hpp"

#include <memory>
#include <string>
#include <vector>

namespace gitstar::db {

/// Of several, the first is the one that most likely has changed, and of equal ones that with the
/// smallest id.
struct known_id {
  double order = 0; ///< see `change_order_sql`
  repo_id id = 0;

  bool operator<(const known_id& x) const { return order != x.order ? order > x.order : id < x.id; }
};

/// Leaves each repository in one row of `repository_checks`, instead of one for each reading: a
/// selection reads them all.
void compact_checks(pqxx::work& work);

/// Selects in this transaction, for `fetch_known`, what a refresh that began at `started_at` may
/// read. Of these `buckets` alone, where others are another shard's; none: of all.
void select_known(pqxx::work& work, timestamp started_at, const known_selection& which,
                  const std::vector<int>& buckets = {});

/// The next ones, in order: as many as memory holds of a selection. None: there are no more.
std::vector<known_id> fetch_known(pqxx::work& work);

/// What is selected in one of several shards, in a transaction of its own in which none of the
/// shard's buckets leaves. Throws `store_error`, and `outdated_map` where one has left since
/// `map_version`.
class known_stream {
public:
  /// Selects and reads the first ones, which may take a while; `pop` is quick.
  known_stream(const std::string& connection_string, timestamp started_at,
               const known_selection& which, const std::vector<int>& buckets, int64_t map_version);

  /// Null: there are no more.
  const known_id* front() const { return at_ < ids_.size() ? &ids_[at_] : nullptr; }
  void pop();

private:
  std::unique_ptr<connection> database_;
  std::unique_ptr<pqxx::work> work_; // ends before its connection
  std::vector<known_id> ids_;
  size_t at_ = 0;
};

} // namespace gitstar::db
