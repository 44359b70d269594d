#include "db/sqlstate.hpp"

#include <algorithm>
#include <iterator>

namespace gitstar::db {

namespace {

constexpr bool waits = true;
constexpr bool ends = false;

constexpr sqlstate_meaning meanings[] = {
    {"08001", waits, "no connection"},
    {"08006", waits, "the connection was lost"},
    {"08007", waits, "the connection was lost during a commit"},
    {"08", waits, "the connection failed"},
    {"25006", waits, "the database is read-only"},
    {"25P02", waits, "an earlier transaction could not be rolled back"},
    {"25P03", waits, "a transaction was idle for too long"},
    {"28", ends, "the login is refused"},
    {"3D000", ends, "the database does not exist"},
    {"40001", waits, "a transaction met another one"},
    {"40P01", waits, "a deadlock"},
    {"40", waits, "a transaction was rolled back"},
    {"42501", ends, "a privilege is missing"},
    {"42", ends, "the schema is not ours"},
    {"53100", waits, "the disk is full"},
    {"53200", waits, "the server is out of memory"},
    {"53300", waits, "too many connections"},
    {"53", waits, "the server is out of resources"},
    {"55006", waits, "something is in use"},
    {"55P03", waits, "a lock time-out"},
    {"57014", waits, "a statement was cancelled"},
    {"57P01", waits, "the server is shutting down"},
    {"57P02", waits, "the server has crashed"},
    {"57P03", waits, "the server is starting or stopping"},
    {"57P04", ends, "the database was dropped"},
    {"57P05", waits, "a session was idle for too long"},
    {"58", waits, "the server's system fails"},
    {"", ends, "an error"},
};

struct phrase {
  std::string_view words;
  std::string_view code;
};

// PostgreSQL's postmaster.c, postinit.c, auth.c; and PgBouncer's.
constexpr phrase phrases[] = {
    {"terminating connection due to administrator command", "57P01"},
    {"because of crash of another server process", "57P02"},
    {"the database system is", "57P03"},
    {"too many clients", "53300"},
    {"too many connections", "53300"},
    {"connection slots are reserved", "53300"},
    {"no more connections allowed", "53300"},
    {"No space left on device", "53100"},
    {"authentication failed", "28P01"},
    {"no password supplied", "28P01"},
    {"pg_hba.conf", "28000"},
    {"is not permitted to log in", "28000"},
    {"permission denied for database", "42501"},
};

} // namespace

std::span<const sqlstate_meaning> sqlstate_meanings() { return meanings; }

const sqlstate_meaning& meaning_of(std::string_view sqlstate) {
  return *std::find_if(std::begin(meanings), std::end(meanings),
                       [&](auto& row) { return sqlstate.starts_with(row.code); });
}

std::string_view sqlstate_from_words(std::string_view words, std::string_view otherwise) {
  auto said = [&](std::string_view part) { return words.find(part) != std::string_view::npos; };
  for (auto& x : phrases)
    if (said(x.words))
      return x.code;
  if (said("does not exist") && said("FATAL:"))
    return said("role \"") ? "28000" : "3D000";
  return otherwise;
}

} // namespace gitstar::db
