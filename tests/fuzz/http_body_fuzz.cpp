// An HTTP response as it comes from the network: header, chunks, gzip. The first byte is the size
// of the pieces in which it arrives.
#include "net/inflating_body.hpp"

#include "tests/fuzz/fuzz.hpp"

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/parser.hpp>

#include <algorithm>

using namespace gitstar;
using test::require;

namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;

constexpr uint64_t most_body_bytes = 32 << 10;
constexpr uint32_t most_header_bytes = 8 << 10;

struct reading {
  boost::beast::error_code ec;
  bool done = false;
  std::string text;
  std::string problem;
};

/// Reads as `http_client` does: Beast keeps what it could not use yet, more is appended.
reading read_in_pieces(std::string_view wire, size_t piece) {
  http::response_parser<net::inflating_body> parser;
  parser.header_limit(most_header_bytes);
  parser.body_limit(boost::none);
  parser.eager(true);
  auto& body = parser.get().body();
  body.limit = most_body_bytes;
  reading result;
  std::string kept;
  while (!parser.is_done() && !result.ec && !wire.empty()) {
    auto next = std::min(piece, wire.size());
    kept += wire.substr(0, next);
    wire.remove_prefix(next);
    kept.erase(0, parser.put(asio::buffer(kept), result.ec));
    require(body.text.size() <= body.limit, "a body keeps to its limit while it streams");
    require(body.text.capacity() <= (1 << 20) + 2 * body.limit, "a body's memory is bounded");
    if (result.ec == http::error::need_more)
      result.ec = {};
  }
  if (!result.ec && !parser.is_done() && parser.got_some())
    parser.put_eof(result.ec);
  result.done = parser.is_done() && !result.ec;
  result.text = std::move(body.text);
  result.problem = std::move(body.problem);
  return result;
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 1)
    return -1;
  auto wire = test::text_of(data + 1, size - 1);
  auto whole = read_in_pieces(wire, wire.size());
  auto parts = read_in_pieces(wire, size_t{data[0]} + 1);
  require(whole.done == parts.done, "pieces do not decide whether an answer is complete");
  if (whole.done)
    require(whole.text == parts.text, "pieces do not change an answer");
  require(!whole.done || whole.problem.empty(), "a complete answer has no problem", whole.problem);
  return 0;
}
