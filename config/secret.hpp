#pragma once

#include <ostream>
#include <string>
#include <utility>

namespace gitstar::config {

/// A text that must never be shown: a token, or a connection string with its password. Every way
/// to print it gives `***`; it has no `inspect` on purpose, so it cannot become part of a message.
class secret {
public:
  secret() = default;
  explicit secret(std::string text) : text_(std::move(text)) {}

  /// The text itself. Call it only where the text leaves for the server it is meant for.
  const std::string& reveal() const { return text_; }
  bool empty() const { return text_.empty(); }
  bool operator==(const secret&) const = default;

private:
  std::string text_;
};

inline std::string to_string(const secret&) { return "***"; }
inline std::ostream& operator<<(std::ostream& out, const secret&) { return out << "***"; }

} // namespace gitstar::config
