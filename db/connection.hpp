/// One connection to PostgreSQL that turns every failure into a `store_error`. Internal to db/:
/// includes libpqxx.
#pragma once

#include "db/conninfo.hpp"
#include "db/crawl_store.hpp"

#include <pqxx/pqxx>

#include <chrono>
#include <memory>
#include <optional>
#include <utility>

namespace gitstar::db {

/// How long a transaction that writes may stand still between two statements. A process that is
/// frozen in one, or cut off, would otherwise keep its locks for as long, from all others.
constexpr auto frozen_after = std::chrono::milliseconds{5'000};

/// For this transaction only: a pooler may give the session to somebody else afterwards.
void limit_idle_time(pqxx::work& work, std::chrono::milliseconds longest);

/// Connects when first used; a connection that broke is replaced by the next transaction.
class connection {
public:
  /// The server ends a transaction that is idle for `longest_idle`; 0: never.
  explicit connection(const std::string& connection_string,
                      std::chrono::milliseconds longest_idle = {})
      : where_(connection_string), longest_idle_(longest_idle) {}

  /// Runs `body(pqxx::work&)` and commits. Throws `store_error`; nothing is committed then, unless
  /// the connection broke during the commit itself.
  template <class Body>
  auto transaction(Body body) {
    return guard([&] {
      pqxx::work work{connected()};
      if (longest_idle_.count() > 0)
        limit_idle_time(work, longest_idle_);
      if constexpr (std::is_void_v<decltype(body(work))>) {
        body(work);
        work.commit();
      } else {
        auto result = body(work);
        work.commit();
        return result;
      }
    });
  }

  /// A transaction that outlasts a call, for `body(pqxx::work&)` now and later; one that fails is
  /// over. It has to end before the connection does.
  template <class Body>
  auto step(std::unique_ptr<pqxx::work>& work, Body body) {
    return guard([&] {
      try {
        if (!work) {
          work = std::make_unique<pqxx::work>(connected());
          if (longest_idle_.count() > 0)
            limit_idle_time(*work, longest_idle_);
        }
        return body(*work);
      } catch (...) {
        work.reset();
        throw;
      }
    });
  }

  /// Runs one statement in a transaction of the server's own making.
  pqxx::result statement(const std::string& sql);

private:
  struct session {
    explicit session(const std::string& connect_string) : link(connect_string), silence(link) {}
    pqxx::connection link;
    pqxx::quiet_errorhandler silence; // libpq would print notices to stderr
  };

  template <class Body>
  auto guard(Body body) {
    try {
      return body();
    } catch (...) {
      fail();
    }
  }

  pqxx::connection& connected();
  [[noreturn]] void fail();

  conninfo where_;
  std::chrono::milliseconds longest_idle_;
  std::optional<session> session_;
};

} // namespace gitstar::db
