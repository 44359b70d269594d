#include "actors/metadata_state.hpp"

#include "messages/time_text.hpp"

#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>

#include <stdexcept>

namespace gitstar {

namespace json = boost::json;

namespace {

std::string text_of(const json::value& value) {
  const auto& text = value.as_string();
  return {text.data(), text.size()};
}

optional<timestamp> time_of(const json::value& value) { return parse_utc_text(text_of(value)); }

std::string text_of_key(const json::key_value_pair& x) { return {x.key().data(), x.key().size()}; }

void read(const json::object& from, list_state& into) {
  auto with = [&](const char* name, auto take) {
    if (const auto* found = from.if_contains(name))
      take(*found);
  };
  with("settled", [&](auto& x) { into.settled = x.as_bool(); });
  with("total", [&](auto& x) { into.total = x.as_int64(); });
  with("top", [&](auto& x) { into.top = x.as_int64(); });
  with("from", [&](auto& x) { into.from = time_of(x); });
  with("cap", [&](auto& x) { into.cap = x.as_int64(); });
  with("with", [&](auto& x) {
    for (const auto& each : x.as_array())
      into.with.push_back(text_of(each));
  });
  with("open", [&](auto& x) {
    for (const auto& each : x.as_object())
      into.open.emplace(text_of_key(each), each.value().as_int64());
  });
  with("large", [&](auto& x) {
    for (const auto& each : x.as_array())
      into.large.insert(text_of(each));
  });
  with("cut", [&](auto& x) {
    for (const auto& each : x.as_object())
      into.cut.emplace(text_of_key(each), text_of(each.value()));
  });
  with("unread", [&](auto& x) {
    for (const auto& each : x.as_object()) {
      const auto& where = each.value().as_object();
      into.unread[text_of_key(each)] = {text_of(where.at("list")), text_of(where.at("node")),
                                        where.at("number").as_int64()};
    }
  });
  with("page_sizes", [&](auto& x) {
    for (const auto& each : x.as_object())
      into.page_sizes.emplace(text_of_key(each), static_cast<uint32_t>(each.value().as_int64()));
  });
  with("unfinished", [&](auto& x) { into.unfinished = x.as_bool(); });
  with("after", [&](auto& x) { into.after = text_of(x); });
  with("newest", [&](auto& x) { into.newest = time_of(x); });
}

} // namespace

list_state to_list_state(const metadata_watermark& stored) {
  list_state result;
  json::error_code ec;
  auto parsed = json::parse(stored.state, ec);
  if (ec || !parsed.is_object())
    return {};
  try {
    read(parsed.get_object(), result);
  } catch (const std::exception&) { // a value of another type, or none
    return {};
  }
  result.mark = stored.watermark;
  return result;
}

metadata_watermark to_watermark(repo_id repo, const std::string& kind, const list_state& state) {
  json::object out;
  if (state.settled)
    out["settled"] = true;
  if (state.total >= 0)
    out["total"] = state.total;
  if (state.top >= 0)
    out["top"] = state.top;
  if (state.from)
    out["from"] = to_utc_text(*state.from);
  if (state.cap > 0)
    out["cap"] = state.cap;
  if (!state.with.empty())
    out["with"] = json::array(state.with.begin(), state.with.end());
  auto put = [&](const char* name, const auto& entries) {
    if (entries.empty())
      return;
    json::object inner;
    for (const auto& [key, value] : entries)
      inner[key] = value;
    out[name] = std::move(inner);
  };
  put("open", state.open);
  if (!state.large.empty())
    out["large"] = json::array(state.large.begin(), state.large.end());
  put("cut", state.cut);
  if (!state.unread.empty()) {
    json::object inner;
    for (const auto& [name, x] : state.unread)
      inner[name] = {{"list", x.list}, {"node", x.node}, {"number", x.number}};
    out["unread"] = std::move(inner);
  }
  put("page_sizes", state.page_sizes);
  if (state.unfinished)
    out["unfinished"] = true;
  if (!state.after.empty())
    out["after"] = state.after;
  if (state.newest)
    out["newest"] = to_utc_text(*state.newest);
  return {repo, kind, state.mark, json::serialize(out)};
}

sync_state to_sync_state(const metadata_watermark& stored) {
  sync_state result;
  json::error_code ec;
  auto parsed = json::parse(stored.state, ec);
  if (ec || !parsed.is_object())
    return {};
  const auto& from = parsed.get_object();
  try {
    if (const auto* read = from.if_contains("read"))
      for (const auto& each : read->as_object())
        if (auto time = time_of(each.value()))
          result.read.emplace(text_of_key(each), *time);
    if (const auto* lacking = from.if_contains("lacking"))
      for (const auto& each : lacking->as_object())
        for (const auto& why : each.value().as_array())
          result.lacking[text_of_key(each)].push_back(text_of(why));
  } catch (const std::exception&) { // a value of another type
    return {};
  }
  result.asked_at = stored.watermark;
  return result;
}

metadata_watermark to_watermark(repo_id repo, const sync_state& state) {
  json::object out;
  if (!state.read.empty()) {
    json::object inner;
    for (const auto& [kind, time] : state.read)
      inner[kind] = to_utc_text(time);
    out["read"] = std::move(inner);
  }
  if (!state.lacking.empty()) {
    json::object inner;
    for (const auto& [kind, reasons] : state.lacking)
      inner[kind] = json::array(reasons.begin(), reasons.end());
    out["lacking"] = std::move(inner);
  }
  return {repo, whole_repository, state.asked_at, json::serialize(out)};
}

} // namespace gitstar
