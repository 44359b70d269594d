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
using clock = std::chrono::steady_clock;
using std::chrono::milliseconds;
using tcp = asio::ip::tcp;
using tls_stream = asio::ssl::stream<tcp::socket>;
using request_parser = http::request_parser<http::string_body>;

constexpr size_t max_body = 16u << 20;
constexpr size_t max_header = 64u << 10;
constexpr int backlog = 1024;

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
    where_ = {asio::ip::make_address(config.address), config.port};
    bind();
    where_ = acceptor_.local_endpoint();
    acceptor_.listen(backlog);
    url_ = (tls_ ? "https://" : "http://") + config.address + ":" + std::to_string(where_.port());
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
  void bind() {
    acceptor_.open(where_.protocol());
    acceptor_.set_option(tcp::acceptor::reuse_address{true});
    acceptor_.bind(where_);
  }

  /// For a while, API requests are reset, and if asked to, connections refused.
  void begin_outage(const delivery& how) {
    auto end = clock::now() + how.duration;
    outage_end_ = std::max(outage_end_, end);
    if (how.how != delivery::manner::outage || is_refusing_)
      return;
    // Bound again without listening: connections are refused, and nobody else gets the port.
    acceptor_.close();
    bind();
    is_refusing_ = true;
    outage_timer_.expires_at(end);
    outage_timer_.async_wait([this](auto) {
      acceptor_.listen(backlog);
      is_refusing_ = false;
    });
  }

  asio::awaitable<void> accept() {
    asio::steady_timer pause{io_};
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(use_awaitable));
      if (error) { // an outage, or too many open files: others will be closed
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
      if (clock::now() < outage_end_ && !request.target().starts_with("/_sim/"))
        co_return reset(stream);
      auto answer = site_.answer(to_request(request));
      // However this ends, the request is no longer under way.
      std::unique_ptr<http_answer, std::function<void(http_answer*)>> under_way{
          &answer, [this](http_answer* done) { site_.sent(*done); }};
      auto wait = answer.delivery.delay + (answer.is_api ? config_.latency : milliseconds{0});
      if (wait.count() > 0) {
        timer.expires_after(wait);
        co_await timer.async_wait(use_awaitable);
      }
      open = request.keep_alive() && !answer.close;
      auto gzip = text_of(request[http::field::accept_encoding]).find("gzip") != std::string::npos;
      if (answer.more)
        co_await send_parts(stream, answer, open);
      else if (answer.delivery.how == delivery::manner::whole)
        co_await send(stream, encode(answer, open, gzip), answer.body);
      else
        open = co_await send_spoiled(stream, answer, open, gzip) && open;
    }
  }

  /// Makes the body ready to be sent; returns the head.
  std::string encode(http_answer& answer, bool keep_alive, bool gzip) {
    auto head = head_of(answer, keep_alive);
    auto half = answer.delivery.how == delivery::manner::truncated_gzip;
    if (gzip && answer.is_api) {
      std::string compressed;
      gzip_.compress(answer.body, compressed);
      answer.body.clear();
      append_chunk(answer.body, std::string_view{compressed}.substr(0, half ? compressed.size() / 2
                                                                            : compressed.size()));
      answer.body += "0\r\n\r\n";
      head += "Content-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n";
    } else {
      if (half)
        answer.body.resize(answer.body.size() / 2);
      head += "Content-Length: ";
      append_number(head, static_cast<int64_t>(answer.body.size()));
      head += "\r\n\r\n";
    }
    return head;
  }

  template <class Stream>
  asio::awaitable<void> send(Stream& stream, const std::string& head, std::string_view body) {
    std::array buffers{asio::buffer(head), asio::buffer(body)};
    co_await asio::async_write(stream, buffers, use_awaitable);
  }

  /// Sends an answer as a fault wants it; false if the connection is over.
  template <class Stream>
  asio::awaitable<bool> send_spoiled(Stream& stream, http_answer& answer, bool keep_alive,
                                     bool gzip) {
    using manner = delivery::manner;
    auto how = answer.delivery.how;
    if (how == manner::endless) {
      co_await send_endless(stream, answer, keep_alive);
      co_return true;
    }
    if (how == manner::outage || how == manner::outage_reset)
      begin_outage(answer.delivery);
    if (how == manner::outage || how == manner::outage_reset || how == manner::reset) {
      reset(stream);
      co_return false;
    }
    auto head = encode(answer, keep_alive, gzip);
    if (how == manner::drops) {
      co_await send_drops(stream, head, answer);
      co_return true;
    }
    auto size = how == manner::reset_mid_body ? answer.body.size() / 2 : answer.body.size();
    co_await send(stream, head, std::string_view{answer.body}.substr(0, size));
    if (how == manner::reset_mid_body)
      reset(stream);
    co_return how == manner::truncated_gzip;
  }

  template <class Stream>
  asio::awaitable<void> send_drops(Stream& stream, const std::string& head,
                                   const http_answer& answer) {
    constexpr size_t drops = 20;
    asio::steady_timer pause{io_};
    co_await asio::async_write(stream, asio::buffer(head), use_awaitable);
    auto size = answer.body.size();
    for (size_t i = 0; i < drops; ++i) {
      pause.expires_after(answer.delivery.duration / drops);
      co_await pause.async_wait(use_awaitable);
      auto begin = size * i / drops;
      auto part = std::string_view{answer.body}.substr(begin, size * (i + 1) / drops - begin);
      co_await asio::async_write(stream, asio::buffer(part), use_awaitable);
    }
  }

  /// The body, then blanks: JSON may end with them, so that only its size is wrong.
  template <class Stream>
  asio::awaitable<void> send_endless(Stream& stream, const http_answer& answer, bool keep_alive) {
    auto out = head_of(answer, keep_alive) + "Transfer-Encoding: chunked\r\n\r\n";
    append_chunk(out, answer.body);
    std::string blanks;
    append_chunk(blanks, std::string(64u << 10, ' '));
    co_await asio::async_write(stream, asio::buffer(out), use_awaitable);
    for (size_t sent = 0; sent < answer.delivery.bytes; sent += blanks.size())
      co_await asio::async_write(stream, asio::buffer(blanks), use_awaitable);
    constexpr std::string_view end = "0\r\n\r\n";
    co_await asio::async_write(stream, asio::buffer(end), use_awaitable);
  }

  /// Ends a connection so that the client sees it as reset.
  template <class Stream>
  static void reset(Stream& stream) {
    boost::system::error_code ignored;
    auto& socket = beast::get_lowest_layer(stream);
    socket.set_option(asio::socket_base::linger{true, 0}, ignored);
    socket.close(ignored);
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
  tcp::endpoint where_;
  asio::steady_timer outage_timer_{io_};
  clock::time_point outage_end_;
  bool is_refusing_ = false;
};

server::server(github& site, const server_config& config)
    : impl_(std::make_unique<implementation>(site, config)) {}

server::~server() = default;

const std::string& server::url() const { return impl_->url(); }

void server::run(bool watch_signals) { impl_->run(watch_signals); }

void server::stop() { impl_->stop(); }

} // namespace gitstar::sim
