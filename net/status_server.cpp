#include "net/status_server.hpp"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>

#include <stdexcept>
#include <thread>

namespace gitstar::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;

namespace {

using tcp = asio::ip::tcp;
using executor = asio::io_context::executor_type;
using tcp_stream = beast::basic_stream<tcp, executor>;
using tcp_acceptor = asio::basic_socket_acceptor<tcp, executor>;
using request = http::request<http::string_body>;
using response = http::response<http::string_body>;
using boost::system::system_error;

template <class T>
using task = asio::awaitable<T, executor>;
constexpr asio::use_awaitable_t<executor> awaiting{};

constexpr const char* plain_text = "text/plain; charset=utf-8";
constexpr const char* metrics_text = "text/plain; version=0.0.4; charset=utf-8";

response make_response(const request& asked, http::status status, std::string body,
                       const char* type = plain_text) {
  response result{status, asked.version()};
  result.set(http::field::content_type, type);
  result.set(http::field::cache_control, "no-store");
  result.keep_alive(asked.keep_alive());
  if (status == http::status::method_not_allowed)
    result.set(http::field::allow, "GET, HEAD");
  result.body() = std::move(body);
  result.prepare_payload();
  if (asked.method() == http::verb::head)
    result.body().clear();
  return result;
}

} // namespace

class status_server::impl {
public:
  impl(status_server_options options, status_handlers handlers)
      : options_(std::move(options)), handlers_(std::move(handlers)) {
    listen();
    asio::co_spawn(context_, accept_all(), asio::detached);
    thread_ = std::thread{[this] { context_.run(); }};
  }

  ~impl() {
    context_.stop();
    thread_.join();
  }

  uint16_t port() const { return port_; }

private:
  void listen() {
    auto where = options_.host + ':' + std::to_string(options_.port);
    try {
      tcp::resolver resolver{context_};
      auto found = resolver.resolve(options_.host, std::to_string(options_.port),
                                    tcp::resolver::passive | tcp::resolver::numeric_service);
      auto address = found.begin()->endpoint();
      acceptor_.open(address.protocol());
      acceptor_.set_option(asio::socket_base::reuse_address{true});
      acceptor_.bind(address);
      acceptor_.listen();
      port_ = acceptor_.local_endpoint().port();
    } catch (const system_error& error) {
      throw std::runtime_error{"cannot listen on " + where + ": " + error.code().message()};
    }
  }

  task<void> accept_all() {
    for (;;) {
      auto [error, socket] = co_await acceptor_.async_accept(asio::as_tuple(awaiting));
      if (!error && connections_ < options_.max_connections)
        asio::co_spawn(context_, serve(tcp_stream{std::move(socket)}), asio::detached);
      else if (error)
        co_await pause(); // out of descriptors, most likely: others will end
    }
  }

  task<void> pause() {
    asio::basic_waitable_timer<std::chrono::steady_clock,
                               asio::wait_traits<std::chrono::steady_clock>, executor>
        timer{context_, std::chrono::milliseconds{100}};
    co_await timer.async_wait(awaiting);
  }

  task<void> serve(tcp_stream stream) {
    ++connections_;
    try {
      beast::flat_buffer buffer;
      while (co_await serve_one(stream, buffer)) {
      }
    } catch (const system_error&) {
      // The client left, was too slow or spoke no HTTP: nobody to tell.
    }
    --connections_;
  }

  /// Returns whether another request may follow.
  task<bool> serve_one(tcp_stream& stream, beast::flat_buffer& buffer) {
    http::request_parser<http::string_body> parser;
    parser.header_limit(options_.max_request_bytes);
    parser.body_limit(options_.max_request_bytes);
    stream.expires_after(options_.request_timeout);
    co_await http::async_read(stream, buffer, parser, awaiting);
    auto message = answer(parser.get());
    auto goes_on = message.keep_alive();
    stream.expires_after(options_.request_timeout);
    co_await http::async_write(stream, message, awaiting);
    co_return goes_on;
  }

  response answer(const request& asked) const {
    std::string path{asked.target().substr(0, asked.target().find('?'))};
    if (path != "/metrics" && path != "/healthz")
      return make_response(asked, http::status::not_found, "try /metrics or /healthz\n");
    if (asked.method() != http::verb::get && asked.method() != http::verb::head)
      return make_response(asked, http::status::method_not_allowed, "only GET and HEAD\n");
    if (path == "/metrics")
      return make_response(asked, http::status::ok, handlers_.metrics(), metrics_text);
    auto state = handlers_.healthz();
    return make_response(asked, state.ok ? http::status::ok : http::status::service_unavailable,
                         state.text + '\n');
  }

  const status_server_options options_;
  const status_handlers handlers_;
  asio::io_context context_{1};
  tcp_acceptor acceptor_{context_};
  uint16_t port_ = 0;
  uint32_t connections_ = 0;
  std::thread thread_;
};

status_server::status_server(status_server_options options, status_handlers handlers)
    : impl_(std::make_unique<impl>(std::move(options), std::move(handlers))) {}

status_server::~status_server() = default;

uint16_t status_server::port() const { return impl_->port(); }

} // namespace gitstar::net
