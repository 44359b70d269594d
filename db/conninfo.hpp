/// Connection strings and URIs as libpq understands them, and keeping their secrets.
#pragma once

#include <string>
#include <utility>
#include <vector>

namespace gitstar::db {

/// Where a store is: a parsed connection string or URI. Never printed.
class conninfo {
public:
  /// Throws `store_error` if libpq cannot parse `text`; the error does not repeat the text.
  explicit conninfo(const std::string& text);

  /// For connecting: UTF-8, time-outs and an application name are added where not set. What
  /// concerns the server travels as start-up parameters, so PgBouncer in transaction mode keeps it
  /// right.
  std::string to_connect() const;

  /// For people and command lines: what the text said, without passwords.
  std::string without_secrets() const;

  /// The password; empty where there is none.
  std::string password() const;

  /// `message` with every secret of this connection string replaced by `***`.
  std::string scrub(std::string message) const;

private:
  std::vector<std::pair<std::string, std::string>> settings_;
};

/// A program to execute and what to add to its environment.
struct command_line {
  std::vector<std::string> argv;
  std::vector<std::pair<std::string, std::string>> environment;
};

/// `psql` on the store. The password goes through the environment: others can read a process's
/// arguments. `psql` is a path, or a name to look for in PATH; `arguments` are the user's own.
command_line psql_command(const std::string& psql, const std::string& connection_string,
                          const std::vector<std::string>& arguments);

} // namespace gitstar::db
