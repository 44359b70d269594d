#pragma once

#include "messages/basic.hpp"

#include <string>

namespace gitstar::net {

/// GitHub's global node id of the repository with this database id, which must be positive (fact
/// sheet 6). From 65,536 on it is the new form, for which real pairs are known: `R_` and base64url
/// of msgpack `[0, id]`. Below, no real pair is known, and the legacy form is accepted:
/// base64 of `010:Repository<id>`.
std::string repository_node_id(repo_id id);

} // namespace gitstar::net
