#pragma once

#include "tools/sim/limits.hpp"

#include <deque>
#include <optional>
#include <vector>

namespace gitstar::sim {

enum class credential_kind : uint8_t { classic, fine_grained, oauth, installation };

/// Whom a credential stands for.
struct account_identity {
  int64_t id = 0;
  std::string login;
};

/// A token of `--tokens`.
struct token_config {
  std::string name; ///< for statistics and faults; empty: `token-N`, counted from 1
  std::string token;
  std::optional<account_identity> user; ///< tokens of one user share limits; nothing: its own
  std::optional<credential_kind> kind;  ///< nothing: by its prefix
  std::optional<int64_t> limit;         ///< points per window; nothing: GitHub's 5,000
  std::optional<int64_t> remaining;     ///< points left at the start; nothing: all
  std::optional<int64_t> window_seconds;
  std::optional<int64_t> revoked_after; ///< requests; nothing: never
};

struct installation_config {
  int64_t id = 0;
  std::string name; ///< for statistics and faults; empty: `installation-ID`
  std::optional<int64_t> limit;
  std::optional<int64_t> remaining;
  std::optional<int64_t> window_seconds;
  bool suspended = false;
};

/// A GitHub App (fact sheet, section 8).
struct app_config {
  int64_t id = 0;
  std::string client_id;
  std::string slug;           ///< its bot is `SLUG[bot]`; empty: `app-ID`
  std::string public_key_pem; ///< checks its JWTs
  int64_t token_seconds = 3600;
  int64_t replication_ms = 0; ///< for so long a new token is not known everywhere yet: 401
  std::vector<installation_config> installations;
};

/// Who may ask. Empty: every token may, each with limits of its own.
struct credentials_config {
  std::vector<token_config> tokens;
  std::vector<app_config> apps;

  bool empty() const { return tokens.empty() && apps.empty(); }
};

/// Reads a `--tokens` file; paths of keys in it are relative to it. Throws `std::runtime_error`
/// with file, line and key.
credentials_config read_credentials(const std::string& path);

/// One credential, and what it did.
struct credential {
  std::string name;    ///< never the token
  std::string account; ///< whose limits count
  account_identity viewer;
  credential_kind kind = credential_kind::classic;
  int64_t revoked_after = std::numeric_limits<int64_t>::max(); ///< requests
  int64_t requests_ever = 0;

  // since the last reset of the statistics
  int64_t requests = 0;
  int64_t points = 0;
  violations seen;
};

/// An App's installation, ready for use.
struct installation {
  installation_config config;
  const app_config* app = nullptr;
  credential* owner = nullptr; ///< what all its tokens count for
};

/// Knows the credentials of everybody who may ask, and mints tokens for installations.
class credential_registry {
public:
  /// Tells `limiter` what each account may spend.
  credential_registry(credentials_config config, limits& limiter, time_point now);
  credential_registry(const credential_registry&) = delete;
  credential_registry& operator=(const credential_registry&) = delete;

  /// Who sends a request. `who` is never null, also where GitHub refuses to answer.
  struct asker {
    credential* who = nullptr;
    bool accepted = false;
  };

  /// Who sends `token` at `now`; empty: nobody in particular. Where everybody may ask, an unknown
  /// token becomes known. Counts the request.
  asker arrive(const std::string& token, bool is_graphql, time_point now);

  /// What requests of Apps as such count for: those with a JWT. Counts the request.
  credential& arrive_app();

  /// The App with this id or client id, or null.
  const app_config* find_app(std::string_view issuer) const;

  /// An installation of the App, or null.
  const installation* find_installation(const app_config& app, int64_t id) const;

  struct minted {
    std::string token;
    time_point expires;
  };
  minted mint(const installation& of, time_point now);

  /// Calls `visit` for each credential that ever asked, and for those that are configured.
  template <class Visit>
  void each(Visit visit) {
    for (auto& one : credentials_)
      visit(one);
    for (auto one : {&anonymous_, &unknown_, &apps_})
      if (one->requests > 0)
        visit(*one);
  }

  void forget_use();

private:
  struct token_entry {
    credential* of = nullptr;
    time_point valid_from = time_point::min();
    time_point expires = time_point::max();
  };

  credential& add(const token_config& from, time_point now);
  void add(const app_config& app, time_point now);
  token_entry find(const std::string& token, time_point now);

  credentials_config config_;
  limits& limits_;
  std::deque<credential> credentials_; ///< pointers to them stay good
  std::unordered_map<std::string, token_entry> tokens_;
  std::deque<installation> installations_;
  credential anonymous_;
  credential unknown_;
  credential apps_;
  uint64_t minted_ = 0;
};

} // namespace gitstar::sim
