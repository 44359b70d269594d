#include "tools/sim/server.hpp"

#include "tests/sim/fixture.hpp"
#include "tools/sim/gzip.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>
#include <catch2/catch.hpp>

#include <openssl/pem.h>
#include <openssl/x509.h>

#include <cstdio>
#include <filesystem>
#include <fstream>
#include <thread>
#include <unistd.h>

using namespace gitstar::sim;
namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace json = boost::json;
using tcp = asio::ip::tcp;
using response = http::response<http::string_body>;

namespace {

/// A server on its own thread.
class running_server {
public:
  explicit running_server(server_config config = {}, github_config site = {})
      : site_(make_synthetic(2'000, 1), std::move(site)), server_(site_, config),
        thread_([this] { server_.run(); }) {}

  ~running_server() {
    server_.stop();
    thread_.join();
  }

  uint16_t port() const {
    const auto& url = server_.url();
    return static_cast<uint16_t>(std::stoi(url.substr(url.rfind(':') + 1)));
  }

private:
  github site_;
  server server_;
  std::thread thread_;
};

std::string request_text(const std::string& body, const std::string& headers = "") {
  return "POST /graphql HTTP/1.1\r\nHost: x\r\nUser-Agent: t\r\nAuthorization: Bearer x\r\n" +
         headers + "Content-Length: " + std::to_string(body.size()) + "\r\n\r\n" + body;
}

class client {
public:
  explicit client(uint16_t port) : socket_(io_) {
    socket_.connect({asio::ip::address_v4::loopback(), port});
  }

  void send(const std::string& text) { asio::write(socket_, asio::buffer(text)); }

  response receive() {
    response out;
    http::read(socket_, buffer_, out);
    return out;
  }

private:
  asio::io_context io_;
  tcp::socket socket_;
  boost::beast::flat_buffer buffer_;
};

constexpr const char* viewer_body = R"({"query":"{viewer{__typename}}"})";

/// Whether a gzip member ends with the size of what it holds.
bool is_whole_gzip(const std::string& body) {
  constexpr auto size = std::string_view{R"({"data":{"viewer":{"__typename":"User"}}})"}.size();
  return body.size() > 18 && static_cast<unsigned char>(body[body.size() - 4]) == size;
}

/// A folder that is gone after the test.
struct temporary_folder {
  std::filesystem::path path =
      std::filesystem::temp_directory_path() / ("gitstar-sim-test-" + std::to_string(getpid()));

  temporary_folder() { std::filesystem::create_directories(path); }
  ~temporary_folder() { std::filesystem::remove_all(path); }
};

void write_certificate(const std::string& cert, const std::string& key) {
  auto pair = EVP_RSA_gen(2048);
  auto x509 = X509_new();
  ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
  X509_gmtime_adj(X509_get_notBefore(x509), 0);
  X509_gmtime_adj(X509_get_notAfter(x509), 3600);
  X509_set_pubkey(x509, pair);
  auto name = X509_get_subject_name(x509);
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>("localhost"), -1, -1, 0);
  X509_set_issuer_name(x509, name);
  X509_sign(x509, pair, EVP_sha256());
  auto file = std::fopen(cert.c_str(), "w");
  PEM_write_X509(file, x509);
  std::fclose(file);
  file = std::fopen(key.c_str(), "w");
  PEM_write_PrivateKey(file, pair, nullptr, nullptr, 0, nullptr, nullptr);
  std::fclose(file);
  X509_free(x509);
  EVP_PKEY_free(pair);
}

} // namespace

TEST_CASE("a connection serves many requests, also pipelined ones", "[sim]") {
  running_server server;
  client connection{server.port()};
  for (auto i = 0; i < 3; ++i)
    connection.send(request_text(viewer_body) + request_text(viewer_body));
  for (auto i = 0; i < 6; ++i) {
    auto answer = connection.receive();
    CHECK(answer.result_int() == 200);
    CHECK(answer.body() == R"({"data":{"viewer":{"__typename":"User"}}})");
    CHECK(answer["x-ratelimit-used"] == std::to_string(i + 1));
    CHECK_FALSE(answer["x-github-request-id"].empty());
  }
}

TEST_CASE("an answer is compressed where that is asked for", "[sim]") {
  running_server server;
  client connection{server.port()};
  connection.send(request_text(viewer_body, "Accept-Encoding: deflate, gzip\r\n"));
  auto answer = connection.receive();
  CHECK(answer["content-encoding"] == "gzip");
  CHECK(answer.chunked());
  temporary_folder folder;
  auto file = folder.path / "answer.gz";
  std::ofstream{file, std::ios::binary} << answer.body();
  CHECK(read_maybe_gzipped(file) == R"({"data":{"viewer":{"__typename":"User"}}})");
}

TEST_CASE("the truth comes in parts", "[sim]") {
  running_server server;
  client connection{server.port()};
  connection.send("GET /_sim/truth.csv HTTP/1.1\r\nHost: x\r\n\r\n");
  auto answer = connection.receive();
  CHECK(answer.chunked());
  auto lines = std::count(answer.body().begin(), answer.body().end(), '\n');
  CHECK(lines == 2'001);
}

TEST_CASE("a request without a user agent ends its connection", "[sim]") {
  running_server server;
  client connection{server.port()};
  connection.send("GET /rate_limit HTTP/1.1\r\nHost: x\r\n\r\n");
  auto answer = connection.receive();
  CHECK(answer.result_int() == 403);
  CHECK_FALSE(answer.keep_alive());
  CHECK_THROWS(connection.receive());
}

TEST_CASE("latency delays an answer but not the other connections", "[sim]") {
  server_config config;
  config.latency = std::chrono::milliseconds{100};
  running_server server{config};
  std::list<client> connections;
  for (auto i = 0; i < 20; ++i)
    connections.emplace_back(server.port()).send(request_text(viewer_body));
  for (auto& connection : connections)
    CHECK(connection.receive().result_int() == 200);
  client admin{server.port()};
  admin.send("GET /_sim/stats HTTP/1.1\r\nHost: x\r\n\r\n");
  auto stats = json::parse(admin.receive().body());
  CHECK(stats.at("peak_concurrency").as_int64() > 1);
  CHECK(stats.at("response_seconds").as_double() >= 2.0);
  CHECK(stats.at("in_flight") == 0);
}

TEST_CASE("a client that leaves is no longer under way", "[sim]") {
  server_config config;
  config.latency = std::chrono::milliseconds{20};
  running_server server{config};
  { client{server.port()}.send(request_text(viewer_body)); }
  client admin{server.port()};
  for (auto left = int64_t{1}; left != 0;) {
    admin.send("GET /_sim/stats HTTP/1.1\r\nHost: x\r\n\r\n");
    auto stats = json::parse(admin.receive().body());
    left = stats.at("requests") == 1 ? stats.at("in_flight").as_int64() : 1;
  }
}

TEST_CASE("a fault spoils how an answer arrives", "[sim]") {
  struct arrival {
    const char* fault;
    const char* headers;
    const char* outcome; ///< of reading it, and of reading the next
  };
  const arrival table[] = {
      {"delay, milliseconds: 5", "", "whole whole"},
      {"slow_body, milliseconds: 20", "", "whole whole"},
      {"slow_body, milliseconds: 20", "Accept-Encoding: gzip\r\n", "whole whole"},
      {"oversized_body, bytes: 3000000", "", "long whole"},
      {"truncated_gzip", "Accept-Encoding: gzip\r\n", "half whole"},
      {"truncated_gzip", "", "half whole"},
      {"reset_mid_body", "", "lost lost"},
      {"reset_mid_body", "Accept-Encoding: gzip\r\n", "lost lost"},
      {"reset_before_answer", "", "lost lost"},
      {"close_after_answer", "", "whole lost"},
      {"outage_reset, milliseconds: 1", "", "lost lost"},
  };
  for (const auto& [fault, headers, outcome] : table) {
    INFO(fault << ' ' << headers);
    github_config site;
    site.faults = parse_faults(std::string{"faults: [{ times: 1, fault: "} + fault + " }]", "test");
    running_server server{{}, site};
    client connection{server.port()};
    // Named again, because clang 14 captures no structured binding.
    auto receive = [&connection, &headers = headers]() -> std::string {
      try {
        connection.send(request_text(viewer_body, headers));
        auto answer = connection.receive();
        if (answer.body().size() > 1'000'000)
          return "long";
        auto compressed = answer["content-encoding"] == "gzip";
        auto whole = compressed ? is_whole_gzip(answer.body())
                                : answer.body() == R"({"data":{"viewer":{"__typename":"User"}}})";
        return whole && answer.keep_alive() ? "whole" : "half";
      } catch (const boost::system::system_error&) {
        return "lost";
      }
    };
    auto first = receive();
    CHECK(first + " " + receive() == outcome);
  }
}

TEST_CASE("in an outage connections are refused, and then taken again", "[sim]") {
  github_config site;
  site.faults = parse_faults("faults: [{fault: outage, times: 1, milliseconds: 200}]", "test");
  running_server server{{}, site};
  client connection{server.port()};
  connection.send(request_text(viewer_body));
  CHECK_THROWS(connection.receive());
  CHECK_THROWS_WITH(client{server.port()}, Catch::Contains("Connection refused"));
  auto refused = 0;
  for (;;) {
    try {
      client back{server.port()};
      back.send(request_text(viewer_body));
      CHECK(back.receive().result_int() == 200);
      break;
    } catch (const boost::system::system_error&) {
      ++refused;
    }
  }
  CHECK(refused > 0);
}

TEST_CASE("the simulator speaks TLS", "[sim]") {
  temporary_folder folder;
  server_config config;
  config.tls_cert = folder.path / "cert.pem";
  config.tls_key = folder.path / "key.pem";
  write_certificate(config.tls_cert, config.tls_key);
  running_server server{config};
  asio::io_context io;
  asio::ssl::context tls{asio::ssl::context::tls_client};
  tls.load_verify_file(config.tls_cert);
  asio::ssl::stream<tcp::socket> stream{io, tls};
  stream.set_verify_mode(asio::ssl::verify_peer);
  stream.next_layer().connect({asio::ip::address_v4::loopback(), server.port()});
  stream.handshake(asio::ssl::stream_base::client);
  asio::write(stream, asio::buffer(request_text(viewer_body)));
  boost::beast::flat_buffer buffer;
  response answer;
  http::read(stream, buffer, answer);
  CHECK(answer.body() == R"({"data":{"viewer":{"__typename":"User"}}})");
}

TEST_CASE("a port in use is an error", "[sim]") {
  running_server server;
  github site{make_synthetic(10, 1), {}};
  server_config config;
  config.port = server.port();
  CHECK_THROWS_WITH((gitstar::sim::server{site, config}),
                    Catch::Contains("Address already in use"));
}
