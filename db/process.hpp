/// Starting programs under another account, for the embedded server.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

namespace gitstar::db {

/// Who a program runs as.
struct account {
  uid_t user;
  gid_t group;
};

/// The account this process runs as.
account current_account();

/// Starts a program in its own session (a terminal's Ctrl-C does not reach it), in directory `/`,
/// as `who`, with only PATH, TZ=UTC and `variables` ("NAME=value") in its environment; its output
/// is appended to `output`. Returns its process id. Throws `std::system_error`. A program that
/// cannot be executed exits with status 127.
pid_t start_program(const std::vector<std::string>& argv, account who,
                    const std::filesystem::path& output,
                    const std::vector<std::string>& variables = {});

/// Waits for a program that `start_program` started; true if it exited with status 0. After a stop
/// it is interrupted together with its children, and not waited for.
bool wait_for_success(pid_t child, const std::stop_token& stop = {});

/// The first line that a program prints; empty where it cannot be run.
std::string first_line_of_output(const std::vector<std::string>& argv);

/// May `who` pass through all parents of `directory` and enter it?
bool can_enter(const std::filesystem::path& directory, account who);

} // namespace gitstar::db
