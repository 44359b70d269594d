#include "db/connection.hpp"

#include <string_view>

namespace gitstar::db {

namespace {

std::string first_line(std::string_view text) {
  auto line = std::string{text.substr(0, text.find('\n'))};
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r'))
    line.pop_back();
  return line;
}

bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

// libpq gives no SQLSTATE for a connection that failed, only the server's words.
bool refused_for_good(std::string_view message) {
  return contains(message, "FATAL:") && !contains(message, "the database system is") &&
         !contains(message, "too many") && !contains(message, "connection slots");
}

// Classes of SQLSTATE (PostgreSQL documentation, appendix A).
bool is_transient(std::string_view sqlstate) {
  return sqlstate.starts_with("08") || sqlstate.starts_with("40") || sqlstate.starts_with("53") ||
         sqlstate.starts_with("57P") || sqlstate == "55P03";
}

} // namespace

pqxx::connection& connection::connected() {
  if (session_ && !session_->link.is_open())
    session_.reset();
  if (!session_) {
    try {
      session_.emplace(where_.to_connect());
    } catch (const pqxx::broken_connection& error) {
      throw store_error("cannot connect to PostgreSQL: " + where_.scrub(first_line(error.what())),
                        !refused_for_good(error.what()));
    }
  }
  return session_->link;
}

pqxx::result connection::statement(const std::string& sql) {
  try {
    pqxx::nontransaction work{connected()};
    return work.exec(sql);
  } catch (...) {
    fail();
  }
}

void connection::fail() {
  try {
    throw;
  } catch (const store_error&) {
    throw;
  } catch (const pqxx::broken_connection& error) {
    session_.reset();
    throw store_error(
        "lost the connection to PostgreSQL: " + where_.scrub(first_line(error.what())), true);
  } catch (const pqxx::in_doubt_error&) {
    session_.reset();
    throw store_error("lost the connection to PostgreSQL during a commit", true);
  } catch (const pqxx::sql_error& error) {
    auto broken = !session_->link.is_open();
    if (broken)
      session_.reset();
    throw store_error("PostgreSQL refused a statement: " + where_.scrub(first_line(error.what())),
                      broken || is_transient(error.sqlstate()));
  } catch (const pqxx::transaction_rollback& error) {
    throw store_error("PostgreSQL rolled back: " + where_.scrub(first_line(error.what())), true);
  } catch (const std::exception& error) {
    session_.reset();
    throw store_error("PostgreSQL: " + where_.scrub(first_line(error.what())));
  }
}

} // namespace gitstar::db
