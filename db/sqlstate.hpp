/// What PostgreSQL's error codes mean for a crawl: the one table that says whether to wait.
#pragma once

#include <span>
#include <string_view>

namespace gitstar::db {

/// A row of the table. Codes: PostgreSQL documentation, appendix A.
struct sqlstate_meaning {
  std::string_view code;  ///< five characters, or two for what is left of a class
  bool transient;         ///< waiting helps: PostgreSQL or its operator puts it right
  std::string_view words; ///< the cause, for people
};

/// The whole table; a code stands before its class.
std::span<const sqlstate_meaning> sqlstate_meanings();

/// The row of a code. A code that no row covers is final.
const sqlstate_meaning& meaning_of(std::string_view sqlstate);

/// The code of a connection that failed or broke: libpq keeps it to itself and tells only the
/// server's words, of which these are in English. `otherwise` where they tell nothing.
std::string_view sqlstate_from_words(std::string_view words, std::string_view otherwise);

/// Codes of our own side of a connection.
inline constexpr std::string_view cannot_connect = "08001";
inline constexpr std::string_view connection_lost = "08006";
inline constexpr std::string_view lost_during_commit = "08007";

} // namespace gitstar::db
