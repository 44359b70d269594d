#include "db/row_export.hpp"

#include "db/conninfo.hpp"
#include "db/crawl_store.hpp"
#include "db/sqlstate.hpp"

#include <libpq-fe.h>

#include <memory>

namespace gitstar::db {

namespace {

/// One session that cannot write. libpqxx 6 streams tables, not queries, so this is libpq.
class session {
public:
  explicit session(const conninfo& where)
      : where_(where), link_(PQconnectdb(where.to_connect().c_str()), PQfinish) {
    if (PQstatus(link_.get()) != CONNECTION_OK) {
      auto words = message();
      throw store_error("cannot connect to PostgreSQL: " + words,
                        sqlstate_from_words(words, cannot_connect));
    }
    // Notices would go to stderr.
    PQsetNoticeProcessor(
        link_.get(), [](void*, const char*) {}, nullptr);
  }

  /// One statement, and no more: the extended protocol refuses a second one.
  void execute(const std::string& sql, ExecStatusType expected) {
    std::unique_ptr<PGresult, decltype(&PQclear)> result{
        PQexecParams(link_.get(), sql.c_str(), 0, nullptr, nullptr, nullptr, nullptr, 0), PQclear};
    if (PQresultStatus(result.get()) != expected)
      fail(result.get());
  }

  /// Reads what a COPY sends until its end.
  int64_t copy_out(const std::function<void(std::string_view)>& sink) {
    for (int64_t pieces = 0;; ++pieces) {
      char* data = nullptr;
      auto size = PQgetCopyData(link_.get(), &data, 0);
      if (size < 0) {
        if (size == -1)
          finish_copy();
        else
          fail(nullptr);
        return pieces;
      }
      std::unique_ptr<char, decltype(&PQfreemem)> owned{data, PQfreemem};
      sink({data, static_cast<size_t>(size)});
    }
  }

private:
  void finish_copy() {
    while (auto* next = PQgetResult(link_.get())) {
      std::unique_ptr<PGresult, decltype(&PQclear)> result{next, PQclear};
      if (PQresultStatus(next) != PGRES_COMMAND_OK)
        fail(next);
    }
  }

  std::string message() const {
    std::string text = PQerrorMessage(link_.get());
    return where_.scrub(text.substr(0, text.find('\n')));
  }

  [[noreturn]] void fail(const PGresult* result) {
    auto* code = result == nullptr ? nullptr : PQresultErrorField(result, PG_DIAG_SQLSTATE);
    throw store_error("PostgreSQL refused the export: " + message(),
                      code == nullptr ? connection_lost : std::string_view{code});
  }

  const conninfo& where_;
  std::unique_ptr<PGconn, decltype(&PQfinish)> link_;
};

/// The statement that sends the rows. JSON text has no control characters of its own, so that with
/// two of them as delimiter and quote COPY's CSV is the bare text of each object.
std::string copy_statement(const std::string& query, export_format format) {
  if (format == export_format::csv)
    return "copy (" + query + "\n) to stdout with (format csv, header)";
  return "copy (select row_to_json(exported)::text from (" + query +
         "\n) as exported) to stdout with (format csv, delimiter e'\\x02', quote e'\\x01')";
}

} // namespace

int64_t export_rows(const std::string& connection_string, const std::string& query,
                    export_format format, const std::function<void(std::string_view)>& sink) {
  conninfo where{connection_string};
  session database{where};
  database.execute("start transaction read only", PGRES_COMMAND_OK);
  // Times as the rest of the program writes them, whatever the server is set to.
  database.execute("set local time zone 'UTC'", PGRES_COMMAND_OK);
  database.execute(copy_statement(query, format), PGRES_COPY_OUT);
  auto rows = database.copy_out(sink);
  database.execute("commit", PGRES_COMMAND_OK);
  return format == export_format::csv && rows > 0 ? rows - 1 : rows;
}

} // namespace gitstar::db
