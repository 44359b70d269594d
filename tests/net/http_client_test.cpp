#include "net/http_client.hpp"

#include "tests/net/scripted_server.hpp"

#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>

#include <zlib.h>

#include <algorithm>
#include <future>

using namespace gitstar::net;
using namespace gitstar::test;
using namespace std::chrono_literals;

namespace {

/// A client whose thread is the test's own.
class fixture {
public:
  explicit fixture(const std::string& origin, http_options options = {})
      : client_(context_, parse_url(origin), std::move(options)) {}

  http_response send(http_request request = {}) {
    return std::move(send_all({std::move(request)}).front());
  }

  /// Sends requests at once and returns the answers in the order in which they came.
  std::vector<http_response> send_all(std::vector<http_request> requests) {
    std::vector<http_response> answers;
    for (auto& request : requests)
      client_.async_send(std::move(request), [&](http_response got) {
        answers.push_back(std::move(got));
        if (after_answer)
          after_answer();
      });
    context_.restart();
    context_.run();
    REQUIRE(answers.size() == requests.size());
    return answers;
  }

  http_client& client() { return client_; }

  std::function<void()> after_answer;

private:
  boost::asio::io_context context_;
  http_client client_;
};

http_options impatient() {
  http_options result;
  result.read_timeout = 50ms;
  return result;
}

http_request post(const std::string& body) {
  http_request result;
  result.body = body;
  return result;
}

std::string gzipped(const std::string& text) {
  z_stream stream{};
  deflateInit2(&stream, 6, Z_DEFLATED, 16 + MAX_WBITS, 8, Z_DEFAULT_STRATEGY);
  std::string result(deflateBound(&stream, text.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream.avail_in = static_cast<uInt>(text.size());
  stream.next_out = reinterpret_cast<Bytef*>(result.data());
  stream.avail_out = static_cast<uInt>(result.size());
  deflate(&stream, Z_FINISH);
  result.resize(stream.total_out);
  deflateEnd(&stream);
  return result;
}

const std::string gzip_header = "Content-Encoding: gzip\r\n";

/// Answers every request on a connection with its own body.
void echo(session& peer, int) {
  for (;;)
    peer.answer(peer.read_request().body);
}

} // namespace

// -- answers --------------------------------------------------------------------------------------

TEST_CASE("status, headers and body of an answer arrive", "[http_client]") {
  scripted_server server{[](session& peer, int) {
    peer.read_request();
    peer.write("HTTP/1.1 403 Forbidden\r\nX-One: 1\r\nContent-Length: 3\r\n\r\nno!");
  }};
  auto got = fixture{server.url()}.send();
  CHECK(got.failure == http_failure::none);
  CHECK(got.status == 403);
  CHECK(got.header("x-one") == "1");
  CHECK(got.header("x-two") == "");
  CHECK(got.body == "no!");
}

TEST_CASE("an answer in chunks and tiny pieces is put together", "[http_client]") {
  scripted_server server{[](session& peer, int) {
    peer.read_request();
    std::string text = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\n5;x=y\r\ndefgh\r\n0\r\nTrailer: 1\r\n\r\n";
    for (auto c : text)
      peer.write(std::string(1, c));
    peer.wait_for_close();
  }};
  auto got = fixture{server.url()}.send();
  CHECK(got.failure == http_failure::none);
  CHECK(got.body == "abcdefgh");
}

TEST_CASE("an answer without a length ends with the connection", "[http_client]") {
  scripted_server server{[](session& peer, int) {
    peer.read_request();
    peer.write("HTTP/1.1 502 Bad Gateway\r\nConnection: close\r\n\r\n<html>");
  }};
  auto got = fixture{server.url()}.send();
  CHECK(got.status == 502);
  CHECK(got.body == "<html>");
}

TEST_CASE("interim answers are not taken for the answer", "[http_client]") {
  scripted_server server{[](session& peer, int) {
    for (;;) {
      auto body = peer.read_request().body;
      peer.write("HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n");
      peer.answer(body);
    }
  }};
  fixture client{server.url()};
  CHECK(client.send(post("one")).body == "one");
  CHECK(client.send(post("two")).body == "two");
}

TEST_CASE("a large answer arrives whole", "[http_client]") {
  std::string large(3 << 20, 'x');
  large[1234567] = 'y';
  scripted_server server{[&](session& peer, int) {
    peer.read_request();
    peer.answer(large);
  }};
  CHECK(fixture{server.url()}.send().body == large);
}

// -- gzip -----------------------------------------------------------------------------------------

TEST_CASE("a compressed answer is decompressed", "[http_client]") {
  std::string text;
  for (int i = 0; i < 50'000; ++i)
    text += std::to_string(i);
  auto packed =
      GENERATE_REF(gzipped(text), gzipped(text.substr(0, 999)) + gzipped(text.substr(999)));
  std::string accepted;
  scripted_server server{[&](session& peer, int) {
    accepted = peer.read_request().header("Accept-Encoding");
    peer.answer(packed, gzip_header);
  }};
  http_options options;
  options.gzip = gzip_use::always;
  CHECK(fixture{server.url(), options}.send().body == text);
  CHECK(accepted == "gzip");
}

TEST_CASE("this machine is not asked for compressed answers unless told so", "[http_client]") {
  auto use = GENERATE(gzip_use::automatic, gzip_use::never);
  std::string accepted = "?";
  scripted_server server{[&](session& peer, int) {
    accepted = peer.read_request().header("Accept-Encoding");
    peer.answer("");
  }};
  http_options options;
  options.gzip = use;
  fixture{server.url(), options}.send();
  CHECK(accepted == "");
}

TEST_CASE("a compressed answer that breaks off is malformed, not short", "[http_client]") {
  auto packed = gzipped(std::string(100'000, 'x'));
  scripted_server server{[&](session& peer, int) {
    peer.read_request();
    peer.answer(packed.substr(0, packed.size() - 9), gzip_header);
  }};
  auto got = fixture{server.url()}.send();
  CHECK(got.failure == http_failure::malformed);
  CHECK_THAT(got.detail, Catch::Contains("truncated gzip"));
}

TEST_CASE("corrupt and unknown encodings are malformed", "[http_client]") {
  auto [body, header, reason] = GENERATE(table<std::string, std::string, std::string>({
      {"no gzip at all", gzip_header, "corrupt gzip"},
      {"x", "Content-Encoding: br\r\n", "unknown content-encoding"},
  }));
  // Named again, because clang 14 captures no structured binding.
  scripted_server server{[&body = body, &header = header](session& peer, int) {
    peer.read_request();
    peer.answer(body, header);
  }};
  auto got = fixture{server.url()}.send();
  CHECK(got.failure == http_failure::malformed);
  CHECK_THAT(got.detail, Catch::Contains(reason));
  CHECK(got.status == 200);
}

// -- limits ---------------------------------------------------------------------------------------

TEST_CASE("a body above the limit is refused while it streams", "[http_client]") {
  auto kind = GENERATE("announced", "chunked", "compressed");
  scripted_server server{[&](session& peer, int) {
    peer.read_request();
    if (kind == std::string{"announced"})
      peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    else if (kind == std::string{"compressed"})
      peer.answer(gzipped(std::string(100 << 20, '\0')), gzip_header);
    else
      peer.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    for (;;)
      peer.write("1000\r\n" + std::string(0x1000, 'x') + "\r\n"); // until the client hangs up
  }};
  http_options options;
  options.max_body_bytes = 1 << 20;
  auto got = fixture{server.url(), options}.send();
  CHECK(got.failure == http_failure::oversized);
  CHECK(got.status == 200);
  CHECK(got.body.empty());
  CHECK_THAT(got.detail, Catch::Contains("longer than 1048576 bytes"));
}

TEST_CASE("a body of exactly the limit is taken", "[http_client]") {
  scripted_server server{echo};
  http_options options;
  options.max_body_bytes = 1000;
  fixture client{server.url(), options};
  CHECK(client.send(post(std::string(1000, 'x'))).failure == http_failure::none);
  CHECK(client.send(post(std::string(1001, 'x'))).failure == http_failure::oversized);
}

TEST_CASE("a header above the limit is refused", "[http_client]") {
  scripted_server server{[](session& peer, int) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\n");
    for (;;)
      peer.write("X: " + std::string(1000, 'x') + "\r\n");
  }};
  http_options options;
  options.max_header_bytes = 10'000;
  CHECK(fixture{server.url(), options}.send().failure == http_failure::oversized);
}

TEST_CASE("what is not HTTP is malformed", "[http_client]") {
  scripted_server server{[](session& peer, int) {
    peer.read_request();
    peer.write("SSH-2.0-OpenSSH_9.2\r\n\r\n");
    peer.wait_for_close();
  }};
  CHECK(fixture{server.url()}.send().failure == http_failure::malformed);
}

// -- failures -------------------------------------------------------------------------------------

TEST_CASE("a host that does not listen is named", "[http_client]") {
  auto port = std::to_string(unused_port());
  auto got = fixture{"http://127.0.0.1:" + port}.send();
  CHECK(got.failure == http_failure::connect);
  CHECK(got.detail == "cannot connect to 127.0.0.1:" + port + ": Connection refused");
}

TEST_CASE("a host that nobody knows is named", "[http_client]") {
  auto got = fixture{"http://no-such-host.invalid"}.send();
  CHECK(got.failure == http_failure::connect);
  CHECK_THAT(got.detail, Catch::Contains("no-such-host.invalid"));
}

TEST_CASE("an answer that breaks off is lost", "[http_client]") {
  auto begin = GENERATE("", "HTTP/1.1 20", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n",
                        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  auto with_reset = GENERATE(false, true);
  CAPTURE(begin, with_reset);
  scripted_server server{[&](session& peer, int) {
    peer.read_request();
    peer.write(begin);
    if (with_reset)
      peer.reset();
  }};
  auto got = fixture{server.url()}.send();
  CHECK(got.failure == http_failure::lost);
  CHECK(server.connections() == 1); // a fresh connection is not tried twice
}

TEST_CASE("a server that does not answer in time is a time-out", "[http_client]") {
  auto begin = GENERATE("", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc");
  scripted_server server{[&](session& peer, int) {
    peer.read_request();
    peer.write(begin);
    peer.wait_for_close();
  }};
  auto got = fixture{server.url(), impatient()}.send();
  CHECK(got.failure == http_failure::timeout);
  CHECK_THAT(got.detail, Catch::Contains("within 50 ms"));
}

TEST_CASE("progress does not extend the total time", "[http_client]") {
  scripted_server server{[](session& peer, int) {
    peer.read_request();
    peer.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\n");
    for (;;)
      peer.write("x");
  }};
  http_options options;
  options.max_body_bytes = 2'000'000'000;
  options.total_timeout = 100ms;
  auto got = fixture{server.url(), options}.send();
  CHECK(got.failure == http_failure::timeout);
  CHECK_THAT(got.detail, Catch::Contains("within 100 ms"));
}

TEST_CASE("a server that takes no request is lost", "[http_client]") {
  std::promise<void> over;
  scripted_server server{[&](session&, int) { over.get_future().wait(); }};
  http_options options;
  options.write_timeout = 50ms;
  auto got = fixture{server.url(), options}.send(post(std::string(64 << 20, 'x')));
  over.set_value();
  CHECK(got.failure == http_failure::lost);
  CHECK_THAT(got.detail, Catch::Contains("did not take the request within 50 ms"));
}

// -- the pool -------------------------------------------------------------------------------------

TEST_CASE("a connection is used again", "[http_client]") {
  scripted_server server{echo};
  fixture client{server.url()};
  for (int i = 0; i < 20; ++i)
    CHECK(client.send(post(std::to_string(i))).body == std::to_string(i));
  CHECK(server.connections() == 1);
}

TEST_CASE("a connection that the server wants closed is not used again", "[http_client]") {
  scripted_server server{[](session& peer, int) {
    peer.read_request();
    peer.answer("x", "Connection: close\r\n");
    peer.wait_for_close();
  }};
  fixture client{server.url()};
  CHECK(client.send().body == "x");
  CHECK(client.send().body == "x");
  CHECK(server.connections() == 2);
}

TEST_CASE("a connection closed while idle is replaced without a word", "[http_client]") {
  auto with_reset = GENERATE(false, true);
  scripted_server server{[&](session& peer, int) {
    auto body = peer.read_request().body;
    peer.answer(body);
    if (with_reset)
      peer.reset();
  }};
  fixture client{server.url()};
  for (int i = 0; i < 5; ++i) {
    auto got = client.send(post(std::to_string(i)));
    CHECK(got.failure == http_failure::none);
    CHECK(got.body == std::to_string(i));
  }
  CHECK(server.connections() == 5);
}

TEST_CASE("a request whose answer began is not sent again", "[http_client]") {
  auto begin =
      GENERATE("H", "HTTP/1.1 200 OK\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nx");
  scripted_server server{[&](session& peer, int) {
    peer.read_request();
    peer.answer("first");
    peer.read_request();
    peer.write(begin);
  }};
  fixture client{server.url()};
  CHECK(client.send().body == "first");
  CHECK(client.send().failure == http_failure::lost);
  CHECK(server.connections() == 1);
}

TEST_CASE("no more connections are opened than allowed", "[http_client]") {
  scripted_server server{echo};
  http_options options;
  options.max_connections = 3;
  fixture client{server.url(), options};
  std::vector<http_request> requests;
  for (int i = 0; i < 30; ++i)
    requests.push_back(post(std::to_string(i)));
  std::vector<int> bodies;
  for (const auto& got : client.send_all(requests))
    bodies.push_back(std::stoi(got.body));
  std::sort(bodies.begin(), bodies.end());
  for (int i = 0; i < 30; ++i)
    CHECK(bodies[static_cast<size_t>(i)] == i);
  CHECK(server.connections() <= 3);
}

TEST_CASE("a request that waits for a connection gives up in time", "[http_client]") {
  scripted_server server{[](session& peer, int) { peer.wait_for_close(); }};
  http_options options;
  options.max_connections = 1;
  options.total_timeout = 50ms;
  auto answers = fixture{server.url(), options}.send_all({{}, {}});
  CHECK(answers[0].failure == http_failure::timeout);
  CHECK(answers[1].failure == http_failure::connect);
}

TEST_CASE("stopping ends what is on its way and what waits", "[http_client]") {
  scripted_server server{[](session& peer, int number) {
    peer.read_request();
    if (number == 0)
      peer.answer("x");
    peer.wait_for_close();
  }};
  http_options options;
  options.max_connections = 2;
  fixture client{server.url(), options};
  client.after_answer = [&] { client.client().stop(); };
  auto answers = client.send_all({{}, {}, {}, {}});
  CHECK(answers[0].body == "x");
  for (size_t i = 1; i < answers.size(); ++i)
    CHECK(answers[i].failure == http_failure::stopped);
  client.after_answer = nullptr;
  CHECK(client.send().failure == http_failure::stopped);
}

TEST_CASE("a client that was stopped before it began sends nothing", "[http_client]") {
  scripted_server server{echo};
  boost::asio::io_context context;
  http_client client{context, parse_url(server.url()), {}};
  int answers = 0;
  client.async_send({}, [&](const http_response& got) {
    CHECK(got.failure == http_failure::stopped);
    ++answers;
  });
  client.stop();
  context.run();
  CHECK(answers == 1);
}

// -- TLS ------------------------------------------------------------------------------------------

TEST_CASE("TLS verifies the certificate and its host name", "[http_client]") {
  auto identity = make_identity("localhost");
  scripted_server server{echo, &identity};
  auto origin = "https://localhost:" + std::to_string(server.port());
  http_options options;
  options.ca_file = identity.certificate_file;

  SECTION("and trusts the given authority") {
    fixture client{origin, options};
    CHECK(client.send(post("one")).body == "one");
    CHECK(client.send(post("two")).body == "two");
    CHECK(server.connections() == 1);
  }
  SECTION("and refuses an unknown authority") {
    auto got = fixture{origin}.send();
    CHECK(got.failure == http_failure::tls);
    CHECK_THAT(got.detail, Catch::Contains("localhost") && Catch::Contains("certificate"));
  }
  SECTION("and refuses another host's certificate") {
    auto got = fixture{"https://127.0.0.1:" + std::to_string(server.port()), options}.send();
    CHECK(got.failure == http_failure::tls);
    CHECK_THAT(got.detail, Catch::Contains("mismatch"));
  }
  SECTION("and says which authorities cannot be read") {
    options.ca_file = "/nowhere/ca.pem";
    CHECK_THROWS_WITH((fixture{origin, options}), Catch::Contains("/nowhere/ca.pem"));
  }
}

TEST_CASE("TLS names the host, but no address", "[http_client]") {
  for (std::string host : {"localhost", "127.0.0.1"}) {
    auto identity = make_identity(host);
    std::string named = "?";
    scripted_server server{[&](session& peer, int) {
                             named = peer.named_host();
                             peer.answer(peer.read_request().body);
                             peer.wait_for_close();
                           },
                           &identity};
    http_options options;
    options.ca_file = identity.certificate_file;
    fixture client{"https://" + host + ':' + std::to_string(server.port()), options};
    CHECK(client.send(post("one")).body == "one");
    CHECK(named == (host == "localhost" ? host : ""));
  }
}

TEST_CASE("a server that speaks no TLS is named", "[http_client]") {
  scripted_server server{[](session& peer, int) {
    peer.write("HTTP/1.1 400 Bad Request\r\n\r\n");
    peer.wait_for_close();
  }};
  auto got = fixture{"https://localhost:" + std::to_string(server.port())}.send();
  CHECK(got.failure == http_failure::tls);
}

TEST_CASE("a stale TLS connection is replaced", "[http_client]") {
  auto identity = make_identity("localhost");
  scripted_server server{[](session& peer, int) {
                           auto body = peer.read_request().body;
                           peer.answer(body);
                         },
                         &identity};
  http_options options;
  options.ca_file = identity.certificate_file;
  fixture client{"https://localhost:" + std::to_string(server.port()), options};
  CHECK(client.send(post("one")).body == "one");
  CHECK(client.send(post("two")).body == "two");
  CHECK(server.connections() == 2);
}

// -- proxies --------------------------------------------------------------------------------------

TEST_CASE("plain requests go to the proxy with the whole URL", "[http_client]") {
  seen_request seen;
  scripted_server proxy{[&](session& peer, int) {
    seen = peer.read_request();
    peer.answer("through");
  }};
  http_options options;
  options.proxy = parse_url("http://me:p%40ss@127.0.0.1:" + std::to_string(proxy.port()));
  fixture client{"http://ghes.example:8080", options};
  http_request request;
  request.target = "/api/graphql?x";
  CHECK(client.send(request).body == "through");
  CHECK(seen.target == "http://ghes.example:8080/api/graphql?x");
  CHECK(seen.header("Host") == "ghes.example:8080");
  CHECK(seen.header("Proxy-Authorization") == "Basic bWU6cEBzcw==");
}

TEST_CASE("TLS goes through a tunnel that the proxy opens", "[http_client]") {
  auto identity = make_identity("api.github.example");
  seen_request connect;
  seen_request inside;
  scripted_server proxy{[&](session& peer, int) {
                          connect = peer.read_request();
                          peer.write("HTTP/1.1 200 Connection established\r\n\r\n");
                          peer.start_tls();
                          inside = peer.read_request();
                          peer.answer("secret");
                          peer.read_request();
                          peer.answer("again");
                          peer.wait_for_close();
                        },
                        &identity, false};
  http_options options;
  options.gzip = gzip_use::never;
  options.ca_file = identity.certificate_file;
  options.proxy = parse_url("http://me:pw@127.0.0.1:" + std::to_string(proxy.port()));
  fixture client{"https://api.github.example", options};
  http_request request;
  request.target = "/graphql";
  auto got = client.send(request);
  CHECK(got.detail == "");
  CHECK(got.body == "secret");
  CHECK(client.send(request).body == "again");
  CHECK(proxy.connections() == 1);
  CHECK(connect.method == "CONNECT");
  CHECK(connect.target == "api.github.example:443");
  CHECK(connect.header("Proxy-Authorization") == "Basic bWU6cHc=");
  CHECK(inside.target == "/graphql");
  CHECK(inside.header("Proxy-Authorization") == "");
}

TEST_CASE("a proxy that refuses is named", "[http_client]") {
  scripted_server proxy{[](session& peer, int) {
    peer.read_request();
    peer.write("HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n");
    peer.wait_for_close();
  }};
  http_options options;
  options.proxy = parse_url("http://me:pw@127.0.0.1:" + std::to_string(proxy.port()));
  auto got = fixture{"https://api.github.example", options}.send();
  CHECK(got.failure == http_failure::proxy);
  CHECK_THAT(got.detail, Catch::Contains("HTTP 407") && Catch::Contains("api.github.example") &&
                             !Catch::Contains("pw"));
}

TEST_CASE("a proxy that hangs up or hangs is named", "[http_client]") {
  auto hangs = GENERATE(false, true);
  scripted_server proxy{[&](session& peer, int) {
    peer.read_request();
    if (hangs)
      peer.wait_for_close();
  }};
  http_options options;
  options.connect_timeout = 50ms;
  options.proxy = parse_url("http://127.0.0.1:" + std::to_string(proxy.port()));
  auto got = fixture{"https://api.github.example", options}.send();
  CHECK(got.failure == (hangs ? http_failure::connect : http_failure::proxy));
  CHECK_THAT(got.detail, Catch::Contains("the proxy 127.0.0.1"));
}
