#include "tests/sim/metadata_fixture.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim;
using namespace gitstar::sim::test;

namespace {

/// A site, and its repository with the most issues.
struct busy_site : site {
  explicit busy_site(double scale = 1, bool limits = false, size_t repositories = 12)
      : site(make_synthetic(repositories, 1), config(scale, limits)) {
    std::map<cell, size_t> counts;
    for (const auto& row : truth(*this, "issues"))
      ++counts[row[1]];
    auto most = std::max_element(counts.begin(), counts.end(),
                                 [](const auto& a, const auto& b) { return a.second < b.second; });
    repo_id = *most->first;
    issue_count = static_cast<int64_t>(most->second);
    const auto& repo = data()[data().find_id(std::stoll(repo_id))];
    owner = data().owner_login(repo);
    name = data().name(repo);
    id = next_node_id(node_kind::repository, repo.id);
  }

  static github_config config(double scale, bool limits) {
    auto out = with_metadata(scale);
    out.limits = limits;
    return out;
  }

  /// Asks fields of the repository; the answer as a whole.
  json::value ask_repository(const std::string& fields, json::object variables = {},
                             const std::string& declared = "") {
    return ask("query" + declared + "{repository(owner:\"" + owner + "\",name:\"" + name + "\"){" +
                   fields + "}}",
               std::move(variables));
  }

  json::value repository(const std::string& fields) {
    auto answer = ask_repository(fields);
    INFO(json::serialize(answer).substr(0, 500));
    REQUIRE(message(answer).empty());
    return answer.at("data").at("repository");
  }

  std::vector<table_row> own(const std::string& kind) {
    auto out = parse_csv(text("/_sim/metadata.csv?kind=" + kind + "&repo_id=" + repo_id));
    out.erase(out.begin());
    return out;
  }

  std::string repo_id;
  std::string owner;
  std::string name;
  std::string id;
  int64_t issue_count = 0;
};

std::vector<int64_t> numbers(const json::value& nodes) {
  std::vector<int64_t> out;
  for (const auto& node : nodes.as_array())
    out.push_back(node.at("number").as_int64());
  return out;
}

std::string str(const json::value& text) { return json::value_to<std::string>(text); }

int64_t nulls(const json::value& nodes) {
  const auto& all = nodes.as_array();
  return std::count_if(all.begin(), all.end(), [](const auto& x) { return x.is_null(); });
}

int64_t cost_of(busy_site& sim, const std::string& query) {
  auto answer = sim.ask("{rateLimit(dryRun:true){cost nodeCount} " + query + "}");
  INFO(json::serialize(answer));
  REQUIRE(message(answer).empty());
  return answer.at("data").at("rateLimit").at("cost").as_int64();
}

} // namespace

TEST_CASE("issues are filtered and ordered as asked", "[sim]") {
  busy_site sim;
  auto rows = sim.own("issues");
  auto asked = [&](const std::string& arguments) {
    return sim.repository("issues(" + arguments + "){totalCount nodes{number}}").at("issues");
  };
  auto count = [&](auto which) { return std::count_if(rows.begin(), rows.end(), which); };
  CHECK(asked("first:1").at("totalCount") == rows.size());
  CHECK(asked("first:1,states:[CLOSED]").at("totalCount") ==
        count([](const auto& row) { return row[5] == "CLOSED"; }));
  CHECK(asked("first:1,filterBy:{states:[OPEN]}").at("totalCount") ==
        count([](const auto& row) { return row[5] == "OPEN"; }));
  CHECK(asked("first:1,labels:[\"bug\",\"{brace}\"]").at("totalCount") ==
        count([](const auto& row) {
          auto labels = "," + row[10]->substr(1, row[10]->size() - 2) + ",";
          return labels.find(",bug,") != std::string::npos ||
                 labels.find(",\"{brace}\",") != std::string::npos;
        }));
  auto author = *std::find_if(rows.begin(), rows.end(), [](const auto& row) {
                   return row[7].has_value();
                 })->at(7);
  CHECK(asked("first:1,filterBy:{createdBy:\"" + author + "\"}").at("totalCount") ==
        count([&](const auto& row) { return row[7] == author; }));
  // `since` is inclusive, and takes a variable inside of the object.
  auto time = *rows[rows.size() / 2][16];
  auto answer = sim.ask_repository("issues(first:1,filterBy:{since:$since}){totalCount}",
                                   {{"since", time}}, "($since:DateTime!)");
  CHECK(answer.at("data").at("repository").at("issues").at("totalCount") ==
        count([&](const auto& row) { return *row[16] >= time; }));
  auto in_order = [&](const std::string& order, size_t column, bool ascending) {
    auto sorted = rows;
    std::stable_sort(sorted.begin(), sorted.end(), [&](const auto& a, const auto& b) {
      auto key = [&](const table_row& row) {
        auto value = column == 12 ? std::string(9 - row[12]->size(), '0') + *row[12] : *row[column];
        return std::pair{value, std::stoll(*row[0])};
      };
      return ascending ? key(a) < key(b) : key(b) < key(a);
    });
    std::vector<int64_t> out;
    for (size_t i = 0; i < 100; ++i)
      out.push_back(std::stoll(*sorted[i][2]));
    CHECK(numbers(asked("first:100" + order).at("nodes")) == out);
  };
  in_order("", 15, true);
  in_order(",orderBy:{field:UPDATED_AT,direction:ASC}", 16, true);
  in_order(",orderBy:{field:UPDATED_AT,direction:DESC}", 16, false);
  in_order(",orderBy:{field:COMMENTS,direction:DESC}", 12, false);
}

TEST_CASE("lists are paged from both ends", "[sim]") {
  busy_site sim;
  auto page = [&](const std::string& arguments) {
    return sim
        .repository("issues(" + arguments +
                    "){nodes{number} edges{cursor node{number}} "
                    "pageInfo{startCursor endCursor hasNextPage hasPreviousPage}}")
        .at("issues");
  };
  auto cursor = [](const json::value& from, const char* which) {
    return json::serialize(from.at("pageInfo").at(which));
  };
  auto first = page("first:10");
  auto second = page("first:10,after:" + cursor(first, "endCursor"));
  CHECK(first.at("pageInfo").at("hasPreviousPage") == false);
  CHECK(second.at("pageInfo").at("hasPreviousPage") == true);
  auto back = page("last:10,before:" + cursor(second, "startCursor"));
  CHECK(back == first);
  auto both = page("first:20");
  auto wanted = numbers(first.at("nodes"));
  for (auto number : numbers(second.at("nodes")))
    wanted.push_back(number);
  CHECK(numbers(both.at("nodes")) == wanted);
  CHECK(both.at("edges").at(3).at("node").at("number") == wanted[3]);
  CHECK(both.at("edges").at(9).at("cursor") == first.at("pageInfo").at("endCursor"));
  auto last = page("last:5");
  CHECK(last.at("pageInfo").at("hasNextPage") == false);
  auto beyond = page("first:5,after:" + cursor(last, "endCursor"));
  CHECK(json::serialize(beyond.at("pageInfo")) ==
        R"({"startCursor":null,"endCursor":null,"hasNextPage":false,"hasPreviousPage":true})");
  auto bad = sim.ask_repository("issues(first:5,after:\"Y3Vyc29yOjE=\"){totalCount}");
  CHECK(kind(bad) == "INVALID_CURSOR_ARGUMENTS");
  CHECK(bad.at("data").at("repository").is_null()); // the connection must not be null
  auto nullable = sim.ask("{node(id:\"" + sim.id +
                          "\"){...on Repository{name pullRequests(first:1){nodes{"
                          "reviews(first:1,after:\"x\"){totalCount}}}}}}");
  CHECK(kind(nullable) == "INVALID_CURSOR_ARGUMENTS");
  CHECK(
      nullable.at("data").at("node").at("pullRequests").at("nodes").at(0).at("reviews").is_null());
}

TEST_CASE("single issues and pull requests are found by their number", "[sim]") {
  busy_site sim{0.2};
  auto issue = sim.own("issues")[5];
  auto pull_request = sim.own("pull_requests")[5];
  auto answer = sim.repository("issue(number:" + *issue[2] +
                               "){title databaseId fullDatabaseId} "
                               "pullRequest(number:" +
                               *pull_request[2] + "){title merged closed url}");
  CHECK(str(answer.at("issue").at("title")) == *issue[3]);
  CHECK(str(answer.at("issue").at("fullDatabaseId")) == *issue[0]);
  CHECK(str(answer.at("pullRequest").at("title")) == *pull_request[3]);
  CHECK(answer.at("pullRequest").at("merged") == (pull_request[5] == "MERGED"));
  CHECK(str(answer.at("pullRequest").at("url")) ==
        "https://github.com/" + sim.owner + "/" + sim.name + "/pull/" + *pull_request[2]);
  auto wrong = sim.ask_repository("a:issue(number:" + *pull_request[2] +
                                  "){id} b:pullRequest(number:" + *issue[2] +
                                  "){id} c:discussion(number:999999){id}");
  CHECK(json::serialize(wrong.at("data")) == R"({"repository":{"a":null,"b":null,"c":null}})");
  const auto& errors = wrong.at("errors").as_array();
  REQUIRE(errors.size() == 3);
  CHECK(errors[0].at("type") == "NOT_FOUND");
  CHECK(str(errors[0].at("message")) ==
        "Could not resolve to an Issue with the number of " + *pull_request[2] + ".");
  CHECK(json::serialize(errors[1].at("path")) == R"(["repository","b"])");
}

TEST_CASE("the reason of a duplicate is told to those who ask for it", "[sim]") {
  busy_site sim;
  auto rows = sim.own("issues");
  auto duplicate =
      std::find_if(rows.begin(), rows.end(), [](const auto& row) { return row[6] == "DUPLICATE"; });
  REQUIRE(duplicate != rows.end());
  auto answer = sim.repository("issue(number:" + *duplicate->at(2) +
                               "){old:stateReason new:stateReason(enableDuplicate:true)}");
  CHECK(json::serialize(answer) == R"({"issue":{"old":"NOT_PLANNED","new":"DUPLICATE"}})");
}

TEST_CASE("all kinds of accounts write", "[sim]") {
  busy_site sim{1, false, 60};
  auto answer = sim.repository("issues(first:100){nodes{author{__typename login "
                               "...on Bot{databaseId} ...on User{databaseId}}}}");
  std::set<std::string> types;
  for (const auto& node : answer.at("issues").at("nodes").as_array())
    types.insert(node.at("author").is_null() ? "null" : str(node.at("author").at("__typename")));
  CHECK(types == std::set<std::string>{"Bot", "EnterpriseUserAccount", "Mannequin", "Organization",
                                       "User", "null"});
}

TEST_CASE("global ids lead back to what they are of", "[sim]") {
  busy_site sim;
  auto answer = sim.repository(
      "issues(first:1){nodes{id}} pullRequests(first:40){nodes{id commits(first:1){nodes{commit{"
      "id}}} reviews(first:1){nodes{id}}}} releases(first:1){nodes{id}}");
  std::vector<std::pair<std::string, std::string>> ids;
  auto add = [&](const json::value& node, const char* type) {
    ids.emplace_back(str(node.at("id")), type);
  };
  add(answer.at("issues").at("nodes").at(0), "Issue");
  for (const auto& node : answer.at("pullRequests").at("nodes").as_array()) {
    add(node, "PullRequest");
    add(node.at("commits").at("nodes").at(0).at("commit"), "Commit");
    for (const auto& review : node.at("reviews").at("nodes").as_array())
      add(review, "PullRequestReview");
  }
  add(answer.at("releases").at("nodes").at(0), "Release");
  std::set<bool> forms;
  for (const auto& [id, type] : ids) {
    INFO(id);
    auto back = sim.ask("{node(id:\"" + id + "\"){__typename id}}");
    REQUIRE(message(back).empty());
    CHECK(str(back.at("data").at("node").at("__typename")) == type);
    CHECK(str(back.at("data").at("node").at("id")) == id);
    auto is_legacy = back.as_object().contains("extensions");
    forms.insert(is_legacy);
    if (!is_legacy)
      continue;
    auto next = back.at("extensions").at("warnings").at(0).at("data").at("next_global_id");
    auto same = sim.ask("query($id:ID!){node(id:$id){id}}", {{"id", next}});
    CHECK(str(same.at("data").at("node").at("id")) == id);
  }
  CHECK(forms == std::set<bool>{false, true}); // by age, as GitHub's
  for (auto nobody :
       {"I_kwDOSWpaqs8AAAABIk9VAg", "PR_kwDOSWpaqs8AAAABIk9VAg", "MDU6SXNzdWUx",
        "MDY6Q29tbWl0MTI5NjI2OTo2ZGNiMDliNWI1Nzg3NWYzMzRmNjFhZWJlZDY5NWUyZTQxOTNkYjVl"})
    CHECK(kind(sim.ask("{node(id:\"" + std::string{nobody} + "\"){id}}")) == "NOT_FOUND");
}

TEST_CASE("a commit that was pushed away is still found by its id", "[sim]") {
  busy_site sim{0.5};
  std::map<std::string, std::string> ids; // by sha
  for (const auto& row : sim.own("commits"))
    ids[*row[1]] = served_node_id({node_kind::commit, 0, false, std::stoll(sim.repo_id), *row[1]},
                                  false, true);
  act(sim, "/_sim/metadata/mutate?rounds=3&repo_id=" + sim.repo_id);
  for (const auto& row : sim.own("commits"))
    ids.erase(*row[1]);
  REQUIRE_FALSE(ids.empty());
  const auto& [sha, id] = *ids.begin();
  auto answer = sim.ask("{node(id:\"" + id + "\"){...on Commit{oid statusCheckRollup{state}}}}");
  CHECK(json::serialize(answer) ==
        R"({"data":{"node":{"oid":")" + sha + R"(","statusCheckRollup":null}}})");
}

TEST_CASE("connections of metadata cost what GitHub's formula says", "[sim]") {
  busy_site sim{0.2, true};
  auto repository = "repository(owner:\"" + sim.owner + "\",name:\"" + sim.name + "\")";
  auto of = [&](const std::string& fields) {
    return cost_of(sim, repository + "{" + fields + "}");
  };
  CHECK(of("issues(first:100){nodes{title comments{totalCount}}}") == 1);
  CHECK(of("issues(first:100){nodes{labels(first:100){nodes{name}}}}") == 1); // 1 + 100
  CHECK(of("issues(first:100){nodes{labels(first:100){nodes{name}} "
           "assignees(first:100){nodes{login}}}}") == 2); // 1 + 200
  CHECK(of("pullRequests(first:50){nodes{reviews(first:50){nodes{"
           "comments(first:60){nodes{id}}}}}}") == 26); // 1 + 50 + 2,500
  CHECK(of("pullRequests(first:100){nodes{commits(last:1){nodes{commit{statusCheckRollup{"
           "contexts(first:100){nodes{__typename}}}}}}}}") == 2); // 1 + 100 + 100
  CHECK(cost_of(sim, "nodes(ids:[\"" + sim.id + "\",\"" + sim.id +
                         "\"]){...on Repository{issues(first:30){nodes{id}}}}") == 1);
  auto answer = sim.ask("{rateLimit{cost nodeCount} " + repository +
                        "{pullRequests(first:50){nodes{reviews(first:50){nodes{"
                        "comments(first:60){nodes{id}}}}}}}}");
  // 50 + 50 * 50 + 50 * 50 * 60
  CHECK(answer.at("data").at("rateLimit").at("nodeCount") == 152'550);
  CHECK(sim.stats().at("points") == 26);
  auto huge = sim.ask("{" + repository +
                      "{pullRequests(first:100){nodes{reviews(first:100){nodes{"
                      "comments(first:100){nodes{id}}}}}}}}");
  CHECK(kind(huge) == "MAX_NODE_LIMIT_EXCEEDED");
  CHECK(message(huge) == "This query requests up to 1,010,100 possible nodes which exceeds the "
                         "maximum limit of 500,000.");
}

TEST_CASE("bad queries for metadata are refused as GitHub refuses them", "[sim]") {
  busy_site sim{0.1};
  auto refusal = [&](const std::string& fields) { return sim.ask_repository(fields); };
  auto unknown = refusal("issues(first:1){nodes{titel}}");
  CHECK(kind(unknown) == "undefinedField");
  CHECK(message(unknown) == "Field 'titel' doesn't exist on type 'Issue'");
  CHECK(json::serialize(unknown.at("errors").at(0).at("path")) ==
        R"(["query","repository","issues","nodes","titel"])");
  CHECK(kind(refusal("pullRequests(first:1){nodes{stateReason}}")) == "undefinedField");
  CHECK(kind(refusal(
            "pullRequests(first:1,filterBy:{since:\"2020-01-01T00:00:00Z\"}){totalCount}")) ==
        "argumentNotAccepted");
  CHECK(kind(refusal("issues(first:1,orderBy:{field:STARS,direction:ASC}){totalCount}")) ==
        "argumentLiteralsIncompatible");
  CHECK(kind(refusal("issues(first:1,orderBy:{field:CREATED_AT}){totalCount}")) ==
        "argumentLiteralsIncompatible");
  CHECK(kind(refusal("issues(first:1,filterBy:{since:\"yesterday\"}){totalCount}")) ==
        "argumentLiteralsIncompatible");
  CHECK(kind(refusal("issue{id}")) == "missingRequiredArguments");
  CHECK(kind(refusal("issues(first:1){nodes{author}}")) == "selectionMismatch");
  CHECK(kind(refusal("pullRequests(first:1){nodes{commits(first:1){nodes{commit{"
                     "statusCheckRollup{contexts(first:1){nodes{name}}}}}}}}")) ==
        "selectionMismatch"); // a union has no fields
  CHECK(kind(refusal("issues(first:1){nodes{...on PullRequest{id}}}")) == "cannotSpreadFragment");
  auto unbounded = refusal("issues(first:1){nodes{labels{nodes{name}}}}");
  CHECK(kind(unbounded) == "MISSING_PAGINATION_BOUNDARIES");
  CHECK(json::serialize(unbounded.at("errors").at(0).at("path")) ==
        R"(["repository","issues","nodes","labels"])");
  CHECK(message(refusal("issues(first:101){totalCount}")) ==
        "Requesting 101 records on the `issues` connection exceeds the `first` limit of 100 "
        "records.");
}

TEST_CASE("without metadata their counts are there, and lists say why they are not", "[sim]") {
  site sim{make_synthetic(50, 1), false};
  auto id = next_node_id(node_kind::repository, sim.data()[7].id);
  auto answer = sim.ask("{node(id:\"" + id +
                        "\"){...on Repository{issues(first:3){totalCount nodes{id} pageInfo{"
                        "hasNextPage endCursor}} issue(number:1){id} hasDiscussionsEnabled}}}");
  const auto& repo = answer.at("data").at("node");
  CHECK(repo.at("issues").at("totalCount").as_int64() >= 0);
  CHECK(repo.at("issues").at("nodes").is_null());
  CHECK(repo.at("issues").at("pageInfo").at("hasNextPage") == false);
  CHECK(repo.at("issue").is_null());
  CHECK(repo.at("hasDiscussionsEnabled") == false);
  CHECK(answer.at("errors").as_array().size() == 2);
  CHECK(message(answer).find("--metadata") != std::string::npos);
}

TEST_CASE("issues and pull requests are searched in windows of time", "[sim]") {
  busy_site sim;
  auto issues = sim.own("issues");
  auto pull_requests = sim.own("pull_requests");
  REQUIRE(issues.size() > 1'200);
  auto search = [&](const std::string& query, const std::string& after = "null") {
    auto answer = sim.ask("{search(type:ISSUE,first:100,after:" + after +
                          ",query:\"repo:" + sim.owner + "/" + sim.name + " " + query +
                          "\"){issueCount repositoryCount nodes{...on Issue{number createdAt} "
                          "...on PullRequest{number createdAt}} pageInfo{endCursor hasNextPage}}}");
    INFO(json::serialize(answer).substr(0, 400));
    REQUIRE(message(answer).empty());
    return answer.at("data").at("search");
  };
  auto count = [](const std::vector<table_row>& rows, auto which) {
    return std::count_if(rows.begin(), rows.end(), which);
  };
  CHECK(search("is:issue").at("issueCount") == issues.size());
  CHECK(search("is:issue").at("repositoryCount") == 0);
  CHECK(search("is:pr").at("issueCount") == pull_requests.size());
  CHECK(search("sort:updated").at("issueCount") == issues.size() + pull_requests.size());
  CHECK(search("is:pr is:merged").at("issueCount") ==
        count(pull_requests, [](const auto& row) { return row[5] == "MERGED"; }));
  CHECK(search("is:pr is:closed").at("issueCount") ==
        count(pull_requests, [](const auto& row) { return row[5] != "OPEN"; }));
  CHECK(search("is:issue state:open").at("issueCount") ==
        count(issues, [](const auto& row) { return row[5] == "OPEN"; }));
  CHECK(search("is:issue label:bug").at("issueCount").as_int64() > 0);
  CHECK(search("is:issue milestone:x").at("issueCount") == 0);
  // Windows share no second, and together they are all of it.
  auto middle = *issues[issues.size() / 2][15];
  auto before = count(issues, [&](const auto& row) { return *row[15] < middle; });
  CHECK(search("is:issue created:*.." + middle).at("issueCount").as_int64() >= before);
  CHECK(search("is:issue created:<" + middle).at("issueCount") == before);
  CHECK(search("is:issue created:>=" + middle).at("issueCount").as_int64() ==
        static_cast<int64_t>(issues.size()) - before);
  CHECK(search("is:issue created:" + middle + ".." + middle).at("issueCount") ==
        count(issues, [&](const auto& row) { return *row[15] == middle; }));
  // No more than 1,000 in the order that was asked for.
  std::vector<int64_t> seen;
  std::string after{"null"};
  for (;;) {
    auto page = search("is:issue sort:created-asc", after);
    for (auto number : numbers(page.at("nodes")))
      seen.push_back(number);
    after = json::serialize(page.at("pageInfo").at("endCursor"));
    if (!page.at("pageInfo").at("hasNextPage").as_bool())
      break;
  }
  CHECK(after == "\"" + base64_encode("cursor:1000") + "\"");
  std::sort(issues.begin(), issues.end(), [](const auto& a, const auto& b) {
    return std::pair{*a[15], std::stoll(*a[0])} < std::pair{*b[15], std::stoll(*b[0])};
  });
  std::vector<int64_t> wanted;
  for (size_t i = 0; i < 1'000; ++i)
    wanted.push_back(std::stoll(*issues[i][2]));
  CHECK((seen == wanted));
  auto everywhere = sim.ask("{search(type:ISSUE,first:1,query:\"is:issue\"){issueCount}}");
  CHECK(kind(everywhere) == "UNPROCESSABLE");
  CHECK(everywhere.at("data").is_null());
}

TEST_CASE("faults spoil lists of metadata too", "[sim]") {
  busy_site sim;
  auto query = "issues(first:100){totalCount nodes{number labels(first:100){nodes{name}}} "
               "pageInfo{endCursor}}";
  sim.set_faults("  - { fault: null_nodes, share: 0.3 }\n");
  auto answer = sim.ask_repository(query);
  CHECK(message(answer).empty());
  CHECK(nulls(answer.at("data").at("repository").at("issues").at("nodes")) > 10);
  sim.set_faults("  - { fault: null_nodes_with_error, share: 0.3 }\n");
  answer = sim.ask_repository(query);
  auto lost = nulls(answer.at("data").at("repository").at("issues").at("nodes"));
  CHECK(lost > 10);
  CHECK(static_cast<int64_t>(answer.at("errors").as_array().size()) >= lost);
  CHECK(answer.at("errors").at(0).at("path").at(2) == "nodes");
  sim.set_faults("  - { fault: resource_limit, fields: 150 }\n");
  answer = sim.ask_repository(query);
  CHECK(kind(answer) == "RESOURCE_LIMITS_EXCEEDED");
  CHECK(nulls(answer.at("data").at("repository").at("issues").at("nodes")) > 10);
  sim.set_faults("  - { fault: timeout_200 }\n");
  CHECK(message(sim.ask_repository(query)).starts_with("Something went wrong"));
}

TEST_CASE("pages of metadata can repeat the end of the page before", "[sim]") {
  busy_site sim;
  auto page = [&](const std::string& after) {
    return sim
        .repository("issues(first:10" + after + "){nodes{number} pageInfo{endCursor hasNextPage}}")
        .at("issues");
  };
  auto first = page("");
  auto after = ",after:" + json::serialize(first.at("pageInfo").at("endCursor"));
  auto second = page(after);
  sim.set_faults("  - { fault: duplicates, count: 3 }\n");
  auto shifted = page(after);
  CHECK(shifted.at("pageInfo") == second.at("pageInfo"));
  auto wanted = numbers(first.at("nodes"));
  wanted.erase(wanted.begin(), wanted.begin() + 7);
  auto rest = numbers(second.at("nodes"));
  wanted.insert(wanted.end(), rest.begin(), rest.begin() + 7);
  CHECK(numbers(shifted.at("nodes")) == wanted);
  CHECK(page("") == first);
}

TEST_CASE("searches for issues suffer from the faults of searches", "[sim]") {
  busy_site sim;
  auto query = "{search(type:ISSUE,first:10,query:\"repo:" + sim.owner + "/" + sim.name +
               " is:issue\"){issueCount pageInfo{endCursor}}}";
  sim.set_faults("  - { fault: opaque_cursors }\n  - { fault: count_error, share: 0.5 }\n");
  auto found = sim.ask(query).at("data").at("search");
  CHECK(found.at("issueCount") != sim.issue_count);
  auto cursor = str(found.at("pageInfo").at("endCursor"));
  CHECK(base64_decode(cursor)->starts_with("cursor:v2:"));
}

TEST_CASE("a list can move while it is read, and what stays in it is seen", "[sim]") {
  busy_site sim{0.4};
  std::set<int64_t> before;
  for (const auto& row : sim.own("issues"))
    before.insert(std::stoll(*row[2]));
  sim.set_faults("  - { fault: metadata, share: 1 }\n");
  std::set<int64_t> seen;
  auto repeated = 0;
  std::string after{"null"};
  for (auto pages = 0; pages < 2'000; ++pages) {
    auto page =
        sim.repository("issues(first:20,orderBy:{field:UPDATED_AT,direction:ASC},after:" + after +
                       "){nodes{number} pageInfo{endCursor hasNextPage}}")
            .at("issues");
    for (auto number : numbers(page.at("nodes")))
      repeated += seen.insert(number).second ? 0 : 1;
    if (!page.at("pageInfo").at("hasNextPage").as_bool())
      break;
    after = json::serialize(page.at("pageInfo").at("endCursor"));
    if (pages == 60)
      sim.set_faults("  []\n"); // else new changes would come for ever
  }
  sim.set_faults("  []\n");
  size_t stayed = 0;
  for (const auto& row : sim.own("issues")) {
    auto number = std::stoll(*row[2]);
    if (!before.contains(number))
      continue;
    ++stayed;
    CHECK(seen.contains(number));
  }
  CHECK(stayed > 100);
  CHECK(repeated > 0);                                           // what moved on the way came again
  CHECK(sim.own("issues").back()[16] == "2027-01-15T08:00:00Z"); // all in one second
}

TEST_CASE("queries that ask for too many nested lists run into GitHub's limits", "[sim]") {
  busy_site sim{1, true};
  auto fields = [](int size) {
    std::string out{"pullRequests(first:" + std::to_string(size) + "){nodes{number "};
    for (auto i = 0; i < 10; ++i)
      out += "l" + std::to_string(i) + ":labels(first:5){nodes{name}} ";
    return out + "}}";
  };
  CHECK(message(sim.ask_repository(fields(50))).empty()); // measured: 4.9 s
  auto query = "{repository(owner:\"" + sim.owner + "\",name:\"" + sim.name + "\"){" + fields(100);
  auto large = sim.post(query + "}}");
  if (large.status == 200)
    CHECK(kind(json::parse(large.body)) == "RESOURCE_LIMITS_EXCEEDED");
  else
    CHECK(large.status >= 502);
  auto two = sim.post(query + " b:" + fields(100) + "}}");
  CHECK(two.status >= 502);
}

TEST_CASE("a created repository has no metadata", "[sim]") {
  busy_site sim{0.1};
  auto request = sim.request("POST", "/_sim/mutate");
  request.body = R"({"create":["ada"]})";
  REQUIRE(sim.send(request).status == 200);
  const auto& repo = sim.data()[sim.data().size() - 1];
  auto answer = sim.ask("{node(id:\"" + next_node_id(node_kind::repository, repo.id) +
                        "\"){...on Repository{issues(first:5){totalCount nodes{id}} "
                        "pullRequests{totalCount}}}}");
  CHECK(json::serialize(answer) == R"({"data":{"node":{"issues":{"totalCount":0,"nodes":[]},)"
                                   R"("pullRequests":{"totalCount":0}}}})");
  act(sim, "/_sim/metadata/mutate?share=1");
  CHECK(sim.text("/_sim/metadata.csv?kind=issues&repo_id=" + std::to_string(repo.id)).size() < 200);
}

TEST_CASE("GitHub's count of open issues in REST is that of issues and pull requests", "[sim]") {
  busy_site sim{0.3};
  auto open = 0;
  for (auto kind : {"issues", "pull_requests"})
    for (const auto& row : sim.own(kind))
      open += row[5] == "OPEN" ? 1 : 0;
  auto answer = json::parse(sim.get("/repositories/" + sim.repo_id).body);
  CHECK(answer.at("open_issues_count") == open);
}
