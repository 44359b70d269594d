#include "tests/net/scripted_server.hpp"

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/string_body.hpp>

#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <sys/socket.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <vector>

namespace gitstar::test {

namespace asio = boost::asio;
namespace http = boost::beast::http;
namespace ssl = asio::ssl;
using tcp = asio::ip::tcp;

namespace {

class live_session : public session {
public:
  live_session(asio::io_context& context, ssl::context* tls_context)
      : socket_(context), tls_context_(tls_context) {}

  tcp::socket& socket() { return socket_; }

  seen_request read_request() override {
    http::request_parser<http::string_body> parser;
    parser.body_limit(boost::none);
    if (tls_)
      http::read(*tls_, buffer_, parser);
    else
      http::read(socket_, buffer_, parser);
    auto message = std::make_shared<http::request<http::string_body>>(parser.release());
    return {std::string{message->method_string()}, std::string{message->target()}, message->body(),
            [message](const std::string& name) { return std::string{(*message)[name]}; }};
  }

  void write(const std::string& text) override {
    if (tls_)
      asio::write(*tls_, asio::buffer(text));
    else
      asio::write(socket_, asio::buffer(text));
  }

  void reset() override {
    socket_.set_option(asio::socket_base::linger{true, 0});
    socket_.close();
  }

  void wait_for_close() override {
    char ignored[256];
    for (;;)
      socket_.read_some(asio::buffer(ignored)); // throws at the end
  }

  void start_tls() override {
    tls_.emplace(socket_, *tls_context_);
    tls_->handshake(ssl::stream_base::server);
  }

  std::string named_host() override {
    auto name = SSL_get_servername(tls_->native_handle(), TLSEXT_NAMETYPE_host_name);
    return name ? name : "";
  }

private:
  tcp::socket socket_;
  ssl::context* tls_context_;
  std::optional<ssl::stream<tcp::socket&>> tls_;
  boost::beast::flat_buffer buffer_;
};

} // namespace

void session::answer(const std::string& body, const std::string& headers) {
  write("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(body.size()) + "\r\n" + headers +
        "\r\n" + body);
}

class scripted_server::impl {
public:
  impl(script each, const tls_identity* identity, bool tls_at_once)
      : each_(std::move(each)), tls_at_once_(identity && tls_at_once) {
    if (identity) {
      tls_context_.emplace(ssl::context::tls_server);
      tls_context_->use_certificate_chain_file(identity->certificate_file);
      tls_context_->use_private_key_file(identity->key_file, ssl::context::pem);
    }
    acceptor_.open(tcp::v4());
    acceptor_.bind({asio::ip::make_address("127.0.0.1"), 0});
    acceptor_.listen();
    port_ = acceptor_.local_endpoint().port();
    accepting_ = std::thread{[this] { accept_all(); }};
  }

  ~impl() {
    stopping_ = true;
    ::shutdown(acceptor_.native_handle(), SHUT_RDWR);
    accepting_.join();
    {
      std::lock_guard lock{mutex_};
      for (auto descriptor : descriptors_)
        ::shutdown(descriptor, SHUT_RDWR);
    }
    for (auto& thread : threads_)
      thread.join();
  }

  uint16_t port() const { return port_; }
  int connections() const { return connections_; }

private:
  void accept_all() {
    for (;;) {
      auto live = std::make_shared<live_session>(context_, tls_context_ ? &*tls_context_ : nullptr);
      boost::system::error_code ec;
      acceptor_.accept(live->socket(), ec);
      if (ec || stopping_)
        return;
      auto number = connections_++;
      std::lock_guard lock{mutex_};
      // A copy of the descriptor stays valid after the script has closed its own.
      descriptors_.push_back(::dup(live->socket().native_handle()));
      threads_.emplace_back([this, live, number, copy = descriptors_.back()]() mutable {
        run(*live, number);
        live.reset();
        ::shutdown(copy, SHUT_RDWR);
        std::lock_guard inner{mutex_};
        std::erase(descriptors_, copy);
        ::close(copy);
      });
    }
  }

  void run(live_session& live, int number) {
    try {
      if (tls_at_once_)
        live.start_tls();
      each_(live, number);
    } catch (const boost::system::system_error&) {
      // The client has gone, which the test expects or will notice.
    }
  }

  script each_;
  bool tls_at_once_;
  std::optional<ssl::context> tls_context_;
  asio::io_context context_;
  tcp::acceptor acceptor_{context_};
  uint16_t port_ = 0;
  std::atomic<int> connections_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<int> descriptors_;
  std::list<std::thread> threads_;
  std::thread accepting_;
};

scripted_server::scripted_server(script each, const tls_identity* identity, bool tls_at_once)
    : impl_(std::make_unique<impl>(std::move(each), identity, tls_at_once)) {}

scripted_server::~scripted_server() = default;

uint16_t scripted_server::port() const { return impl_->port(); }
int scripted_server::connections() const { return impl_->connections(); }

std::string scripted_server::url(const std::string& path) const {
  return "http://127.0.0.1:" + std::to_string(port()) + path;
}

uint16_t unused_port() {
  asio::io_context context;
  tcp::acceptor acceptor{context, {asio::ip::make_address("127.0.0.1"), 0}};
  return acceptor.local_endpoint().port();
}

namespace {

void check(bool good, const char* what) {
  if (!good)
    throw std::runtime_error{what};
}

template <class Write>
std::string write_file(const std::filesystem::path& path, Write write) {
  auto file = std::fopen(path.c_str(), "w");
  check(file, "cannot write a certificate");
  check(write(file) == 1, "cannot write a certificate");
  std::fclose(file);
  return path;
}

} // namespace

tls_identity make_identity(const std::string& host) {
  char directory[] = "/tmp/gitstar-test-XXXXXX";
  check(::mkdtemp(directory), "cannot make a temporary directory");
  std::filesystem::path folder{directory};
  std::shared_ptr<void> files{nullptr, [folder](void*) { std::filesystem::remove_all(folder); }};
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> key{EVP_EC_gen("P-256"), EVP_PKEY_free};
  std::unique_ptr<X509, decltype(&X509_free)> certificate{X509_new(), X509_free};
  check(key && certificate, "cannot make a key");
  X509_set_version(certificate.get(), 2);
  ASN1_INTEGER_set(X509_get_serialNumber(certificate.get()), 1);
  X509_gmtime_adj(X509_getm_notBefore(certificate.get()), -3600);
  X509_gmtime_adj(X509_getm_notAfter(certificate.get()), 86400);
  X509_set_pubkey(certificate.get(), key.get());
  auto name = X509_get_subject_name(certificate.get());
  X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC,
                             reinterpret_cast<const unsigned char*>(host.c_str()), -1, -1, 0);
  X509_set_issuer_name(certificate.get(), name);
  auto is_address = host.find_first_not_of("0123456789.") == std::string::npos;
  auto names = (is_address ? "IP:" : "DNS:") + host;
  std::unique_ptr<X509_EXTENSION, decltype(&X509_EXTENSION_free)> extension{
      X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, names.c_str()),
      X509_EXTENSION_free};
  X509_add_ext(certificate.get(), extension.get(), -1);
  check(X509_sign(certificate.get(), key.get(), EVP_sha256()) > 0, "cannot sign");
  return {write_file(folder / "cert.pem",
                     [&](FILE* f) { return PEM_write_X509(f, certificate.get()); }),
          write_file(folder / "key.pem",
                     [&](FILE* f) {
                       return PEM_write_PrivateKey(f, key.get(), nullptr, nullptr, 0, nullptr,
                                                   nullptr);
                     }),
          files};
}

} // namespace gitstar::test
