/// A private PostgreSQL server for one data directory.
#pragma once

#include "db/process.hpp"

#include <filesystem>
#include <stop_token>
#include <string>

namespace gitstar::db {

/// Where the embedded server lives.
struct embedded_options {
  std::filesystem::path data_dir;
  /// The directory of `postgres`, `initdb` and `psql`; empty: the newest installed.
  std::filesystem::path bin_dir;
  /// Where a cluster goes that may not lie in `data_dir`, see `embedded_postgres`.
  std::filesystem::path fallback_dir = "/var/lib/gitstar";
  /// Ends the start: what was started for it is asked to end, and not waited for.
  std::stop_token stop{};
};

/// The major version of the newest PostgreSQL in `bin_dir`, or installed: a new embedded server
/// runs it. Throws `store_error` where there is none, or only one that is too old.
int embedded_postgres_version(const std::filesystem::path& bin_dir = {});

/// Keeps a private server running as long as the object lives. It listens on a Unix socket in a
/// directory that only its account may enter, never on TCP.
///
/// Any number of objects and processes share one server: the first starts it, the last one out
/// stops it cleanly. Who was killed counts as out, so a server whose users were all killed is
/// reused by the next, and a killed server recovers when it is started again. A server that
/// somebody else started on the same data is used but never stopped.
///
/// Files: `data/` is PostgreSQL's own directory, `server.log` its messages, `users` is locked
/// (flock) by each user, `started` holds the process id of a server that we started, `socket-*/`
/// the socket. They lie in `data_dir`, with two exceptions:
/// - PostgreSQL does not run as root, so root runs it as the account that owns `data/`, at first
///   `postgres`. Where that account cannot enter `data_dir` (a checkout in root's home), they lie
///   in a new directory below `fallback_dir`, and `data_dir/cluster` is a symbolic link to it.
/// - Where the socket's path would pass 107 bytes, it lies in a private directory of /tmp.
class embedded_postgres {
public:
  /// Initialises the data directory if it is new, then joins or starts the server and waits until
  /// it answers. Throws `store_error`: no or too old a PostgreSQL, unwritable directory, what the
  /// server says when it does not start, or that a stop was asked for.
  explicit embedded_postgres(const embedded_options& options);
  embedded_postgres(const embedded_postgres&) = delete;
  embedded_postgres& operator=(const embedded_postgres&) = delete;
  ~embedded_postgres();

  /// Starts the server again if it was killed meanwhile. Throws `store_error`.
  void ensure_running();

  /// Tells the server to stop if nobody else uses it, and does not wait for that: for a process
  /// that is about to end without destructors.
  void ask_to_stop() noexcept;

  /// For `postgres_store`, `migrate` and `psql_command`.
  const std::string& connection_string() const { return connection_string_; }

  /// The `psql` that belongs to the server.
  std::filesystem::path psql() const { return bin_dir_ / "psql"; }

  /// The process id of the server.
  pid_t server_pid() const { return server_; }

private:
  void choose_installation(const std::filesystem::path& bin_dir);
  void initialise(const std::stop_token& asked);
  void join_or_start(const std::stop_token& asked = {});
  void start(const std::stop_token& asked);
  std::string launch(const std::filesystem::path& sockets, const std::stop_token& asked);
  bool interrupt();
  void interrupt_if_alone();
  void stop();
  std::filesystem::path socket_directory(const std::filesystem::path& last);
  void name_database(const std::filesystem::path& sockets) const;

  std::filesystem::path home_;
  std::filesystem::path bin_dir_;
  account account_{};
  std::string connection_string_;
  pid_t server_ = 0;
  int users_ = -1;
};

} // namespace gitstar::db
