#include "messages/metadata/rows.hpp"

namespace gitstar {

std::string to_array_literal(const std::vector<std::string>& elements) {
  std::string result = "{";
  for (const auto& element : elements) {
    result += result.size() > 1 ? ",\"" : "\"";
    for (auto c : element) {
      if (c == '"' || c == '\\')
        result += '\\';
      result += c;
    }
    result += '"';
  }
  return result + '}';
}

} // namespace gitstar
