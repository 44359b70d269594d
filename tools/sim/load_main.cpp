// Measures how fast a simulator serves search pages: asks for every page of all repositories with
// 10 stars or more over one pipelined keep-alive connection.
#include "tools/sim/text.hpp"

#include <CLI/CLI.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/json.hpp>

#include <unistd.h>

#include <fstream>
#include <iostream>
#include <sstream>

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using gitstar::sim::unix_seconds;

/// The fields of a repository that a crawl stores.
constexpr const char* page_document =
    "query($q:String!,$after:String){search(query:$q,type:REPOSITORY,first:100,after:$after)"
    "{repositoryCount pageInfo{hasNextPage endCursor} nodes{... on Repository{databaseId "
    "nameWithOwner stargazerCount forkCount issues(states:OPEN){totalCount} watchers{totalCount} "
    "primaryLanguage{name} licenseInfo{key} description isFork isArchived isDisabled visibility "
    "diskUsage createdAt updatedAt pushedAt}}}}";
constexpr const char* count_document =
    "query($q:String!){search(query:$q,type:REPOSITORY,first:1){repositoryCount}}";

class connection {
public:
  explicit connection(const std::string& host, const std::string& port)
      : host_(host + ":" + port), socket_(io_) {
    asio::ip::tcp::resolver resolver{io_};
    asio::connect(socket_, resolver.resolve(host, port));
    socket_.set_option(asio::ip::tcp::no_delay{true});
  }

  void send(const char* document, const std::string& query, const std::string& after) {
    json::object variables{{"q", query}};
    if (!after.empty())
      variables["after"] = after;
    auto body = json::serialize(json::object{{"query", document}, {"variables", variables}});
    auto text = "POST /graphql HTTP/1.1\r\nHost: " + host_ +
                "\r\nUser-Agent: gitstar-sim-load\r\nAuthorization: Bearer load\r\n"
                "Content-Length: " +
                std::to_string(body.size()) + "\r\n\r\n" + body;
    asio::write(socket_, asio::buffer(text));
  }

  std::string receive() {
    http::response_parser<http::string_body> parser;
    parser.body_limit(64u << 20);
    http::read(socket_, buffer_, parser);
    if (parser.get().result() != http::status::ok)
      throw std::runtime_error("the simulator answered " + parser.get().body());
    return std::move(parser.get().body());
  }

  int64_t count(const std::string& query) {
    send(count_document, query, "");
    return json::parse(receive())
        .at("data")
        .at("search")
        .at("repositoryCount")
        .to_number<int64_t>();
  }

private:
  std::string host_;
  asio::io_context io_;
  asio::ip::tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

struct page {
  std::string query;
  std::string after;
};

/// Cuts [from, to] into windows of 1,000 matches at most and lists their pages.
void plan_pages(connection& sim, unix_seconds from, unix_seconds to, std::vector<page>& out) {
  std::string query{"stars:>=10 sort:stars-desc created:"};
  gitstar::sim::append_time(query, from);
  query += "..";
  gitstar::sim::append_time(query, to);
  auto matches = sim.count(query);
  if (matches > 1000 && from < to) {
    auto middle = from + (to - from) / 2;
    plan_pages(sim, from, middle, out);
    plan_pages(sim, middle + 1, to, out);
    return;
  }
  for (int64_t rank = 0; rank < std::min<int64_t>(matches, 1000); rank += 100)
    out.push_back(
        {query, rank == 0 ? "" : gitstar::sim::base64_encode("cursor:" + std::to_string(rank))});
}

/// User and system time of a process on this machine, in seconds.
double cpu_seconds(int pid) {
  std::ifstream file{"/proc/" + std::to_string(pid) + "/stat"};
  std::string text{std::istreambuf_iterator<char>{file}, {}};
  std::istringstream fields{text.substr(text.rfind(')') + 2)};
  std::string skipped;
  for (auto i = 0; i < 11; ++i)
    fields >> skipped;
  double user = 0;
  double system = 0;
  fields >> user >> system;
  return (user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

struct options {
  std::string host = "127.0.0.1";
  std::string port;
  size_t depth = 8;
  size_t rounds = 5;
  int pid = 0;
};

void run(const options& from) {
  connection sim{from.host, from.port};
  std::vector<page> pages;
  plan_pages(sim, 1'199'145'600, 1'798'761'600, pages); // 2008 to 2026
  for (size_t round = 0; round < from.rounds; ++round) {
    auto cpu = from.pid != 0 ? cpu_seconds(from.pid) : 0.0;
    auto begin = std::chrono::steady_clock::now();
    size_t bytes = 0;
    size_t sent = 0;
    for (size_t received = 0; received < pages.size(); ++received) {
      for (; sent < pages.size() && sent < received + from.depth; ++sent)
        sim.send(page_document, pages[sent].query, pages[sent].after);
      bytes += sim.receive().size();
    }
    std::chrono::duration<double> wall = std::chrono::steady_clock::now() - begin;
    std::cout << pages.size() << " pages, " << bytes / 1'000'000 << " MB in " << wall.count()
              << " s: " << static_cast<double>(pages.size()) / wall.count() << " pages/s";
    if (from.pid != 0)
      std::cout << ", simulator CPU " << cpu_seconds(from.pid) - cpu << " s";
    std::cout << std::endl;
  }
}

} // namespace

int main(int argc, char** argv) {
  CLI::App app{"Measures how fast gitstar-sim (with --limits none) serves search pages of 100."};
  options from;
  app.add_option("--host", from.host, "Where it listens")->capture_default_str();
  app.add_option("--port", from.port, "Its port")->required();
  app.add_option("--depth", from.depth, "Requests under way")->capture_default_str();
  app.add_option("--rounds", from.rounds, "How often to ask for everything")->capture_default_str();
  app.add_option("--pid", from.pid, "Its process: print the CPU time that it used");
  CLI11_PARSE(app, argc, argv);
  try {
    run(from);
  } catch (const std::exception& error) {
    std::cerr << "gitstar-sim-load: " << error.what() << std::endl;
    return 1;
  }
  return 0;
}
