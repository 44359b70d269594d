/// How the actor systems of several processes reach each other. With node.cpp the only place that
/// knows CAF's network modules.
#pragma once

#include "config/config.hpp"
#include "messages/interfaces.hpp"

#include <functional>
#include <string>

namespace gitstar {

/// What both sides must have in common: the version, and a hash of all that messages say.
std::string protocol_build();

/// Loads CAF's network into the system that `to` will make, with mutual TLS where the config has
/// it.
void add_network(caf::actor_system_config& to, const config::cluster_section& settings);

/// What is wrong with the files of `cluster.tls`, with the key's name; empty where nothing is.
std::string why_no_tls(const config::cluster_section& settings);

/// The DOOR: the one actor of a coordinator that is published. It stays while the GATE behind it is
/// restarted. Answers `join_atom, std::string build` (nothing, `errc::refused` or
/// `errc::not_leading`), and passes `join_atom, worker_greeting, caf::actor` on.
caf::actor spawn_door(caf::actor_system& system, std::function<bool()> leads);

/// The gate that the door leads to from now on.
void set_gate(const caf::actor& door, const gate_actor& gate);

/// Listens for workers. Returns the port.
caf::expected<uint16_t> open_door(caf::actor_system& system, const caf::actor& door,
                                  const config::cluster_section& settings);

/// Connects to the door at `where` and asks whether we may join. Fails with `errc::refused`,
/// `errc::not_leading` or `errc::connection_lost`.
caf::expected<caf::actor> knock(caf::scoped_actor& self, const config::endpoint& where,
                                const config::cluster_section& settings, const std::string& build);

} // namespace gitstar
