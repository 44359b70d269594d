#pragma once

#include <caf/duration.hpp>

namespace gitstar {

/// The time-out of requests between actors of one process: none. Whoever waits for an actor that
/// died is restarted with it by the supervisors, and what is waited for (a reset of the points,
/// PostgreSQL) may take long. CAF 0.17 keeps the timer of a request that was answered until it is
/// due, so a long time-out would make memory grow with the crawl.
inline constexpr auto patience = caf::infinite;

} // namespace gitstar
