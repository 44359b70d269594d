/// Metadata on its way from answers into tables.
#pragma once

#include "messages/basic.hpp"
#include "messages/compat.hpp"

#include <string>
#include <vector>

namespace gitstar {

/// One element of a kind, or a part of one: each value in PostgreSQL's text form, such as `t`,
/// `2024-01-31T12:00:00Z` or `{a,"b c"}`; empty for null. No value has NUL characters.
struct metadata_row {
  std::vector<optional<std::string>> values; ///< in the order of the kind's columns
  bool operator==(const metadata_row&) const = default;
};

/// Elements of one kind. Of several with the same key the last counts.
struct metadata_rows {
  std::string kind;
  std::vector<metadata_row> rows;
  bool operator==(const metadata_rows&) const = default;
};

/// A list that was read to its end: what the store has besides, under the same parent, is gone.
struct metadata_list {
  std::string kind;
  /// The names of the columns that name the parent (`list::link`), and their values.
  std::vector<std::string> link;
  std::vector<std::string> parent;
  std::vector<metadata_row> keys; ///< of all elements: the values of the kind's key columns
  bool operator==(const metadata_list&) const = default;
};

/// Stands for a kind in the watermark that says when a repository was read last.
inline constexpr const char* whole_repository = "repository";

/// How far one kind of a repository is read: one row of `metadata_watermarks`.
struct metadata_watermark {
  gitstar::repo_id repo_id = 0;
  std::string kind;
  optional<timestamp> watermark; ///< everything that moved before is stored; empty: not read yet
  std::string state = "{}";      ///< what else its reader has to know: a JSON object
  bool operator==(const metadata_watermark&) const = default;
};

/// The literal that PostgreSQL reads as this `text[]`.
std::string to_array_literal(const std::vector<std::string>& elements);

template <class Inspector>
auto inspect(Inspector& f, metadata_row& x) {
  return inspect_fields(f, x, "metadata_row", x.values);
}

template <class Inspector>
auto inspect(Inspector& f, metadata_rows& x) {
  return inspect_fields(f, x, "metadata_rows", x.kind, x.rows);
}

template <class Inspector>
auto inspect(Inspector& f, metadata_list& x) {
  return inspect_fields(f, x, "metadata_list", x.kind, x.link, x.parent, x.keys);
}

template <class Inspector>
auto inspect(Inspector& f, metadata_watermark& x) {
  return inspect_fields(f, x, "metadata_watermark", x.repo_id, x.kind, x.watermark, x.state);
}

} // namespace gitstar
