#pragma once

#include <mutex>
#include <string>
#include <string_view>

namespace gitstar::tool {

/// The line at the end of stderr's terminal that is rewritten again and again. What is logged while
/// it stands there goes above it.
class terminal_line {
public:
  /// There is one stderr.
  static terminal_line& of_stderr();

  /// Shows `text` in the place of what was shown before, as much of it as fits.
  void show(std::string text);

  /// Writes whole lines.
  void write(std::string_view lines);

  /// Leaves the line as it is: what comes next goes below.
  void leave();

private:
  std::mutex mutex_;
  std::string shown_; // empty: there is no line
};

/// What rewrites the line in which the cursor stands, on a terminal of `columns`. It never fills
/// the last column: some terminals would begin a new line, to which `\r` does not go back.
std::string rewriting(std::string_view text, size_t columns);

/// What puts whole lines above `shown`; empty: there is no such line.
std::string putting_above(std::string_view shown, std::string_view lines, size_t columns);

} // namespace gitstar::tool
