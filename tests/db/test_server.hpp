/// A private PostgreSQL for the tests of db/.
#pragma once

#include "db/embedded_postgres.hpp"
#include "db/postgres_store.hpp"

#include <pqxx/pqxx>

#include <filesystem>
#include <string>

namespace gitstar::test {

/// A directory of its own below /tmp, open to PostgreSQL's account, removed at the end.
class temporary_directory {
public:
  temporary_directory();
  temporary_directory(const temporary_directory&) = delete;
  temporary_directory& operator=(const temporary_directory&) = delete;
  ~temporary_directory();

  const std::filesystem::path& path() const { return path_; }

private:
  std::filesystem::path path_;
};

/// The server that all tests of this program share.
db::embedded_postgres& shared_server();

/// A test case with an empty, migrated database and a store on it.
class with_store {
public:
  with_store();

  /// What one statement answers, outside of the store.
  pqxx::result ask(const std::string& sql);

  /// The first column of the first row.
  template <class T>
  T value(const std::string& sql) {
    return ask(sql).at(0).at(0).as<T>();
  }

  const std::string& connection_string() const { return shared_server().connection_string(); }

  db::postgres_store store;
  crawl current;

private:
  pqxx::connection link_;
};

/// A database without any table: the shared server's, or another one.
void empty_the_database();
void empty_the_database(const std::string& connection_string);

/// A repository with every column set, different for each id.
repository make_repository(repo_id id);

/// A time, in seconds since 1970.
timestamp at(int64_t seconds);

} // namespace gitstar::test
