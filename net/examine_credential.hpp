#pragma once

#include "net/github_client.hpp"

#include <string>
#include <vector>

namespace gitstar::net {

/// A field of a repository that GitHub does not tell to a credential.
struct refused_field {
  std::string name;
  std::string reason; ///< GitHub's words
};

/// What GitHub tells about one credential.
struct credential_examination {
  /// Of the first question: `result` and `message` say whether the credential works, `limits` its
  /// budget, `identity` its user (not of an installation), `server_clock_skew` GitHub's clock.
  api_response answer;

  /// Fields that queries will leave out: their columns stay unknown.
  std::vector<refused_field> refused;
};

/// Asks GitHub what a credential may do, for about eight points: who it is and the fields that no
/// repository can do without in one query, and each of the other fields alone, since one that is
/// refused hides its neighbours. `is_user`: not an installation, which is nobody. Blocks; not to be
/// called on the network thread.
credential_examination examine_credential(github_client& client, const std::string& credential,
                                          bool is_user);

} // namespace gitstar::net
