#include "tools/sim/node_ids.hpp"

#include "tools/sim/text.hpp"

#include <utility>

namespace gitstar::sim {

namespace {

/// Repositories switched to the new form during 2021: 349125611 was served in the old one,
/// 412741557 in the new one. Users and organisations switched at other ids; any will do.
constexpr int64_t first_next_id = 380'000'000;

struct kind_names {
  node_kind kind;
  std::string_view type;
  std::string_view prefix; ///< of the new form
};

constexpr kind_names kinds[] = {
    {node_kind::repository, "Repository", "R_"},
    {node_kind::user, "User", "U_"},
    {node_kind::organization, "Organization", "O_"},
    {node_kind::issue, "Issue", "I_"},
    {node_kind::pull_request, "PullRequest", "PR_"},
    {node_kind::issue_comment, "IssueComment", "IC_"},
    {node_kind::review, "PullRequestReview", "PRR_"},
    {node_kind::review_comment, "PullRequestReviewComment", "PRRC_"},
    {node_kind::commit, "Commit", "C_"},
    {node_kind::check_run, "CheckRun", "CR_"},
    {node_kind::status_context, "StatusContext", "SC_"},
    {node_kind::release, "Release", "RE_"},
    {node_kind::discussion, "Discussion", "D_"},
    {node_kind::other, "Other", "X_"},
};

const kind_names& names_of(node_kind kind) { return kinds[static_cast<size_t>(kind)]; }

constexpr size_t sha_size = 40;
constexpr std::string_view sha_head{"\xda\x00\x28", 3}; ///< msgpack: a text of so many bytes

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

/// The kind that this prefix of the new form stands for; users and the like are `[0, id]`, what is
/// in a repository `[0, repository id, id]`.
node_kind kind_of(std::string_view prefix, int items) {
  for (const auto& names : kinds) {
    if (names.prefix == prefix && items == (is_metadata(names.kind) ? 3 : 2))
      return names.kind;
  }
  return node_kind::other;
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
  node_id out{kind_of(text.substr(0, underscore + 1), items), static_cast<int64_t>(*id), false};
  if (items == 3) {
    out.repository_id = std::exchange(out.database_id, 0);
    if (out.kind == node_kind::commit && rest.starts_with(sha_head) &&
        rest.size() == sha_head.size() + sha_size) {
      out.sha = rest.substr(sha_head.size());
      return out;
    }
    auto item = take_msgpack(rest);
    out.database_id = static_cast<int64_t>(item.value_or(0));
    if (!item || out.kind == node_kind::commit)
      out.kind = node_kind::other;
  }
  if (!rest.empty())
    out.kind = node_kind::other;
  return out;
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
  rest.remove_prefix(name.size());
  node_id out{node_kind::other, 0, true};
  for (const auto& names : kinds)
    if (names.type == name)
      out.kind = names.kind;
  if (out.kind == node_kind::commit) {
    auto end = rest.find(':');
    out.repository_id = parse_number(rest.substr(0, end)).value_or(0);
    out.sha = end == std::string_view::npos ? "" : rest.substr(end + 1);
    return out;
  }
  auto id = parse_number(rest);
  if (!id)
    out.kind = node_kind::other;
  out.database_id = id.value_or(0);
  return out;
}

} // namespace

std::string legacy_node_id(node_kind kind, int64_t database_id) {
  auto name = names_of(kind).type;
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
  return std::string{names_of(kind).prefix} + base64url_encode(bytes);
}

std::string served_node_id(node_kind kind, int64_t database_id, bool next_form) {
  return next_form || database_id >= first_next_id ? next_node_id(kind, database_id)
                                                   : legacy_node_id(kind, database_id);
}

std::string served_node_id(const node_id& item, bool is_old, bool next_form) {
  if (is_old && !next_form) {
    if (item.kind != node_kind::commit)
      return legacy_node_id(item.kind, item.database_id);
    std::string text{"06:Commit"};
    append_number(text, item.repository_id);
    return base64_encode(text + ":" + item.sha);
  }
  std::string bytes{"\x93\x00", 2};
  append_msgpack(bytes, static_cast<uint64_t>(item.repository_id));
  if (item.kind == node_kind::commit)
    bytes += std::string{sha_head} + item.sha;
  else
    append_msgpack(bytes, static_cast<uint64_t>(item.database_id));
  return std::string{names_of(item.kind).prefix} + base64url_encode(bytes);
}

std::optional<node_id> parse_node_id(std::string_view text) {
  if (auto id = parse_next(text))
    return id;
  return parse_legacy(text);
}

} // namespace gitstar::sim
