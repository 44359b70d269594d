#include "net/status_server.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/streambuf.hpp>
#include <boost/asio/write.hpp>
#include <catch2/catch.hpp>

using namespace gitstar::net;
using namespace std::chrono_literals;

namespace {

status_server_options any_port() {
  status_server_options result;
  result.port = 0;
  return result;
}

status_handlers healthy() {
  return {[] { return std::string{"gitstar_up 1\n"}; }, [] { return health{true, "crawling"}; }};
}

/// Sends raw text and reads until the server closes.
std::string talk(const status_server& server, const std::string& text) {
  namespace asio = boost::asio;
  asio::io_context context;
  asio::ip::tcp::socket socket{context};
  socket.connect({asio::ip::make_address("127.0.0.1"), server.port()});
  boost::system::error_code ec;
  asio::write(socket, asio::buffer(text), ec);
  std::string answer;
  asio::read(socket, asio::dynamic_buffer(answer), ec);
  return answer;
}

std::string request_text(const std::string& method, const std::string& target) {
  return method + " " + target + " HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n";
}

} // namespace

TEST_CASE("metrics are served as Prometheus reads them", "[status_server]") {
  status_server server{any_port(), healthy()};
  auto answer = talk(server, request_text("GET", "/metrics?x=y"));
  CHECK_THAT(answer, Catch::StartsWith("HTTP/1.1 200 OK\r\n"));
  CHECK_THAT(answer, Catch::Contains("Content-Type: text/plain; version=0.0.4; charset=utf-8\r\n"));
  CHECK_THAT(answer, Catch::EndsWith("\r\n\r\ngitstar_up 1\n"));
}

TEST_CASE("health is a status and a word", "[status_server]") {
  status_server good{any_port(), healthy()};
  CHECK_THAT(talk(good, request_text("GET", "/healthz")),
             Catch::StartsWith("HTTP/1.1 200") && Catch::EndsWith("\r\n\r\ncrawling\n"));
  auto handlers = healthy();
  handlers.healthz = [] { return health{false, "the store is gone"}; };
  status_server bad{any_port(), handlers};
  CHECK_THAT(talk(bad, request_text("GET", "/healthz")),
             Catch::StartsWith("HTTP/1.1 503") && Catch::EndsWith("\r\n\r\nthe store is gone\n"));
}

TEST_CASE("HEAD gives the header alone", "[status_server]") {
  status_server server{any_port(), healthy()};
  CHECK_THAT(talk(server, request_text("HEAD", "/metrics")),
             Catch::Contains("Content-Length: 13\r\n") && Catch::EndsWith("\r\n\r\n"));
}

TEST_CASE("other paths and methods are refused", "[status_server]") {
  status_server server{any_port(), healthy()};
  CHECK_THAT(talk(server, request_text("GET", "/")), Catch::StartsWith("HTTP/1.1 404"));
  CHECK_THAT(talk(server, request_text("POST", "/metrics")),
             Catch::StartsWith("HTTP/1.1 405") && Catch::Contains("Allow: GET, HEAD"));
}

TEST_CASE("a connection serves several requests", "[status_server]") {
  status_server server{any_port(), healthy()};
  auto answer =
      talk(server, "GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n" + request_text("GET", "/healthz"));
  CHECK_THAT(answer, Catch::Contains("gitstar_up 1\nHTTP/1.1 200 OK"));
}

TEST_CASE("a slow, large or senseless request ends its connection only", "[status_server]") {
  auto options = any_port();
  options.request_timeout = 50ms;
  options.max_request_bytes = 1000;
  status_server server{options, healthy()};
  CHECK(talk(server, "GET /metrics HT") == "");
  CHECK(talk(server, "GET /metrics HTTP/1.1\r\nX: " + std::string(2000, 'x') + "\r\n\r\n") == "");
  CHECK(talk(server, "senseless\r\n\r\n") == "");
  CHECK_THAT(talk(server, request_text("GET", "/healthz")), Catch::StartsWith("HTTP/1.1 200"));
}

TEST_CASE("too many connections are closed at once", "[status_server]") {
  auto options = any_port();
  options.max_connections = 0;
  status_server server{options, healthy()};
  CHECK(talk(server, request_text("GET", "/healthz")) == "");
}

TEST_CASE("a port that is taken is named", "[status_server]") {
  status_server first{any_port(), healthy()};
  auto options = any_port();
  options.port = first.port();
  CHECK_THROWS_WITH((status_server{options, healthy()}),
                    "cannot listen on 127.0.0.1:" + std::to_string(first.port()) +
                        ": Address already in use");
}

TEST_CASE("a host that this machine is not is named", "[status_server]") {
  auto options = any_port();
  options.host = "192.0.2.1";
  CHECK_THROWS_WITH((status_server{options, healthy()}),
                    Catch::StartsWith("cannot listen on 192.0.2.1:0: "));
}

TEST_CASE("the server ends while connections are open", "[status_server]") {
  namespace asio = boost::asio;
  asio::io_context context;
  asio::ip::tcp::socket socket{context};
  {
    status_server server{any_port(), healthy()};
    socket.connect({asio::ip::make_address("127.0.0.1"), server.port()});
    asio::write(socket, asio::buffer(std::string{"GET /metrics HTTP/1.1\r\nHost: h\r\n\r\n"}));
    char byte = 0;
    asio::read(socket, asio::buffer(&byte, 1));
  }
  boost::system::error_code ec;
  std::string rest;
  asio::read(socket, asio::dynamic_buffer(rest), ec);
  CHECK(ec);
}
