#include "tools/sim/metadata_csv.hpp"
#include "tools/sim/metadata_fields.hpp"
#include "tools/sim/metadata_text.hpp"

#include <algorithm>
#include <span>
#include <utility>

namespace gitstar::sim {

namespace {

/// One line; the order of the calls is that of the columns.
class row {
public:
  row& number(int64_t value) {
    begin();
    append_number(line_, value);
    return *this;
  }
  row& number_or_null(int64_t value, int64_t null) {
    return value == null ? none() : number(value);
  }
  row& text(std::string_view value) {
    begin();
    append_csv_text(line_, value);
    return *this;
  }
  row& truth(bool value) { return text(value ? "t" : "f"); }
  row& time(item_time value) {
    begin();
    if (value != 0)
      append_time(line_, value);
    return *this;
  }
  row& none() {
    begin();
    return *this;
  }
  row& one_of(std::span<const std::string_view> names, uint8_t index) {
    return index == no_value ? none() : text(names[index]);
  }
  row& array(std::vector<std::string> values);
  std::string end() { return std::move(line_) + "\r\n"; }

private:
  void begin() {
    if (std::exchange(begun_, true))
      line_ += ',';
  }

  std::string line_;
  bool begun_ = false;
};

/// As PostgreSQL's array_out: quotes where they are needed, and nowhere else.
void append_array_element(std::string& out, const std::string& value) {
  auto needs_quotes = value.empty() || lower_case(value) == "null" ||
                      value.find_first_of("{},\"\\ \t\n\r\v\f") != std::string::npos;
  if (!needs_quotes) {
    out += value;
    return;
  }
  out += '"';
  for (auto c : value) {
    if (c == '"' || c == '\\')
      out += '\\';
    out += c;
  }
  out += '"';
}

row& row::array(std::vector<std::string> values) {
  std::sort(values.begin(), values.end());
  std::string out{"{"};
  for (const auto& value : values) {
    if (out.size() > 1)
      out += ',';
    append_array_element(out, value);
  }
  return text(out + "}");
}

class table {
public:
  table(const repository_metadata& all, const people& who) : all_(all), who_(who) {}

  void issues() {
    for (const auto& x : all_.issues) {
      row out;
      out.number(x.id).number(all_.repo_id).number(x.number).text(title_text(x.title));
      out.text(body_text(x.text)).text(thread_states[x.state]).one_of(issue_reasons, x.reason);
      author(out, x).truth(x.is_locked);
      lists(out, x).number(count(x.comments)).number(x.reactions);
      if (x.milestone == 0)
        out.none();
      else
        out.text(milestone_title(x.milestone));
      times(out, x).time(x.closed_at);
      add(x.id, out);
    }
  }

  void pull_requests() {
    for (const auto& x : all_.pull_requests) {
      row out;
      out.number(x.id).number(all_.repo_id).number(x.number).text(title_text(x.title));
      out.text(body_text(x.text)).text(thread_states[x.state]).truth(x.is_draft);
      author(out, x).truth(x.is_locked).text(base_branch(x.base_ref));
      out.text(branch_text(x.head_ref)).text(sha_text(x.commits.back().seed));
      out.number(x.additions).number(x.deletions).number(x.changed_files);
      lists(out, x).number(count(x.comments)).number(count(x.reviews)).number(count(x.commits));
      out.one_of(review_decisions, x.decision);
      login(out, x.merged_by);
      sha(out, x.merge.seed);
      times(out, x).time(x.closed_at).time(x.merged_at);
      add(x.id, out);
    }
  }

  void issue_comments() {
    auto thread = [&](const thread_item& in) {
      for (const auto& x : in.comments) {
        row out;
        out.number(x.id).number(all_.repo_id).number(in.number);
        author(out, x).text(body_text(x.text));
        add(x.id, times(out, x));
      }
    };
    for (const auto& x : all_.issues)
      thread(x);
    for (const auto& x : all_.pull_requests)
      thread(x);
  }

  void reviews() {
    for (const auto& in : all_.pull_requests)
      for (const auto& x : in.reviews) {
        row out;
        out.number(x.id).number(all_.repo_id).number(in.number);
        author(out, x).text(review_states[x.state]).text(body_text(x.text));
        sha(out, x.commit).number(count(x.comments));
        add(x.id, times(out, x).time(x.submitted_at));
      }
  }

  void review_comments() {
    for (const auto& in : all_.pull_requests)
      for (const auto& review : in.reviews)
        for (const auto& x : review.comments) {
          row out;
          out.number(x.id).number(all_.repo_id).number(in.number).number(review.id);
          author(out, x).text(path_text(x.path)).number_or_null(x.line, 0);
          out.text(body_text(x.text));
          sha(out, x.commit).number_or_null(x.reply_to, 0);
          add(x.id, times(out, x));
        }
  }

  void commits() {
    for (const auto& in : all_.pull_requests)
      for (const auto& x : in.commits) {
        row out;
        out.number(all_.repo_id).text(sha_text(x.seed)).text(message_text(x.seed));
        login(out, x.author).text(person_name(x.seed)).time(x.authored_at).time(x.committed_at);
        out.number(x.additions).number(x.deletions).number_or_null(x.changed_files, -1);
        add(sha_text(x.seed), out.number(x.parents));
      }
  }

  void pull_request_commits() {
    for (const auto& in : all_.pull_requests)
      for (size_t i = 0; i < in.commits.size(); ++i) {
        row out;
        auto sha = sha_text(in.commits[i].seed);
        out.number(all_.repo_id).number(in.number).text(sha).number(static_cast<int64_t>(i) + 1);
        rows_.push_back({in.number, sha, out.end()});
      }
  }

  void ci_checks() {
    for (const auto& in : all_.pull_requests)
      for (const auto& x : in.checks) {
        row out;
        auto sha = sha_text(in.commits.back().seed);
        auto name = check_name(x.name);
        auto key = x.id == 0 ? "status:" + name : "run:" + std::to_string(x.id);
        out.number(all_.repo_id).text(sha).text(key).number(in.number).text(name);
        out.one_of(check_statuses, x.status);
        if (x.id == 0)
          out.one_of(context_states, x.conclusion);
        else
          out.one_of(check_conclusions, x.conclusion);
        if (x.app == 0)
          out.none();
        else
          out.text(app_slug(x.app));
        if (x.has_url)
          out.text(check_url(x));
        else
          out.none();
        out.time(x.started_at).time(x.completed_at);
        add(sha + key, out);
      }
  }

  void releases() {
    for (const auto& x : all_.releases) {
      row out;
      out.number(x.id).number(all_.repo_id).text(tag_text(x.version));
      if (x.name == 0)
        out.none();
      else
        out.text(title_text(x.name));
      login(out, x.author).truth(x.is_draft).truth(x.is_prerelease);
      if (x.text == 0)
        out.none();
      else
        out.text(body_text(x.text));
      add(x.id, out.time(x.created_at).time(x.published_at).time(x.updated_at));
    }
  }

  void discussions() {
    for (const auto& x : all_.discussions) {
      row out;
      out.number(x.id).number(all_.repo_id).number(x.number).text(title_text(x.title));
      author(out.text(body_text(x.text)), x).text(discussion_category(x.category));
      if (x.answered == no_value)
        out.none();
      else
        out.truth(x.answered != 0);
      out.truth(x.is_locked).number(x.comments).number(x.upvotes);
      add(x.id, times(out, x).time(x.closed_at));
    }
  }

  void append(std::string& out) {
    std::sort(rows_.begin(), rows_.end());
    for (const auto& [number, key, line] : rows_)
      out += line;
  }

private:
  template <class List>
  static int64_t count(const List& items) {
    return static_cast<int64_t>(items.size());
  }

  void add(int64_t key, row& line) { rows_.push_back({key, {}, line.end()}); }
  void add(std::string key, row& line) { rows_.push_back({0, std::move(key), line.end()}); }

  row& login(row& out, person who) const {
    auto owner = who_.describe(who).owner;
    return owner == nullptr ? out.none() : out.text(owner->login);
  }
  row& author(row& out, const written_item& x) const {
    return login(out, x.author).text(author_associations[x.association]);
  }
  static row& sha(row& out, uint64_t seed) {
    return seed == 0 ? out.none() : out.text(sha_text(seed));
  }
  static row& times(row& out, const written_item& x) {
    return out.time(x.created_at).time(x.updated_at);
  }
  row& lists(row& out, const thread_item& x) const {
    std::vector<std::string> labels;
    for (auto label : x.labels)
      labels.push_back(label_name(label));
    std::vector<std::string> logins;
    for (auto assignee : x.assignees)
      logins.push_back(who_.describe(assignee).owner->login);
    return out.array(std::move(labels)).array(std::move(logins));
  }

  const repository_metadata& all_;
  const people& who_;
  std::vector<std::tuple<int64_t, std::string, std::string>> rows_; ///< keys, line
};

struct kind_table {
  std::string_view name;
  std::string_view header;
  void (table::*rows)();
};

constexpr kind_table kind_tables[] = {
    {"issues",
     "issue_id,repo_id,number,title,body,state,state_reason,author,author_association,is_locked,"
     "labels,assignees,comment_count,reaction_count,milestone,created_at,updated_at,closed_at",
     &table::issues},
    {"pull_requests",
     "pull_request_id,repo_id,number,title,body,state,is_draft,author,author_association,is_locked,"
     "base_ref,head_ref,head_sha,additions,deletions,changed_file_count,labels,assignees,"
     "comment_count,review_count,commit_count,review_decision,merged_by,merge_sha,created_at,"
     "updated_at,closed_at,merged_at",
     &table::pull_requests},
    {"issue_comments",
     "comment_id,repo_id,number,author,author_association,body,created_at,updated_at",
     &table::issue_comments},
    {"reviews",
     "review_id,repo_id,number,author,author_association,state,body,commit_sha,comment_count,"
     "created_at,updated_at,submitted_at",
     &table::reviews},
    {"review_comments",
     "comment_id,repo_id,number,review_id,author,author_association,path,line,body,commit_sha,"
     "reply_to_id,created_at,updated_at",
     &table::review_comments},
    {"commits",
     "repo_id,sha,message,author,author_name,authored_at,committed_at,additions,deletions,"
     "changed_file_count,parent_count",
     &table::commits},
    {"pull_request_commits", "repo_id,number,sha,position", &table::pull_request_commits},
    {"ci_checks",
     "repo_id,sha,check_key,number,name,status,conclusion,app,url,started_at,completed_at",
     &table::ci_checks},
    {"releases",
     "release_id,repo_id,tag,name,author,is_draft,is_prerelease,description,created_at,"
     "published_at,updated_at",
     &table::releases},
    {"discussions",
     "discussion_id,repo_id,number,title,body,author,author_association,category,is_answered,"
     "is_locked,comment_count,upvote_count,created_at,updated_at,closed_at",
     &table::discussions},
};

const kind_table* find_table(std::string_view kind) {
  for (const auto& known : kind_tables)
    if (known.name == kind)
      return &known;
  return nullptr;
}

} // namespace

std::optional<std::string_view> metadata_header(std::string_view kind) {
  auto known = find_table(kind);
  return known == nullptr ? std::nullopt : std::optional{known->header};
}

void append_metadata_rows(std::string& out, std::string_view kind, const repository_metadata& all,
                          const people& who) {
  table rows{all, who};
  (rows.*find_table(kind)->rows)();
  rows.append(out);
}

} // namespace gitstar::sim
