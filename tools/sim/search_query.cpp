#include "tools/sim/search_query.hpp"

#include <algorithm>
#include <utility>

namespace gitstar::sim {

namespace {

constexpr std::string_view topic_names[] = {
    "api",     "machine-learning", "python", "react", "cli",      "hacktoberfest", "docker",
    "android", "deep-learning",    "rust",   "linux", "security", "game",          "database",
};

std::optional<time_span> parse_amount(search_column column, std::string_view text) {
  if (column == search_column::created || column == search_column::pushed)
    return parse_time(text);
  auto number = parse_number(text);
  if (!number)
    return std::nullopt;
  return time_span{*number, *number};
}

std::optional<search_column> column_of(const std::string& qualifier) {
  constexpr std::pair<std::string_view, search_column> columns[] = {
      {"stars", search_column::stars},   {"forks", search_column::forks},
      {"size", search_column::size},     {"created", search_column::created},
      {"pushed", search_column::pushed},
  };
  for (const auto& [name, column] : columns)
    if (name == qualifier)
      return column;
  return std::nullopt;
}

class search_parser {
public:
  explicit search_parser(const dataset& data) : data_(data) {
    require(is_fork, false); // unless the search says otherwise
    require(is_deleted, false);
    query_.excluded_owners.negated = true;
  }

  search_query parse(std::string_view text) {
    auto next_is_negated = false;
    for (auto& next : cut_search(text)) {
      if (next.qualifier.empty() && next.text == "NOT") {
        next_is_negated = true;
        continue;
      }
      next.negated = next.negated || std::exchange(next_is_negated, false);
      read(next);
    }
    return std::move(query_);
  }

private:
  void read(const search_term& next) {
    if (auto column = column_of(next.qualifier))
      read_range(*column, next);
    else if (next.qualifier == "sort")
      read_sort(next.text);
    else if (next.qualifier == "language")
      read_language(next);
    else if (next.qualifier == "license")
      read_license(next);
    else if (next.qualifier == "user" || next.qualifier == "org")
      read_owner(next);
    else if (next.qualifier == "repo")
      read_repository(next.text);
    else if (next.qualifier == "topic")
      query_.topics.push_back(lower_case(next.text));
    else if (next.qualifier == "in")
      return; // words are looked for in all of them
    else if (!read_flag(next) && next.text != "AND")
      query_.words.push_back(
          {lower_case(next.qualifier.empty() ? next.text : next.qualifier + ":" + next.text),
           next.negated});
  }

  void read_range(search_column column, const search_term& next) {
    auto range = parse_search_range(column, next.text);
    if (!range) {
      query_.nothing = true;
      return;
    }
    range->negated = next.negated;
    query_.ranges.push_back(*range);
  }

  void read_sort(const std::string& text) {
    auto dash = text.find('-');
    auto name = text.substr(0, dash);
    query_.ascending = dash != std::string::npos && text.substr(dash) == "-asc";
    query_.sort = name == "stars"     ? search_sort::stars
                  : name == "forks"   ? search_sort::forks
                  : name == "updated" ? search_sort::updated
                                      : search_sort::none;
  }

  void read_language(const search_term& next) {
    number_filter filter;
    filter.negated = next.negated;
    const auto& names = data_.languages();
    auto wanted = lower_case(next.text);
    for (uint32_t i = 1; i < names.size(); ++i)
      if (lower_case(names[i]) == wanted || dashed(names[i]) == wanted)
        filter.numbers.push_back(i);
    query_.languages.push_back(std::move(filter));
  }

  /// `language:jupyter-notebook` finds "Jupyter Notebook".
  static std::string dashed(std::string_view name) {
    auto out = lower_case(name);
    std::replace(out.begin(), out.end(), ' ', '-');
    return out;
  }

  void read_license(const search_term& next) {
    number_filter filter;
    filter.negated = next.negated;
    for (uint32_t i = 1; i < data_.licenses().size(); ++i)
      if (data_.licenses()[i].key == lower_case(next.text))
        filter.numbers.push_back(i);
    query_.licenses.push_back(std::move(filter));
  }

  void read_owner(const search_term& next) {
    auto owner = data_.find_owner(next.text);
    auto& filter = next.negated ? query_.excluded_owners : query_.owners;
    filter.numbers.push_back(owner.value_or(std::numeric_limits<uint32_t>::max()));
  }

  void read_repository(const std::string& name) {
    query_.rows.push_back(data_.find_name(name)); // `no_row` matches nothing
  }

  bool read_flag(const search_term& next) {
    auto value = lower_case(next.text);
    auto truth = value == "true";
    if (next.qualifier == "fork")
      read_fork(value);
    else if (next.qualifier == "archived")
      require(is_archived, truth != next.negated);
    else if (next.qualifier == "template")
      require(is_template, truth != next.negated);
    else if (next.qualifier == "mirror")
      require(is_mirror, truth != next.negated);
    else if (next.qualifier == "is")
      read_is(value, next.negated);
    else
      return false;
    return true;
  }

  void read_fork(const std::string& value) {
    if (value == "only") {
      require(is_fork, true);
    } else if (value == "true") {
      query_.flags &= static_cast<uint8_t>(~is_fork);
    }
  }

  void read_is(const std::string& value, bool negated) {
    if (value == "public")
      query_.nothing = query_.nothing || negated; // all that anybody sees is public
    else if (value == "private" || value == "internal")
      query_.nothing = query_.nothing || !negated;
    else if (value == "archived")
      require(is_archived, !negated);
    else if (value == "fork")
      require(is_fork, !negated);
    else if (value == "template")
      require(is_template, !negated);
    else if (value == "mirror")
      require(is_mirror, !negated);
    else
      query_.nothing = true;
  }

  void require(repository_flag flag, bool value) {
    query_.flags |= flag;
    if (value)
      query_.flag_values |= flag;
    else
      query_.flag_values &= static_cast<uint8_t>(~flag);
  }

  const dataset& data_;
  search_query query_;
};

} // namespace

std::vector<search_term> cut_search(std::string_view text) {
  std::vector<search_term> out;
  for (size_t i = 0; i < text.size();) {
    if (text[i] == ' ' || text[i] == '\t' || text[i] == '\n') {
      ++i;
      continue;
    }
    search_term next;
    auto quoted = false;
    if (text[i] == '-' && i + 1 < text.size() && text[i + 1] != ' ') {
      next.negated = true;
      ++i;
    }
    for (; i < text.size() && (quoted || (text[i] != ' ' && text[i] != '\t' && text[i] != '\n'));
         ++i) {
      if (text[i] == '"')
        quoted = !quoted;
      else if (text[i] == ':' && !quoted && next.qualifier.empty())
        next.qualifier = lower_case(std::exchange(next.text, {}));
      else
        next.text += text[i];
    }
    out.push_back(std::move(next));
  }
  return out;
}

std::optional<range_filter> parse_search_range(search_column column, std::string_view text) {
  range_filter out;
  out.column = column;
  if (auto dots = text.find(".."); dots != std::string_view::npos) {
    auto from = text.substr(0, dots);
    auto to = text.substr(dots + 2);
    auto low = parse_amount(column, from);
    auto high = parse_amount(column, to);
    if ((!low && from != "*") || (!high && to != "*"))
      return std::nullopt;
    if (low)
      out.low = low->first;
    if (high)
      out.high = high->last;
    return out;
  }
  auto starts = [&](std::string_view sign) {
    if (!text.starts_with(sign))
      return false;
    text.remove_prefix(sign.size());
    return true;
  };
  auto at_least = starts(">=");
  auto at_most = !at_least && starts("<=");
  auto above = !at_least && starts(">");
  auto below = !at_most && starts("<");
  auto amount = parse_amount(column, text);
  if (!amount)
    return std::nullopt;
  if (above)
    out.low = amount->last + 1;
  else if (!at_most && !below)
    out.low = amount->first;
  if (below)
    out.high = amount->first - 1;
  else if (!at_least && !above)
    out.high = amount->last;
  return out;
}

search_query parse_search(std::string_view text, const dataset& data) {
  return search_parser{data}.parse(text);
}

std::vector<std::string_view> topics_of(const repository& repo) {
  auto random = mix(static_cast<uint64_t>(repo.id), 77);
  std::vector<std::string_view> out;
  for (size_t i = 0; i < std::size(topic_names) && out.size() < 5; ++i)
    if ((random >> (2 * i) & 3) == 0 && (random >> 40) % 3 != 0)
      out.push_back(topic_names[i]);
  return out;
}

} // namespace gitstar::sim
