#include "net/node_id.hpp"

#include "net/base64.hpp"

namespace gitstar::net {

namespace {

constexpr repo_id first_known_pair = 65'536;
constexpr repo_id largest_uint32 = 0xffffffff;

} // namespace

std::string repository_node_id(repo_id id) {
  if (id < first_known_pair)
    return base64("010:Repository" + std::to_string(id));
  // An array of two, 0, and an unsigned number of 32 or 64 bits, big-endian.
  auto wide = id > largest_uint32;
  std::string bytes{"\x92\x00", 2};
  bytes += wide ? '\xcf' : '\xce';
  for (int shift = wide ? 56 : 24; shift >= 0; shift -= 8)
    bytes += static_cast<char>(static_cast<uint64_t>(id) >> shift & 0xff);
  return "R_" + base64url(bytes);
}

} // namespace gitstar::net
