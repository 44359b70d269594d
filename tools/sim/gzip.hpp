#pragma once

#include <memory>
#include <string>
#include <string_view>

struct z_stream_s;

namespace gitstar::sim {

/// Compresses answers; keeps its memory between them.
class gzip_writer {
public:
  gzip_writer();
  ~gzip_writer();
  gzip_writer(const gzip_writer&) = delete;
  gzip_writer& operator=(const gzip_writer&) = delete;

  /// Appends `text` as one gzip member, at the fastest level.
  void compress(std::string_view text, std::string& out);

private:
  std::unique_ptr<z_stream_s> stream_;
};

/// Reads a whole file; one that begins as gzip does is decompressed. Throws `std::runtime_error`.
std::string read_maybe_gzipped(const std::string& path);

} // namespace gitstar::sim
