/// A Beast body that decompresses and counts while it is read.
#pragma once

#include <boost/beast/core/buffers_range.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/optional.hpp>

#include <zlib.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace gitstar::net {

/// Inflates a gzip stream piece by piece. Streams that follow each other are one text (RFC 1952).
class gzip_inflater {
public:
  enum class result : uint8_t { good, corrupt, oversized };

  gzip_inflater();
  ~gzip_inflater();
  gzip_inflater(const gzip_inflater&) = delete;
  gzip_inflater& operator=(const gzip_inflater&) = delete;

  /// Appends what `input` decompresses to; refuses to let `output` grow beyond `limit`.
  result append(const void* input, size_t size, std::string& output, uint64_t limit);

  /// Whether the last stream has come to its end.
  bool complete() const { return complete_; }

private:
  z_stream stream_{};
  bool complete_ = false;
};

/// What `inflating_body` reads into. Errors: `http::error::body_limit` when the text passes its
/// limit, `http::error::partial_message` when the gzip stream breaks off, `http::error::bad_value`
/// when `problem` says more.
struct inflated_text {
  uint64_t limit = 0; ///< bytes after decompression
  std::string text;
  std::string problem; ///< corrupt data, or an encoding that was not asked for
};

struct inflating_body {
  using value_type = inflated_text;
  using error_code = boost::beast::error_code;

  class reader {
  public:
    template <bool IsRequest, class Fields>
    reader(boost::beast::http::header<IsRequest, Fields>& header, value_type& body)
        : body_(body), encoding_([&header] {
            return std::string{header[boost::beast::http::field::content_encoding]};
          }) {}

    void init(const boost::optional<uint64_t>& length, error_code& ec);

    template <class Buffers>
    size_t put(const Buffers& buffers, error_code& ec) {
      size_t taken = 0;
      ec = {};
      for (auto part : boost::beast::buffers_range(buffers)) {
        append(part.data(), part.size(), ec);
        if (ec)
          break;
        taken += part.size();
      }
      return taken;
    }

    void finish(error_code& ec);

  private:
    void append(const void* data, size_t size, error_code& ec);

    value_type& body_;
    std::function<std::string()> encoding_;   ///< not known before `init`
    std::unique_ptr<gzip_inflater> inflater_; ///< unset: the body comes as it is
  };
};

} // namespace gitstar::net
