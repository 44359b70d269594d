// What the simulator tells about itself: `/_sim/*`, for tests and benchmarks.
#include "tools/sim/github.hpp"

#include <boost/json.hpp>

namespace gitstar::sim {

namespace {

namespace json = boost::json;

constexpr std::string_view truth_header =
    "repo_id,owner,name,full_name,star_count,fork_count,open_issue_count,watcher_count,language,"
    "license,description,is_fork,is_archived,is_disabled,visibility,disk_usage_kb,created_at,"
    "updated_at,pushed_at\r\n";

constexpr size_t rows_per_part = 2000;

void append_row(std::string& out, const dataset& data, const repository& repo,
                int64_t open_issues) {
  auto text = [&](std::string_view value) {
    append_csv_text(out, value);
    out += ',';
  };
  auto number = [&](int64_t value) {
    append_number(out, value);
    out += ',';
  };
  auto flag = [&](repository_flag which) { out += (repo.flags & which) != 0 ? "true," : "false,"; };
  number(repo.id);
  text(data.owner_login(repo));
  text(data.name(repo));
  text(data.full_name(repo));
  number(repo.stars);
  number(repo.forks);
  number(open_issues);
  number(repo.watchers);
  auto nullable = [&](uint32_t number_or_null, const std::string& value) {
    if (number_or_null != 0)
      append_csv_text(out, value);
    out += ',';
  };
  nullable(repo.language, data.languages()[repo.language]);
  nullable(repo.license, data.licenses()[repo.license].key);
  if (dataset::has_description(repo)) {
    std::string plain;
    append_json_unescaped(plain, data.description(repo));
    append_csv_text(out, plain);
  }
  out += ',';
  flag(is_fork);
  flag(is_archived);
  flag(is_disabled);
  out += "public,";
  if (repo.disk_usage_kb != repository::null_size)
    append_number(out, repo.disk_usage_kb);
  out += ',';
  append_time(out, repo.created_at);
  out += ',';
  append_time(out, repo.updated_at);
  out += ',';
  if (repo.pushed_at != repository::never)
    append_time(out, repo.pushed_at);
  out += "\r\n";
}

json::object to_json(const violations& seen) {
  return {{"total", seen.total()},
          {"ban", seen.ban},
          {"exhausted", seen.exhausted},
          {"secondary", seen.secondary},
          {"invalid_document", seen.invalid_document}};
}

} // namespace

http_answer github::answer_admin(const http_request& request) {
  auto target = std::string_view{request.target};
  auto question = target.find('?');
  auto path = target.substr(0, question);
  auto parameters = question == std::string_view::npos ? "" : target.substr(question + 1);
  auto is_get = request.method == "GET";
  auto is_post = request.method == "POST";
  if (is_get && path == "/_sim/truth.csv")
    return answer_truth(parameters);
  if ((is_get && path == "/_sim/metadata.csv") || (is_post && path.starts_with("/_sim/metadata/")))
    return answer_metadata(path, parameters);
  if (is_get && path == "/_sim/stats")
    return answer_stats();
  if (is_get && path == "/_sim/pages.csv")
    return answer_pages();
  if (is_get && path == "/_sim/changes.csv")
    return answer_changes();
  if (is_post && path == "/_sim/mutate")
    return answer_mutation(request.body);
  if (is_post && path == "/_sim/faults")
    return answer_faults(request.body);
  if (is_post && path == "/_sim/reset") {
    reset_statistics();
    return answer_stats();
  }
  return plain_answer(404, "no such page of the simulator\n");
}

http_answer github::answer_truth(std::string_view parameters) {
  auto rows = std::make_shared<std::vector<row_index>>();
  auto text = url_parameter(parameters, "query");
  auto query = parse_search(text.value_or("fork:true"), data_);
  search_.for_each_match(query, [&](row_index row) { rows->push_back(row); });
  http_answer out;
  out.content_type = "text/csv; charset=utf-8";
  out.body = truth_header;
  out.more = [this, rows, done = size_t{0}](std::string& part) mutable {
    auto end = std::min(rows->size(), done + rows_per_part);
    for (; done < end; ++done) {
      const auto& repo = data_[(*rows)[done]];
      metadata_.trim();
      append_row(part, data_, repo, open_issues(repo));
    }
    return done < rows->size();
  };
  return out;
}

int64_t github::open_issues(const repository& repo) {
  auto found = metadata_.find(repo);
  return found == nullptr ? repo.open_issues : count_open(found->issues);
}

void github::reset_statistics() {
  stats_ = {};
  credentials_.forget_use();
  limits_.peaks() = {};
  pages_.clear();
  changes_.clear();
}

http_answer github::answer_stats() {
  const auto& peaks = limits_.peaks();
  violations seen;
  json::array credentials;
  credentials_.each([&](const credential& one) {
    seen.add(one.seen);
    credentials.push_back(json::object{{"name", one.name},
                                       {"requests", one.requests},
                                       {"points", one.points},
                                       {"violations", to_json(one.seen)}});
  });
  json::object faults;
  for (const auto& [name, count] : injector_.injected())
    faults[{name.data(), name.size()}] = count;
  json::object body{
      {"repositories", data_.size()},
      {"requests", stats_.requests},
      {"graphql_requests", stats_.graphql_requests},
      {"rest_requests", stats_.rest_requests},
      {"points", stats_.points},
      {"search_pages", stats_.search_pages},
      {"search_counts", stats_.search_counts},
      {"repeated_pages", stats_.repeated_pages},
      {"node_lookups", stats_.node_lookups},
      {"timeouts", stats_.timeouts},
      {"resource_limits", stats_.resource_limits},
      {"rate_limited", stats_.rate_limited},
      {"unauthorized", stats_.unauthorized},
      {"response_seconds", stats_.response_seconds},
      {"in_flight", limits_.in_flight()},
      {"peak_concurrency", peaks.concurrency},
      {"peak_points_per_minute", static_cast<int64_t>(peaks.points_per_minute)},
      {"peak_response_seconds_per_minute", peaks.response_seconds_per_minute},
      {"violations", to_json(seen)},
      {"credentials", std::move(credentials)},
      {"faults", std::move(faults)},
      {"changes", changes_.size()},
      {"metadata",
       {{"repositories_in_memory", metadata_.loaded()},
        {"bytes_in_memory", metadata_.footprint()}}},
  };
  http_answer out;
  out.body = json::serialize(body) + "\n";
  return out;
}

http_answer github::answer_pages() {
  http_answer out;
  out.content_type = "text/csv; charset=utf-8";
  out.body = "query,after,answered\r\n";
  for (const auto& [page, answered] : pages_) {
    append_csv_text(out.body, page.first);
    out.body += ',';
    out.body += page.second + ',' + std::to_string(answered) + "\r\n";
  }
  return out;
}

http_answer github::answer_changes() {
  http_answer out;
  out.content_type = "text/csv; charset=utf-8";
  out.body = "request,kind,repo_id,old,new\r\n";
  for (const auto& moved : changes_) {
    append_number(out.body, moved.request);
    out.body += ',';
    out.body += moved.kind;
    out.body += ',';
    append_number(out.body, moved.repo_id);
    out.body += ',' + moved.before + ',' + moved.after + "\r\n";
  }
  return out;
}

/// `{"stars":[{"repo_id":1,"star_count":2}],"rename":[{"repo_id":1,"name":"new"}],
/// "transfer":[{"repo_id":1,"owner":"other"}],"delete":[1],"create":["owner"]}`
http_answer github::answer_mutation(std::string_view body) {
  int64_t changed = 0;
  auto row_of = [&](const json::value& id) {
    auto row = data_.find_id(id.as_int64());
    if (row == no_row)
      throw std::invalid_argument("no repository " + std::to_string(id.as_int64()));
    ++changed;
    return row;
  };
  try {
    auto parsed = json::parse({body.data(), body.size()});
    for (const auto& [kind, list] : parsed.as_object()) {
      for (const auto& item : list.as_array()) {
        if (kind == "stars")
          set_stars(row_of(item.at("repo_id")),
                    static_cast<int32_t>(item.at("star_count").as_int64()));
        else if (kind == "rename")
          rename(row_of(item.at("repo_id")), json::value_to<std::string>(item.at("name")));
        else if (kind == "transfer")
          transfer(row_of(item.at("repo_id")), json::value_to<std::string>(item.at("owner")));
        else if (kind == "delete")
          remove(row_of(item));
        else if (kind == "create" && ++changed > 0)
          create(json::value_to<std::string>(item));
        else
          throw std::invalid_argument("unknown mutation " + std::string{kind});
      }
    }
  } catch (const std::exception& error) {
    search_.clear();
    return plain_answer(400, std::string{error.what()} + "\n");
  }
  search_.clear();
  http_answer out;
  out.body = "{\"changed\":" + std::to_string(changed) + "}\n";
  return out;
}

} // namespace gitstar::sim
