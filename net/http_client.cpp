#include "net/http_client.hpp"

#include "net/base64.hpp"
#include "net/inflating_body.hpp"

#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>

#include <deque>
#include <stdexcept>
#include <unordered_set>
#include <vector>

namespace gitstar::net {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
namespace ssl = asio::ssl;

namespace {

using error_code = boost::system::error_code;
using system_error = boost::system::system_error;
using tcp = asio::ip::tcp;
using executor = asio::io_context::executor_type;
using tcp_socket = asio::basic_stream_socket<tcp, executor>;
using tls_stream = ssl::stream<tcp_socket&>;
using steady_clock = std::chrono::steady_clock;
using response_parser = http::response_parser<inflating_body>;

template <class T>
using task = asio::awaitable<T, executor>;
constexpr asio::use_awaitable_t<executor> awaiting{};

constexpr size_t read_buffer_bytes = 64 << 10;

/// How far a request has come: decides what a failure means.
enum class stage : uint8_t { queued, connecting, proxying, handshaking, writing, reading };

/// A connection as the pool keeps it.
struct connection {
  explicit connection(asio::io_context& context) : socket(context) {
    // Beast reads as much as fits: without room it would read 512 bytes at a time.
    buffer.reserve(read_buffer_bytes);
  }

  void close() {
    error_code ignored;
    socket.close(ignored);
  }

  tcp_socket socket;
  std::optional<tls_stream> tls;
  beast::flat_buffer buffer;
  steady_clock::time_point idle_since;
};
using connection_ptr = std::shared_ptr<connection>;

/// One request on its way, from `async_send` to its callback.
struct exchange {
  exchange(asio::io_context& context, http::request<http::string_body> wire_request,
           http_client::callback callback)
      : message(std::move(wire_request)), on_response(std::move(callback)), watchdog(context) {}

  http::request<http::string_body> message;
  http_client::callback on_response; ///< empty once called
  asio::basic_waitable_timer<steady_clock, asio::wait_traits<steady_clock>, executor> watchdog;
  steady_clock::time_point total_deadline;
  steady_clock::time_point deadline; ///< of the stage; never after `total_deadline`
  steady_clock::time_point first_byte_sent;
  stage reached = stage::queued;
  bool got_bytes = false; ///< some of the answer has come
  connection_ptr link;    ///< closed to cancel the exchange
  bool finished = false;
};
using exchange_ptr = std::shared_ptr<exchange>;

ssl::context make_tls_context(const http_options& options) {
  ssl::context result{ssl::context::tls_client};
  result.set_options(ssl::context::no_tlsv1 | ssl::context::no_tlsv1_1);
  result.set_verify_mode(ssl::verify_peer);
  error_code ec;
  if (options.ca_file.empty())
    result.set_default_verify_paths(ec);
  else
    result.load_verify_file(options.ca_file, ec);
  if (ec)
    throw std::runtime_error{"cannot read certificates from " +
                             (options.ca_file.empty() ? "the system's store" : options.ca_file) +
                             ": " + ec.message()};
  return result;
}

/// The proxy answered CONNECT with something else than success.
class proxy_refusal : public std::runtime_error {
public:
  using std::runtime_error::runtime_error;
};

http_response failed(http_failure failure, std::string detail) {
  http_response result;
  result.failure = failure;
  result.detail = std::move(detail);
  return result;
}

/// Moves status and headers over.
template <class Message>
void take_header(Message& message, http_response& response) {
  response.status = static_cast<int32_t>(message.result_int());
  for (const auto& field : message.base())
    response.headers.emplace_back(field.name_string(), field.value());
}

} // namespace

/// Lives as long as a handler refers to it. All but the constructor runs on the io_context's
/// thread.
class http_client::pool : public std::enable_shared_from_this<pool> {
public:
  pool(asio::io_context& context, url origin, http_options options)
      : context_(context), origin_(std::move(origin)), options_(std::move(options)) {
    if (options_.proxy && options_.proxy->tls)
      throw std::runtime_error{"a proxy that is itself reached by https is not supported"};
    if (origin_.tls)
      tls_context_.emplace(make_tls_context(options_));
  }

  asio::io_context& context() { return context_; }

  void submit(http_request request, callback on_response) {
    auto job = std::make_shared<exchange>(context_, wire_request(std::move(request)),
                                          std::move(on_response));
    if (stopped_)
      return abandon(job, http_failure::stopped, "stopped");
    job->total_deadline = steady_clock::now() + options_.total_timeout;
    job->deadline = job->total_deadline;
    unfinished_.insert(job);
    watch(job);
    waiting_.push_back(std::move(job));
    start_waiting();
  }

  void stop() {
    stopped_ = true;
    idle_.clear();
    waiting_.clear();
    for (const auto& job : std::vector<exchange_ptr>{unfinished_.begin(), unfinished_.end()})
      abandon(job, http_failure::stopped, "stopped");
  }

private:
  bool absolute_form() const { return options_.proxy && !origin_.tls; }

  http::request<http::string_body> wire_request(http_request request) const {
    http::request<http::string_body> result;
    result.version(11);
    result.method_string(request.method);
    result.target(absolute_form() ? origin_.origin() + request.target : request.target);
    result.set(http::field::host, origin_.authority());
    for (const auto& [name, value] : request.headers)
      result.set(name, value);
    if (absolute_form() && !options_.proxy->user_info.empty())
      result.set(http::field::proxy_authorization, proxy_authorization());
    if (options_.gzip == gzip_use::always ||
        (options_.gzip == gzip_use::automatic && !origin_.is_loopback()))
      result.set(http::field::accept_encoding, "gzip");
    result.body() = std::move(request.body);
    result.prepare_payload();
    return result;
  }

  std::string proxy_authorization() const { return "Basic " + base64(options_.proxy->user_info); }

  // -- time ---------------------------------------------------------------------------------------

  /// Ends the exchange when its deadline passes. The deadline mostly moves into the future, so the
  /// timer looks at it when it fires instead of being set anew with every piece received.
  void watch(const exchange_ptr& job) {
    job->watchdog.expires_at(job->deadline);
    job->watchdog.async_wait([self = shared_from_this(), job](error_code) {
      if (job->finished)
        return;
      if (steady_clock::now() < job->deadline)
        self->watch(job);
      else
        self->expire(job);
    });
  }

  void allow(const exchange_ptr& job, std::chrono::milliseconds time) {
    job->deadline = std::min(job->total_deadline, steady_clock::now() + time);
    if (job->deadline < job->watchdog.expiry())
      job->watchdog.cancel();
  }

  void enter(const exchange_ptr& job, stage next, std::chrono::milliseconds time) {
    job->reached = next;
    allow(job, time);
  }

  void expire(const exchange_ptr& job) {
    auto within = [&](std::chrono::milliseconds limit) {
      auto passed = job->deadline == job->total_deadline ? options_.total_timeout : limit;
      return " within " + std::to_string(passed.count()) + " ms";
    };
    switch (job->reached) {
    case stage::queued:
      return abandon(job, http_failure::connect,
                     "no connection to " + origin_.host + " became free" +
                         within(options_.total_timeout));
    case stage::connecting:
    case stage::proxying:
    case stage::handshaking:
      return abandon(job, http_failure::connect,
                     "no connection to " + peer_name() + within(options_.connect_timeout));
    case stage::writing:
      return abandon(job, http_failure::lost,
                     origin_.host + " did not take the request" + within(options_.write_timeout));
    case stage::reading:
      return abandon(job, http_failure::timeout,
                     origin_.host +
                         (job->got_bytes ? " did not finish its answer" : " did not answer") +
                         within(options_.read_timeout));
    }
  }

  // -- ends ---------------------------------------------------------------------------------------

  void finish(const exchange_ptr& job, http_response response) {
    if (job->finished)
      return;
    job->finished = true;
    job->watchdog.cancel();
    unfinished_.erase(job);
    auto callback = std::move(job->on_response);
    callback(std::move(response));
  }

  void fail(const exchange_ptr& job, http_response response) {
    if (job->reached == stage::reading)
      response.elapsed = time_since(job->first_byte_sent);
    finish(job, std::move(response));
  }

  /// Answers at once and lets the coroutine, if there is one, find its connection closed: a name
  /// lookup cannot be interrupted.
  void abandon(const exchange_ptr& job, http_failure failure, std::string detail) {
    auto link = job->link;
    fail(job, failed(failure, std::move(detail)));
    if (link)
      link->close();
  }

  http_response failure_of(const error_code& ec, exchange& job, response_parser& parser) {
    switch (job.reached) {
    case stage::queued:
    case stage::connecting:
      return failed(http_failure::connect,
                    "cannot connect to " + peer_name() + ": " + ec.message());
    case stage::proxying:
      return failed(http_failure::proxy,
                    peer_name() + " opened no tunnel to " + origin_.host + ": " + ec.message());
    case stage::handshaking:
      return failed(http_failure::tls,
                    "TLS handshake with " + origin_.host + " failed: " + tls_reason(*job.link, ec));
    case stage::writing:
      return failed(http_failure::lost,
                    "lost the connection to " + origin_.host + " while sending: " + ec.message());
    case stage::reading:
      break;
    }
    auto response = reading_failure(ec, parser.get().body().problem);
    if (parser.is_header_done())
      take_header(parser.get(), response);
    return response;
  }

  http_response reading_failure(const error_code& ec, const std::string& body_problem) const {
    if (ec == http::error::body_limit)
      return failed(http_failure::oversized, "the answer of " + origin_.host + " is longer than " +
                                                 std::to_string(options_.max_body_bytes) +
                                                 " bytes");
    if (ec == http::error::header_limit)
      return failed(http_failure::oversized,
                    "the answer of " + origin_.host + " has a header longer than " +
                        std::to_string(options_.max_header_bytes) + " bytes");
    if (!body_problem.empty())
      return failed(http_failure::malformed,
                    "the answer of " + origin_.host + " is malformed: " + body_problem);
    if (ec == http::error::partial_message || ec == http::error::end_of_stream ||
        ec.category() != http::make_error_code(http::error::end_of_stream).category())
      return failed(http_failure::lost,
                    origin_.host +
                        " ended the connection before its answer was complete: " + ec.message());
    return failed(http_failure::malformed,
                  "the answer of " + origin_.host + " is not HTTP: " + ec.message());
  }

  static std::string tls_reason(connection& link, const error_code& ec) {
    auto verified = SSL_get_verify_result(link.tls->native_handle());
    return verified == X509_V_OK ? ec.message() : X509_verify_cert_error_string(verified);
  }

  static std::chrono::milliseconds time_since(steady_clock::time_point start) {
    return std::chrono::duration_cast<std::chrono::milliseconds>(steady_clock::now() - start);
  }

  // -- connections --------------------------------------------------------------------------------

  void start_waiting() {
    while (!waiting_.empty() && active_ < options_.max_connections) {
      auto job = std::move(waiting_.front());
      waiting_.pop_front();
      if (job->finished)
        continue;
      ++active_;
      asio::co_spawn(context_, serve(std::move(job)), asio::detached);
    }
  }

  connection_ptr take_idle() {
    auto oldest = steady_clock::now() - options_.idle_timeout;
    std::erase_if(idle_, [&](const auto& link) { return link->idle_since < oldest; });
    if (idle_.empty())
      return nullptr;
    auto result = std::move(idle_.back());
    idle_.pop_back();
    return result;
  }

  void keep(connection_ptr link) {
    if (stopped_ || !link->socket.is_open())
      return;
    link->idle_since = steady_clock::now();
    idle_.push_back(std::move(link));
  }

  // -- the exchange itself ------------------------------------------------------------------------

  /// Sees one request through, then starts the next one that waits.
  task<void> serve(exchange_ptr job) {
    auto self = shared_from_this();
    auto sent = job->finished; // abandoned before we came to it
    if (auto reused = sent ? nullptr : take_idle())
      sent = co_await attempt(job, std::move(reused), true);
    if (!sent && !job->finished)
      co_await attempt(job, std::make_shared<connection>(context_), false);
    job->link.reset();
    --active_;
    start_waiting();
  }

  /// Sends the request over `link`. Returns false where the server had closed the reused
  /// connection and the request should be sent again; otherwise the exchange is finished.
  task<bool> attempt(exchange_ptr job, connection_ptr link, bool reused) {
    job->link = link;
    std::optional<response_parser> parser;
    start_parser(parser);
    try {
      if (!reused)
        co_await open(job);
      if (link->tls)
        co_await transfer(*link->tls, job, parser);
      else
        co_await transfer(link->socket, job, parser);
    } catch (const system_error& error) {
      if (reused && !parser->got_some() && link->buffer.size() == 0)
        co_return false;
      fail(job, failure_of(error.code(), *job, *parser));
      co_return true;
    } catch (const proxy_refusal& refusal) {
      fail(job, failed(http_failure::proxy, refusal.what()));
      co_return true;
    }
    http_response response;
    response.elapsed = time_since(job->first_byte_sent);
    take_header(parser->get(), response);
    response.body = std::move(parser->get().body().text);
    if (parser->keep_alive() && link->buffer.size() == 0)
      keep(std::move(link));
    finish(job, std::move(response));
    co_return true;
  }

  const url& peer() const { return options_.proxy ? *options_.proxy : origin_; }

  std::string peer_name() const {
    return (options_.proxy ? "the proxy " : "") + peer().host + ':' + std::to_string(peer().port);
  }

  task<void> open(exchange_ptr job) {
    enter(job, stage::connecting, options_.connect_timeout);
    auto& link = *job->link;
    co_await connect(*job);
    link.socket.set_option(tcp::no_delay{true});
    if (!origin_.tls)
      co_return;
    if (options_.proxy) {
      job->reached = stage::proxying;
      co_await open_tunnel(link);
    }
    job->reached = stage::handshaking;
    link.tls.emplace(link.socket, *tls_context_);
    co_await shake_hands(*link.tls);
  }

  task<void> connect(exchange& job) {
    auto& socket = job.link->socket;
    error_code not_an_address;
    auto address = asio::ip::make_address(peer().host, not_an_address);
    if (!not_an_address) {
      co_await socket.async_connect({address, peer().port}, awaiting);
      co_return;
    }
    asio::ip::basic_resolver<tcp, executor> resolver{context_};
    auto found =
        co_await resolver.async_resolve(peer().host, std::to_string(peer().port), awaiting);
    if (job.finished) // the lookup took too long: do not open the closed socket again
      throw system_error{asio::error::operation_aborted};
    co_await asio::async_connect(socket, found, awaiting);
  }

  /// RFC 9110, 9.3.6.
  task<void> open_tunnel(connection& link) {
    http::request<http::empty_body> message{http::verb::connect, tunnel_target(), 11};
    message.set(http::field::host, tunnel_target());
    if (!options_.proxy->user_info.empty())
      message.set(http::field::proxy_authorization, proxy_authorization());
    co_await http::async_write(link.socket, message, awaiting);
    http::response_parser<http::empty_body> parser;
    parser.skip(true);
    parser.header_limit(options_.max_header_bytes);
    co_await http::async_read_header(link.socket, link.buffer, parser, awaiting);
    if (parser.get().result_int() / 100 != 2)
      throw proxy_refusal{peer_name() + " refused a tunnel to " + origin_.host + ": HTTP " +
                          std::to_string(parser.get().result_int())};
  }

  std::string tunnel_target() const {
    auto host =
        origin_.host.find(':') == std::string::npos ? origin_.host : '[' + origin_.host + ']';
    return host + ':' + std::to_string(origin_.port);
  }

  task<void> shake_hands(tls_stream& tls) {
    auto ssl = tls.native_handle();
    error_code is_a_name;
    asio::ip::make_address(origin_.host, is_a_name);
    auto host = origin_.host.c_str();
    auto is_set = is_a_name // RFC 6066, 3: no addresses in SNI
                      ? SSL_set1_host(ssl, host) && SSL_set_tlsext_host_name(ssl, host)
                      : X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl), host) == 1;
    if (!is_set)
      throw system_error{asio::error::no_memory};
    co_await tls.async_handshake(ssl::stream_base::client, awaiting);
  }

  void start_parser(std::optional<response_parser>& parser) const {
    parser.emplace();
    parser->header_limit(options_.max_header_bytes);
    parser->body_limit(boost::none); // `inflating_body` counts
    parser->eager(true);
    parser->get().body().limit = options_.max_body_bytes;
  }

  template <class Stream>
  task<void> transfer(Stream& stream, exchange_ptr job, std::optional<response_parser>& parser) {
    enter(job, stage::writing, options_.write_timeout);
    job->first_byte_sent = steady_clock::now();
    co_await http::async_write(stream, job->message, awaiting);
    enter(job, stage::reading, options_.read_timeout);
    co_await read_answer(stream, job, *parser);
    while (parser->get().result_int() < 200) { // RFC 9110, 15.2: the real answer follows
      start_parser(parser);
      co_await read_answer(stream, job, *parser);
    }
  }

  template <class Stream>
  task<void> read_answer(Stream& stream, exchange_ptr job, response_parser& parser) {
    while (!parser.is_done()) {
      co_await http::async_read_some(stream, job->link->buffer, parser, awaiting);
      job->got_bytes = true;
      allow(job, options_.read_timeout);
    }
  }

  asio::io_context& context_;
  const url origin_;
  const http_options options_;
  std::optional<ssl::context> tls_context_;
  std::vector<connection_ptr> idle_; ///< the newest at the end
  std::deque<exchange_ptr> waiting_;
  std::unordered_set<exchange_ptr> unfinished_;
  uint32_t active_ = 0; ///< coroutines, each with a connection
  bool stopped_ = false;
};

http_client::http_client(asio::io_context& context, url origin, http_options options)
    : pool_(std::make_shared<pool>(context, std::move(origin), std::move(options))) {}

http_client::~http_client() { stop(); }

void http_client::async_send(http_request request, callback on_response) {
  asio::post(pool_->context(), [pool = pool_, request = std::move(request),
                                on_response = std::move(on_response)]() mutable {
    pool->submit(std::move(request), std::move(on_response));
  });
}

void http_client::stop() {
  asio::post(pool_->context(), [pool = pool_] { pool->stop(); });
}

} // namespace gitstar::net
