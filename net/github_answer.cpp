#include "net/github_answer.hpp"

#include "messages/time_text.hpp"
#include "net/github_query.hpp"
#include "net/utf8_repair.hpp"

#include <boost/json/basic_parser_impl.hpp>

#include <algorithm>
#include <charconv>
#include <limits>
#include <span>

namespace gitstar::net {

namespace json = boost::json;

namespace {

/// Every key that we read, by what it means where it stands.
enum class key : uint8_t {
  unknown, ///< skipped with all that is in it
  document,
  // of the document
  data,
  errors,
  message,
  // of data
  field,
  rate_limit,
  viewer,
  // of a field
  repositories, // of an owner: a page like that of a search
  repository_count,
  page_info,
  nodes,
  node,
  end_cursor,
  has_next_page,
  // of a node
  database_id,
  name_with_owner,
  stargazer_count,
  fork_count,
  issues,
  issues_total_count,
  watchers,
  watchers_total_count,
  primary_language,
  language_name,
  license_info,
  license_key,
  description,
  is_fork,
  is_archived,
  is_disabled,
  visibility,
  disk_usage,
  created_at,
  updated_at,
  pushed_at,
  // of rateLimit
  cost,
  limit,
  remaining,
  reset_at,
  // of the viewer
  viewer_id,
  viewer_login,
  // of an error
  error,
  error_type,
  error_code,
  error_field_name,
  error_message,
  error_path,
  error_step,
  error_locations,
  error_extensions,
};

constexpr uint64_t bit(key k) { return uint64_t{1} << static_cast<unsigned>(k); }

struct known_key {
  std::string_view name;
  key id = key::unknown;
};

// In the order of the query, in which GitHub answers.
constexpr known_key document_keys[] = {
    {"data", key::data}, {"errors", key::errors}, {"message", key::message}};
constexpr known_key data_keys[] = {{"rateLimit", key::rate_limit}, {"viewer", key::viewer}};
constexpr known_key field_keys[] = {{"repositories", key::repositories},
                                    {"repositoryCount", key::repository_count},
                                    {"totalCount", key::repository_count},
                                    {"pageInfo", key::page_info},
                                    {"nodes", key::nodes}};
constexpr known_key page_info_keys[] = {{"endCursor", key::end_cursor},
                                        {"hasNextPage", key::has_next_page}};
constexpr known_key node_keys[] = {{"databaseId", key::database_id},
                                   {"nameWithOwner", key::name_with_owner},
                                   {"stargazerCount", key::stargazer_count},
                                   {"forkCount", key::fork_count},
                                   {"issues", key::issues},
                                   {"watchers", key::watchers},
                                   {"primaryLanguage", key::primary_language},
                                   {"licenseInfo", key::license_info},
                                   {"description", key::description},
                                   {"isFork", key::is_fork},
                                   {"isArchived", key::is_archived},
                                   {"isDisabled", key::is_disabled},
                                   {"visibility", key::visibility},
                                   {"diskUsage", key::disk_usage},
                                   {"createdAt", key::created_at},
                                   {"updatedAt", key::updated_at},
                                   {"pushedAt", key::pushed_at}};
constexpr known_key issues_keys[] = {{"totalCount", key::issues_total_count}};
constexpr known_key watchers_keys[] = {{"totalCount", key::watchers_total_count}};
constexpr known_key language_keys[] = {{"name", key::language_name}};
constexpr known_key license_keys[] = {{"key", key::license_key}};
constexpr known_key rate_limit_keys[] = {{"cost", key::cost},
                                         {"limit", key::limit},
                                         {"remaining", key::remaining},
                                         {"resetAt", key::reset_at}};
constexpr known_key viewer_keys[] = {{"databaseId", key::viewer_id}, {"login", key::viewer_login}};
constexpr known_key error_keys[] = {
    {"type", key::error_type},       {"code", key::error_code},
    {"path", key::error_path},       {"extensions", key::error_extensions},
    {"message", key::error_message}, {"locations", key::error_locations}};
constexpr known_key extensions_keys[] = {{"code", key::error_code},
                                         {"fieldName", key::error_field_name}};

/// What a repository must have. A node without databaseId is none; what GitHub may refuse to tell
/// is unknown where it is missing.
struct promise {
  key id;
  std::string_view name;
};
constexpr promise promised_keys[] = {
    {key::name_with_owner, "nameWithOwner"}, {key::stargazer_count, "stargazerCount"},
    {key::fork_count, "forkCount"},          {key::is_fork, "isFork"},
    {key::is_archived, "isArchived"},        {key::is_disabled, "isDisabled"},
    {key::visibility, "visibility"},         {key::created_at, "createdAt"},
    {key::updated_at, "updatedAt"}};
constexpr uint64_t all_promised = [] {
  uint64_t result = 0;
  for (const auto& each : promised_keys)
    result |= bit(each.id);
  return result;
}();

/// A container that we are in.
struct frame {
  key id = key::document;            ///< the key that led to it
  std::span<const known_key> keys{}; ///< what it may hold; none: an array
  size_t expected = 0;               ///< which of `keys` comes next if all come in order
};

/// Receives the parser's events and fills in the answer as they come: no tree is built.
class answer_handler {
public:
  static constexpr size_t max_object_size = std::numeric_limits<size_t>::max();
  static constexpr size_t max_array_size = max_object_size;
  static constexpr size_t max_key_size = max_object_size;
  static constexpr size_t max_string_size = max_object_size;

  explicit answer_handler(github_answer& answer) : answer_(answer) {}

  bool on_document_begin(json::error_code&) {
    key_ = key::document;
    return true;
  }
  bool on_document_end(json::error_code&) { return true; }

  bool on_object_begin(json::error_code& ec) {
    if (skip_if_unknown())
      return true;
    return begin_object() || stop(ec);
  }

  bool on_object_end(size_t, json::error_code& ec) {
    if (end_of_skipped())
      return true;
    auto ended = frames_.back().id;
    frames_.pop_back();
    if (ended == key::node && !finish_node())
      return stop(ec);
    if (ended == key::viewer && answer_.identity->id == 0)
      answer_.identity = caf::none;
    leave();
    return true;
  }

  bool on_array_begin(json::error_code& ec) {
    if (key_ == key::error_locations) {
      answer_.errors.back().has_locations = true;
      key_ = key::unknown;
    }
    if (skip_if_unknown())
      return true;
    return begin_array() || stop(ec);
  }

  bool on_array_end(size_t, json::error_code&) {
    if (end_of_skipped())
      return true;
    frames_.pop_back();
    leave();
    return true;
  }

  bool on_key_part(json::string_view part, size_t, json::error_code&) {
    pieces_.append(part.data(), part.size());
    return true;
  }

  bool on_key(json::string_view last, size_t, json::error_code&) {
    if (skipping_ == 0)
      key_ = find_key(joined(last));
    pieces_.clear();
    return true;
  }

  bool on_string_part(json::string_view part, size_t, json::error_code&) {
    pieces_.append(part.data(), part.size());
    return true;
  }

  bool on_string(json::string_view last, size_t, json::error_code& ec) {
    auto good = ignores_value() || take_text(without_nul(joined(last)));
    pieces_.clear();
    return good || stop(ec);
  }

  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(int64_t value, json::string_view, json::error_code& ec) {
    return ignores_value() || take_integer(value) || stop(ec);
  }
  bool on_uint64(uint64_t, json::string_view, json::error_code& ec) {
    return ignores_value() || is_wrong("is too large") || stop(ec);
  }
  bool on_double(double, json::string_view, json::error_code& ec) {
    return ignores_value() || is_wrong("must not be a fraction") || stop(ec);
  }
  bool on_bool(bool value, json::error_code& ec) {
    return ignores_value() || take_boolean(value) || stop(ec);
  }
  bool on_null(json::error_code& ec) { return ignores_value() || take_null() || stop(ec); }

  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

private:
  // -- moving around ------------------------------------------------------------------------------

  bool ignores_value() const { return skipping_ > 0 || key_ == key::unknown; }

  bool skip_if_unknown() {
    if (!ignores_value())
      return false;
    ++skipping_;
    return true;
  }

  bool end_of_skipped() {
    if (skipping_ == 0)
      return false;
    if (--skipping_ == 0)
      leave();
    return true;
  }

  /// After the end of a container: in an array the next element comes, in an object a key.
  void leave() {
    if (frames_.empty())
      return;
    switch (frames_.back().id) {
    case key::nodes:
      key_ = key::node;
      break;
    case key::errors:
      key_ = key::error;
      break;
    case key::error_path:
      key_ = key::error_step;
      break;
    default:
      break;
    }
  }

  bool enter(std::span<const known_key> keys) {
    frames_.push_back({key_, keys, 0});
    return true;
  }

  bool enter_array(key element) {
    frames_.push_back({key_, {}, 0});
    key_ = element;
    return true;
  }

  key find_key(std::string_view name) {
    auto& here = frames_.back();
    if (here.id == key::data && find_field(name))
      return key::field;
    for (size_t i = 0; i < here.keys.size(); ++i) {
      auto at = here.expected + i;
      at -= at < here.keys.size() ? 0 : here.keys.size();
      if (here.keys[at].name == name) {
        here.expected = at + 1 == here.keys.size() ? 0 : at + 1;
        key_name_ = here.keys[at].name;
        return here.keys[at].id;
      }
    }
    return key::unknown;
  }

  /// Is it the alias of a field that was asked for?
  bool find_field(std::string_view name) {
    size_t index = 0;
    auto end = name.data() + name.size();
    if (name.size() < 2 || name[0] != 'f')
      return false;
    auto [stopped_at, code] = std::from_chars(name.data() + 1, end, index);
    if (code != std::errc{} || stopped_at != end || index >= answer_.fields.size())
      return false;
    field_index_ = index;
    key_name_ = {};
    return true;
  }

  field_data& field() { return answer_.fields[field_index_]; }
  repository& repo() { return field().answer.repositories.back(); }
  graphql_error& last_error() { return answer_.errors.back(); }

  // -- containers ---------------------------------------------------------------------------------

  bool begin_object() {
    switch (key_) {
    case key::document:
      return enter(document_keys);
    case key::data:
      answer_.has_data = true;
      return enter(data_keys);
    case key::field:
      field().present = true;
      return enter(field_keys);
    case key::repositories:
      return enter(field_keys);
    case key::page_info:
      return enter(page_info_keys);
    case key::node:
      seen_ = 0;
      field().answer.repositories.emplace_back();
      return enter(node_keys);
    case key::issues:
      return enter(issues_keys);
    case key::watchers:
      return enter(watchers_keys);
    case key::primary_language:
      return enter(language_keys);
    case key::license_info:
      return enter(license_keys);
    case key::rate_limit:
      answer_.rate_limit_state = github_answer::limit_state::present;
      answer_.limits.known = true;
      return enter(rate_limit_keys);
    case key::viewer:
      answer_.identity = viewer{};
      return enter(viewer_keys);
    case key::error:
      answer_.errors.emplace_back();
      return enter(error_keys);
    case key::error_extensions:
      return enter(extensions_keys);
    default:
      return is_wrong("must not be an object");
    }
  }

  bool begin_array() {
    switch (key_) {
    case key::field: // of `nodes(ids:)`: the list itself
      field().present = true;
      key_ = key::nodes;
      [[fallthrough]];
    case key::nodes:
      node_index_ = 0;
      field().has_nodes = true;
      field().answer.repositories.reserve(page_size);
      return enter_array(key::node);
    case key::errors:
      return enter_array(key::error);
    case key::error_path:
      return enter_array(key::error_step);
    default:
      return is_wrong("must not be an array");
    }
  }

  bool finish_node() {
    if (repo().repo_id == 0) {
      field().answer.repositories.pop_back();
      field().null_nodes.push_back(node_index_);
    } else if ((seen_ & all_promised) != all_promised) {
      return lacks_a_key();
    }
    ++node_index_;
    return true;
  }

  bool lacks_a_key() {
    auto missing = std::find_if(std::begin(promised_keys), std::end(promised_keys),
                                [&](const auto& each) { return !(seen_ & bit(each.id)); });
    answer_.problem = place() + ".nodes[" + std::to_string(node_index_) + "]." +
                      std::string{missing->name} + " is missing";
    return false;
  }

  // -- values -------------------------------------------------------------------------------------

  bool take_integer(int64_t value) {
    switch (key_) {
    case key::repository_count:
      field().answer.match_count = value;
      field().has_count = true;
      return value >= 0 || is_wrong("is out of range");
    case key::database_id:
      repo().repo_id = value;
      return value >= 0 || is_wrong("is out of range");
    case key::stargazer_count:
      return store(repo().star_count, value);
    case key::fork_count:
      return store(repo().fork_count, value);
    case key::issues_total_count:
      return store(repo().open_issue_count, value);
    case key::watchers_total_count:
      return store(repo().watcher_count, value);
    case key::disk_usage:
      return store(repo().disk_usage_kb, value);
    case key::viewer_id:
      answer_.identity->id = value;
      return true;
    case key::cost:
      answer_.limits.cost = std::max<int64_t>(value, -1);
      return true;
    case key::limit:
      answer_.limits.limit = std::max<int64_t>(value, 0);
      return true;
    case key::remaining:
      answer_.limits.remaining = std::max<int64_t>(value, 0);
      return true;
    case key::error_step:
      last_error().path.push_back(std::to_string(value));
      return true;
    case key::error_code:
      last_error().code = std::to_string(value);
      return true;
    default:
      return is_wrong("must not be a number");
    }
  }

  bool store(int32_t& target, int64_t value) {
    if (value < 0 || value > std::numeric_limits<int32_t>::max())
      return is_wrong("is out of range");
    target = static_cast<int32_t>(value);
    return note();
  }

  bool store(optional<int32_t>& target, int64_t value) {
    target = 0;
    return store(*target, value);
  }

  /// Remembers that a promised key came.
  bool note() {
    seen_ |= bit(key_);
    return true;
  }

  bool take_boolean(bool value) {
    switch (key_) {
    case key::has_next_page:
      field().answer.has_next_page = value;
      return true;
    case key::is_fork:
      repo().is_fork = value;
      return note();
    case key::is_archived:
      repo().is_archived = value;
      return note();
    case key::is_disabled:
      repo().is_disabled = value;
      return note();
    default:
      return is_wrong("must not be a boolean");
    }
  }

  bool take_text(std::string_view text) {
    switch (key_) {
    case key::data: // "null", see fact sheet 3
      return text == "null" || is_wrong("must not be a text");
    case key::message:
      answer_.message = text;
      return true;
    case key::end_cursor:
      field().answer.end_cursor = text;
      return true;
    case key::name_with_owner:
      return take_name(text);
    case key::language_name:
      repo().language = std::string{text};
      return true;
    case key::license_key:
      repo().license = std::string{text};
      return true;
    case key::description:
      repo().description = std::string{text};
      return true;
    case key::visibility:
      return take_visibility(text);
    case key::created_at:
      return take_time(repo().created_at, text);
    case key::updated_at:
      return take_time(repo().updated_at, text);
    case key::pushed_at:
      repo().pushed_at = timestamp{};
      return take_time(*repo().pushed_at, text);
    case key::viewer_login:
      answer_.identity->login = text;
      return true;
    case key::reset_at:
      return take_time(answer_.limits.reset_at, text);
    default:
      return take_error_text(text);
    }
  }

  bool take_error_text(std::string_view text) {
    switch (key_) {
    case key::error_type:
      last_error().type = text;
      return true;
    case key::error_code:
      last_error().code = text;
      return true;
    case key::error_field_name:
      last_error().field_name = text;
      return true;
    case key::error_message:
      last_error().message = text;
      return true;
    case key::error_step:
      last_error().path.emplace_back(text);
      return true;
    default:
      return is_wrong("must not be a text");
    }
  }

  bool take_name(std::string_view text) {
    auto slash = text.find('/');
    if (slash == 0 || slash >= text.size() - 1) // also where there is none
      return is_wrong("is no name like owner/name");
    repo().full_name = text;
    return note();
  }

  bool take_visibility(std::string_view text) {
    auto& target = repo().visibility;
    target = text;
    for (auto& c : target)
      if (c >= 'A' && c <= 'Z')
        c = static_cast<char>(c | 0x20);
    return note();
  }

  /// GitHub's DateTime is UTC with a Z (fact sheet 9).
  bool take_time(timestamp& target, std::string_view text) {
    constexpr size_t size = std::string_view{"2014-03-09T05:10:10Z"}.size();
    auto parsed =
        text.size() == size && text.back() == 'Z' ? parse_utc_text(text) : optional<timestamp>{};
    if (!parsed)
      return is_wrong("is no time like 2014-03-09T05:10:10Z");
    target = *parsed;
    return note();
  }

  bool take_null() {
    switch (key_) {
    case key::rate_limit:
      answer_.rate_limit_state = github_answer::limit_state::null;
      return true;
    case key::node:
      field().null_nodes.push_back(node_index_++);
      return true;
    case key::data:
    case key::errors:
    case key::message:
    case key::field:
    case key::repositories:
    case key::nodes:
    case key::end_cursor:
    case key::database_id:
    case key::issues:
    case key::watchers:
    case key::viewer:
    case key::viewer_id:
    case key::viewer_login:
    case key::primary_language:
    case key::license_info:
    case key::description:
    case key::disk_usage:
    case key::pushed_at:
    case key::error_type:
    case key::error_code:
    case key::error_field_name:
    case key::error_message:
    case key::error_path:
    case key::error_step:
    case key::error_locations:
    case key::error_extensions:
      return true;
    default:
      return is_wrong("must not be null");
    }
  }

  // -- texts --------------------------------------------------------------------------------------

  /// The whole text whose last piece is `last`.
  std::string_view joined(json::string_view last) {
    if (pieces_.empty())
      return {last.data(), last.size()};
    pieces_.append(last.data(), last.size());
    return pieces_;
  }

  /// PostgreSQL cannot store U+0000.
  std::string_view without_nul(std::string_view text) {
    if (text.find('\0') == std::string_view::npos)
      return text;
    if (pieces_.empty())
      pieces_ = text;
    std::erase(pieces_, '\0');
    return pieces_;
  }

  // -- problems -----------------------------------------------------------------------------------

  /// Where the parser is, such as `data.f0.pageInfo`.
  std::string place() const {
    std::string result;
    auto add = [&](std::string_view name) {
      result += result.empty() ? "" : ".";
      result += name;
    };
    for (const auto& each : frames_) {
      if (each.id == key::field)
        add("f" + std::to_string(field_index_));
      else if (each.id == key::node)
        add("nodes[" + std::to_string(node_index_) + "]");
      else if (each.id != key::nodes && each.id != key::error && each.id != key::document)
        add(name_of(each.id));
    }
    return result;
  }

  static std::string_view name_of(key id) {
    switch (id) {
    case key::data:
      return "data";
    case key::errors:
    case key::error:
      return "errors";
    case key::repositories:
      return "repositories";
    case key::page_info:
      return "pageInfo";
    case key::issues:
      return "issues";
    case key::watchers:
      return "watchers";
    case key::primary_language:
      return "primaryLanguage";
    case key::license_info:
      return "licenseInfo";
    case key::rate_limit:
      return "rateLimit";
    case key::viewer:
      return "viewer";
    case key::error_path:
      return "path";
    case key::error_extensions:
      return "extensions";
    default:
      return "";
    }
  }

  /// Notes what is wrong with the value of the current key; always false.
  bool is_wrong(std::string_view what) {
    auto at = place();
    std::string name{key_name_};
    if (key_ == key::document)
      answer_.is_json = false;
    if (key_ == key::document)
      name = "the answer";
    else if (key_ == key::field)
      name = "f" + std::to_string(field_index_);
    else if (key_ == key::node)
      name = "nodes[" + std::to_string(node_index_) + "]";
    answer_.problem = at + (at.empty() ? "" : ".") + name + ' ' + std::string{what};
    return false;
  }

  bool stop(json::error_code& ec) {
    ec = json::error::exception;
    return false;
  }

  github_answer& answer_;
  std::vector<frame> frames_;
  key key_ = key::unknown;    ///< whose value comes next
  std::string_view key_name_; ///< as GitHub spells it
  size_t skipping_ = 0;       ///< how deep we are in something unknown
  std::string pieces_;        ///< the beginning of a text that comes in pieces
  size_t field_index_ = 0;
  uint32_t node_index_ = 0;
  uint64_t seen_ = 0; ///< the promised keys of the node so far
};

github_answer parse_once(std::string_view body, size_t field_count, bool& is_bad_text) {
  github_answer result;
  result.fields.resize(field_count);
  json::basic_parser<answer_handler> parser{json::parse_options{}, result};
  json::error_code ec;
  auto consumed = parser.write_some(false, body.data(), body.size(), ec);
  if (!ec && consumed < body.size())
    ec = json::error::extra_data;
  is_bad_text = ec && result.problem.empty();
  if (is_bad_text) {
    // What came before the bad place must not pass for the whole: half a page looks like a page.
    result = {};
    result.fields.resize(field_count);
    result.is_json = false;
    result.problem = "no valid JSON at byte " + std::to_string(consumed) + ": " + ec.message();
  }
  return result;
}

} // namespace

github_answer parse_github_answer(std::string_view body, size_t field_count) {
  auto is_bad_text = false;
  auto result = parse_once(body, field_count, is_bad_text);
  if (!is_bad_text)
    return result;
  // Rare: one repository's bad text must not cost the page. What is no JSON stays none.
  auto repaired = repaired_json_text(body);
  return repaired == body ? result : parse_once(repaired, field_count, is_bad_text);
}

} // namespace gitstar::net
