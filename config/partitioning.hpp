#pragma once

#include <cstdint>
#include <string>

namespace gitstar::config {

/// How the table `repositories` is divided within one database, by `repo_id`.
struct partitioning {
  enum class method : uint8_t { none, hash, range };

  method by = method::none;
  uint64_t number = 0; ///< by hash: how many parts; by range: how many ids a part spans

  bool operator==(const partitioning&) const = default;
};

/// As the config has it, such as `{ hash: 16 }`.
inline std::string to_string(const partitioning& x) {
  if (x.by == partitioning::method::none)
    return "none";
  auto name = x.by == partitioning::method::hash ? "hash" : "range";
  return std::string{"{ "} + name + ": " + std::to_string(x.number) + " }";
}

} // namespace gitstar::config
