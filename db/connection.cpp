#include "db/connection.hpp"

#include "db/sqlstate.hpp"

#include <string_view>

namespace gitstar::db {

store_error::store_error(const std::string& text, std::string_view sqlstate)
    : std::runtime_error(text), transient_(meaning_of(sqlstate).transient), sqlstate_(sqlstate) {}

std::string store_error::cause() const {
  if (sqlstate_.empty())
    return what();
  return std::string{meaning_of(sqlstate_).words} + " (" + sqlstate_ + ')';
}

namespace {

std::string first_line(std::string_view text) {
  auto line = std::string{text.substr(0, text.find('\n'))};
  while (!line.empty() && (line.back() == ' ' || line.back() == '\r'))
    line.pop_back();
  return line;
}

constexpr std::string_view read_only = "25006";
constexpr std::string_view failed_transaction = "25P02";

// libpqxx 6 tells some codes by the type of the exception only.
std::string sqlstate_of(const pqxx::sql_error& error) {
  if (dynamic_cast<const pqxx::insufficient_privilege*>(&error) != nullptr)
    return "42501";
  return error.sqlstate();
}

std::string_view rollback_sqlstate(const pqxx::transaction_rollback& error) {
  if (dynamic_cast<const pqxx::deadlock_detected*>(&error) != nullptr)
    return "40P01";
  if (dynamic_cast<const pqxx::serialization_failure*>(&error) != nullptr)
    return "40001";
  return "40000";
}

} // namespace

void limit_idle_time(pqxx::work& work, std::chrono::milliseconds longest) {
  work.exec0("set local idle_in_transaction_session_timeout = " + std::to_string(longest.count()));
}

pqxx::connection& connection::connected() {
  if (session_ && !session_->link.is_open())
    session_.reset();
  if (!session_) {
    try {
      session_.emplace(where_.to_connect());
    } catch (const pqxx::broken_connection& error) {
      throw store_error("cannot connect to PostgreSQL: " + where_.scrub(first_line(error.what())),
                        sqlstate_from_words(error.what(), cannot_connect));
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
    throw store_error("lost the connection to PostgreSQL: " +
                          where_.scrub(first_line(error.what())),
                      sqlstate_from_words(error.what(), connection_lost));
  } catch (const pqxx::in_doubt_error&) {
    session_.reset();
    throw store_error("lost the connection to PostgreSQL during a commit", lost_during_commit);
  } catch (const pqxx::sql_error& error) {
    auto sqlstate = sqlstate_of(error);
    auto broken = !session_->link.is_open();
    if (broken && !meaning_of(sqlstate).transient)
      sqlstate = connection_lost;
    // Where several hosts are configured, another one may be the primary by now. A transaction is
    // still there where its rollback was cancelled, and only the session's end takes it away.
    if (broken || sqlstate == read_only || sqlstate == failed_transaction)
      session_.reset();
    throw store_error("PostgreSQL refused a statement: " + where_.scrub(first_line(error.what())),
                      sqlstate);
  } catch (const pqxx::transaction_rollback& error) {
    throw store_error("PostgreSQL rolled back: " + where_.scrub(first_line(error.what())),
                      rollback_sqlstate(error));
  } catch (const std::exception& error) {
    session_.reset();
    throw store_error("PostgreSQL: " + where_.scrub(first_line(error.what())));
  }
}

} // namespace gitstar::db
