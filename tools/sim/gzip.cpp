#include "tools/sim/gzip.hpp"

#include <cerrno>
#include <cstring>
#include <stdexcept>
#include <zlib.h>

namespace gitstar::sim {

namespace {

constexpr int gzip_window = 15 + 16; // the largest window, with a gzip header

} // namespace

gzip_writer::gzip_writer() : stream_(std::make_unique<z_stream>()) {
  if (deflateInit2(stream_.get(), 1, Z_DEFLATED, gzip_window, 8, Z_DEFAULT_STRATEGY) != Z_OK)
    throw std::runtime_error("zlib does not start");
}

gzip_writer::~gzip_writer() { deflateEnd(stream_.get()); }

void gzip_writer::compress(std::string_view text, std::string& out) {
  deflateReset(stream_.get());
  auto begin = out.size();
  auto bound = deflateBound(stream_.get(), text.size());
  out.resize(begin + bound);
  stream_->next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
  stream_->avail_in = static_cast<uInt>(text.size());
  stream_->next_out = reinterpret_cast<Bytef*>(out.data() + begin);
  stream_->avail_out = static_cast<uInt>(bound);
  if (deflate(stream_.get(), Z_FINISH) != Z_STREAM_END)
    throw std::runtime_error("zlib does not compress");
  out.resize(begin + bound - stream_->avail_out);
}

std::string read_maybe_gzipped(const std::string& path) {
  errno = 0;
  std::unique_ptr<gzFile_s, int (*)(gzFile)> file{gzopen(path.c_str(), "rb"), gzclose};
  if (!file)
    throw std::runtime_error(path + ": " + (errno != 0 ? std::strerror(errno) : "cannot be read"));
  std::string out;
  for (;;) {
    auto begin = out.size();
    constexpr unsigned part = 1u << 20;
    out.resize(begin + part);
    auto got = gzread(file.get(), out.data() + begin, part);
    if (got < 0) {
      auto number = 0;
      throw std::runtime_error(path + ": " + gzerror(file.get(), &number));
    }
    out.resize(begin + static_cast<size_t>(got));
    if (got == 0)
      return out;
  }
}

} // namespace gitstar::sim
