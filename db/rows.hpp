/// Messages read from rows of the ledger. Internal to db/: includes libpqxx.
#pragma once

#include "messages/store.hpp"

#include <pqxx/pqxx>

#include <vector>

namespace gitstar::db {

/// What to select for `crawl_from`, from `crawls c`.
inline constexpr auto crawl_columns =
    "c.id, c.epoch, c.name, c.source, c.state, extract(epoch from c.started_at)::bigint, "
    "c.threshold, coalesce((select extract(epoch from max(p.started_at))::bigint from crawls p "
    "where p.name = c.name and p.source = c.source and p.state = 'complete' and p.id < c.id), 0)";

/// `resumed` is set where a process took the crawl over.
crawl crawl_from(const pqxx::row& row);

/// What to select for `partition_from`.
inline constexpr auto partition_columns =
    "id, parent_id, description, state, expected, seen, duplicates, lease, attempts, pass, "
    "pages_done, cursor, seen_ids, reason";

partition partition_from(const pqxx::row& row);

/// For this transaction: joins of whole tables hash. A table that a crawl has just filled has no
/// statistics, and the planner, which takes it for small, would compare all with all.
void join_whole_tables(pqxx::work& work);

/// The sums over the partitions of a crawl.
certificate certify(pqxx::work& work, int64_t crawl_id);

/// A table for each resource, with the same columns.
const char* budget_table(resource what);

std::vector<budget_record> load_budgets(pqxx::work& work);

/// The crawl's last errors, the newest first.
std::vector<error_record> load_errors(pqxx::work& work, int64_t crawl_id);

/// A column that holds whole seconds since 1970.
timestamp time_from(const pqxx::field& seconds);

std::vector<width_record> load_widths(pqxx::work& work);

} // namespace gitstar::db
