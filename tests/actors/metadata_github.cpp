#include "tests/actors/metadata_github.hpp"

#include "actors/metadata_lists.hpp"
#include "messages/metadata/registry.hpp"
#include "messages/time_text.hpp"
#include "net/metadata_query.hpp"

#include <algorithm>
#include <stdexcept>

namespace gitstar::test {

namespace {

using metadata::kind;

std::string key_text(const metadata_row& row, const kind& of) {
  std::string result;
  for (auto i : metadata::key_indexes(of))
    result += row.values[i].value_or("") + ' ';
  return result;
}

/// What the failures of its fields make of an answer (`net/classify.cpp`).
outcome judge(const std::vector<field_answer>& fields) {
  auto failed = [&](field_error error) {
    return std::count_if(fields.begin(), fields.end(), [&](auto& x) { return x.error == error; });
  };
  auto all = std::ssize(fields);
  if (failed(field_error::none) == all)
    return outcome::ok;
  return failed(field_error::resource_limit) == all ? outcome::resource_limit : outcome::partial;
}

/// The values of a row that an answer has.
metadata_row row_of(const kind& of, const element& x, const element* holder) {
  metadata_row row;
  row.values.resize(of.columns.size());
  for (size_t i = 0; i < of.columns.size(); ++i) {
    auto& column = of.columns[i];
    const auto* from = column.from == metadata::origin::node     ? &x
                       : column.from == metadata::origin::holder ? holder
                                                                 : nullptr;
    if (from == nullptr)
      continue;
    if (auto found = from->values.find(std::string{column.name}); found != from->values.end())
      row.values[i] = found->second;
    else if (!column.nullable)
      row.values[i] = column.type == metadata::column_type::text_array    ? "{}"
                      : column.type == metadata::column_type::boolean     ? "f"
                      : column.type == metadata::column_type::text        ? "x"
                      : column.type == metadata::column_type::timestamptz ? "2020-01-01T00:00:00Z"
                                                                          : "0";
  }
  return row;
}

/// The object that has the checks: the head of a pull request.
element_ptr head_of(const element_ptr& x) {
  auto& commits = x->lists["commits"];
  return commits.empty() ? nullptr : commits.back();
}

} // namespace

metadata_github::metadata_github(uint32_t seed, size_t repositories)
    : fake_github(random_repositories(repositories, seed)), random_(seed) {
  auto at = timestamp{std::chrono::sys_days{std::chrono::year{2023} / 1 / 1}};
  auto later = [&] { return at += std::chrono::seconds{below(4)}; };
  size_t n = 0;
  for (auto& repo : fake_github::repositories()) {
    auto id = repo.repo_id;
    repositories_[id];
    auto large = n++ % 10 == 0;
    auto issues = large ? 130 + below(150) : below(6);
    for (size_t i = 0; i < issues; ++i) {
      auto x = add_issue(id, later());
      if (below(3) == 0)
        add_comments(x, below(20) == 0 ? 100 + below(120) : 1 + below(4), later());
    }
    auto pull_requests = large ? 90 + below(60) : below(4);
    for (size_t i = 0; i < pull_requests; ++i)
      add_pull_request(id, later());
  }
}

std::vector<repo_id> metadata_github::ids() const {
  std::vector<repo_id> result;
  for (auto& [id, x] : repositories_)
    result.push_back(id);
  return result;
}

element_ptr metadata_github::make(const std::string& type, timestamp at) {
  auto x = std::make_shared<element>();
  auto id = std::to_string(next_id_++);
  x->node = type + '_' + id;
  x->values["id"] = id;
  x->values["created_at"] = to_utc_text(at);
  x->values["updated_at"] = to_utc_text(at);
  nodes_[x->node] = x;
  return x;
}

void metadata_github::thread(const element_ptr& x, timestamp at) {
  x->values["title"] = "made " + to_utc_text(at);
  x->values["state"] = below(2) == 0 ? "OPEN" : "CLOSED";
  count(x);
}

element_ptr metadata_github::add_issue(repo_id repo, timestamp at) {
  auto x = make("I", at);
  x->values["issue_id"] = x->values["id"];
  x->values["number"] = std::to_string(++numbers_[repo]);
  thread(x, at);
  repositories_[repo]["issues"].push_back(x);
  return x;
}

element_ptr metadata_github::add_pull_request(repo_id repo, timestamp at) {
  auto x = make("PR", at);
  x->values["pull_request_id"] = x->values["id"];
  x->values["number"] = std::to_string(++numbers_[repo]);
  thread(x, at);
  auto commits = below(15) == 0 ? 101 + below(30) : 1 + below(3);
  for (size_t i = 0; i < commits; ++i) {
    auto commit = make("C", at);
    commit->values["sha"] = "sha" + commit->values["id"];
    x->lists["commits"].push_back(commit);
  }
  for (size_t i = below(3); i > 0; --i) {
    auto review = make("PRR", at);
    review->values["review_id"] = review->values["id"];
    review->values["state"] = "COMMENTED";
    for (size_t j = below(12) == 0 ? 150 : below(3); j > 0; --j) {
      auto comment = make("PRRC", at);
      comment->values["comment_id"] = comment->values["id"];
      review->lists["review_comments"].push_back(comment);
    }
    count(review);
    x->lists["reviews"].push_back(review);
  }
  for (size_t i = below(10) == 0 ? 110 : below(4); i > 0; --i)
    add_check(x, at);
  if (below(3) == 0)
    add_comments(x, 1 + below(5), at);
  count(x);
  repositories_[repo]["pull_requests"].push_back(x);
  return x;
}

void metadata_github::count(const element_ptr& x) {
  x->values["comment_count"] =
      std::to_string(x->lists["issue_comments"].size() + x->lists["review_comments"].size());
  x->values["review_count"] = std::to_string(x->lists["reviews"].size());
  x->values["commit_count"] = std::to_string(x->lists["commits"].size());
}

void metadata_github::add_comments(const element_ptr& to, size_t number, timestamp at) {
  for (size_t i = 0; i < number; ++i) {
    auto x = make("IC", at);
    x->values["comment_id"] = x->values["id"];
    x->values["body"] = "said " + to_utc_text(at);
    to->lists["issue_comments"].push_back(x);
  }
  move(to, at);
}

void metadata_github::add_check(const element_ptr& to, timestamp at) {
  auto x = make("CR", at);
  x->values["check_key"] = "run:" + x->values["id"];
  x->values["status"] = "QUEUED";
  head_of(to)->lists["ci_checks"].push_back(x);
}

element_ptr metadata_github::add_release(repo_id repo, timestamp at) {
  auto x = make("RE", at);
  x->values["release_id"] = x->values["id"];
  auto& list = repositories_[repo]["releases"];
  list.insert(list.begin(), x);
  return x;
}

void metadata_github::move(const element_ptr& what, timestamp at) {
  what->values["updated_at"] = to_utc_text(at);
  count(what);
}

void metadata_github::mutate_metadata(timestamp now, double share) {
  auto chosen = [&] { return below(1000) < static_cast<size_t>(1000 * share); };
  for (auto& [id, lists] : repositories_) {
    if (!chosen())
      continue;
    for (size_t i = below(3); i > 0; --i)
      add_issue(id, now);
    if (below(3) == 0)
      add_pull_request(id, now);
    for (auto& name : {"issues", "pull_requests"}) {
      auto& list = lists[name];
      for (size_t i = 0; i < 3 && !list.empty(); ++i) {
        auto x = list[below(list.size())];
        auto& comments = x->lists["issue_comments"];
        switch (below(6)) {
        case 0:
          add_comments(x, 1 + below(3), now);
          break;
        case 1: // edited
          x->values["title"] = "edited " + to_utc_text(now);
          move(x, now);
          break;
        case 2: // a comment less
          if (!comments.empty())
            comments.erase(comments.begin() + static_cast<std::ptrdiff_t>(below(comments.size())));
          move(x, now);
          break;
        case 3:
          x->values["state"] = x->values["state"] == "OPEN" ? "CLOSED" : "OPEN";
          move(x, now);
          break;
        case 4: // an edited comment
          if (!comments.empty()) {
            comments[below(comments.size())]->values["body"] = "edited " + to_utc_text(now);
            move(x, now);
          }
          break;
        default: // deleted or transferred
          if (std::string{name} == "issues")
            std::erase(list, x);
        }
      }
    }
    for (auto& x : lists["pull_requests"]) {
      // Checks do not move the pull request.
      if (x->values["state"] == "OPEN" && below(2) == 0) {
        add_check(x, now);
        head_of(x)->lists["ci_checks"].front()->values["status"] = "COMPLETED";
      }
      if (below(20) == 0) { // force-pushed
        auto commit = make("C", now);
        commit->values["sha"] = "sha" + commit->values["id"];
        x->lists["commits"].back() = commit;
        add_check(x, now);
        move(x, now);
      }
    }
  }
}

// -- answers --------------------------------------------------------------------------------------

void metadata_github::async_query(api_request request, callback on_answer) {
  if (!is_metadata(request.shape))
    return fake_github::async_query(std::move(request), std::move(on_answer));
  requests.push_back(request);
  uint64_t nodes = 0;
  for (auto& field : request.fields)
    nodes += net::node_count(field);
  if (nodes > 500'000)
    throw std::runtime_error("GitHub would refuse so many nodes");
  api_response result;
  result.http_status = 200;
  result.limits = limits;
  result.elapsed = elapsed;
  for (auto& field : request.fields)
    result.fields.push_back(answer(request, field));
  result.result = judge(result.fields);
  if (change)
    change(request, result);
  on_answer(std::move(result));
}

element_ptr metadata_github::find(const std::string& node) const {
  auto found = nodes_.find(node);
  return found == nodes_.end() ? nullptr : found->second;
}

field_answer metadata_github::answer(const api_request& request, const search_field& field) {
  field_answer result;
  auto& ask = field.metadata;
  if (fails)
    if (result.error = fails(request, field); result.error != field_error::none)
      return result;
  if (field.ids.size() + ask.nodes.size() > 100)
    throw std::runtime_error("GitHub takes 100 ids at most");
  if (request.shape == query_shape::metadata_probe && ask.parent.empty()) {
    for (uint32_t i = 0; i < field.ids.size(); ++i) {
      auto found = repositories_.find(field.ids[i]);
      if (found == repositories_.end() || closed.contains(field.ids[i])) {
        result.lacking.push_back({i, field_error::not_found});
        continue;
      }
      for (auto& name : ask.kinds) {
        metadata_page page;
        page.node = i;
        page.kind = name;
        page.closed = off.contains({field.ids[i], name});
        page.refused = refused.contains({field.ids[i], name});
        if (page.closed || page.refused) {
          result.pages.push_back(std::move(page));
          continue;
        }
        auto& list = found->second[name];
        page.total = static_cast<int64_t>(list.size());
        for (auto& x : list) {
          auto moved = *parse_utc_text(x->values["updated_at"]);
          page.newest = page.newest ? std::max(*page.newest, moved) : moved;
        }
        result.pages.push_back(std::move(page));
      }
    }
    return result;
  }
  if (ask.parent.empty()) {
    auto found = repositories_.find(field.ids.at(0));
    if (found == repositories_.end() || closed.contains(field.ids[0])) {
      result.error = field_error::not_found;
      return result;
    }
    auto list = found->second[ask.kinds.at(0)];
    auto& of = *metadata::find_kind(ask.kinds[0]);
    auto descending = ask.newest || of.kept != metadata::freshness::since;
    std::stable_sort(list.begin(), list.end(), [&](auto& a, auto& b) {
      auto& x = a->values["updated_at"];
      auto& y = b->values["updated_at"];
      return descending ? x > y : x < y;
    });
    auto whole = static_cast<int64_t>(list.size());
    if (ask.since && of.kept == metadata::freshness::since)
      std::erase_if(list,
                    [&](auto& x) { return *parse_utc_text(x->values["updated_at"]) < *ask.since; });
    auto page = page_of(list, ask, nullptr);
    if (ask.since && of.kept == metadata::freshness::since)
      page.whole_total = whole;
    result.pages.push_back(std::move(page));
    return result;
  }
  for (uint32_t i = 0; i < ask.nodes.size(); ++i) {
    asked.insert(ask.nodes[i]);
    auto parent = find(ask.nodes[i]);
    if (!parent)
      throw std::runtime_error("no such node: " + ask.nodes[i]);
    auto holder = parent;
    if (!net::list_of(ask).way.empty() && !ask.continues)
      holder = head_of(parent);
    metadata_page page;
    if (holder)
      page = page_of(holder->lists[ask.kinds.at(0)], ask, holder);
    page.node = i;
    page.closed = !holder;
    result.pages.push_back(std::move(page));
  }
  return result;
}

/// Cursors name the last element and when it had moved, as GitHub's do.
metadata_page metadata_github::page_of(const std::vector<element_ptr>& list,
                                       const metadata_ask& ask, const element_ptr& holder) const {
  metadata_page page;
  page.total = static_cast<int64_t>(list.size());
  auto& of = *metadata::find_kind(ask.kinds[0]);
  auto most = shown_at_most.find(ask.kinds[0]);
  auto end = most == shown_at_most.end() ? list.size() : std::min(list.size(), most->second);
  size_t begin = 0;
  if (!ask.after.empty()) {
    auto space = ask.after.find(' ');
    auto moved = ask.after.substr(0, space);
    auto node = ask.after.substr(space + 1);
    auto descending = ask.newest || of.kept != metadata::freshness::since;
    auto same = std::find_if(list.begin(), list.end(), [&](auto& x) { return x->node == node; });
    if (!ask.parent.empty()) {
      begin = static_cast<size_t>(same - list.begin()) + 1;
    } else if (same != list.end() && (*same)->values["updated_at"] == moved) {
      begin = static_cast<size_t>(same - list.begin()) + 1;
    } else {
      while (begin < list.size() && (descending ? list[begin]->values["updated_at"] >= moved
                                                : list[begin]->values["updated_at"] <= moved))
        ++begin;
    }
  }
  auto room = ask.both_ends && list.size() <= 2 * ask.first ? list.size() : ask.first;
  auto stop = std::min(end, begin + room);
  for (auto& name : ask.kinds)
    page.rows.push_back({name, {}});
  for (auto i = begin; i < stop; ++i) {
    if (hidden.contains(list[i]->node)) {
      ++page.null_count;
      continue;
    }
    for (size_t k = 0; k < ask.kinds.size(); ++k)
      page.rows[k].rows.push_back(
          row_of(*metadata::find_kind(ask.kinds[k]), *list[i], holder.get()));
    page.nodes.push_back(list[i]->node);
  }
  page.has_next_page = stop < end;
  if (stop > begin)
    page.end_cursor = list[stop - 1]->values["updated_at"] + ' ' + list[stop - 1]->node;
  if (holder)
    page.holder = holder->node;
  return page;
}

// -- the truth ------------------------------------------------------------------------------------

void metadata_github::collect(metadata_truth& into, repo_id repo, const kind* of_parent,
                              const element_ptr& parent, const std::string& name,
                              const std::vector<element_ptr>& list,
                              const element_ptr& holder) const {
  auto& of = *metadata::find_kind(name);
  metadata_row parent_row;
  if (parent) {
    parent_row = row_of(*of_parent, *parent, nullptr);
    complete(parent_row, *of_parent, repo, nullptr, nullptr, 0);
    // What the parent has from its own parent is the number.
    if (auto number = metadata::column_index(*of_parent, "number"))
      if (!parent_row.values[*number])
        parent_row.values[*number] = parent->values.at("number_of_parent");
  }
  int64_t position = 0;
  for (auto& x : list) {
    auto row = row_of(of, *x, holder.get());
    complete(row, of, repo, of_parent, parent ? &parent_row : nullptr, ++position);
    into[name][key_text(row, of)] = row;
    if (name == "reviews")
      x->values["number_of_parent"] = parent->values.at("number");
    for (auto* child : metadata::all_kinds())
      for (auto& from : child->lists) {
        if (from.parent != name)
          continue;
        auto has = from.way.empty() ? x : head_of(x);
        if (!has)
          continue;
        auto lists = std::string{child->name};
        if (lists == "pull_request_commits")
          lists = "commits";
        collect(into, repo, &of, x, std::string{child->name}, has->lists[lists], has);
      }
  }
}

metadata_truth metadata_github::truth() const {
  metadata_truth result;
  for (auto& [id, lists] : repositories_) {
    if (closed.contains(id))
      continue;
    for (auto& [name, list] : lists)
      if (!off.contains({id, name}))
        collect(result, id, nullptr, nullptr, name, list, nullptr);
  }
  return result;
}

} // namespace gitstar::test
