#include "tests/sim/metadata_fixture.hpp"

#include "tools/sim/metadata_fields.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim;
using namespace gitstar::sim::test;

namespace {

/// Rows by their key, which is in the first `width` cells.
std::map<table_row, table_row> by_key(const std::vector<table_row>& rows, size_t width) {
  std::map<table_row, table_row> out;
  for (const auto& row : rows)
    out.emplace(table_row(row.begin(), row.begin() + static_cast<ptrdiff_t>(width)), row);
  return out;
}

/// The keys of rows that are in one of the tables only, or differ.
std::set<table_row> moved(const std::vector<table_row>& before, const std::vector<table_row>& after,
                          size_t width) {
  auto old = by_key(before, width);
  auto now = by_key(after, width);
  std::set<table_row> out;
  for (const auto& [key, row] : old)
    if (!now.contains(key) || now[key] != row)
      out.insert(key);
  for (const auto& [key, row] : now)
    if (!old.contains(key))
      out.insert(key);
  return out;
}

void check_equal(site& sim, rows_of_kind read) {
  for (auto kind : metadata_kinds) {
    INFO(kind);
    auto wanted = truth(sim, kind);
    auto got = std::move(read[kind]);
    std::sort(wanted.begin(), wanted.end());
    std::sort(got.begin(), got.end());
    CHECK(got.size() == wanted.size());
    CHECK((got == wanted));
  }
}

std::set<cell> values(const std::vector<table_row>& rows, size_t column) {
  std::set<cell> out;
  for (const auto& row : rows)
    out.insert(row[column]);
  return out;
}

template <class Names>
std::set<cell> all_of(const Names& names) {
  std::set<cell> out;
  for (auto name : names)
    out.insert(std::string{name});
  return out;
}

std::set<cell> with_null(std::set<cell> values) {
  values.insert(std::nullopt);
  return values;
}

/// The most rows that have the same values in two columns.
size_t longest(const std::vector<table_row>& rows, size_t first, size_t second) {
  std::map<std::pair<cell, cell>, size_t> counts;
  size_t most = 0;
  for (const auto& row : rows)
    most = std::max(most, ++counts[{row[first], row[second]}]);
  return most;
}

std::string time_of(const http_answer& answer) {
  return json::value_to<std::string>(json::parse(answer.body).at("time"));
}

} // namespace

TEST_CASE("metadata read page by page are the table, value by value", "[sim]") {
  site sim{make_synthetic(14, 3), with_metadata(0.1)};
  check_equal(sim, reader{sim, 100}.read());
  check_equal(sim, reader{sim, 7}.read());
}

TEST_CASE("metadata are the table after every round of changes", "[sim]") {
  site sim{make_synthetic(10, 4), with_metadata(0.06)};
  auto before = truth(sim);
  std::set<std::string> kinds;
  for (auto round = 0; round < 6; ++round) {
    REQUIRE(act(sim, "/_sim/metadata/mutate?seed=" + std::to_string(round)).status == 200);
    check_equal(sim, reader{sim, 30}.read());
    auto after = truth(sim);
    for (auto kind : metadata_kinds)
      if (before[kind] != after[kind])
        kinds.insert(kind);
    before = std::move(after);
  }
  CHECK(kinds.size() >= 9); // few repositories have discussions
}

TEST_CASE("the table is in the order of its key", "[sim]") {
  site sim{make_synthetic(30, 1), with_metadata(0.5)};
  act(sim, "/_sim/metadata/mutate?rounds=3&share=1");
  for (auto kind : metadata_kinds) {
    INFO(kind);
    auto rows = truth(sim, kind);
    auto name = std::string{kind};
    auto width = name == "commits"                                  ? 2u
                 : name.ends_with("commits") || name == "ci_checks" ? 3u
                                                                    : 1u;
    auto key = [&](const table_row& row) {
      std::vector<std::pair<int64_t, std::string>> out;
      for (size_t i = 0; i < width; ++i) {
        auto number = parse_number(*row[i]);
        out.emplace_back(number.value_or(0), number ? "" : *row[i]);
      }
      return out;
    };
    REQUIRE(rows.size() > 10);
    std::vector<std::vector<std::pair<int64_t, std::string>>> keys;
    for (const auto& row : rows)
      keys.push_back(key(row));
    // Strictly: keys are unique, also across repositories.
    CHECK(std::adjacent_find(keys.begin(), keys.end(), std::greater_equal<>{}) == keys.end());
  }
}

TEST_CASE("some repository has thousands of items, and all that can be odd is in it", "[sim]") {
  site sim{make_synthetic(12, 1), with_metadata(1)};
  auto all = truth(sim);
  const auto& issues = all["issues"];
  const auto& pull_requests = all["pull_requests"];
  CHECK(issues.size() > 1'500);
  CHECK(all["issue_comments"].size() > 5'000);
  // Every value of GitHub's enums, and null where it may be.
  CHECK(values(issues, 5) == std::set<cell>{"OPEN", "CLOSED"});
  CHECK(values(issues, 6) == with_null(all_of(issue_reasons)));
  CHECK(values(issues, 8) == all_of(author_associations));
  CHECK(values(pull_requests, 5) == all_of(thread_states));
  CHECK(values(pull_requests, 21) == with_null(all_of(review_decisions)));
  CHECK(values(all["reviews"], 5) == all_of(review_states));
  auto states = values(all["ci_checks"], 6);
  for (auto name : check_conclusions)
    CHECK(states.contains(std::string{name}));
  for (auto name : context_states)
    CHECK(states.contains(std::string{name}));
  CHECK(states.contains(std::nullopt));
  CHECK(values(all["ci_checks"], 5) == with_null(all_of(check_statuses)));
  // Ghosts, empty texts, nulls, other scripts.
  CHECK(values(issues, 7).contains(std::nullopt));
  CHECK(values(all["commits"], 3).contains(std::nullopt));
  CHECK(values(issues, 4).contains(""));
  CHECK(values(all["review_comments"], 7).contains(std::nullopt));
  CHECK(values(pull_requests, 23).contains(std::nullopt));
  auto titles = values(issues, 3);
  for (auto odd : {"🐛", "日本語", "\"quoted\"", "\t", "𝔘𝔫𝔦𝔠𝔬𝔡𝔢"})
    CHECK(std::any_of(titles.begin(), titles.end(),
                      [&](const auto& title) { return title->find(odd) != std::string::npos; }));
  // Lists that go on after a page of 100.
  CHECK(longest(all["issue_comments"], 1, 2) > 200);
  CHECK(longest(all["reviews"], 1, 2) > 100);
  CHECK(longest(all["review_comments"], 1, 3) > 100);
  CHECK(longest(all["pull_request_commits"], 0, 1) > 100);
  CHECK(longest(all["ci_checks"], 0, 1) > 100);
  // More than a page has the same time.
  CHECK(longest(issues, 1, 16) > 100);
  // Ids that do not fit into 32 bits.
  CHECK(std::stoll(*all["issue_comments"][0][0]) > (int64_t{1} << 32));
}

TEST_CASE("the enums of items are those of the schema, in its order", "[sim]") {
  auto same = [](const char* type, auto names) {
    INFO(type);
    const auto& values = schema::instance().find(type)->values;
    CHECK(std::equal(values.begin(), values.end(), names.begin(), names.end()));
  };
  same("IssueStateReason", issue_reasons);
  same("CommentAuthorAssociation", author_associations);
  same("PullRequestReviewState", review_states);
  same("PullRequestReviewDecision", review_decisions);
  same("CheckStatusState", check_statuses);
  same("CheckConclusionState", check_conclusions);
  same("StatusState", context_states);
}

TEST_CASE("the same seed and changes give the same metadata, another seed others", "[sim]") {
  auto tables = [](uint64_t seed) {
    site sim{make_synthetic(40, seed), with_metadata(0.3)};
    act(sim, "/_sim/metadata/mutate?rounds=2&seed=9");
    return truth(sim);
  };
  auto first = tables(5);
  CHECK((first == tables(5)));
  CHECK((first["issues"] != tables(6)["issues"]));
}

TEST_CASE("metadata are made when they are asked for, and forgotten when memory is short",
          "[sim]") {
  auto run = [](size_t bytes, int64_t& most) {
    site sim{make_synthetic(60, 2), with_metadata(0.4, bytes)};
    auto in_memory = [&](const char* what) {
      return sim.stats().at("metadata").at(what).as_int64();
    };
    CHECK(in_memory("repositories_in_memory") == 0);
    act(sim, "/_sim/metadata/mutate?rounds=3&share=0.5");
    CHECK(in_memory("repositories_in_memory") == 0);
    auto id = std::to_string(sim.data()[3].id);
    sim.text("/_sim/metadata.csv?kind=issues&repo_id=" + id);
    CHECK(in_memory("repositories_in_memory") == 2);
    auto out = truth(sim);
    // Asked in another order, also what was forgotten has not changed.
    for (row_index row = sim.data().size(); row-- > 0;) {
      auto node = next_node_id(node_kind::repository, sim.data()[row].id);
      sim.ask("{node(id:\"" + node + "\"){...on Repository{issues{totalCount}}}}");
    }
    CHECK((out == truth(sim)));
    most = in_memory("bytes_in_memory");
    return out;
  };
  int64_t large = 0;
  int64_t small = 0;
  auto all = run(size_t{192} << 20, large);
  CHECK((all == run(20'000, small)));
  CHECK(small < large / 3);
}

TEST_CASE("many repositories cost nothing until they are asked for", "[sim]") {
  site sim{make_synthetic(50'000, 1), with_metadata(10)};
  auto id = next_node_id(node_kind::repository, sim.data()[40'000].id);
  sim.ask("{node(id:\"" + id + "\"){...on Repository{pullRequests{totalCount}}}}");
  CHECK(sim.stats().at("metadata").at("repositories_in_memory") == 2);
}

TEST_CASE("the scale is the mean number of issues", "[sim]") {
  site sim{make_synthetic(3'000, 1), with_metadata(4)};
  auto mean = static_cast<double>(truth(sim, "issues").size()) / 3'000;
  CHECK(mean > 2.5);
  CHECK(mean < 6);
}

TEST_CASE("what changes moves the time of its parent, and checks do not", "[sim]") {
  site sim{make_synthetic(16, 7), with_metadata(0.2)};
  auto before = truth(sim);
  size_t children = 0;
  size_t quiet_checks = 0;
  for (auto round = 0; round < 8; ++round) {
    INFO(round);
    auto time = time_of(act(sim, "/_sim/metadata/mutate?share=0.6&seed=" + std::to_string(round)));
    auto after = truth(sim);
    // Of what was there before and still is.
    std::map<table_row, cell> updated; // (repository, number) -> time
    auto note = [&](const char* kind, size_t column) {
      auto old = by_key(before[kind], 1);
      for (const auto& row : after[kind]) {
        updated[{row[1], row[2]}] = row[column];
        auto same = old.find({row[0]});
        auto changed = same == old.end() || same->second != row;
        CHECK((row[column] == time) == changed);
        if (same != old.end() && !changed)
          CHECK(same->second[column] < time);
      }
    };
    note("issues", 16);
    note("pull_requests", 25);
    auto follow = [&](const char* kind, size_t width, size_t repo, size_t number) {
      auto old = by_key(before[kind], width);
      auto now = by_key(after[kind], width);
      for (const auto& key : moved(before[kind], after[kind], width)) {
        const auto& row = now.contains(key) ? now[key] : old[key];
        auto parent = updated.find({row[repo], row[number]});
        if (parent == updated.end())
          continue; // transferred with its issue
        INFO(kind << " " << *key[0]);
        CHECK(parent->second == time);
        ++children;
      }
    };
    follow("issue_comments", 1, 1, 2);
    follow("reviews", 1, 1, 2);
    follow("review_comments", 1, 1, 2);
    follow("pull_request_commits", 3, 0, 1);
    auto now = by_key(after["ci_checks"], 3);
    auto old = by_key(before["ci_checks"], 3);
    for (const auto& key : moved(before["ci_checks"], after["ci_checks"], 3)) {
      const auto& row = now.contains(key) ? now[key] : old[key];
      quiet_checks += updated[{row[0], row[3]}] == time ? 0 : 1;
    }
    // Releases have no parent that moves; discussions move by themselves.
    for (const auto& key : moved(before["discussions"], after["discussions"], 1))
      CHECK(by_key(after["discussions"], 1).at(key)[13] == time);
    before = std::move(after);
  }
  CHECK(children > 100);
  CHECK(quiet_checks > 3);
}

TEST_CASE("rounds do everything that the crawler must notice", "[sim]") {
  site sim{make_synthetic(40, 8), with_metadata(0.5)};
  auto before = truth(sim);
  act(sim, "/_sim/metadata/mutate?rounds=10&share=0.5&seed=3");
  auto after = truth(sim);
  auto count = [&](const char* kind, size_t width, auto which) {
    auto old = by_key(before[kind], width);
    auto now = by_key(after[kind], width);
    size_t found = 0;
    for (const auto& [key, row] : old)
      found += which(&row, now.contains(key) ? &now[key] : nullptr);
    for (const auto& [key, row] : now)
      found += old.contains(key) ? 0 : which(nullptr, &row);
    return found;
  };
  using row = const table_row*;
  auto is_new = [](row a, row) { return a == nullptr; };
  auto is_gone = [](row, row b) { return b == nullptr; };
  auto becomes = [](size_t column, const char* from, const char* to) {
    return [=](row a, row b) {
      return a != nullptr && b != nullptr && (*a)[column] == from && (*b)[column] == to;
    };
  };
  for (auto kind : {"issues", "pull_requests", "issue_comments", "reviews", "review_comments",
                    "releases", "discussions"}) {
    INFO(kind);
    CHECK(count(kind, 1, is_new) > 0);
  }
  for (auto kind : {"issues", "issue_comments", "review_comments", "releases"}) {
    INFO(kind);
    CHECK(count(kind, 1, is_gone) > 0); // issues go by transfer
  }
  CHECK(count("pull_request_commits", 3, is_gone) > 0); // by force
  CHECK(count("pull_request_commits", 3, is_new) > 0);
  CHECK(count("ci_checks", 3, is_new) > 0);
  CHECK(count("issues", 1, becomes(5, "OPEN", "CLOSED")) > 0);
  CHECK(count("issues", 1, becomes(5, "CLOSED", "OPEN")) > 0);
  CHECK(count("pull_requests", 1, becomes(5, "OPEN", "MERGED")) > 0);
  CHECK(count("pull_requests", 1, becomes(5, "OPEN", "CLOSED")) > 0);
  CHECK(count("pull_requests", 1, becomes(6, "t", "f")) > 0);
  CHECK(count("reviews", 1, becomes(5, "APPROVED", "DISMISSED")) > 0);
  CHECK(count("ci_checks", 3, becomes(5, "IN_PROGRESS", "COMPLETED")) > 0);
}

TEST_CASE("a transferred issue is another one in its new repository", "[sim]") {
  site sim{make_synthetic(20, 8), with_metadata(1)};
  auto before = truth(sim, "issues");
  act(sim, "/_sim/metadata/mutate?share=1&seed=2");
  auto after = by_key(truth(sim, "issues"), 1);
  auto transfers = 0;
  for (const auto& old : before) {
    if (after.contains({old[0]}))
      continue;
    const auto& repo = sim.data()[sim.data().find_id(std::stoll(*old[1]))];
    auto answer =
        sim.ask("{repository(owner:\"" + std::string{sim.data().owner_login(repo)} + "\",name:\"" +
                std::string{sim.data().name(repo)} + "\"){issue(number:" + *old[2] + "){id}}}");
    CHECK(kind(answer) == "NOT_FOUND");
    CHECK(json::serialize(answer.at("data")) == R"({"repository":{"issue":null}})");
    for (const auto& [id, now] : after)
      if (now[1] != old[1] && now[15] == old[15] && now[3] == old[3]) {
        ++transfers;
        CHECK(now[16] > old[16]);
        CHECK(now[10] == "{}"); // labels belong to repositories
      }
  }
  CHECK(transfers > 0);
}

TEST_CASE("additions are exact", "[sim]") {
  site sim{make_synthetic(12, 1), with_metadata(0.12)};
  auto before = truth(sim);
  const auto wanted = before["pull_requests"][3];
  auto target = "/_sim/metadata/add?repo_id=" + *wanted[1] + "&number=" + *wanted[2];
  auto time = time_of(act(sim, target + "&comments=20"));
  auto after = truth(sim);
  CHECK(moved(before["issue_comments"], after["issue_comments"], 1).size() == 20);
  REQUIRE(moved(before["pull_requests"], after["pull_requests"], 1) ==
          std::set<table_row>{{wanted[0]}});
  auto now = by_key(after["pull_requests"], 1).at({wanted[0]});
  CHECK(std::stoi(*now[18]) == std::stoi(*wanted[18]) + 20);
  CHECK(now[25] == time);
  before = after;
  time_of(act(sim, target + "&check_runs=1"));
  after = truth(sim);
  auto checks = moved(before["ci_checks"], after["ci_checks"], 3);
  REQUIRE(checks.size() == 1);
  CHECK((*checks.begin())[1] == now[12]); // of its head
  before["ci_checks"] = after["ci_checks"];
  CHECK((before == after));
  time = time_of(act(sim, target + "&reviews=2&commits=3"));
  after = truth(sim);
  CHECK(moved(before["reviews"], after["reviews"], 1).size() == 2);
  CHECK(moved(before["commits"], after["commits"], 2).size() == 3);
  check_equal(sim, reader{sim, 100}.read());
}

TEST_CASE("bad wishes of tests are refused", "[sim]") {
  site sim{make_synthetic(12, 1), with_metadata(0.5)};
  auto first = truth(sim, "issues")[0];
  auto issue = "/_sim/metadata/add?repo_id=" + *first[1] + "&number=" + *first[2];
  CHECK(act(sim, issue + "&comments=1").status == 200);
  for (const auto& bad :
       {issue + "&check_runs=1", issue, issue + "&comments=0", issue + "&comments=x",
        std::string{"/_sim/metadata/add?repo_id=5&number=1&comments=1"},
        "/_sim/metadata/add?repo_id=" + *first[1] + "&number=999999&comments=1",
        std::string{"/_sim/metadata/mutate?rounds=-1"},
        std::string{"/_sim/metadata/mutate?share=2"},
        std::string{"/_sim/metadata/mutate?repo_id=5"}}) {
    INFO(bad);
    CHECK(act(sim, bad).status == 400);
  }
  CHECK(act(sim, "/_sim/metadata/nothing").status == 404);
  CHECK(sim.get("/_sim/metadata.csv?kind=stars").status == 400);
  CHECK(sim.get("/_sim/metadata.csv?kind=issues&repo_id=5").status == 400);
  site without{make_synthetic(12, 1)};
  CHECK(without.get("/_sim/metadata.csv?kind=issues").status == 400);
}

TEST_CASE("one repository can be moved alone", "[sim]") {
  site sim{make_synthetic(12, 1), with_metadata(0.5)};
  auto before = truth(sim);
  auto id = *before["pull_requests"][3][1];
  act(sim, "/_sim/metadata/mutate?rounds=3&repo_id=" + id);
  auto after = truth(sim);
  auto repositories = [&](const char* kind, size_t width, size_t column) {
    auto rows = after[kind];
    rows.insert(rows.end(), before[kind].begin(), before[kind].end());
    std::set<cell> out;
    auto keys = moved(before[kind], after[kind], width);
    for (const auto& row : rows)
      if (keys.contains(table_row(row.begin(), row.begin() + static_cast<ptrdiff_t>(width))))
        out.insert(row[column]);
    return out;
  };
  CHECK(repositories("pull_requests", 1, 1) == std::set<cell>{id});
  CHECK(repositories("issues", 1, 1) == std::set<cell>{id});
  auto table = parse_csv(sim.text("/_sim/metadata.csv?kind=issues&repo_id=" + id));
  table.erase(table.begin());
  CHECK(values(table, 1) == std::set<cell>{id});
}

TEST_CASE("later changes are later, unless a test wants them in the same second", "[sim]") {
  site sim{make_synthetic(12, 1), with_metadata(0.5)};
  auto first = time_of(act(sim, "/_sim/metadata/mutate"));
  CHECK(first == "2027-01-15T08:00:00Z"); // the clock of the site
  CHECK(time_of(act(sim, "/_sim/metadata/mutate")) == "2027-01-15T08:00:01Z");
  CHECK(time_of(act(sim, "/_sim/metadata/mutate?rounds=3")) == "2027-01-15T08:00:04Z");
  CHECK(time_of(act(sim, "/_sim/metadata/mutate?seconds=0")) == "2027-01-15T08:00:04Z");
  CHECK(time_of(act(sim, "/_sim/metadata/mutate?seconds=60")) == "2027-01-15T08:01:04Z");
  sim.advance(std::chrono::minutes{2});
  CHECK(time_of(act(sim, "/_sim/metadata/mutate")) == "2027-01-15T08:02:00Z");
}

TEST_CASE("open issues are as many everywhere", "[sim]") {
  site sim{make_synthetic(20, 1), with_metadata(1)};
  act(sim, "/_sim/metadata/mutate?rounds=2");
  std::map<cell, int64_t> open;
  for (const auto& row : truth(sim, "issues"))
    open[row[1]] += row[5] == "OPEN" ? 1 : 0;
  auto rows = parse_csv(sim.text("/_sim/truth.csv"));
  for (size_t i = 1; i < rows.size(); ++i) {
    CHECK(std::stoll(*rows[i][6]) == open[rows[i][0]]);
    auto id = next_node_id(node_kind::repository, std::stoll(*rows[i][0]));
    auto answer =
        sim.ask("{node(id:\"" + id + "\"){...on Repository{issues(states:OPEN){totalCount}}}}");
    CHECK(answer.at("data").at("node").at("issues").at("totalCount") == open[rows[i][0]]);
  }
}
