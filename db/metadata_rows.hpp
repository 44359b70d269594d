/// Metadata of all kinds into their tables, by statements derived from the kinds' descriptions.
/// Internal to db/: includes libpqxx.
#pragma once

#include "db/array_encoder.hpp"
#include "messages/metadata/kind.hpp"
#include "messages/store.hpp"

#include <pqxx/pqxx>

#include <string>
#include <vector>

namespace gitstar::db {

/// Whether a batch says anything of metadata.
bool has_metadata(const batch& findings);

/// Writes what a batch says of metadata: first what is gone, then rows, then watermarks. A row that
/// equals what is stored is not written. The repositories must be there. Row locks are taken table
/// by table, in each by key. Adds to the receipt's items.
void write_metadata(pqxx::work& work, const batch& findings, batch_receipt& receipt);

/// The statement that writes rows of a kind: $1 and so on are the columns as text[], the last is
/// the time of observation in seconds since 1970. Returns how many rows were inserted and updated.
/// Tests look at its plan.
std::string upsert_statement(const metadata::kind& of);

/// The kind with this name. Throws `store_error` where there is none.
const metadata::kind& kind_named(const std::string& name);

/// Which repository a row is of.
repo_id repository_of(const metadata::kind& of, const metadata_row& row);

/// Which repository a list is of.
repo_id repository_of(const metadata_list& list);

/// The parameter for one column: the values at `index` of all rows.
template <class Rows>
pqxx::binarystring column_values(const Rows& rows, std::size_t index) {
  std::size_t bytes = 0;
  for (const auto& row : rows)
    bytes += 4 + (row.values[index] ? row.values[index]->size() : 0);
  array_encoder array{array_encoder::element::text, bytes};
  for (const auto& row : rows)
    if (row.values[index])
      array.add(std::string_view{*row.values[index]});
    else
      array.add(optional<std::string_view>{});
  return array.encoded();
}

} // namespace gitstar::db
