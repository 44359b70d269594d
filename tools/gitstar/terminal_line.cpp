#include "tools/gitstar/terminal_line.hpp"

#include <cstdio>
#include <utility>

#include <sys/ioctl.h>
#include <unistd.h>

namespace gitstar::tool {

namespace {

constexpr size_t usual_columns = 80;

/// Asked each time: windows change their size.
size_t columns_of_stderr() {
  winsize size{};
  auto known = ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0;
  return known ? size.ws_col : usual_columns;
}

void put(std::string_view text) { std::fwrite(text.data(), 1, text.size(), stderr); }

/// UTF-8: further bytes of a character.
bool continues(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

} // namespace

std::string rewriting(std::string_view text, size_t columns) {
  size_t end = 0;
  for (size_t used = 0; end < text.size(); ++end)
    if (!continues(text[end]) && ++used >= columns)
      break;
  return '\r' + std::string{text.substr(0, end)} + "\x1b[K";
}

std::string putting_above(std::string_view shown, std::string_view lines, size_t columns) {
  if (shown.empty())
    return std::string{lines};
  return rewriting({}, columns) + std::string{lines} + rewriting(shown, columns);
}

terminal_line& terminal_line::of_stderr() {
  static auto* result = new terminal_line; // threads that are left behind may log to the very end
  return *result;
}

void terminal_line::show(std::string text) {
  std::lock_guard guard{mutex_};
  shown_ = std::move(text);
  put(rewriting(shown_, columns_of_stderr()));
  std::fflush(stderr);
}

void terminal_line::write(std::string_view lines) {
  std::lock_guard guard{mutex_};
  put(putting_above(shown_, lines, columns_of_stderr()));
}

void terminal_line::leave() {
  std::lock_guard guard{mutex_};
  if (!shown_.empty())
    put("\n");
  shown_.clear();
}

} // namespace gitstar::tool
