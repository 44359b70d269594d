// The REST endpoints of the simulated GitHub (fact sheet, section 7).
#include "tools/sim/github.hpp"
#include "tools/sim/node_ids.hpp"

namespace gitstar::sim {

namespace {

constexpr size_t listing_page = 100;

void append_owner(std::string& out, const repository_owner& owner) {
  auto kind = owner.is_organization ? node_kind::organization : node_kind::user;
  out += "\"owner\":{\"login\":" + json_string(owner.login) +
         ",\"id\":" + std::to_string(owner.id) + ",\"node_id\":\"" +
         served_node_id(kind, owner.id, false) + "\",\"type\":\"" +
         (owner.is_organization ? "Organization" : "User") + "\"},";
}

/// The fields that the listing serves.
void append_minimal(std::string& out, const dataset& data, const repository& repo) {
  auto escaped = [&](std::string_view name, std::string_view text) {
    out += '"';
    out += name;
    out += "\":\"";
    out += text;
    out += "\",";
  };
  out += "\"id\":" + std::to_string(repo.id) + ",";
  escaped("node_id", served_node_id(node_kind::repository, repo.id, false));
  escaped("name", data.name(repo));
  escaped("full_name", data.full_name(repo));
  append_owner(out, data.owner(repo));
  out += "\"private\":false,";
  escaped("html_url", "https://github.com/" + std::string{data.full_name(repo)});
  if (dataset::has_description(repo))
    escaped("description", data.description(repo));
  else
    out += "\"description\":null,";
  out += "\"fork\":";
  out += (repo.flags & is_fork) != 0 ? "true," : "false,";
  out += "\"url\":\"https://api.github.com/repos/" + std::string{data.full_name(repo)} + "\"";
}

void append_full(std::string& out, const dataset& data, const repository& repo,
                 const repository_metadata* metadata) {
  append_minimal(out, data, repo);
  auto number = [&](std::string_view name, int64_t value) {
    out += ",\"";
    out += name;
    out += "\":";
    append_number(out, value);
  };
  auto flag = [&](std::string_view name, bool value) {
    out += ",\"";
    out += name;
    out += value ? "\":true" : "\":false";
  };
  auto time = [&](std::string_view name, uint32_t value) {
    out += ",\"";
    out += name;
    out += "\":";
    if (value == repository::never) {
      out += "null";
      return;
    }
    out += '"';
    append_time(out, value);
    out += '"';
  };
  number("stargazers_count", repo.stars);
  number("watchers_count", repo.stars); // a legacy name: these are stars
  number("watchers", repo.stars);
  number("subscribers_count", repo.watchers);
  number("forks_count", repo.forks);
  number("open_issues_count", // with pull requests
         metadata == nullptr ? repo.open_issues + repo.forks / 20 + repo.id % 2
                             : count_open(metadata->issues) + count_open(metadata->pull_requests));
  number("size", std::max(repo.disk_usage_kb, 0));
  flag("archived", (repo.flags & is_archived) != 0);
  flag("disabled", (repo.flags & is_disabled) != 0);
  time("created_at", repo.created_at);
  time("updated_at", repo.updated_at);
  time("pushed_at", repo.pushed_at);
  out += ",\"visibility\":\"public\",\"language\":";
  out += repo.language == 0 ? "null" : json_string(data.languages()[repo.language]);
  out += ",\"license\":";
  const auto& license = data.licenses()[repo.license];
  out += repo.license == 0 ? "null"
                           : "{\"key\":" + json_string(license.key) +
                                 ",\"name\":" + json_string(license.name) + "}";
}

} // namespace

void github::answer_rest(const http_request& request, std::string_view path, http_answer& out) {
  auto target = std::string_view{request.target};
  auto question = target.find('?');
  auto parameters = question == std::string_view::npos ? "" : target.substr(question + 1);
  auto is_free = path == "/rate_limit";
  auto bought = is_free ? limits::purchase{true}
                        : limits_.charge(out.asker->account, resource::core, 1, now());
  blame(out, bought.broken);
  if (!bought.done) {
    ++stats_.rate_limited;
    answer_error(
        out, 403,
        "API rate limit exceeded for user ID " + std::to_string(out.asker->viewer.id) +
            ". If you reach out to GitHub Support for help, please include the request ID " +
            next_request_id() + ".");
  } else if (request.method != "GET") {
    answer_error(out, 404, "Not Found");
  } else if (is_free) {
    answer_rate_limit(out);
  } else if (path == "/repositories") {
    answer_listing(parameters, out);
  } else if (path.starts_with("/repositories/")) {
    answer_repository(data_.find_id(parse_number(path.substr(14)).value_or(-1)), out);
  } else if (path.starts_with("/repos/")) {
    answer_named_repository(path.substr(7), out);
  } else if (path == "/user" && !out.asker->account.empty()) {
    const auto& viewer = out.asker->viewer;
    out.body = "{\"login\":" + json_string(viewer.login) + ",\"id\":" + std::to_string(viewer.id) +
               ",\"type\":\"User\"}";
  } else if (path == "/user") {
    answer_error(out, 401, "Requires authentication");
  } else {
    answer_error(out, 404, "Not Found");
  }
  add_limit_headers(out, resource::core);
}

void github::answer_rate_limit(http_answer& out) {
  if (!limits_.enabled())
    return answer_error(out, 404, "Rate limiting is not enabled.");
  auto describe = [&](resource which) {
    auto window = limits_.window(out.asker->account, which, seconds_of(now()));
    return "{\"limit\":" + std::to_string(window.limit) +
           ",\"used\":" + std::to_string(window.used) +
           ",\"remaining\":" + std::to_string(window.remaining()) +
           ",\"reset\":" + std::to_string(window.reset + injector_.clock_offset()) + "}";
  };
  auto core = describe(resource::core);
  out.body = "{\"resources\":{\"core\":" + core + ",\"search\":" + describe(resource::search) +
             ",\"graphql\":" + describe(resource::graphql) + "},\"rate\":" + core + "}";
}

/// A page of repositories with an id above `since`. Elements are null now and then.
void github::answer_listing(std::string_view parameters, http_answer& out) {
  auto since = parse_number(url_parameter(parameters, "since").value_or("0")).value_or(0);
  const auto& rows = data_.by_id();
  auto at = std::upper_bound(rows.begin(), rows.end(), since,
                             [this](auto id, auto row) { return id < data_[row].id; });
  int64_t last = 0;
  size_t listed = 0;
  out.body = "[";
  for (; at != rows.end() && listed < listing_page; ++at) {
    const auto& repo = data_[*at];
    if ((repo.flags & is_deleted) != 0)
      continue;
    out.body += listed++ == 0 ? "" : ",";
    last = repo.id;
    if (mix(data_.seed(), static_cast<uint64_t>(repo.id)) % 5000 == 0) {
      out.body += "null";
      continue;
    }
    out.body += '{';
    append_minimal(out.body, data_, repo);
    out.body += '}';
  }
  out.body += ']';
  if (at != rows.end())
    out.headers += "Link: <" + config_.base_url + "/repositories?since=" + std::to_string(last) +
                   ">; rel=\"next\", <" + config_.base_url +
                   "/repositories{?since}>; rel=\"first\"\r\n";
}

void github::answer_repository(row_index row, http_answer& out) {
  if (row == no_row)
    return answer_error(out, 404, "Not Found");
  const auto& repo = data_[row];
  if ((repo.flags & is_disabled) != 0) {
    out.status = 451;
    out.body = blocked_body;
    return;
  }
  out.body = "{";
  metadata_.trim();
  append_full(out.body, data_, repo, metadata_.find(repo));
  out.body += '}';
}

void github::answer_named_repository(std::string_view path, http_answer& out) {
  if (auto row = data_.find_name(path); row != no_row)
    return answer_repository(row, out);
  auto moved = data_.find_former_name(path);
  if (moved == no_row)
    return answer_error(out, 404, "Not Found");
  auto url = config_.base_url + "/repositories/" + std::to_string(data_[moved].id);
  out.status = 301;
  out.headers += "Location: " + url + "\r\n";
  out.body = "{\"message\":\"Moved Permanently\",\"url\":\"" + url +
             "\",\"documentation_url\":\"https://docs.github.com/v3/#http-redirects\"}";
}

} // namespace gitstar::sim
