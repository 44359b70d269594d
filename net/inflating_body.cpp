#include "net/inflating_body.hpp"

#include <boost/beast/core/string.hpp>

#include <algorithm>
#include <new>

namespace gitstar::net {

namespace http = boost::beast::http;

gzip_inflater::gzip_inflater() {
  constexpr int gzip_only = 16 + MAX_WBITS;
  if (inflateInit2(&stream_, gzip_only) != Z_OK)
    throw std::bad_alloc{};
}

gzip_inflater::~gzip_inflater() { inflateEnd(&stream_); }

gzip_inflater::result gzip_inflater::append(const void* input, size_t size, std::string& output,
                                            uint64_t limit) {
  unsigned char piece[16 << 10];
  stream_.next_in = static_cast<Bytef*>(const_cast<void*>(input));
  stream_.avail_in = static_cast<uInt>(size);
  do {
    if (complete_ && stream_.avail_in > 0) {
      inflateReset(&stream_);
      complete_ = false;
    }
    stream_.next_out = piece;
    stream_.avail_out = sizeof piece;
    auto code = inflate(&stream_, Z_NO_FLUSH);
    if (code != Z_OK && code != Z_STREAM_END && code != Z_BUF_ERROR)
      return result::corrupt;
    complete_ = code == Z_STREAM_END;
    auto produced = sizeof piece - stream_.avail_out;
    if (output.size() + produced > limit)
      return result::oversized;
    output.append(reinterpret_cast<const char*>(piece), produced);
  } while (stream_.avail_in > 0 || stream_.avail_out == 0);
  return result::good;
}

void inflating_body::reader::init(const boost::optional<uint64_t>& length, error_code& ec) {
  ec = {};
  if (length && *length > body_.limit) {
    ec = http::error::body_limit;
    return;
  }
  using boost::beast::iequals;
  auto encoding = encoding_();
  if (iequals(encoding, "gzip") || iequals(encoding, "x-gzip"))
    inflater_ = std::make_unique<gzip_inflater>();
  else if (!encoding.empty() && !iequals(encoding, "identity")) {
    body_.problem = "unknown content-encoding";
    ec = http::error::bad_value;
  }
  // A length is only a promise: do not let one reserve more than an ordinary answer needs.
  constexpr uint64_t trusted = 1 << 20;
  if (length && !ec)
    body_.text.reserve(std::min(*length, trusted));
}

void inflating_body::reader::append(const void* data, size_t size, error_code& ec) {
  if (!inflater_) {
    if (body_.text.size() + size > body_.limit)
      ec = http::error::body_limit;
    else
      body_.text.append(static_cast<const char*>(data), size);
    return;
  }
  switch (inflater_->append(data, size, body_.text, body_.limit)) {
  case gzip_inflater::result::good:
    break;
  case gzip_inflater::result::corrupt:
    body_.problem = "corrupt gzip data";
    ec = http::error::bad_value;
    break;
  case gzip_inflater::result::oversized:
    ec = http::error::body_limit;
    break;
  }
}

void inflating_body::reader::finish(error_code& ec) {
  ec = {};
  if (inflater_ && !inflater_->complete()) {
    body_.problem = "truncated gzip data";
    ec = http::error::partial_message;
  }
}

} // namespace gitstar::net
