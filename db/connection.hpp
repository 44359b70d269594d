/// One connection to PostgreSQL that turns every failure into a `store_error`. Internal to db/:
/// includes libpqxx.
#pragma once

#include "db/conninfo.hpp"
#include "db/crawl_store.hpp"

#include <pqxx/pqxx>

#include <memory>
#include <optional>
#include <utility>

namespace gitstar::db {

/// Connects when first used; a connection that broke is replaced by the next transaction.
class connection {
public:
  explicit connection(const std::string& connection_string) : where_(connection_string) {}

  /// Runs `body(pqxx::work&)` and commits. Throws `store_error`; nothing is committed then, unless
  /// the connection broke during the commit itself.
  template <class Body>
  auto transaction(Body body) {
    try {
      pqxx::work work{connected()};
      if constexpr (std::is_void_v<decltype(body(work))>) {
        body(work);
        work.commit();
      } else {
        auto result = body(work);
        work.commit();
        return result;
      }
    } catch (...) {
      fail();
    }
  }

  /// Runs one statement in a transaction of the server's own making.
  pqxx::result statement(const std::string& sql);

private:
  struct session {
    explicit session(const std::string& connect_string) : link(connect_string), silence(link) {}
    pqxx::connection link;
    pqxx::quiet_errorhandler silence; // libpq would print notices to stderr
  };

  pqxx::connection& connected();
  [[noreturn]] void fail();

  conninfo where_;
  std::optional<session> session_;
};

} // namespace gitstar::db
