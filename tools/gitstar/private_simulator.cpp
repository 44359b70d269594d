#include "tools/gitstar/private_simulator.hpp"

#include "net/http_client.hpp"

#include <boost/asio/io_context.hpp>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <filesystem>
#include <memory>
#include <stdexcept>
#include <system_error>

#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace gitstar::tool {

namespace {

constexpr const char* program = "gitstar-sim";

/// Answers of the simulator about itself may be long: the truth has a line per repository.
constexpr uint64_t longest_answer = uint64_t{1} << 30;

std::string simulator_path() {
  std::error_code none;
  auto beside = std::filesystem::read_symlink("/proc/self/exe", none).parent_path() / program;
  return std::filesystem::exists(beside, none) ? beside.string() : program;
}

[[noreturn]] void become(const std::vector<std::string>& words, int output) {
  // Ctrl-C is for the crawl, which ends the simulator afterwards.
  setpgid(0, 0);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  dup2(output, STDOUT_FILENO);
  dup2(output, STDERR_FILENO);
  std::vector<char*> arguments;
  for (auto& word : words)
    arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  execvp(arguments[0], arguments.data());
  std::fprintf(stderr, "%s: cannot be started\n", arguments[0]);
  _exit(127);
}

/// The URL in "gitstar-sim: listening on URL (...)"; empty where the line says something else.
std::string url_in(const std::string& line) {
  constexpr std::string_view before = "listening on ";
  auto begin = line.find(before);
  if (begin == std::string::npos)
    return {};
  begin += before.size();
  return line.substr(begin, line.find(' ', begin) - begin);
}

} // namespace

private_simulator::private_simulator(const std::vector<std::string>& arguments) {
  std::vector<std::string> words{simulator_path(), "--listen", "127.0.0.1:0"};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::array<int, 2> pipe_ends{};
  if (pipe2(pipe_ends.data(), O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe");
  process_ = fork();
  if (process_ == 0)
    become(words, pipe_ends[1]);
  close(pipe_ends[1]);
  auto output = std::unique_ptr<FILE, int (*)(FILE*)>{fdopen(pipe_ends[0], "r"), std::fclose};
  if (process_ < 0 || !output)
    throw std::system_error(errno, std::generic_category(), "cannot start gitstar-sim");
  std::string said;
  std::array<char, 4096> line{};
  while (url_.empty() && std::fgets(line.data(), line.size(), output.get()) != nullptr) {
    said += line.data();
    url_ = url_in(said);
  }
  if (!url_.empty())
    return;
  stop();
  while (!said.empty() && said.back() == '\n')
    said.pop_back();
  throw refused_arguments(said.empty() ? "gitstar-sim ended without a word" : said);
}

private_simulator::~private_simulator() { stop(); }

void private_simulator::stop() {
  if (process_ <= 0)
    return;
  kill(process_, SIGTERM);
  while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
  }
  process_ = -1;
}

std::string private_simulator::get(const std::string& target) const {
  boost::asio::io_context context{1};
  net::http_options options;
  options.max_body_bytes = longest_answer;
  net::http_client client{context, net::parse_url(url_), options};
  net::http_response answer;
  client.async_send({"GET", target, {}, {}}, [&](net::http_response got) {
    answer = std::move(got);
    client.stop();
  });
  context.run();
  if (answer.failure != net::http_failure::none || answer.status != 200)
    throw std::runtime_error("gitstar-sim does not answer " + target + ": " +
                             (answer.detail.empty() ? answer.body : answer.detail));
  return std::move(answer.body);
}

} // namespace gitstar::tool
