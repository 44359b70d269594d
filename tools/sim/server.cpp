#include "tools/sim/server.hpp"

#include "tools/sim/gzip.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <boost/beast/ssl.hpp>

#include <array>

namespace gitstar::sim {

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using tcp = asio::ip::tcp;
using tls_stream = asio::ssl::stream<tcp::socket>;
using request_parser = http::request_parser<http::string_body>;

constexpr size_t max_body = 16u << 20;
constexpr size_t max_header = 64u << 10;

std::string text_of(beast::string_view text) { return {text.data(), text.size()}; }

http_request to_request(const http::request<http::string_body>& from) {
  http_request out;
  out.method = text_of(from.method_string());
  out.target = text_of(from.target());
  out.authorization = text_of(from[http::field::authorization]);
  out.user_agent = text_of(from[http::field::user_agent]);
  out.body = from.body();
  out.next_global_ids = from["X-Github-Next-Global-ID"] == "1";
  return out;
}

void append_chunk(std::string& out, std::string_view part) {
  constexpr std::string_view digits = "0123456789abcdef";
  auto begun = false;
  for (auto shift = 28; shift >= 0; shift -= 4) {
    auto digit = part.size() >> shift & 15;
    begun = begun || digit != 0;
    if (begun)
      out += digits[digit];
  }
  out += "\r\n";
  out += part;
  out += "\r\n";
}

std::string head_of(const http_answer& answer, bool keep_alive) {
  std::string out{"HTTP/1.1 "};
  append_number(out, answer.status);
  out += ' ';
  out += text_of(http::obsolete_reason(static_cast<http::status>(answer.status)));
  out += "\r\nServer: GitHub.com\r\nContent-Type: ";
  out += answer.content_type;
  out += "\r\nVary: Accept-Encoding, Accept, X-Requested-With\r\n";
  out += answer.headers;
  if (!keep_alive)
    out += "Connection: close\r\n";
  return out;
}

} // namespace

class server::implementation {
public:
  implementation(github& site, const server_config& config)
      : site_(site), config_(config), acceptor_(io_) {
    if (!config.tls_cert.empty()) {
      tls_.emplace(asio::ssl::context::tls_server);
      tls_->use_certificate_chain_file(config.tls_cert);
      tls_->use_private_key_file(config.tls_key, asio::ssl::context::pem);
    }
    tcp::endpoint where{asio::ip::make_address(config.address), config.port};
    acceptor_.open(where.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address{true});
    acceptor_.bind(where);
    acceptor_.listen(1024);
    url_ = (tls_ ? "https://" : "http://") + config.address + ":" +
           std::to_string(acceptor_.local_endpoint().port());
    site_.set_base_url(url_);
  }

  const std::string& url() const { return url_; }

  void run(bool watch_signals) {
    asio::signal_set signals{io_};
    if (watch_signals) {
      signals.add(SIGINT);
      signals.add(SIGTERM);
      signals.async_wait([this](auto, auto) { io_.stop(); });
    }
    asio::co_spawn(io_, accept(), asio::detached);
    io_.run();
  }

  void stop() { io_.stop(); }

private:
  asio::awaitable<void> accept() {
    asio::steady_timer pause{io_};
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(use_awaitable));
      if (error) { // such as too many open files: others will be closed
        pause.expires_after(std::chrono::milliseconds{50});
        co_await pause.async_wait(use_awaitable);
        continue;
      }
      socket.set_option(tcp::no_delay{true});
      if (tls_)
        asio::co_spawn(io_, serve_tls(tls_stream{std::move(socket), *tls_}), asio::detached);
      else
        asio::co_spawn(io_, serve(std::move(socket)), asio::detached);
    }
  }

  asio::awaitable<void> serve_tls(tls_stream stream) {
    co_await stream.async_handshake(asio::ssl::stream_base::server, use_awaitable);
    co_await serve(std::move(stream));
  }

  /// Answers the requests of one connection, one after the other. Any error ends the connection.
  template <class Stream>
  asio::awaitable<void> serve(Stream stream) {
    beast::flat_buffer buffer;
    asio::steady_timer timer{io_};
    for (auto open = true; open;) {
      request_parser parser;
      parser.body_limit(max_body);
      parser.header_limit(max_header);
      co_await http::async_read(stream, buffer, parser, use_awaitable);
      const auto& request = parser.get();
      auto answer = site_.answer(to_request(request));
      // However this ends, the request is no longer under way.
      std::unique_ptr<http_answer, std::function<void(http_answer*)>> under_way{
          &answer, [this](http_answer* done) { site_.sent(*done); }};
      if (answer.is_api && config_.latency.count() > 0) {
        timer.expires_after(config_.latency);
        co_await timer.async_wait(use_awaitable);
      }
      open = request.keep_alive() && !answer.close;
      auto gzip = text_of(request[http::field::accept_encoding]).find("gzip") != std::string::npos;
      if (answer.more)
        co_await send_parts(stream, answer, open);
      else
        co_await send(stream, answer, open, gzip);
    }
  }

  template <class Stream>
  asio::awaitable<void> send(Stream& stream, http_answer& answer, bool keep_alive, bool gzip) {
    auto head = head_of(answer, keep_alive);
    if (gzip && answer.is_api) {
      std::string compressed;
      gzip_.compress(answer.body, compressed);
      answer.body.clear();
      append_chunk(answer.body, compressed);
      answer.body += "0\r\n\r\n";
      head += "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
    } else {
      head += "Content-Length: ";
      append_number(head, static_cast<int64_t>(answer.body.size()));
      head += "\r\n\r\n";
    }
    std::array buffers{asio::buffer(head), asio::buffer(answer.body)};
    co_await asio::async_write(stream, buffers, use_awaitable);
  }

  /// Sends a long body part by part, so that other connections are served in between.
  template <class Stream>
  asio::awaitable<void> send_parts(Stream& stream, http_answer& answer, bool keep_alive) {
    auto out = head_of(answer, keep_alive) + "Transfer-Encoding: chunked\r\n\r\n";
    append_chunk(out, answer.body);
    for (auto more = true; more;) {
      std::string part;
      more = answer.more(part);
      if (!part.empty())
        append_chunk(out, part);
      if (!more)
        out += "0\r\n\r\n";
      co_await asio::async_write(stream, asio::buffer(out), use_awaitable);
      out.clear();
    }
  }

  github& site_;
  server_config config_;
  gzip_writer gzip_;
  std::optional<asio::ssl::context> tls_;
  std::string url_;
  asio::io_context io_{1};
  tcp::acceptor acceptor_;
};

server::server(github& site, const server_config& config)
    : impl_(std::make_unique<implementation>(site, config)) {}

server::~server() = default;

const std::string& server::url() const { return impl_->url(); }

void server::run(bool watch_signals) { impl_->run(watch_signals); }

void server::stop() { impl_->stop(); }

} // namespace gitstar::sim
