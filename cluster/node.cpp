#include "cluster/node.hpp"

#include <boost/asio/connect.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <caf/io/all.hpp>
#include <caf/openssl/all.hpp>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include <memory>

// CAF 0.17 asks OpenSSL for the outcome of a call without having emptied the thread's queue of
// errors, and leaves those of a failed handshake in it. A stranger without a certificate would then
// break the connections of all others, because one thread serves them all. These take the places of
// the functions of the same names: a program's own come before those of its shared libraries.
extern "C" int SSL_read(SSL* session, void* to, int size) {
  ERR_clear_error();
  size_t done = 0;
  return SSL_read_ex(session, to, static_cast<size_t>(size), &done) == 1 ? static_cast<int>(done)
                                                                         : -1;
}

extern "C" int SSL_write(SSL* session, const void* from, int size) {
  ERR_clear_error();
  size_t done = 0;
  return SSL_write_ex(session, from, static_cast<size_t>(size), &done) == 1 ? static_cast<int>(done)
                                                                            : -1;
}

namespace gitstar {

namespace {

using namespace std::chrono_literals;

struct door_state {
  gate_actor gate;
  static inline constexpr const char* name = "gitstar.door";
};

caf::behavior door(caf::stateful_actor<door_state>* self, std::function<bool()> leads) {
  return {
      [leads](join_atom, const std::string& build) -> caf::result<void> {
        if (build != protocol_build())
          return caf::make_error(errc::refused,
                                 "the worker is build " + build + ", the coordinator is build " +
                                     protocol_build() + ": all nodes must be of one build");
        if (!leads())
          return caf::make_error(errc::not_leading, std::string{"this coordinator does not lead"});
        return caf::unit;
      },
      [self](join_atom, const worker_greeting& greeting,
             const caf::actor& link) -> caf::result<caf::actor> {
        if (!self->state.gate)
          return caf::make_error(errc::not_leading, std::string{"the coordinator is starting"});
        return self->delegate(self->state.gate, join_atom_v, greeting, link);
      },
      [self](changed_atom, const caf::actor& gate) {
        if (self->current_sender() == nullptr || self->current_sender()->node() == self->node())
          self->state.gate = caf::actor_cast<gate_actor>(gate);
      },
  };
}

caf::error connection_lost(std::string why) {
  return caf::make_error(errc::connection_lost, std::move(why));
}

/// CAF connects without a time-out: it is asked only where somebody listens.
bool is_listening(const config::endpoint& where) {
  using boost::asio::ip::tcp;
  boost::asio::io_context io;
  tcp::socket socket{io};
  boost::system::error_code failure;
  auto addresses = tcp::resolver{io}.resolve(where.host, std::to_string(where.port), failure);
  if (failure)
    return false;
  auto connected = false;
  boost::asio::async_connect(
      socket, addresses, [&](const auto& failed, const tcp::endpoint&) { connected = !failed; });
  io.run_for(1s);
  return connected;
}

} // namespace

std::string protocol_build() { return GITSTAR_BUILD; }

void add_network(caf::actor_system_config& to, const config::cluster_section& settings) {
  to.load<caf::io::middleman>();
  if (!settings.tls)
    return;
  to.openssl_certificate = settings.tls->certificate.string();
  to.openssl_key = settings.tls->key.string();
  to.openssl_cafile = settings.tls->ca.string();
  to.load<caf::openssl::manager>();
}

std::string why_no_tls(const config::cluster_section& settings) {
  if (!settings.tls)
    return {};
  auto& tls = *settings.tls;
  std::unique_ptr<SSL_CTX, decltype(&SSL_CTX_free)> context{SSL_CTX_new(TLS_method()),
                                                            &SSL_CTX_free};
  if (SSL_CTX_load_verify_locations(context.get(), tls.ca.c_str(), nullptr) != 1)
    return "cluster.tls.ca: no certificate of a CA can be read from " + tls.ca.string();
  if (SSL_CTX_use_certificate_chain_file(context.get(), tls.certificate.c_str()) != 1)
    return "cluster.tls.certificate: no certificate can be read from " + tls.certificate.string();
  if (SSL_CTX_use_PrivateKey_file(context.get(), tls.key.c_str(), SSL_FILETYPE_PEM) != 1)
    return "cluster.tls.key: no private key of that certificate can be read from " +
           tls.key.string();
  return {};
}

caf::actor spawn_door(caf::actor_system& system, std::function<bool()> leads) {
  return system.spawn(door, std::move(leads));
}

void set_gate(const caf::actor& door, const gate_actor& gate) {
  caf::anon_send(door, changed_atom_v, caf::actor_cast<caf::actor>(gate));
}

caf::expected<uint16_t> open_door(caf::actor_system& system, const caf::actor& door,
                                  const config::cluster_section& settings) {
  auto& where = *settings.listen;
  if (settings.tls)
    return caf::openssl::publish(door, where.port, where.host.c_str(), true);
  return system.middleman().publish(door, where.port, where.host.c_str(), true);
}

caf::expected<caf::actor> knock(caf::scoped_actor& self, const config::endpoint& where,
                                const config::cluster_section& settings, const std::string& build) {
  if (!is_listening(where))
    return connection_lost("nobody listens");
  auto& system = self->system();
  auto network =
      settings.tls ? system.openssl_manager().actor_handle() : system.middleman().actor_handle();
  caf::expected<caf::actor> result = connection_lost("it does not answer");
  self->request(network, settings.lost_after, caf::connect_atom_v, where.host, where.port)
      .receive(
          [&](caf::node_id&, caf::strong_actor_ptr& found, std::set<std::string>&) {
            if (found)
              result = caf::actor_cast<caf::actor>(std::move(found));
          },
          [&](const caf::error& reason) {
            result =
                connection_lost((settings.tls ? "no connection with TLS: " : "no connection: ") +
                                system.render(reason));
          });
  if (!result)
    return result;
  caf::error no;
  self->request(*result, settings.lost_after, join_atom_v, build)
      .receive([] {}, [&](caf::error& reason) { no = std::move(reason); });
  if (no == errc::refused || no == errc::not_leading)
    return no;
  if (no)
    return connection_lost("it does not answer: " + system.render(no));
  return result;
}

} // namespace gitstar
