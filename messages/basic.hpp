/// Aliases that every message shares.
#pragma once

#include <caf/meta/type_name.hpp>
#include <caf/optional.hpp>

#include <chrono>
#include <cstdint>

namespace gitstar {

/// A value that GitHub or the ledger may leave out. CAF 0.17 cannot serialize `std::optional`.
template <class T>
using optional = caf::optional<T>;

/// A point in time as GitHub gives it: UTC, one second resolution.
using timestamp = std::chrono::sys_seconds;

/// Our own observations and intervals.
using milliseconds = std::chrono::milliseconds;

/// GitHub's REST database id of a repository: its identity (64 bit; GraphQL's `Int` ends at 2^31).
using repo_id = int64_t;

} // namespace gitstar
