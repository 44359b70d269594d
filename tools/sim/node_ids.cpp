#include "tools/sim/node_ids.hpp"

#include "tools/sim/text.hpp"

namespace gitstar::sim {

namespace {

/// Repositories switched to the new form during 2021: 349125611 was served in the old one,
/// 412741557 in the new one. Users and organisations switched at other ids; any will do.
constexpr int64_t first_next_id = 380'000'000;

std::string_view type_name(node_kind kind) {
  switch (kind) {
  case node_kind::repository:
    return "Repository";
  case node_kind::user:
    return "User";
  case node_kind::organization:
    return "Organization";
  case node_kind::other:
    break;
  }
  return "Other";
}

std::string_view prefix(node_kind kind) {
  switch (kind) {
  case node_kind::repository:
    return "R_";
  case node_kind::user:
    return "U_";
  case node_kind::organization:
    return "O_";
  case node_kind::other:
    break;
  }
  return "X_";
}

/// The shortest msgpack form of an unsigned number.
void append_msgpack(std::string& out, uint64_t value) {
  auto width = value < 0x80          ? 0
               : value <= 0xff       ? 1
               : value <= 0xffff     ? 2
               : value <= 0xffffffff ? 4
                                     : 8;
  if (width == 1)
    out += '\xcc';
  else if (width == 2)
    out += '\xcd';
  else if (width == 4)
    out += '\xce';
  else if (width == 8)
    out += '\xcf';
  for (auto i = width == 0 ? 0 : width - 1; i >= 0; --i)
    out += static_cast<char>(value >> (8 * i) & 0xff);
}

/// Takes one unsigned number off the front of `bytes`.
std::optional<uint64_t> take_msgpack(std::string_view& bytes) {
  if (bytes.empty())
    return std::nullopt;
  auto head = static_cast<uint8_t>(bytes[0]);
  bytes.remove_prefix(1);
  if (head < 0x80)
    return head;
  if (head < 0xcc || head > 0xcf)
    return std::nullopt;
  auto width = size_t{1} << (head - 0xcc);
  if (bytes.size() < width)
    return std::nullopt;
  uint64_t value = 0;
  for (size_t i = 0; i < width; ++i)
    value = value << 8 | static_cast<uint8_t>(bytes[i]);
  bytes.remove_prefix(width);
  return value;
}

std::optional<node_id> parse_next(std::string_view text) {
  auto underscore = text.find('_');
  if (underscore == std::string_view::npos || underscore == 0 || underscore > 4)
    return std::nullopt;
  auto bytes = base64_decode(text.substr(underscore + 1));
  if (!bytes || bytes->empty() || static_cast<uint8_t>((*bytes)[0]) >> 4 != 9)
    return std::nullopt;
  std::string_view rest = *bytes;
  auto items = static_cast<uint8_t>(rest[0]) & 15;
  rest.remove_prefix(1);
  if (take_msgpack(rest) != 0u)
    return std::nullopt;
  auto id = take_msgpack(rest);
  if (!id)
    return std::nullopt;
  for (auto kind : {node_kind::repository, node_kind::user, node_kind::organization})
    if (items == 2 && rest.empty() && text.substr(0, underscore + 1) == prefix(kind))
      return node_id{kind, static_cast<int64_t>(*id), false};
  return node_id{node_kind::other, static_cast<int64_t>(*id), false};
}

std::optional<node_id> parse_legacy(std::string_view text) {
  auto bytes = base64_decode(text);
  if (!bytes || bytes->empty() || (*bytes)[0] != '0')
    return std::nullopt;
  auto colon = bytes->find(':');
  if (colon == std::string::npos)
    return std::nullopt;
  auto length = parse_number(std::string_view{*bytes}.substr(1, colon - 1));
  auto rest = std::string_view{*bytes}.substr(colon + 1);
  if (!length || *length < 0 || static_cast<size_t>(*length) > rest.size())
    return std::nullopt;
  auto name = rest.substr(0, static_cast<size_t>(*length));
  auto id = parse_number(rest.substr(name.size()));
  for (auto kind : {node_kind::repository, node_kind::user, node_kind::organization})
    if (id && name == type_name(kind))
      return node_id{kind, *id, true};
  return node_id{node_kind::other, id.value_or(0), true};
}

} // namespace

std::string legacy_node_id(node_kind kind, int64_t database_id) {
  auto name = type_name(kind);
  std::string text{"0"};
  append_number(text, static_cast<int64_t>(name.size()));
  text += ':';
  text += name;
  append_number(text, database_id);
  return base64_encode(text);
}

std::string next_node_id(node_kind kind, int64_t database_id) {
  std::string bytes{"\x92\x00", 2};
  append_msgpack(bytes, static_cast<uint64_t>(database_id));
  return std::string{prefix(kind)} + base64url_encode(bytes);
}

std::string served_node_id(node_kind kind, int64_t database_id, bool next_form) {
  return next_form || database_id >= first_next_id ? next_node_id(kind, database_id)
                                                   : legacy_node_id(kind, database_id);
}

std::optional<node_id> parse_node_id(std::string_view text) {
  if (auto id = parse_next(text))
    return id;
  return parse_legacy(text);
}

} // namespace gitstar::sim
