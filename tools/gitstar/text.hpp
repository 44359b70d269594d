#pragma once

#include <chrono>
#include <cstdint>
#include <string>

namespace gitstar::tool {

/// `1,234,567`
std::string thousands(int64_t value);

/// `4:05` or `1:04:05`
std::string duration_text(std::chrono::seconds time);

/// `49 MB`, `4.1 GB`: decimal units, as prices have them
std::string bytes_text(int64_t bytes);

} // namespace gitstar::tool
