#include "db/process.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <system_error>
#include <thread>

#include <fcntl.h>
#include <grp.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gitstar::db {

namespace {

// Between fork and exec only async-signal-safe calls are allowed: other threads may have held the
// allocator's lock. Everything that allocates is therefore prepared before.

bool become(account who) {
  if (geteuid() == who.user)
    return true;
  return setgroups(1, &who.group) == 0 && setgid(who.group) == 0 && setuid(who.user) == 0;
}

std::vector<char*> pointers_to(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (auto& x : strings)
    result.push_back(x.data());
  result.push_back(nullptr);
  return result;
}

std::vector<std::string> minimal_environment() {
  const auto* path = getenv("PATH");
  return {std::string{"PATH="} + (path ? path : "/usr/bin:/bin"), "TZ=UTC"};
}

pid_t start_with_output(std::vector<std::string> argv, account who, int output,
                        const std::vector<std::string>& variables = {}) {
  auto environment = minimal_environment();
  environment.insert(environment.end(), variables.begin(), variables.end());
  auto argv_pointers = pointers_to(argv);
  auto environment_pointers = pointers_to(environment);
  // Who interrupts the child before it is another program must not reach our handlers in it.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  auto child = fork();
  auto error = errno;
  if (child != 0)
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (child == -1)
    throw std::system_error(error, std::generic_category(), "fork");
  if (child != 0)
    return child;
  for (auto x : {SIGINT, SIGTERM, SIGPIPE})
    signal(x, SIG_DFL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  setsid();
  auto input = open("/dev/null", O_RDONLY);
  if (input < 0 || dup2(input, 0) < 0 || dup2(output, 1) < 0 || dup2(output, 2) < 0)
    _exit(127);
  if (!become(who) || chdir("/") != 0)
    _exit(127);
  execve(argv_pointers[0], argv_pointers.data(), environment_pointers.data());
  _exit(127);
}

int wait_status(pid_t child) {
  int status = 0;
  while (waitpid(child, &status, 0) == -1)
    if (errno != EINTR)
      return -1;
  return status;
}

int wait_status(pid_t child, const std::stop_token& stop) {
  int status = 0;
  for (;;) {
    auto found = waitpid(child, &status, WNOHANG);
    if (found == child)
      return status;
    if (found == -1 && errno != EINTR)
      return -1;
    if (stop.stop_requested()) {
      kill(-child, SIGINT); // it leads a process group, see setsid
      return -1;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds{5});
  }
}

} // namespace

account current_account() { return {geteuid(), getegid()}; }

pid_t start_program(const std::vector<std::string>& argv, account who,
                    const std::filesystem::path& output,
                    const std::vector<std::string>& variables) {
  auto fd = open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0)
    throw std::system_error(errno, std::generic_category(), "cannot write " + output.string());
  auto child = start_with_output(argv, who, fd, variables);
  close(fd);
  return child;
}

bool wait_for_success(pid_t child, const std::stop_token& stop) {
  auto status = stop.stop_possible() ? wait_status(child, stop) : wait_status(child);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string first_line_of_output(const std::vector<std::string>& argv) {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe");
  auto child = start_with_output(argv, current_account(), ends[1]);
  close(ends[1]);
  std::string text;
  char buffer[512];
  for (;;) {
    auto count = read(ends[0], buffer, sizeof buffer);
    if (count > 0)
      text.append(buffer, static_cast<std::size_t>(count));
    else if (count == 0 || errno != EINTR)
      break;
  }
  close(ends[0]);
  wait_status(child);
  return text.substr(0, text.find('\n'));
}

bool can_enter(const std::filesystem::path& directory, account who) {
  auto child = fork();
  if (child == -1)
    throw std::system_error(errno, std::generic_category(), "fork");
  if (child == 0)
    _exit(become(who) && access(directory.c_str(), X_OK) == 0 ? 0 : 1);
  return wait_for_success(child);
}

} // namespace gitstar::db
