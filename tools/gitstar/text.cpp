#include "tools/gitstar/text.hpp"

#include <fmt/format.h>

namespace gitstar::tool {

std::string thousands(int64_t value) {
  auto digits = std::to_string(value);
  for (auto i = static_cast<int64_t>(digits.size()) - 3; i > (value < 0 ? 1 : 0); i -= 3)
    digits.insert(static_cast<size_t>(i), 1, ',');
  return digits;
}

std::string duration_text(std::chrono::seconds time) {
  auto s = time.count();
  if (s < 3600)
    return fmt::format("{}:{:02}", s / 60, s % 60);
  return fmt::format("{}:{:02}:{:02}", s / 3600, s / 60 % 60, s % 60);
}

std::string bytes_text(int64_t bytes) {
  auto b = static_cast<double>(bytes);
  return b < 1e9 ? fmt::format("{:.0f} MB", b / 1e6) : fmt::format("{:.1f} GB", b / 1e9);
}

} // namespace gitstar::tool
