/// Error codes that actors answer with.
#pragma once

#include "messages/compat.hpp"

#include <cstdint>
#include <string>

namespace gitstar {

enum class errc : uint8_t {
  ok = 0,
  /// The configuration asks for something impossible; the context names the key.
  bad_config,
  /// GitHub rejected every credential: the run cannot go on.
  no_credential_left,
  /// The API's host has never answered.
  unreachable,
  /// GitHub refused the query itself: our bug or a schema change.
  query_rejected,
  /// PostgreSQL could not be reached or refused a statement.
  store_failed,
  /// Another process has taken this crawl over; ours must stop writing.
  fenced,
  /// A lease that was given back or ran out.
  lease_lost,
  /// The actor is shutting down and answers nothing more.
  stopping,
  /// A supervisor saw more restarts than its intensity allows.
  too_many_restarts,
  /// The coordinator does not take this worker: another build or another crawl.
  refused,
  /// Not the coordinator that leads.
  not_leading,
  /// The connection between worker and coordinator is gone, or it is silent.
  connection_lost,
};

/// The name of the code, as logs show it.
std::string to_string(errc code);

/// Renders a `gitstar` error for logs and for the user: the code and its context.
/// Signature as `caf::actor_system_config::add_error_category` wants it.
std::string render_error(uint8_t code, caf::atom_value category, const caf::message& context);

/// The text a user reads: the context where there is one, the code's name otherwise.
std::string describe(const caf::error& reason);

/// Whether starting again cannot help: supervisors pass such an error up instead of restarting.
bool is_final(const caf::error& reason);

} // namespace gitstar
