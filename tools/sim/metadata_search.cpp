// Searches for issues and pull requests (`type: ISSUE`), in repositories that they name.
#include "tools/sim/metadata_fields.hpp"
#include "tools/sim/metadata_text.hpp"
#include "tools/sim/search_query.hpp"

#include <algorithm>

namespace gitstar::sim {

namespace {

enum class thread_time : uint8_t { created, updated, closed };

/// A parsed search.
struct issue_query {
  std::vector<row_index> rows;
  std::vector<std::pair<thread_time, range_filter>> ranges;
  std::vector<std::pair<thread_state, bool>> states; ///< and whether it must be this or must not
  std::vector<std::string> authors;                  ///< any of them; empty: everybody
  std::vector<std::string> labels;                   ///< all of them
  std::vector<std::string> words;                    ///< all of them, in the title; lower case
  bool issues = true;
  bool pull_requests = true;
  bool nothing = false; ///< asks for what is not known
  std::string order_field = "CREATED_AT";
  bool ascending = false;
};

class issue_query_parser {
public:
  explicit issue_query_parser(const dataset& data) : data_(data) {}

  issue_query parse(std::string_view text) {
    for (const auto& term : cut_search(text))
      read(term);
    return std::move(query_);
  }

private:
  void read(const search_term& term) {
    auto value = lower_case(term.text);
    if (term.qualifier == "repo")
      query_.rows.push_back(data_.find_name(term.text));
    else if (term.qualifier == "is" || term.qualifier == "type" || term.qualifier == "state")
      read_is(value, term.negated);
    else if (term.qualifier == "created")
      read_range(thread_time::created, term);
    else if (term.qualifier == "updated")
      read_range(thread_time::updated, term);
    else if (term.qualifier == "closed")
      read_range(thread_time::closed, term);
    else if (term.qualifier == "sort")
      read_sort(value);
    else if (term.negated)
      query_.nothing = true;
    else if (term.qualifier == "author")
      query_.authors.push_back(value);
    else if (term.qualifier == "label")
      query_.labels.push_back(term.text);
    else if (term.qualifier.empty())
      query_.words.push_back(value);
    else
      query_.nothing = true;
  }

  void read_is(const std::string& value, bool negated) {
    if (value == "issue" || value == "pr") {
      auto& other = (value == "issue") == negated ? query_.issues : query_.pull_requests;
      other = false;
    } else if (value == "open") {
      query_.states.emplace_back(state_open, !negated);
    } else if (value == "closed") { // merged ones are closed, too
      query_.states.emplace_back(state_open, negated);
    } else if (value == "merged") {
      query_.states.emplace_back(state_merged, !negated);
    } else if (value != "public" || negated) {
      query_.nothing = true;
    }
  }

  void read_range(thread_time which, const search_term& term) {
    auto range = parse_search_range(search_column::created, term.text);
    if (!range) {
      query_.nothing = true;
      return;
    }
    range->negated = term.negated;
    query_.ranges.emplace_back(which, *range);
  }

  void read_sort(const std::string& value) {
    auto dash = value.find('-');
    auto name = value.substr(0, dash);
    query_.ascending = dash != std::string::npos && value.substr(dash) == "-asc";
    query_.order_field = name == "updated"    ? "UPDATED_AT"
                         : name == "comments" ? "COMMENTS"
                                              : "CREATED_AT";
  }

  const dataset& data_;
  issue_query query_;
};

item_time time_of(const thread_item& item, thread_time which) {
  switch (which) {
  case thread_time::created:
    return item.created_at;
  case thread_time::updated:
    return item.updated_at;
  case thread_time::closed:
    break;
  }
  return item.closed_at;
}

bool matches(const issue_query& query, const thread_item& item, const metadata& world) {
  auto title = query.words.empty() ? std::string{} : lower_case(title_text(item.title));
  auto by = world.who().describe(item.author).owner;
  return std::all_of(query.ranges.begin(), query.ranges.end(),
                     [&](const auto& asked) {
                       int64_t time = time_of(item, asked.first);
                       auto inside =
                           time != 0 && time >= asked.second.low && time <= asked.second.high;
                       return inside != asked.second.negated;
                     }) &&
         std::all_of(
             query.states.begin(), query.states.end(),
             [&](const auto& asked) { return (item.state == asked.first) == asked.second; }) &&
         std::all_of(query.labels.begin(), query.labels.end(),
                     [&](const auto& label) {
                       return std::any_of(item.labels.begin(), item.labels.end(),
                                          [&](auto one) { return label_name(one) == label; });
                     }) &&
         std::all_of(query.words.begin(), query.words.end(),
                     [&](const auto& word) { return title.find(word) != std::string::npos; }) &&
         (query.authors.empty() ||
          (by != nullptr && std::find(query.authors.begin(), query.authors.end(),
                                      lower_case(by->login)) != query.authors.end()));
}

} // namespace

metadata_value search_issues(std::string_view text, const dataset& data, metadata& world) {
  auto query = issue_query_parser{data}.parse(text);
  metadata_value out;
  if (query.rows.empty()) {
    out.what = metadata_value::kind::missing;
    out.text = "gitstar-sim searches issues of repositories that are named with repo: only.";
    return out;
  }
  out.what = metadata_value::kind::list;
  auto add = [&](metadata_object object) {
    const auto& item = *object.thread;
    if (matches(query, item, world))
      out.list.push_back({object, thread_key(item, query.order_field), item.id});
  };
  for (auto row : query.rows) {
    auto in = row == no_row || query.nothing ? metadata_object{}
                                             : repository_metadata_object(data[row], world);
    if (in.all == nullptr)
      continue;
    if (query.issues)
      for (const auto& item : in.all->issues)
        add(issue_object(in, item));
    if (query.pull_requests)
      for (const auto& item : in.all->pull_requests)
        add(pull_request_object(in, item));
  }
  sort_elements(out.list, query.ascending);
  return out;
}

} // namespace gitstar::sim
