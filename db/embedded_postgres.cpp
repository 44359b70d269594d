#include "db/embedded_postgres.hpp"

#include "db/connection.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <optional>
#include <sstream>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <pwd.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

namespace fs = std::filesystem;

namespace gitstar::db {

namespace {

using namespace std::chrono_literals;

constexpr int oldest_supported = 13;
constexpr std::size_t longest_socket_path = 107; // sockaddr_un::sun_path without its NUL
constexpr auto socket_name = "/.s.PGSQL.5432";
constexpr std::uintmax_t longest_log = 1 << 20;
constexpr auto poll_interval = 5ms;
constexpr auto patience = 120s; // for a server to stop, or for orphans of a killed one to end

// Tuned for bulk loading on a small machine. Nothing here gives up a committed row: fsync,
// synchronous_commit and full_page_writes stay on. Given on the command line, so that a new
// release's values apply to old data directories.
constexpr const char* settings[] = {
    "listen_addresses=",
    "port=5432",
    "unix_socket_permissions=0700",
    "max_connections=50",
    "shared_buffers=128MB",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "wal_level=minimal", // no replica and no archive: less to write
    "max_wal_senders=0",
    "wal_buffers=16MB",
    "max_wal_size=2GB", // a load of a million repositories without a forced checkpoint
    "min_wal_size=256MB",
    "checkpoint_timeout=15min",
    "checkpoint_completion_target=0.9",
    "random_page_cost=1.1",
    "min_parallel_table_scan_size=256MB", // a worker costs more than it saves on smaller ones
    "jit=off",                            // compiles longer than our statements run
    "autovacuum=on",
    "log_checkpoints=off",
    "log_min_messages=warning",
    "timezone=UTC",
    "log_timezone=UTC",
};

// A batch takes arrays of some hundred kilobytes, which glibc would return to the kernel after each
// and fault in anew: a tenth of PostgreSQL's CPU time in a crawl of 100,000 (mallopt(3)).
constexpr const char* allocator_settings[] = {
    "MALLOC_MMAP_THRESHOLD_=33554432",
    "MALLOC_TRIM_THRESHOLD_=67108864",
    "MALLOC_TOP_PAD_=4194304",
};

[[noreturn]] void fail(const std::string& text) { throw store_error(text); }

std::string reason_of(int error) { return std::generic_category().message(error); }

void refuse_after(const std::stop_token& stop) {
  if (stop.stop_requested())
    fail("a stop was asked for while PostgreSQL was starting");
}

/// A file descriptor; a lock that it holds ends with it.
class open_file {
public:
  open_file(const fs::path& path, int open_flags) : fd_(open(path.c_str(), open_flags, 0600)) {
    if (fd_ < 0)
      fail("cannot open " + path.string() + ": " + reason_of(errno));
  }
  open_file(const open_file&) = delete;
  open_file& operator=(const open_file&) = delete;
  ~open_file() {
    if (fd_ >= 0)
      close(fd_);
  }

  void lock(int mode, const std::stop_token& stop = {}) {
    while (flock(fd_, stop.stop_possible() ? mode | LOCK_NB : mode) != 0) {
      if (errno != EINTR && errno != EWOULDBLOCK)
        fail("cannot lock the data directory: " + reason_of(errno));
      refuse_after(stop);
      std::this_thread::sleep_for(poll_interval);
    }
  }

  int descriptor() const { return fd_; }
  int release() { return std::exchange(fd_, -1); }

private:
  int fd_;
};

/// Holds the lock of a directory: who decides what happens to the server, alone.
class directory_lock {
public:
  explicit directory_lock(const fs::path& directory, const std::stop_token& stop = {})
      : file_(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC) {
    file_.lock(LOCK_EX, stop);
  }

private:
  open_file file_;
};

std::string read_text(const fs::path& path) {
  std::ifstream file{path};
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

/// What `postmaster.pid` tells (PostgreSQL's miscadmin.h lists its lines).
struct pid_file {
  pid_t pid = 0;
  std::string socket_directory;
  std::string status;
};

pid_file read_pid_file(const fs::path& data) {
  std::ifstream file{data / "postmaster.pid"};
  pid_file result;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    if (number == 1)
      result.pid = static_cast<pid_t>(std::strtol(line.c_str(), nullptr, 10));
    else if (number == 5)
      result.socket_directory = line;
    else if (number == 8)
      result.status = line.substr(0, line.find(' '));
  }
  return result;
}

// A process id alone may belong to another program by now; a postmaster stays in its data.
bool runs_in(pid_t pid, const fs::path& data) {
  std::error_code error;
  auto directory = fs::read_symlink("/proc/" + std::to_string(pid) + "/cwd", error);
  return !error && fs::equivalent(directory, data, error) && !error;
}

bool is_running(const pid_file& server, const fs::path& data) {
  return server.pid > 0 && runs_in(server.pid, data);
}

struct installation {
  fs::path bin;
  int major = 0;
};

installation inspect_installation(const fs::path& bin) {
  constexpr std::string_view prefix = "postgres (PostgreSQL) ";
  auto line = first_line_of_output({bin / "postgres", "--version"});
  if (!line.starts_with(prefix))
    return {bin, 0};
  return {bin, static_cast<int>(std::strtol(line.c_str() + prefix.size(), nullptr, 10))};
}

void collect(std::vector<installation>& found, const fs::path& bin) {
  if (access((bin / "postgres").c_str(), X_OK) == 0)
    if (auto x = inspect_installation(bin); x.major > 0)
      found.push_back(x);
}

/// The installed servers, the newest first.
std::vector<installation> find_installations(const fs::path& bin_dir) {
  std::vector<installation> found;
  if (!bin_dir.empty()) {
    collect(found, bin_dir);
    return found;
  }
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/usr/lib/postgresql", error))
    collect(found, entry.path() / "bin");
  if (found.empty()) {
    const auto* path = getenv("PATH");
    std::istringstream directories{path ? path : ""};
    for (std::string directory; std::getline(directories, directory, ':');)
      if (directory.starts_with('/'))
        collect(found, directory);
  }
  std::sort(found.begin(), found.end(),
            [](const auto& a, const auto& b) { return a.major > b.major; });
  return found;
}

/// The same, and there is one that is new enough.
std::vector<installation> usable_installations(const fs::path& bin_dir) {
  auto found = find_installations(bin_dir);
  if (found.empty())
    fail("no PostgreSQL server is installed" +
         (bin_dir.empty() ? std::string{" (looked in /usr/lib/postgresql and PATH)"}
                          : " in " + bin_dir.string()));
  if (found.front().major < oldest_supported)
    fail("PostgreSQL " + std::to_string(found.front().major) + " in " + found.front().bin.string() +
         " is not supported: the embedded server needs " + std::to_string(oldest_supported) +
         " or newer");
  return found;
}

/// Who may own a new cluster: root's goes to `postgres`.
account new_cluster_account() {
  if (geteuid() != 0)
    return current_account();
  const auto* entry = getpwnam("postgres");
  if (entry == nullptr)
    fail("PostgreSQL does not run as root, and there is no account postgres to run it as");
  return {entry->pw_uid, entry->pw_gid};
}

account owner_of(const fs::path& data) {
  struct stat status {};
  if (stat(data.c_str(), &status) != 0)
    return new_cluster_account();
  if (geteuid() != 0 && status.st_uid != geteuid())
    fail("the data directory " + data.string() + " belongs to another account");
  return {status.st_uid, status.st_gid};
}

void give_to(const fs::path& path, account who) {
  if (who.user != geteuid() && chown(path.c_str(), who.user, who.group) != 0)
    fail("cannot give " + path.string() + " to PostgreSQL's account: " + reason_of(errno));
}

void make_private_directory(const fs::path& path, account who) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    fail("cannot create " + path.string() + ": " + reason_of(errno));
  give_to(path, who);
}

fs::path make_unique_directory(const fs::path& prefix) {
  auto name = prefix.string() + "XXXXXX";
  if (mkdtemp(name.data()) == nullptr)
    fail("cannot create " + name + ": " + reason_of(errno));
  return name;
}

fs::path make_writable_directory(const fs::path& path) {
  std::error_code error;
  auto absolute = fs::absolute(path).lexically_normal();
  fs::create_directories(absolute, error);
  if (error || access(absolute.c_str(), W_OK | X_OK) != 0)
    fail("cannot write to the data directory " + absolute.string() + ": " +
         (error ? error.message() : reason_of(errno)));
  return absolute;
}

/// Where the files lie: `data_dir`, or a directory that its link `cluster` leads to.
fs::path find_home(const embedded_options& options) {
  auto data_dir = make_writable_directory(options.data_dir);
  directory_lock lock{data_dir, options.stop};
  auto link = data_dir / "cluster";
  std::error_code error;
  if (auto target = fs::read_symlink(link, error); !error) {
    if (fs::is_directory(target, error))
      return target;
    fs::remove(link);
  }
  if (geteuid() != 0 || fs::exists(data_dir / "data") || can_enter(data_dir, new_cluster_account()))
    return data_dir;
  auto home = make_unique_directory(make_writable_directory(options.fallback_dir) / "");
  if (chmod(home.c_str(), 0711) != 0 || symlink(home.c_str(), link.c_str()) != 0)
    fail("cannot set up " + home.string() + ": " + reason_of(errno));
  return home;
}

// initdb would flush each of its thousand files by itself, which takes seconds on a busy disk.
void flush_file_system(const fs::path& directory) {
  open_file file{directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC};
  if (syncfs(file.descriptor()) != 0)
    fail("cannot flush " + directory.string() + ": " + reason_of(errno));
}

std::string last_complaint(const fs::path& log, std::uintmax_t from) {
  std::ifstream file{log};
  file.seekg(static_cast<std::streamoff>(from));
  std::string complaint;
  std::string last;
  for (std::string line; std::getline(file, line);) {
    if (line.find("FATAL:") != std::string::npos || line.find("error:") != std::string::npos)
      complaint = line;
    if (!line.empty())
      last = line;
  }
  return complaint.empty() ? last : complaint;
}

std::uintmax_t size_of(const fs::path& file) {
  std::error_code error;
  auto size = fs::file_size(file, error);
  return error ? 0 : size;
}

bool ended(pid_t child) { return waitpid(child, nullptr, WNOHANG) != 0; }

// PostgreSQL splits the setting at commas and trims it, so plain characters only.
bool fits_a_socket(const fs::path& directory) {
  auto path = directory.string();
  return path.size() + std::char_traits<char>::length(socket_name) <= longest_socket_path &&
         path.find_first_of(",\"'\\ \t\n") == std::string::npos;
}

std::string connect_text(const fs::path& sockets, const std::string& database) {
  return "host='" + sockets.string() + "' port=5432 user=gitstar dbname=" + database;
}

void remove_socket(const fs::path& directory) {
  std::error_code error;
  fs::remove(directory.string() + socket_name, error);
  fs::remove(directory.string() + socket_name + ".lock", error);
}

} // namespace

embedded_postgres::embedded_postgres(const embedded_options& options) : home_(find_home(options)) {
  directory_lock gate{home_, options.stop};
  account_ = owner_of(home_ / "data");
  choose_installation(options.bin_dir);
  if (!fs::exists(home_ / "data"))
    initialise(options.stop);
  open_file users{home_ / "users", O_RDWR | O_CREAT | O_CLOEXEC};
  users.lock(LOCK_SH, options.stop);
  users_ = users.descriptor(); // not ours before all has gone well
  join_or_start(options.stop);
  users.release();
}

embedded_postgres::~embedded_postgres() {
  try {
    directory_lock gate{home_};
    auto alone = flock(users_, LOCK_EX | LOCK_NB) == 0;
    if (alone)
      stop();
  } catch (const std::exception&) {
    // The server goes on running; the next user joins it.
  }
  close(users_);
}

void embedded_postgres::ask_to_stop() noexcept {
  try {
    // Whoever holds the directory's lock uses the server. Taking it could take long.
    open_file gate{home_, O_RDONLY | O_DIRECTORY | O_CLOEXEC};
    if (flock(gate.descriptor(), LOCK_EX | LOCK_NB) == 0)
      interrupt_if_alone();
  } catch (const std::exception&) {
    // The server goes on running; the next user joins it.
  }
}

void embedded_postgres::ensure_running() {
  directory_lock gate{home_};
  join_or_start();
}

int embedded_postgres_version(const fs::path& bin_dir) {
  return usable_installations(bin_dir).front().major;
}

void embedded_postgres::choose_installation(const fs::path& bin_dir) {
  auto found = usable_installations(bin_dir);
  auto wanted = found.front().major;
  if (auto version = read_text(home_ / "data" / "PG_VERSION"); !version.empty())
    wanted = static_cast<int>(std::strtol(version.c_str(), nullptr, 10));
  auto match = std::find_if(found.begin(), found.end(),
                            [wanted](const auto& x) { return x.major == wanted; });
  if (match == found.end())
    fail("the data in " + home_.string() + " belongs to PostgreSQL " + std::to_string(wanted) +
         ", which is not installed (found " + std::to_string(found.front().major) + ")");
  bin_dir_ = match->bin;
}

// The directory gets its name when it is whole, so a killed initdb leaves nothing half-made.
void embedded_postgres::initialise(const std::stop_token& asked) {
  auto unfinished = home_ / "data.new";
  auto log = home_ / "server.log";
  // initdb and its children inherit this lock, so that the next process waits for those that a
  // killed one left behind: they go on writing into the directory.
  auto lock_path = home_ / "initdb.lock";
  open_file writers{lock_path, O_RDWR | O_CREAT};
  writers.lock(LOCK_EX, asked);
  std::error_code error;
  fs::remove_all(unfinished, error);
  make_private_directory(unfinished, account_);
  auto log_size = size_of(log);
  auto initdb = start_program(
      {bin_dir_ / "initdb", "--pgdata=" + unfinished.string(), "--username=gitstar", "--auth=trust",
       "--encoding=UTF8", "--lc-collate=C", "--lc-ctype=C.UTF-8", "--lc-messages=C", "--no-sync"},
      account_, log);
  auto success = wait_for_success(initdb, asked);
  refuse_after(asked);
  if (!success)
    fail("initdb failed: " + last_complaint(log, log_size));
  flush_file_system(unfinished);
  fs::rename(unfinished, home_ / "data");
  fs::remove(lock_path);
  flush_file_system(home_);
}

void embedded_postgres::join_or_start(const std::stop_token& asked) {
  auto data = home_ / "data";
  auto server = read_pid_file(data);
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (is_running(server, data) && server.status != "ready") {
    if (asked.stop_requested())
      interrupt_if_alone(); // who has started it was killed
    refuse_after(asked);
    if (std::chrono::steady_clock::now() > deadline)
      fail("the server in " + home_.string() + " neither starts nor stops");
    std::this_thread::sleep_for(poll_interval);
    server = read_pid_file(data);
  }
  auto joined = is_running(server, data);
  if (!joined) {
    start(asked);
    server = read_pid_file(data);
  }
  server_ = server.pid;
  connection_string_ = connect_text(server.socket_directory, "gitstar");
  try {
    std::stop_callback on_stop{asked, [this] { interrupt_if_alone(); }};
    name_database(server.socket_directory); // who started what we join may have been killed before
  } catch (...) {
    if (!joined && !asked.stop_requested())
      stop();
    throw;
  }
  refuse_after(asked);
}

void embedded_postgres::start(const std::stop_token& asked) {
  auto data = home_ / "data";
  auto log = home_ / "server.log";
  auto stale = read_pid_file(data);
  // PostgreSQL refuses to start while any process of its account has the recorded id. Its check
  // for survivors in the shared memory does not need the file.
  if (stale.pid > 0 && kill(stale.pid, 0) == 0)
    fs::remove(data / "postmaster.pid");
  if (size_of(log) > longest_log)
    fs::resize_file(log, 0);
  auto sockets = socket_directory(stale.socket_directory);
  remove_socket(sockets);
  auto deadline = std::chrono::steady_clock::now() + patience;
  auto complaint = launch(sockets, asked);
  while (complaint.find("shared memory block") != std::string::npos &&
         std::chrono::steady_clock::now() < deadline) {
    // Orphans of a killed server end as soon as they notice.
    std::this_thread::sleep_for(10 * poll_interval);
    complaint = launch(sockets, asked);
  }
  if (!complaint.empty())
    fail("PostgreSQL does not start: " + complaint);
}

std::string embedded_postgres::launch(const fs::path& sockets, const std::stop_token& asked) {
  auto data = home_ / "data";
  auto log = home_ / "server.log";
  std::vector<std::string> argv{bin_dir_ / "postgres", "-D", data.string(), "-c",
                                "unix_socket_directories=" + sockets.string()};
  for (const auto* x : settings) {
    argv.emplace_back("-c");
    argv.emplace_back(x);
  }
  auto log_size = size_of(log);
  auto child = start_program(argv, account_, log,
                             {std::begin(allocator_settings), std::end(allocator_settings)});
  std::ofstream{home_ / "started"} << child << '\n';
  for (;;) {
    if (auto server = read_pid_file(data); server.pid == child && server.status == "ready")
      return {};
    if (asked.stop_requested())
      kill(child, SIGINT); // as `interrupt`, but it may not have written its file yet
    refuse_after(asked);
    if (ended(child)) {
      auto complaint = last_complaint(log, log_size);
      return complaint.empty() ? "it ended at once, see " + log.string() : complaint;
    }
    std::this_thread::sleep_for(poll_interval);
  }
}

/// True if the server is ours and is ending now.
bool embedded_postgres::interrupt() {
  auto data = home_ / "data";
  auto server = read_pid_file(data);
  auto started = std::strtol(read_text(home_ / "started").c_str(), nullptr, 10);
  // "fast": ends the sessions, writes a checkpoint
  return is_running(server, data) && server.pid == started && kill(server.pid, SIGINT) == 0;
}

void embedded_postgres::interrupt_if_alone() {
  if (flock(users_, LOCK_EX | LOCK_NB) == 0)
    interrupt();
}

void embedded_postgres::stop() {
  auto data = home_ / "data";
  auto server = read_pid_file(data);
  if (!interrupt())
    return;
  auto deadline = std::chrono::steady_clock::now() + patience;
  while (runs_in(server.pid, data) && std::chrono::steady_clock::now() < deadline)
    std::this_thread::sleep_for(poll_interval);
  ended(server.pid); // collects it where it is our child
  rmdir(server.socket_directory.c_str());
}

fs::path embedded_postgres::socket_directory(const fs::path& last) {
  struct stat status {};
  auto reusable = !last.empty() && fits_a_socket(last) && lstat(last.c_str(), &status) == 0 &&
                  S_ISDIR(status.st_mode) && status.st_uid == account_.user &&
                  (status.st_mode & 0777) == 0700;
  if (reusable)
    return last;
  // A server whose data directory was deleted removes its socket by name when it notices, so no
  // two servers may share one.
  auto prefix = home_ / "socket-";
  auto directory =
      make_unique_directory(fits_a_socket(prefix.string() + "XXXXXX") ? prefix : "/tmp/gitstar-");
  give_to(directory, account_);
  return directory;
}

// Renaming costs nothing; CREATE DATABASE copies and flushes some hundred files.
void embedded_postgres::name_database(const fs::path& sockets) const {
  connection server{connect_text(sockets, "template1")};
  if (server.statement("select from pg_database where datname = 'gitstar'").empty())
    server.statement("alter database postgres rename to gitstar");
}

} // namespace gitstar::db
