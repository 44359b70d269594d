#include "tools/sim/execution.hpp"

#include "tools/sim/node_ids.hpp"

#include <algorithm>
#include <cmath>

namespace gitstar::sim {

namespace {

// The model of GitHub's work. The constants reproduce what was measured (fact sheet, section 3):
// 10 search pages of 100 in one query pass and 25 do not, 120 lookups by name pass and 227 do not,
// 100 nodes with 10 paged connections each take about 10 s.
constexpr model_time search_work{25'000};
constexpr model_time lookup_work{40'000};
constexpr model_time list_work{10'000};
constexpr model_time object_work{3'000};
constexpr model_time count_work{250};
constexpr model_time connection_work{9'000};
constexpr model_time item_work{50};

/// How cursors begin that say nothing about their rank (fact sheet, section 5).
constexpr std::string_view opaque_prefix = "cursor:v2:";

/// A page of a list of metadata, or of a search for issues.
struct metadata_page {
  std::span<const metadata_element> elements; ///< of the page
  int64_t total = 0;
  int64_t first_rank = 0; ///< of a search: the rank of the first element, from 1
  const metadata_element* cursor_element = nullptr; ///< the page's last; null: it is empty
  bool has_next = false;
  bool has_previous = false;
};

/// What a set of selected fields is applied to.
struct object {
  const type_def* type = nullptr;
  const repository* repo = nullptr;
  const repository_owner* owner = nullptr;
  const search_page* page = nullptr;
  const metadata_page* list = nullptr;
  const metadata_object* item = nullptr;
  int64_t number = 0; ///< a total, a rank, or the number of a language, licence or topic
  int64_t limit = 0;  ///< how many items of a list are wanted
};

struct language_share {
  uint16_t language;
  int64_t bytes;
};

/// The primary language, and up to two others, by size.
std::vector<language_share> languages_of(const repository& repo, size_t known) {
  std::vector<language_share> out;
  if (repo.language == 0)
    return out;
  auto random = mix(static_cast<uint64_t>(repo.id), 5);
  auto bytes = int64_t{1000} + static_cast<int64_t>(random % 1'000'000);
  out.push_back({repo.language, bytes});
  for (uint64_t i = 0; i < random % 3; ++i) {
    auto other = static_cast<uint16_t>(1 + mix(random, i) % (known - 1));
    auto seen = std::any_of(out.begin(), out.end(),
                            [&](const auto& share) { return share.language == other; });
    bytes = bytes / 3 + 1;
    if (!seen)
      out.push_back({other, bytes});
  }
  return out;
}

bool wants(const std::vector<std::string>& states, std::string_view state) {
  return states.empty() || std::find(states.begin(), states.end(), state) != states.end();
}

int64_t count_issues(const repository& repo, const std::vector<std::string>& states) {
  auto closed = int64_t{repo.open_issues} * 3 + repo.id % 7;
  return (wants(states, "OPEN") ? repo.open_issues : 0) + (wants(states, "CLOSED") ? closed : 0);
}

int64_t count_pull_requests(const repository& repo, const std::vector<std::string>& states) {
  auto open = repo.forks / 20 + repo.id % 2;
  return (wants(states, "OPEN") ? open : 0) + (wants(states, "CLOSED") ? repo.forks / 9 : 0) +
         (wants(states, "MERGED") ? repo.forks / 3 : 0);
}

class execution {
public:
  execution(const prepared_query& query, const execution_context& context, std::string& out)
      : query_(query), context_(context), data_(*context.data), out_(out),
        repository_type_(*schema::instance().find("Repository")),
        user_type_(*schema::instance().find("User")),
        organization_type_(*schema::instance().find("Organization")),
        faults_(context.faults == nullptr ? data_faults{} : *context.faults),
        max_fields_(faults_.max_fields) {}

  execution_result run() {
    out_ += "{\"data\":";
    object root;
    root.type = &schema::instance().query();
    if (!write_fields(query_.plan->root, root))
      out_ += "null";
    if (!errors_.empty()) {
      out_ += ',';
      append_errors(out_, errors_);
    }
    if (!warnings_.empty())
      out_ += ",\"extensions\":{\"warnings\":[" + warnings_ + "]}";
    out_ += '}';
    return std::move(result_);
  }

private:
  // Paths and errors

  struct path_part {
    const std::string* key; ///< null: an index
    int64_t index;
  };

  std::string path() const {
    std::string out{"["};
    for (const auto& part : path_) {
      if (out.size() > 1)
        out += ',';
      if (part.key != nullptr)
        append_json_string(out, *part.key);
      else
        append_number(out, part.index);
    }
    return out + "]";
  }

  void fail(const planned_field& field, std::string type, std::string message) {
    errors_.push_back({std::move(message), std::move(type), path(), {field.where}, {}});
  }

  void fail_limits(const planned_field& field) {
    result_.is_limited = true;
    fail(field, "RESOURCE_LIMITS_EXCEEDED", "Resource limits for this query exceeded.");
  }

  /// True while the budget lasts; the work is counted in any case.
  bool spend(model_time work) {
    result_.work += work;
    ++result_.fields;
    return has_budget();
  }

  bool has_budget() const {
    return result_.work <= context_.budget && result_.fields <= max_fields_;
  }

  // What the fields below an object cost

  model_time work_of(const std::vector<planned_field>& fields) const {
    return object_work + work_of_connections(fields);
  }

  model_time work_of(const selection_plan& selection) const {
    return object_work + work_of_connections(selection);
  }

  /// The connections below an object, also through other objects, but not those of their items.
  model_time work_of_connections(const std::vector<planned_field>& fields) const {
    model_time work{0};
    for (const auto& field : fields) {
      if (!field.def->is_connection()) {
        work += work_of_connections(field.selection);
        continue;
      }
      const auto& arguments = query_.of(field);
      work +=
          arguments.is_paged() ? connection_work + item_work * arguments.page_size() : count_work;
    }
    return work;
  }

  /// An object has one type only: of the alternatives, the dearest counts.
  model_time work_of_connections(const selection_plan& selection) const {
    model_time most{0};
    for (const auto& [type, fields] : selection.by_type)
      most = std::max(most, work_of_connections(fields));
    return most;
  }

  // Writing. Functions that return bool return false, with nothing written, where a value that must
  // not be null is null: then the object around it becomes null.

  bool write_fields(const std::vector<planned_field>& fields, const object& o) {
    auto begin = out_.size();
    auto separator = '{';
    for (const auto& field : fields) {
      if (!field.conditions.empty() && !query_.includes(field))
        continue;
      if (query_.dry_run && o.type == &schema::instance().query() &&
          field.def->resolve != resolver::query_rate_limit)
        continue;
      out_ += field.prefix;
      out_[out_.size() - field.prefix.size()] = separator;
      separator = ',';
      if (!write_field(field, o)) {
        out_.resize(begin);
        return false;
      }
    }
    out_ += separator == '{' ? "{}" : "}";
    return true;
  }

  /// Writes an object, or null where it cannot be.
  void write_nullable(const planned_field& field, const object& o) {
    if (!write_fields(field.selection.of(*o.type), o))
      out_ += "null";
  }

  bool write_object(const planned_field& field, object o) {
    if (o.type == nullptr)
      o.type = field.def->result;
    path_.push_back({&field.key, 0});
    auto written = write_fields(field.selection.of(*o.type), o);
    path_.pop_back();
    if (written || field.def->type.required)
      return written;
    out_ += "null";
    return true;
  }

  bool write_null() {
    out_ += "null";
    return true;
  }
  bool write_bool(bool value) {
    out_ += value ? "true" : "false";
    return true;
  }
  bool write_number(int64_t value) {
    append_number(out_, value);
    return true;
  }
  bool write_text(std::string_view text) {
    append_json_string(out_, text);
    return true;
  }
  /// `escaped` is written as it is.
  bool write_escaped(std::string_view escaped) {
    auto begin = out_.size();
    out_.resize(begin + escaped.size() + 2, '"');
    escaped.copy(out_.data() + begin + 1, escaped.size());
    return true;
  }
  bool write_time(unix_seconds time) {
    append_json_time(out_, time);
    return true;
  }

  bool write_field(const planned_field& field, const object& o) {
    auto which = field.def->resolve;
    if (which == resolver::typename_of)
      return write_text(o.type->name);
    if (which == resolver::metadata)
      return write_metadata_field(field, o);
    if (o.list != nullptr)
      return write_list_field(field, which, o);
    if (o.repo != nullptr && o.type == &repository_type_)
      return write_repository_field(field, which, *o.repo);
    if (which == resolver::owner_repositories)
      return write_owned(field, *o.owner);
    if (o.owner != nullptr)
      return write_owner_field(which, *o.owner);
    if (o.page != nullptr)
      return write_search_field(field, which, o);
    if (which <= resolver::query_viewer)
      return write_query_field(field, which);
    if (which >= resolver::rate_cost && which <= resolver::rate_used)
      return write_rate_field(which);
    return write_small_field(field, which, o);
  }

  // Query

  bool write_query_field(const planned_field& field, resolver which) {
    path_.push_back({&field.key, 0});
    auto written = true;
    switch (which) {
    case resolver::query_search:
      written = write_search(field);
      break;
    case resolver::query_nodes:
      write_nodes(field);
      break;
    case resolver::query_node:
      if (spend(list_work + work_of(field.selection)))
        write_node(field, query_.of(field).name);
      else
        write_limited(field);
      break;
    case resolver::query_repository:
      if (spend(lookup_work + work_of(field.selection)))
        write_named_repository(field);
      else
        write_limited(field);
      break;
    case resolver::query_repository_owner:
      write_named_owner(field);
      break;
    case resolver::query_viewer:
      write_viewer(field);
      break;
    default:
      write_rate_limit(field);
    }
    path_.pop_back();
    return written;
  }

  void write_limited(const planned_field& field) {
    fail_limits(field);
    out_ += "null";
  }

  void write_rate_limit(const planned_field& field) {
    object o;
    o.type = field.def->result;
    if (context_.rate_limit)
      write_nullable(field, o);
    else
      out_ += "null";
  }

  bool write_rate_field(resolver which) {
    const auto& rate = *context_.rate_limit;
    switch (which) {
    case resolver::rate_cost:
      return write_number(query_.cost);
    case resolver::rate_limit:
      return write_number(rate.limit);
    case resolver::rate_node_count:
      return write_number(query_.node_count);
    case resolver::rate_remaining:
      return write_number(rate.remaining);
    case resolver::rate_reset_at:
      return write_time(rate.reset_at);
    default:
      return write_number(rate.used);
    }
  }

  void write_viewer(const planned_field& field) {
    repository_owner viewer{context_.viewer_login, context_.viewer_id, false};
    object o;
    o.type = &user_type_;
    o.owner = &viewer;
    write_nullable(field, o);
  }

  void write_named_owner(const planned_field& field) {
    const auto& login = query_.of(field).name;
    if (auto number = data_.find_owner(login)) {
      write_nullable(field, owner_object(data_.owners()[*number]));
      return;
    }
    fail(field, "NOT_FOUND", "Could not resolve to a User with the login of '" + login + "'.");
    out_ += "null";
  }

  void write_named_repository(const planned_field& field) {
    const auto& arguments = query_.of(field);
    auto name = arguments.owner + "/" + arguments.name;
    auto row = data_.find_name(name);
    if (row == no_row && arguments.follow_renames)
      row = data_.find_former_name(name);
    if (row != no_row) {
      write_nullable(field, repository_object(row));
      return;
    }
    fail(field, "NOT_FOUND", "Could not resolve to a Repository with the name '" + name + "'.");
    out_ += "null";
  }

  void write_nodes(const planned_field& field) {
    const auto& ids = query_.of(field).ids;
    auto work = work_of(field.selection);
    spend(list_work);
    out_ += '[';
    for (size_t i = 0; i < ids.size(); ++i) {
      if (i != 0)
        out_ += ',';
      path_.push_back({nullptr, static_cast<int64_t>(i)});
      if (!spend(work))
        write_limited(field);
      else if (is_lost(field))
        out_ += "null";
      else
        write_node(field, ids[i]);
      path_.pop_back();
    }
    out_ += ']';
  }

  void write_node(const planned_field& field, const std::string& id) {
    ++result_.node_lookups;
    auto known = parse_node_id(id);
    metadata_object item;
    auto o = known ? find_node(*known, item) : object{};
    if (o.type == nullptr) {
      fail(field, "NOT_FOUND", "Could not resolve to a node with the global id of '" + id + "'");
      out_ += "null";
      return;
    }
    if (known->legacy)
      warn_legacy(id, next_form(*known, item));
    write_nullable(field, o);
  }

  static std::string next_form(node_id id, const metadata_object& item) {
    if (item.repo == nullptr)
      return next_node_id(id.kind, id.database_id);
    id.repository_id = item.repo->id;
    return served_node_id(id, false, true);
  }

  /// What is in a repository is left in `item`.
  object find_node(const node_id& id, metadata_object& item) const {
    if (is_metadata(id.kind)) {
      if (context_.metadata != nullptr)
        item = find_metadata_node(id, data_, *context_.metadata);
      return item.type.empty() ? object{} : metadata_item(item);
    }
    if (id.kind == node_kind::repository) {
      auto row = data_.find_id(id.database_id);
      return row == no_row ? object{} : repository_object(row);
    }
    auto owner = data_.find_owner_id(id.database_id);
    if (id.kind == node_kind::other || owner == nullptr ||
        owner->is_organization != (id.kind == node_kind::organization))
      return {};
    return owner_object(*owner);
  }

  void warn_legacy(const std::string& id, const std::string& next) {
    if (!warnings_.empty())
      warnings_ += ',';
    warnings_ += "{\"type\":\"DEPRECATION\",\"message\":\"The id " + id +
                 " is deprecated. Update your cache to use the next_global_id from the data "
                 "payload.\",\"data\":{\"next_global_id\":\"" +
                 next + "\"},\"link\":\"https://docs.github.com\"}";
  }

  object repository_object(row_index row) const { return repository_object(data_[row]); }
  object repository_object(const repository& repo) const {
    object o;
    o.type = &repository_type_;
    o.repo = &repo;
    return o;
  }

  object owner_object(const repository_owner& owner) const {
    object o;
    o.type = owner.is_organization ? &organization_type_ : &user_type_;
    o.owner = &owner;
    return o;
  }

  // Search

  bool write_search(const planned_field& field) {
    const auto& arguments = query_.of(field);
    search_page page;
    if (arguments.name.size() > search_query::max_length) {
      fail(field, "UNPROCESSABLE", "The search is longer than 256 characters.");
      return false;
    }
    if (arguments.is_issue_search)
      return write_issue_search(field, arguments);
    const auto& fields = field.selection.by_type.front().second;
    auto lists = lists_items(fields);
    if (!make_page(field, arguments, lists, page))
      return false;
    spend(search_work);
    auto before = errors_.size();
    object o;
    o.type = field.def->result;
    o.page = &page;
    auto written = write_fields(fields, o);
    count_search(arguments, lists, errors_.size() == before);
    return written;
  }

  static bool lists_items(const std::vector<planned_field>& fields) {
    return std::any_of(fields.begin(), fields.end(), [](const auto& x) {
      auto which = x.def->resolve;
      return which == resolver::search_nodes || which == resolver::search_edges;
    });
  }

  void count_search(const field_arguments& arguments, bool lists, bool good) {
    if (lists && good)
      result_.search_pages.push_back({arguments.name, arguments.after.value_or("")});
    else if (!lists)
      ++result_.search_counts;
  }

  bool write_issue_search(const planned_field& field, const field_arguments& arguments) {
    auto after = int64_t{0};
    auto before = std::numeric_limits<int64_t>::max();
    cursor_key_ = mix(data_.seed(), hash_text(arguments.name));
    if (!read_cursor(field, arguments.after, after) ||
        !read_cursor(field, arguments.before, before))
      return false;
    metadata_value found;
    if (context_.metadata != nullptr)
      found = search_issues(arguments.name, data_, *context_.metadata);
    if (found.what == metadata_value::kind::missing) {
      fail(field, "UNPROCESSABLE", found.text);
      return false;
    }
    spend(search_work);
    metadata_page page;
    page.total = static_cast<int64_t>(found.list.size());
    auto ranks = std::min(page.total, search_engine::result_cap);
    auto begin = std::min(after, ranks);
    auto end = std::clamp(before - 1, begin, ranks);
    cut_page(arguments, {found.list.data(), static_cast<size_t>(ranks)}, begin, end, page);
    page.first_rank = begin + 1;
    if (faults_.count_error > 0 && page.total > faults_.count_error_above)
      page.total = wrong_count(page.total);
    const auto& fields = field.selection.by_type.front().second;
    auto errors = errors_.size();
    object o;
    o.type = field.def->result;
    o.list = &page;
    auto written = write_fields(fields, o);
    count_search(arguments, lists_items(fields), errors_.size() == errors);
    return written;
  }

  /// Fails where a cursor is none of a search.
  bool make_page(const planned_field& field, const field_arguments& arguments, bool lists,
                 search_page& page) {
    auto after = int64_t{0};
    auto before = std::numeric_limits<int64_t>::max();
    cursor_key_ = mix(data_.seed(), hash_text(arguments.name));
    if (!read_cursor(field, arguments.after, after) ||
        !read_cursor(field, arguments.before, before))
      return false;
    if (!arguments.is_repository_search)
      return true; // there is nothing else to find
    auto& search = *context_.search;
    auto offset = after;
    auto size = arguments.first.value_or(0);
    if (arguments.last) {
      auto end = std::min(before - 1, search.ranks(arguments.name));
      offset = std::max(after, end - *arguments.last);
      size = std::max<int64_t>(0, end - offset);
    } else if (arguments.before) {
      size = std::clamp<int64_t>(before - 1 - offset, 0, size);
    }
    if (lists) {
      page = search.page(arguments.name, offset, size);
      if (faults_.repeated_items > 0 && offset > 0)
        repeat_items(arguments.name, page);
    } else {
      page.count = search.count(arguments.name);
      page.offset = offset;
      page.has_next = arguments.first && offset + size < search.ranks(arguments.name);
    }
    if (faults_.count_error > 0 && page.count > faults_.count_error_above)
      page.count = wrong_count(page.count);
    return true;
  }

  /// The page begins with the last items of the one before, and lacks as many at its end.
  void repeat_items(const std::string& text, search_page& page) {
    auto repeated = std::min(faults_.repeated_items, page.offset);
    auto shifted =
        context_.search->page(text, page.offset - repeated, static_cast<int64_t>(page.rows.size()));
    shifted.offset = page.offset;
    shifted.has_next = page.has_next;
    page = std::move(shifted);
  }

  int64_t wrong_count(int64_t count) const {
    auto random = static_cast<double>(mix(faults_.salt, cursor_key_) >> 11) * 0x1.0p-53; // [0, 1)
    auto off = std::llround(static_cast<double>(count) * faults_.count_error * (2 * random - 1));
    return std::max<int64_t>(0, count + off);
  }

  bool read_cursor(const planned_field& field, const std::optional<std::string>& cursor,
                   int64_t& rank) {
    if (!cursor)
      return true;
    auto text = base64_decode(*cursor);
    auto number = text ? rank_of(*text) : std::nullopt;
    if (number && *number >= 0) {
      rank = *number;
      return true;
    }
    fail(field, "INVALID_CURSOR_ARGUMENTS",
         "`" + *cursor + "` does not appear to be a valid cursor.");
    return false;
  }

  std::optional<int64_t> rank_of(const std::string& cursor) const {
    if (cursor.starts_with(opaque_prefix)) {
      auto sealed = parse_number(std::string_view{cursor}.substr(opaque_prefix.size()));
      auto rank = sealed ? *sealed ^ static_cast<int64_t>(cursor_key_ >> 1) : -1;
      return rank <= search_engine::result_cap ? std::optional{rank} : std::nullopt;
    }
    if (faults_.opaque_cursors || !cursor.starts_with("cursor:"))
      return std::nullopt;
    return parse_number(std::string_view{cursor}.substr(7));
  }

  bool write_search_field(const planned_field& field, resolver which, const object& o) {
    const auto& page = *o.page;
    switch (which) {
    case resolver::search_repository_count:
    case resolver::total_count:
      return write_number(page.count);
    case resolver::search_zero:
      return write_number(0);
    case resolver::search_nodes:
    case resolver::search_edges:
      return write_search_items(field, page);
    case resolver::search_page_info:
      return write_object(field, with_type(o, nullptr));
    case resolver::edge_cursor:
      return write_cursor(o.number);
    case resolver::edge_node:
      return write_object(field, repository_object(*o.repo));
    case resolver::page_start_cursor:
      return page.rows.empty() ? write_null() : write_cursor(page.offset + 1);
    case resolver::page_end_cursor:
      return page.rows.empty() ? write_null()
                               : write_cursor(page.offset + static_cast<int64_t>(page.rows.size()));
    case resolver::page_has_next:
      return write_bool(page.has_next);
    default:
      return write_bool(page.offset > 0);
    }
  }

  static object with_type(object o, const type_def* type) {
    o.type = type;
    return o;
  }

  bool write_cursor(int64_t rank) {
    if (owned_cursors_)
      return write_escaped(base64_encode(std::string{opaque_prefix} + std::to_string(rank)));
    if (faults_.opaque_cursors)
      return write_escaped(
          base64_encode(std::string{opaque_prefix} +
                        std::to_string(rank ^ static_cast<int64_t>(cursor_key_ >> 1))));
    return write_escaped(base64_encode("cursor:" + std::to_string(rank)));
  }

  /// Whether a fault makes this item null.
  bool is_lost(const planned_field& field) {
    if (context_.faults == nullptr)
      return false;
    auto random = static_cast<double>(mix(faults_.salt, ++null_choices_) >> 11) * 0x1.0p-53;
    if (random < faults_.null_share)
      return true;
    if (random >= faults_.null_share + faults_.null_share_with_error)
      return false;
    fail(field, "",
         "Something went wrong while executing your query. Please include this error "
         "when reporting this issue.");
    return true;
  }

  bool write_search_items(const planned_field& field, const search_page& page) {
    auto is_edges = field.def->resolve == resolver::search_edges;
    const auto& below =
        is_edges ? field.selection.by_type.front().second : field.selection.of(repository_type_);
    auto work = is_edges ? edge_work(below) : work_of(below);
    path_.push_back({&field.key, 0});
    if (!has_budget() && !page.rows.empty()) {
      result_.work += work * static_cast<int64_t>(page.rows.size());
      write_limited(field);
    } else {
      write_items(field, page, below, work, is_edges);
    }
    path_.pop_back();
    return true;
  }

  void write_items(const planned_field& field, const search_page& page,
                   const std::vector<planned_field>& below, model_time work, bool is_edges) {
    out_ += '[';
    for (size_t i = 0; i < page.rows.size(); ++i) {
      if (i != 0)
        out_ += ',';
      path_.push_back({nullptr, static_cast<int64_t>(i)});
      auto o = repository_object(page.rows[i]);
      if (is_edges) {
        o.type = field.def->result;
        o.page = &page;
        o.number = page.offset + static_cast<int64_t>(i) + 1;
      }
      if (!spend(work))
        write_limited(field);
      else if (is_lost(field) || !write_fields(below, o))
        out_ += "null";
      path_.pop_back();
    }
    out_ += ']';
  }

  model_time edge_work(const std::vector<planned_field>& fields) const {
    for (const auto& field : fields)
      if (field.def->resolve == resolver::edge_node)
        return work_of(field.selection);
    return object_work;
  }

  // Repository

  bool write_repository_field(const planned_field& field, resolver which, const repository& repo) {
    auto has = [&](repository_flag flag) { return write_bool((repo.flags & flag) != 0); };
    switch (which) {
    case resolver::repository_id:
      return write_escaped(
          served_node_id(node_kind::repository, repo.id, context_.next_global_ids));
    case resolver::repository_database_id:
      return write_number(repo.id);
    case resolver::repository_name:
      return write_escaped(data_.name(repo));
    case resolver::repository_name_with_owner:
      return write_escaped(data_.full_name(repo));
    case resolver::repository_stargazer_count:
      return write_number(repo.stars);
    case resolver::repository_fork_count:
      return write_number(repo.forks);
    case resolver::repository_created_at:
      return write_time(repo.created_at);
    case resolver::repository_updated_at:
      return write_time(repo.updated_at);
    case resolver::repository_pushed_at:
      return repo.pushed_at == repository::never ? write_null() : write_time(repo.pushed_at);
    case resolver::repository_archived_at:
      return (repo.flags & is_archived) != 0 ? write_time(repo.updated_at) : write_null();
    case resolver::repository_disk_usage:
      return repo.disk_usage_kb == repository::null_size ? write_null()
                                                         : write_number(repo.disk_usage_kb);
    case resolver::repository_description:
      return dataset::has_description(repo) ? write_escaped(data_.description(repo)) : write_null();
    case resolver::repository_visibility:
      return write_escaped("PUBLIC");
    case resolver::repository_is_fork:
      return has(is_fork);
    case resolver::repository_is_archived:
      return has(is_archived);
    case resolver::repository_is_disabled:
      return has(is_disabled);
    case resolver::repository_is_mirror:
      return has(is_mirror);
    case resolver::repository_is_template:
      return has(is_template);
    case resolver::repository_is_empty:
      return write_bool(repo.pushed_at == repository::never);
    case resolver::repository_is_in_organization:
      return write_bool(data_.owner(repo).is_organization);
    case resolver::repository_url:
      out_ += "\"https://github.com/";
      out_ += data_.full_name(repo);
      out_ += '"';
      return true;
    case resolver::repository_homepage_url:
      return write_homepage(repo);
    case resolver::repository_has_issues:
      return write_bool(has_metadata(repo, &repository_metadata::has_issues, true));
    case resolver::repository_has_discussions:
      return write_bool(has_metadata(repo, &repository_metadata::has_discussions, false));
    case resolver::always_null:
      return write_null();
    case resolver::always_true:
      return write_bool(true);
    case resolver::always_false:
      return write_bool(false);
    default:
      return write_repository_object(field, which, repo);
    }
  }

  bool has_metadata(const repository& repo, bool repository_metadata::*which, bool otherwise) {
    auto found = context_.metadata == nullptr ? nullptr : context_.metadata->find(repo);
    return found == nullptr ? otherwise : found->*which;
  }

  bool write_homepage(const repository& repo) {
    if (repo.id % 5 != 0)
      return write_null();
    out_ += "\"https://";
    out_ += data_.name(repo);
    out_ += ".example.com\"";
    return true;
  }

  bool write_repository_object(const planned_field& field, resolver which, const repository& repo) {
    object o;
    o.repo = &repo;
    switch (which) {
    case resolver::repository_owner:
      return write_object(field, owner_object(data_.owner(repo)));
    case resolver::repository_stargazers:
      path_.push_back({&field.key, 0});
      fail(field, "FORBIDDEN", "Resource not accessible by personal access token");
      path_.pop_back();
      return false;
    case resolver::repository_forks:
      o.number = repo.forks;
      break;
    case resolver::repository_watchers:
      o.number = repo.watchers;
      break;
    case resolver::repository_issues:
    case resolver::repository_pull_requests:
    case resolver::repository_releases:
    case resolver::repository_discussions:
      return write_repository_list(field, which, repo);
    case resolver::repository_languages:
      o.number = static_cast<int64_t>(languages_of(repo, data_.languages().size()).size());
      o.limit = query_.of(field).page_size();
      break;
    case resolver::repository_topics:
      o.number = static_cast<int64_t>(topics_of(repo).size());
      o.limit = query_.of(field).page_size();
      break;
    case resolver::repository_primary_language:
      if (repo.language == 0)
        return write_null();
      o.number = repo.language;
      break;
    case resolver::repository_license_info:
      if (repo.license == 0)
        return write_null();
      o.number = repo.license;
      break;
    case resolver::repository_default_branch_ref:
      if (repo.pushed_at == repository::never)
        return write_null();
      break;
    default:
      return write_parent(field, repo);
    }
    return write_object(field, o);
  }

  /// Without metadata there are counts only.
  bool write_repository_list(const planned_field& field, resolver which, const repository& repo) {
    auto in = context_.metadata == nullptr ? metadata_object{}
                                           : repository_metadata_object(repo, *context_.metadata);
    object o;
    o.repo = &repo;
    if (which == resolver::repository_issues) {
      if (in.all != nullptr)
        return write_list(field, list_issues(in, metadata_of(field)));
      o.number = count_issues(repo, query_.of(field).states);
    } else if (which == resolver::repository_pull_requests) {
      if (in.all != nullptr)
        return write_list(field, list_pull_requests(in, metadata_of(field)));
      o.number = count_pull_requests(repo, query_.of(field).states);
    } else if (which == resolver::repository_releases) {
      if (in.all != nullptr)
        return write_list(field, list_releases(in, metadata_of(field)));
      o.number = repo.stars / 200;
    } else if (in.all != nullptr) {
      return write_list(field, list_discussions(in, metadata_of(field)));
    }
    return write_object(field, o);
  }

  bool write_parent(const planned_field& field, const repository& repo) {
    auto parent = static_cast<row_index>(mix(static_cast<uint64_t>(repo.id), 9) % data_.size());
    auto known = (repo.flags & is_fork) != 0 && (data_[parent].flags & is_deleted) == 0 &&
                 data_[parent].id != repo.id;
    return known ? write_object(field, repository_object(parent)) : write_null();
  }

  // Owners and the small objects of a repository

  /// A page of what somebody owns, in the order of creation, which is that of the ids.
  bool write_owned(const planned_field& field, const repository_owner& owner) {
    const auto& arguments = query_.of(field);
    auto number = data_.find_owner(owner.login);
    search_page page;
    for (auto row : data_.by_id())
      if (number && data_[row].owner == *number && (data_[row].flags & is_deleted) == 0)
        page.own_rows.push_back(row);
    auto size = static_cast<int64_t>(page.own_rows.size());
    page.count = size;
    if (arguments.after) {
      auto text = base64_decode(*arguments.after);
      auto rank = text && text->starts_with(opaque_prefix)
                      ? parse_number(std::string_view{*text}.substr(opaque_prefix.size()))
                      : std::nullopt;
      if (!rank) {
        path_.push_back({&field.key, 0});
        fail(field, "INVALID_CURSOR_ARGUMENTS",
             "`" + *arguments.after + "` does not appear to be a valid cursor.");
        path_.pop_back();
        return false;
      }
      page.offset = std::clamp<int64_t>(*rank, 0, size);
    }
    auto end = std::min(size, page.offset + arguments.page_size());
    page.has_next = end < size;
    page.rows = std::span{page.own_rows}.subspan(static_cast<size_t>(page.offset),
                                                 static_cast<size_t>(end - page.offset));
    spend(connection_work);
    object o;
    o.page = &page;
    owned_cursors_ = true;
    auto written = write_object(field, o);
    owned_cursors_ = false;
    return written;
  }

  bool write_owner_field(resolver which, const repository_owner& owner) {
    auto kind = owner.is_organization ? node_kind::organization : node_kind::user;
    switch (which) {
    case resolver::owner_login:
      return write_text(owner.login);
    case resolver::owner_id:
      return write_escaped(served_node_id(kind, owner.id, context_.next_global_ids));
    case resolver::owner_database_id:
      return write_number(owner.id);
    case resolver::owner_url:
      return write_text("https://github.com/" + owner.login);
    default:
      return write_null();
    }
  }

  bool write_small_field(const planned_field& field, resolver which, const object& o) {
    const auto number = static_cast<size_t>(o.number);
    switch (which) {
    case resolver::total_count:
      return write_number(o.number);
    case resolver::language_name:
      return write_text(data_.languages()[number]);
    case resolver::language_color:
      return write_color(number);
    case resolver::license_key:
      return write_text(data_.licenses()[number].key);
    case resolver::license_name:
      return write_text(data_.licenses()[number].name);
    case resolver::license_spdx_id:
      return data_.licenses()[number].spdx_id.empty()
                 ? write_null()
                 : write_text(data_.licenses()[number].spdx_id);
    case resolver::license_pseudo:
      return write_bool(data_.licenses()[number].key == "other");
    case resolver::branch_name:
      return write_escaped(o.repo->created_at < 1'601'510'400 ? "master" : "main"); // 2020-10-01
    case resolver::branch_prefix:
      return write_escaped("refs/heads/");
    case resolver::topic_name:
      return write_text(topics_of(*o.repo)[number]);
    case resolver::topic_of:
      return write_object(field, with_type(o, nullptr));
    case resolver::language_edge_size:
      return write_number(languages_of(*o.repo, data_.languages().size())[number].bytes);
    case resolver::language_edge_node:
      return write_edge_language(field, o);
    case resolver::languages_total_size:
      return write_total_size(*o.repo);
    case resolver::search_nodes:
    case resolver::search_edges:
      return write_only_counted(field);
    case resolver::search_page_info:
      return write_object(field, with_type(o, nullptr));
    case resolver::page_start_cursor:
    case resolver::page_end_cursor:
      return write_null();
    case resolver::page_has_next:
    case resolver::page_has_previous:
      return write_bool(false);
    default:
      return write_small_list(field, which, o);
    }
  }

  /// Of some things the simulator knows how many there are, and nothing else.
  bool write_only_counted(const planned_field& field) {
    path_.push_back({&field.key, 0});
    fail(field, "", "gitstar-sim only counts these, or was started without --metadata.");
    path_.pop_back();
    return write_null();
  }

  // Metadata

  metadata_request metadata_of(const planned_field& field) const {
    static const field_arguments none;
    return {field.slot == no_slot ? none : query_.of(field), *context_.metadata,
            context_.next_global_ids};
  }

  bool write_metadata_field(const planned_field& field, const object& o) {
    if (context_.metadata == nullptr) // one of a repository: nothing else is reached without
      return write_missing(field, "gitstar-sim was started without --metadata.");
    auto in = o.item == nullptr ? repository_metadata_object(*o.repo, *context_.metadata) : *o.item;
    return write_value(field, field.def->get(in, metadata_of(field)));
  }

  bool write_value(const planned_field& field, const metadata_value& value) {
    switch (value.what) {
    case metadata_value::kind::null:
      return !field.def->type.required && write_null();
    case metadata_value::kind::boolean:
      return write_bool(value.number != 0);
    case metadata_value::kind::number:
      return write_number(value.number);
    case metadata_value::kind::text:
      return write_text(value.text);
    case metadata_value::kind::time:
      return write_time(value.number);
    case metadata_value::kind::object:
      return write_object(field, metadata_item(value.object));
    case metadata_value::kind::missing:
      return write_missing(field, value.text);
    case metadata_value::kind::list:
      break;
    }
    return write_list(field, value);
  }

  bool write_missing(const planned_field& field, std::string why) {
    path_.push_back({&field.key, 0});
    fail(field, "NOT_FOUND", std::move(why));
    path_.pop_back();
    return write_null();
  }

  /// `from` must outlive the object.
  object metadata_item(const metadata_object& from) const {
    object o;
    o.type = schema::instance().find(from.type);
    if (from.who == 0 || !is_actor(*o.type))
      o.item = &from;
    else
      o.owner = context_.metadata->who().describe(from.who).owner;
    return o;
  }

  static bool is_actor(const type_def& type) {
    static const auto& actor = *schema::instance().find("Actor");
    return actor.can_be(type);
  }

  bool write_list(const planned_field& field, const metadata_value& value) {
    const auto& arguments = query_.of(field);
    metadata_page page;
    page.total = value.list.empty() ? value.number : static_cast<int64_t>(value.list.size());
    auto begin = int64_t{0};
    auto end = static_cast<int64_t>(value.list.size());
    path_.push_back({&field.key, 0});
    auto good = place_cursor(field, arguments.after, value.list, true, begin) &&
                place_cursor(field, arguments.before, value.list, false, end);
    path_.pop_back();
    if (!good)
      return !field.def->type.required && write_null();
    cut_page(arguments, value.list, begin, std::max(begin, end), page);
    object o;
    o.list = &page;
    return write_object(field, o);
  }

  /// Takes a page of `first` or `last` out of the elements from `begin` to `end`; `begin` is then
  /// where the page begins.
  void cut_page(const field_arguments& arguments, std::span<const metadata_element> all,
                int64_t& begin, int64_t end, metadata_page& page) const {
    auto size = static_cast<int64_t>(all.size());
    if (arguments.last)
      begin = std::max(begin, end - *arguments.last);
    else
      end = std::min(end, begin + arguments.first.value_or(0));
    page.has_previous = begin > 0;
    page.has_next = end < size;
    if (begin == end)
      return;
    page.cursor_element = &all[static_cast<size_t>(end - 1)];
    auto repeated = arguments.after ? std::min(faults_.repeated_items, begin) : 0;
    page.elements =
        all.subspan(static_cast<size_t>(begin - repeated), static_cast<size_t>(end - begin));
  }

  static std::string cursor_of(const metadata_element& element) {
    return base64_encode(std::string{opaque_prefix} + std::to_string(element.key) + "," +
                         std::to_string(element.id));
  }

  /// Finds where the elements after (or before) a cursor begin (or end). Elements that have moved
  /// since the cursor was given are where they are now, as on GitHub.
  bool place_cursor(const planned_field& field, const std::optional<std::string>& cursor,
                    const std::vector<metadata_element>& all, bool after, int64_t& place) {
    if (!cursor)
      return true;
    auto at = base64_decode(*cursor).value_or("");
    auto comma = at.find(',');
    auto known = at.starts_with(opaque_prefix) && comma != std::string::npos;
    auto key = known ? parse_number(std::string_view{at}.substr(opaque_prefix.size(),
                                                                comma - opaque_prefix.size()))
                     : std::nullopt;
    auto id = known ? parse_number(std::string_view{at}.substr(comma + 1)) : std::nullopt;
    if (!key || !id) {
      fail(field, "INVALID_CURSOR_ARGUMENTS",
           "`" + *cursor + "` does not appear to be a valid cursor.");
      return false;
    }
    std::pair wanted{*key, *id};
    auto value = [](const metadata_element& x) { return std::pair{x.key, x.id}; };
    auto ascending = all.size() < 2 || value(all.front()) <= value(all.back());
    auto end = std::partition_point(all.begin(), all.end(), [&](const auto& x) {
      auto before = ascending ? value(x) < wanted : value(x) > wanted;
      return before || (after && value(x) == wanted);
    });
    place = end - all.begin();
    return true;
  }

  bool write_list_field(const planned_field& field, resolver which, const object& o) {
    const auto& page = *o.list;
    auto at = static_cast<size_t>(o.number);
    switch (which) {
    case resolver::total_count:
    case resolver::search_issue_count:
      return write_number(page.total);
    case resolver::search_repository_count:
    case resolver::search_zero:
      return write_number(0);
    case resolver::search_nodes:
    case resolver::search_edges:
      return write_elements(field, page);
    case resolver::search_page_info:
      return write_object(field, with_type(o, nullptr));
    case resolver::edge_cursor:
      return write_element_cursor(page, page.elements[at], o.number);
    case resolver::edge_node:
      return write_object(field, metadata_item(page.elements[at].object));
    case resolver::page_start_cursor:
      return page.elements.empty() ? write_null()
                                   : write_element_cursor(page, page.elements.front(), 0);
    case resolver::page_end_cursor:
      return page.elements.empty()
                 ? write_null()
                 : write_element_cursor(page, *page.cursor_element,
                                        static_cast<int64_t>(page.elements.size()) - 1);
    case resolver::page_has_next:
      return write_bool(page.has_next);
    default:
      return write_bool(page.has_previous);
    }
  }

  bool write_element_cursor(const metadata_page& page, const metadata_element& element,
                            int64_t place) {
    return page.first_rank > 0 ? write_cursor(page.first_rank + place)
                               : write_escaped(cursor_of(element));
  }

  bool write_elements(const planned_field& field, const metadata_page& page) {
    auto is_edges = field.def->resolve == resolver::search_edges;
    auto work = work_of_connections(field.selection);
    path_.push_back({&field.key, 0});
    if (!has_budget() && !page.elements.empty()) {
      result_.work += work * static_cast<int64_t>(page.elements.size());
      write_limited(field);
      path_.pop_back();
      return true;
    }
    out_ += '[';
    for (size_t i = 0; i < page.elements.size(); ++i) {
      if (i != 0)
        out_ += ',';
      path_.push_back({nullptr, static_cast<int64_t>(i)});
      auto o = metadata_item(page.elements[i].object);
      if (is_edges) {
        o = {};
        o.type = field.def->result;
        o.list = &page;
        o.number = static_cast<int64_t>(i);
      }
      if (!spend(work))
        write_limited(field);
      else if (is_lost(field))
        out_ += "null";
      else
        write_nullable(field, o);
      path_.pop_back();
    }
    out_ += ']';
    path_.pop_back();
    return true;
  }

  bool write_color(size_t language) {
    out_ += "\"#";
    auto random = mix(language);
    for (auto i = 0; i < 6; ++i)
      out_ += "0123456789abcdef"[random >> (4 * i) & 15];
    out_ += '"';
    return true;
  }

  bool write_edge_language(const planned_field& field, object o) {
    o.number =
        languages_of(*o.repo, data_.languages().size())[static_cast<size_t>(o.number)].language;
    return write_object(field, with_type(o, nullptr));
  }

  bool write_total_size(const repository& repo) {
    int64_t sum = 0;
    for (const auto& share : languages_of(repo, data_.languages().size()))
      sum += share.bytes;
    return write_number(sum);
  }

  /// The languages or topics of a repository: `o.number` of them, `o.limit` wanted.
  bool write_small_list(const planned_field& field, resolver which, const object& o) {
    auto size = std::min(o.number, o.limit);
    path_.push_back({&field.key, 0});
    out_ += '[';
    for (int64_t i = 0; i < size; ++i) {
      if (i != 0)
        out_ += ',';
      path_.push_back({nullptr, i});
      object item;
      item.type = field.def->result;
      item.repo = o.repo;
      item.number = i;
      if (which == resolver::languages_nodes)
        item.number =
            languages_of(*o.repo, data_.languages().size())[static_cast<size_t>(i)].language;
      write_nullable(field, item);
      path_.pop_back();
    }
    out_ += ']';
    path_.pop_back();
    return true;
  }

  const prepared_query& query_;
  const execution_context& context_;
  const dataset& data_;
  std::string& out_;
  const type_def& repository_type_;
  const type_def& user_type_;
  const type_def& organization_type_;
  const data_faults faults_;
  const int64_t max_fields_;
  uint64_t null_choices_ = 0;
  uint64_t cursor_key_ = 0;    ///< binds opaque cursors to the search
  bool owned_cursors_ = false; ///< in a list of what somebody owns
  execution_result result_;
  std::vector<path_part> path_;
  std::vector<graphql_error> errors_;
  std::string warnings_; ///< as JSON
};

} // namespace

execution_result execute(const prepared_query& query, const execution_context& context,
                         std::string& out) {
  return execution{query, context, out}.run();
}

} // namespace gitstar::sim
