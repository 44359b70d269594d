#include "messages/errors.hpp"
#include "messages/fwd.hpp"
#include "messages/partition.hpp"

namespace gitstar {

std::string to_string(query_shape shape) {
  switch (shape) {
  case query_shape::search_count:
    return "search_count";
  case query_shape::search_page:
    return "search_page";
  case query_shape::nodes:
    return "nodes";
  case query_shape::owner_page:
    return "owner_page";
  case query_shape::id_list:
    return "id_list";
  case query_shape::metadata_probe:
    return "metadata_probe";
  case query_shape::metadata_list:
    return "metadata_list";
  }
  return "unknown";
}

std::string to_string(resource which) {
  switch (which) {
  case resource::graphql:
    return "graphql";
  case resource::core:
    return "core";
  }
  return "unknown";
}

std::string to_string(outcome result) {
  switch (result) {
  case outcome::ok:
    return "ok";
  case outcome::partial:
    return "partial";
  case outcome::primary_limit:
    return "primary_limit";
  case outcome::secondary_limit:
    return "secondary_limit";
  case outcome::resource_limit:
    return "resource_limit";
  case outcome::timeout:
    return "timeout";
  case outcome::unauthorized:
    return "unauthorized";
  case outcome::forbidden:
    return "forbidden";
  case outcome::rejected:
    return "rejected";
  case outcome::malformed:
    return "malformed";
  case outcome::oversized:
    return "oversized";
  case outcome::network:
    return "network";
  case outcome::server_error:
    return "server_error";
  case outcome::blocked:
    return "blocked";
  }
  return "unknown";
}

std::string to_string(field_error error) {
  switch (error) {
  case field_error::none:
    return "none";
  case field_error::resource_limit:
    return "resource_limit";
  case field_error::transient:
    return "transient";
  case field_error::not_found:
    return "not_found";
  case field_error::forbidden:
    return "forbidden";
  case field_error::rejected:
    return "rejected";
  }
  return "unknown";
}

std::string to_string(partition_state state) {
  switch (state) {
  case partition_state::open:
    return "open";
  case partition_state::split:
    return "split";
  case partition_state::done:
    return "done";
  case partition_state::incomplete:
    return "incomplete";
  case partition_state::dead:
    return "dead";
  }
  return "unknown";
}

std::string to_string(cursor_mode mode) {
  switch (mode) {
  case cursor_mode::unverified:
    return "unverified";
  case cursor_mode::predicted:
    return "predicted";
  case cursor_mode::serial:
    return "serial";
  }
  return "unknown";
}

std::string to_string(errc code) {
  switch (code) {
  case errc::ok:
    return "ok";
  case errc::bad_config:
    return "bad_config";
  case errc::no_credential_left:
    return "no_credential_left";
  case errc::unreachable:
    return "unreachable";
  case errc::query_rejected:
    return "query_rejected";
  case errc::store_failed:
    return "store_failed";
  case errc::fenced:
    return "fenced";
  case errc::lease_lost:
    return "lease_lost";
  case errc::stopping:
    return "stopping";
  case errc::too_many_restarts:
    return "too_many_restarts";
  case errc::refused:
    return "refused";
  case errc::not_leading:
    return "not_leading";
  case errc::connection_lost:
    return "connection_lost";
  }
  return "unknown";
}

std::string render_error(uint8_t code, caf::atom_value, const caf::message& context) {
  auto text = to_string(static_cast<errc>(code));
  if (context.match_elements<std::string>())
    text += ": " + context.get_as<std::string>(0);
  return text;
}

std::string describe(const caf::error& reason) {
  if (reason && reason.category() == caf::atom("gitstar") &&
      reason.context().match_elements<std::string>())
    return reason.context().get_as<std::string>(0);
  if (reason && reason.category() == caf::atom("gitstar"))
    return to_string(static_cast<errc>(reason.code()));
  return caf::to_string(reason);
}

bool is_final(const caf::error& reason) {
  if (!reason || reason.category() != caf::atom("gitstar"))
    return false;
  switch (static_cast<errc>(reason.code())) {
  case errc::bad_config:
  case errc::no_credential_left:
  case errc::unreachable:
  case errc::query_rejected:
  case errc::fenced:
  case errc::refused:
  case errc::not_leading:
  case errc::connection_lost:
    return true;
  default:
    return false;
  }
}

std::string_view owner_of(const repository& repo) {
  return std::string_view{repo.full_name}.substr(0, repo.full_name.find('/'));
}

std::string_view name_of(const repository& repo) {
  auto slash = repo.full_name.find('/');
  return slash == std::string::npos ? std::string_view{}
                                    : std::string_view{repo.full_name}.substr(slash + 1);
}

} // namespace gitstar
