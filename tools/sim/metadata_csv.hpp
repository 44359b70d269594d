#pragma once

#include "tools/sim/metadata.hpp"

/// The truth about metadata as tables: `/_sim/metadata.csv`. Made from the items themselves, not by
/// way of the fields that GraphQL answers.
namespace gitstar::sim {

/// The header line of a kind's table, without its end; nothing if there is no such kind.
std::optional<std::string_view> metadata_header(std::string_view kind);

/// Appends a repository's rows of a kind in the order of their keys, texts ordered by bytes. Null
/// is empty, an empty text is `""`, arrays are written as PostgreSQL writes them, times in RFC
/// 3339. Commits and their checks are those that a pull request has now.
void append_metadata_rows(std::string& out, std::string_view kind, const repository_metadata& all,
                          const people& who);

} // namespace gitstar::sim
