/// Real issues, pull requests, comments, reviews, commits and checks, as GitHub's REST API answered
/// them to others, go into the tables and come back.
#include "messages/metadata/registry.hpp"
#include "messages/time_text.hpp"
#include "tests/db/test_server.hpp"
#include "tests/recorded.hpp"

#include <boost/json/serialize.hpp>
#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <regex>

using namespace gitstar;
using namespace gitstar::test;
namespace json = boost::json;
namespace fs = std::filesystem;
using metadata::column_type;

namespace {

/// Where REST has what a column holds: a path into the object; `^` in front: in capitals, as
/// GraphQL writes it; `#`: how many; `[]`: of each element. What begins with `/` is not of the
/// object but of where it stands: the number of its parent, its place, the commit.
using rest_names = std::map<std::string, std::string>;

const std::map<std::string, rest_names> rest_names_of{
    {"issues",
     {{"issue_id", "id"},
      {"state", "^state"},
      {"state_reason", "^state_reason"},
      {"author", "user.login"},
      {"is_locked", "locked"},
      {"labels", "labels[].name"},
      {"assignees", "assignees[].login"},
      {"comment_count", "comments"},
      {"reaction_count", "reactions.total_count"},
      {"milestone", "milestone.title"}}},
    {"pull_requests",
     {{"pull_request_id", "id"},
      {"state", "^state"},
      {"is_draft", "draft"},
      {"author", "user.login"},
      {"is_locked", "locked"},
      {"base_ref", "base.ref"},
      {"head_ref", "head.ref"},
      {"head_sha", "head.sha"},
      {"changed_file_count", "changed_files"},
      {"labels", "labels[].name"},
      {"assignees", "assignees[].login"},
      {"comment_count", "comments"},
      {"commit_count", "commits"},
      {"merged_by", "merged_by.login"},
      {"merge_sha", "merge_commit_sha"}}},
    {"issue_comments", {{"comment_id", "id"}, {"number", "/number"}, {"author", "user.login"}}},
    {"reviews",
     {{"review_id", "id"},
      {"number", "/number"},
      {"author", "user.login"},
      {"state", "^state"},
      {"commit_sha", "commit_id"},
      {"created_at", "submitted_at"},
      {"updated_at", "submitted_at"}}},
    {"review_comments",
     {{"comment_id", "id"},
      {"number", "/number"},
      {"review_id", "pull_request_review_id"},
      {"author", "user.login"},
      {"commit_sha", "original_commit_id"},
      {"reply_to_id", "in_reply_to_id"}}},
    {"commits",
     {{"message", "commit.message"},
      {"author", "author.login"},
      {"author_name", "commit.author.name"},
      {"authored_at", "commit.author.date"},
      {"committed_at", "commit.committer.date"},
      {"additions", "stats.additions"},
      {"deletions", "stats.deletions"},
      {"changed_file_count", "#files"},
      {"parent_count", "#parents"}}},
    {"pull_request_commits", {{"number", "/number"}, {"position", "/position"}}},
    {"ci_checks",
     {{"sha", "/sha"},
      {"check_key", "/key"},
      {"number", "/number"},
      {"name", "/name"},
      {"status", "^status"},
      {"conclusion", "/conclusion"},
      {"app", "app.slug"},
      {"url", "/url"},
      {"started_at", "/started_at"}}},
    {"releases",
     {{"release_id", "id"},
      {"tag", "tag_name"},
      {"author", "author.login"},
      {"is_draft", "draft"},
      {"is_prerelease", "prerelease"},
      {"description", "body"}}}};

/// What the path leads to; null where it leads nowhere.
json::value value_at(const json::value& from, const std::string& path) {
  auto here = &from;
  for (size_t i = 0; i <= path.size();) {
    auto end = std::min(path.find('.', i), path.size());
    auto step = path.substr(i, end - i);
    auto each = step.size() > 2 && step.substr(step.size() - 2) == "[]";
    if (each)
      step.resize(step.size() - 2);
    const auto* object = here->if_object();
    here = object == nullptr ? nullptr : object->if_contains(step);
    if (here == nullptr)
      return nullptr;
    if (each) {
      json::array result;
      if (const auto* elements = here->if_array())
        for (const auto& x : *elements)
          result.push_back(value_at(x, path.substr(end + 1)));
      return result;
    }
    i = end + 1;
  }
  return *here;
}

std::string plain_text(const json::value& x) {
  return x.is_string() ? std::string{x.as_string()} : json::serialize(x);
}

std::string capitals(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return std::toupper(c); });
  return text;
}

/// For a column that is never null, where the recording, being older or shorter, lacks it.
std::string stand_in(const metadata::column& of) {
  switch (of.type) {
  case column_type::bigint:
  case column_type::integer:
    return "0";
  case column_type::boolean:
    return "f";
  case column_type::text_array:
    return "{}";
  case column_type::timestamptz:
    return "2008-01-01T00:00:00Z";
  case column_type::text:
    break;
  }
  return of.name == "author_association" ? "NONE" : "";
}

std::string repository_in(const std::string& url) {
  std::smatch found;
  if (std::regex_search(url, found, std::regex{"/repos/([^/]+/[^/?]+)"}))
    return found[1];
  return std::regex_search(url, found, std::regex{"/repositories/([0-9]+)"}) ? found[1].str() : "";
}

std::string number_in(const std::string& url) {
  std::smatch found;
  return std::regex_search(url, found, std::regex{"/(?:issues|pulls?)/([0-9]+)"}) ? found[1].str()
                                                                                  : "";
}

std::string sha_in(const std::string& url) {
  std::smatch found;
  return std::regex_search(url, found, std::regex{"/([0-9a-f]{40})"}) ? found[1].str() : "";
}

/// An object of REST, and where it stands.
struct recorded_object {
  const json::object& object;
  std::string url;
  int64_t position = 0;

  std::string text(const char* name) const {
    const auto* found = object.if_contains(name);
    return found == nullptr || found->is_null() ? "" : plain_text(*found);
  }

  /// What stands in its own or its parent's address, whichever it tells.
  std::string address() const {
    for (const auto* name : {"issue_url", "pull_request_url"})
      if (object.contains(name))
        return text(name);
    return url;
  }

  bool is_run() const { return !object.contains("state"); }

  json::value place(const std::string& what) const {
    auto known = [](const std::string& x) { return x.empty() ? json::value() : json::value(x); };
    if (what == "/position")
      return position;
    if (what == "/number")
      return known(number_in(address()));
    if (what == "/sha")
      return known(is_run() ? text("head_sha") : sha_in(url));
    auto context = text("context").empty() ? "default" : text("context");
    if (what == "/key")
      return known(is_run() ? "run:" + text("id") : "status:" + context);
    if (what == "/name")
      return known(is_run() ? text("name") : context);
    if (what == "/conclusion")
      return known(capitals(text(is_run() ? "conclusion" : "state")));
    if (what == "/url")
      return known(text(is_run() ? "details_url" : "target_url"));
    return known(text(is_run() ? "started_at" : "created_at"));
  }

  json::value value_of(const std::string& path) const {
    if (path.front() == '/')
      return place(path);
    if (path.front() == '^') {
      auto found = value_at(object, path.substr(1));
      return found.is_string() ? json::value(capitals(plain_text(found))) : found;
    }
    if (path.front() == '#') {
      auto found = value_at(object, path.substr(1));
      return found.is_array() ? json::value(found.as_array().size()) : json::value();
    }
    return value_at(object, path);
  }
};

/// A row as it is written, and its values as `shown_columns` shows them.
struct expectation {
  metadata_row row;
  std::vector<optional<std::string>> shown;
};

expectation expect(const metadata::kind& of, const recorded_object& x, repo_id repo) {
  expectation result;
  const auto& names = rest_names_of.at(std::string{of.name});
  for (const auto& column : of.columns) {
    std::string name{column.name};
    auto renamed = names.find(name);
    auto found = name == "repo_id" ? json::value(repo)
                                   : x.value_of(renamed == names.end() ? name : renamed->second);
    if (of.name == "pull_requests" && name == "state" && !x.text("merged_at").empty())
      found = "MERGED";
    // Whoever recorded it may have blanked a part of a time.
    if (column.type == column_type::timestamptz && found.is_string()) {
      auto time = parse_utc_text(plain_text(found));
      found = time ? json::value(to_utc_text(*time)) : json::value();
    }
    optional<std::string> value;
    if (const auto* elements = found.if_array()) {
      std::vector<std::string> texts;
      for (const auto& element : *elements)
        texts.push_back(plain_text(element));
      value = to_array_literal(texts);
      result.shown.emplace_back(json::serialize(found));
    } else {
      if (found.is_bool())
        value = std::string{found.as_bool() ? "t" : "f"};
      else if (!found.is_null())
        value = plain_text(found);
      else if (!column.nullable)
        value = stand_in(column);
      result.shown.push_back(column.type == column_type::text_array ? optional<std::string>{"[]"}
                                                                    : value);
    }
    result.row.values.push_back(value);
  }
  return result;
}

std::string shown_columns(const metadata::kind& of) {
  std::string result;
  for (const auto& x : of.columns) {
    std::string name{x.name};
    result += result.empty() ? "" : ", ";
    if (x.type == column_type::timestamptz)
      result += "to_char(" + name + R"( at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"'))";
    else if (x.type == column_type::text_array)
      result += "array_to_json(" + name + ")";
    else
      result += name;
  }
  return result;
}

class with_recordings : public with_store {
public:
  /// Everything that a file of answers has of a kind.
  void take_answers(const fs::path& folder, const std::string& kind) {
    for (const auto& entry : fs::directory_iterator(folder)) {
      auto recorded = read_json(entry.path());
      auto url = plain_text(recorded.at("request").at("url"));
      const auto* body = recorded.at("response").as_object().if_contains("body");
      if (body == nullptr)
        continue;
      if (const auto* several = body->if_array())
        take_all(*several, url, kind);
      else if (const auto* one = body->if_object())
        take_one_of(*one, url, kind);
    }
  }

  void take_items(const fs::path& file, const std::string& kind) {
    std::ifstream in{file};
    std::map<std::string, int64_t> positions;
    for (std::string line; std::getline(in, line);) {
      auto item = json::parse(line);
      auto url = plain_text(item.at("url"));
      take({item.at("item").as_object(), url, ++positions[url]}, kind);
    }
  }

  /// Writes what was taken, and compares what is stored with it.
  void write_and_compare() {
    batch work;
    work.crawl_id = current.id;
    work.epoch = current.epoch;
    work.observed_at = timestamp{std::chrono::seconds{1'795'176'000}};
    for (const auto& [name, id] : repositories_)
      work.rows.push_back(make_repository(id));
    store.write(work);
    work.rows.clear();
    for (const auto& [kind, rows] : written_)
      work.metadata.push_back({kind, rows});
    store.write(work);
    for (const auto& [kind, expected] : expected_) {
      const auto& of = *metadata::find_kind(kind);
      std::map<std::string, std::vector<optional<std::string>>> stored;
      for (const auto& row : ask("select " + shown_columns(of) + " from " + kind)) {
        std::vector<optional<std::string>> values;
        for (const auto& x : row)
          values.push_back(x.is_null() ? optional<std::string>{}
                                       : optional<std::string>{x.as<std::string>()});
        auto key = key_of(of, values);
        stored.emplace(key, std::move(values));
      }
      CHECK(stored.size() == expected.size());
      for (const auto& [key, values] : expected)
        for (size_t i = 0; i < of.columns.size(); ++i) {
          CAPTURE(kind, key, of.columns[i].name);
          REQUIRE(stored.contains(key));
          CHECK(stored[key][i].value_or("(null)") == values[i].value_or("(null)"));
        }
      std::cout << "recorded and stored: " << expected.size() << ' ' << kind << '\n';
    }
  }

private:
  static std::string key_of(const metadata::kind& of,
                            const std::vector<optional<std::string>>& values) {
    std::string result;
    for (auto i : metadata::key_indexes(of))
      result += values[i].value_or("") + ' ';
    return result;
  }

  void take_all(const json::array& several, const std::string& url, const std::string& kind) {
    int64_t position = 0;
    for (const auto& x : several)
      take({x.as_object(), url, ++position}, kind);
  }

  /// An object of its own, or one with a list in it.
  void take_one_of(const json::object& one, const std::string& url, const std::string& kind) {
    for (const auto* list : {"check_runs", "statuses"})
      if (const auto* several = one.if_contains(list))
        return take_all(several->as_array(), url, kind);
    take({one, url}, kind);
  }

  void take(const recorded_object& x, const std::string& kind) {
    auto name = repository_in(x.url);
    // REST calls pull requests issues as well.
    if (name.empty() || (kind == "issues" && x.object.contains("pull_request")))
      return;
    const auto& of = *metadata::find_kind(kind);
    auto repo = repositories_.emplace(name, repositories_.size() + 1).first->second;
    auto expected = expect(of, x, static_cast<repo_id>(repo));
    auto key = key_of(of, expected.row.values);
    // A repository that was renamed was recorded under both names.
    auto repo_column = *metadata::column_index(of, "repo_id");
    auto known = expected_[kind].find(key);
    if (known != expected_[kind].end() && known->second[repo_column] != expected.shown[repo_column])
      return;
    written_[kind].push_back(std::move(expected.row));
    expected_[kind][key] = std::move(expected.shown); // of a key the last one counts
  }

  std::map<std::string, size_t> repositories_;
  std::map<std::string, std::vector<metadata_row>> written_;
  std::map<std::string, std::map<std::string, std::vector<optional<std::string>>>> expected_;
};

} // namespace

TEST_CASE_METHOD(with_recordings, "recorded metadata is stored value by value", "[metadata]") {
  auto folder = recorded_folder();
  if (folder.empty())
    return;
  for (const auto& [name, kind] :
       std::multimap<std::string, std::string>{{"issue", "issues"},
                                               {"issues_list", "issues"},
                                               {"issue_comments", "issue_comments"},
                                               {"pull", "pull_requests"},
                                               {"pulls_list", "pull_requests"},
                                               {"pull_reviews", "reviews"},
                                               {"pull_review_comments", "review_comments"},
                                               {"pull_commits", "commits"},
                                               {"pull_commits", "pull_request_commits"},
                                               {"commit", "commits"},
                                               {"commits_list", "commits"},
                                               {"check_runs", "ci_checks"},
                                               {"commit_status", "ci_checks"},
                                               {"releases", "releases"}})
    take_answers(folder / name, kind);
  for (const auto& [name, kind] : std::multimap<std::string, std::string>{
           {"api_issues", "issues"},
           {"api_comments", "issue_comments"},
           {"api_pull_requests", "pull_requests"},
           {"api_pull_request_reviews", "reviews"},
           {"api_pull_request_review_comments", "review_comments"},
           {"api_pull_request_commits", "commits"},
           {"api_pull_request_commits", "pull_request_commits"}})
    take_items(folder / "items" / (name + ".jsonl"), kind);
  write_and_compare();
}
