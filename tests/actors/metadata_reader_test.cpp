#include "actors/metadata_reader.hpp"

#include "actors/metadata_source.hpp"
#include "messages/metadata/registry.hpp"
#include "messages/time_text.hpp"
#include "tests/actors/metadata_github.hpp"
#include "tests/actors/world.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace std::chrono_literals;

namespace {

metadata_plan everything() {
  metadata_plan reads;
  for (const auto* kind : metadata::all_kinds())
    reads.kinds.emplace_back(kind->name);
  return reads;
}

using rows_by_key = std::map<std::string, metadata_row>;

/// The first that differ, in words.
std::string differences(const rows_by_key& truth, const rows_by_key& found,
                        const metadata::kind& kind) {
  std::string result;
  auto number = 0;
  auto say = [&](const std::string& what) {
    if (++number <= 3)
      result += what + "; ";
  };
  for (auto& [key, row] : truth) {
    auto same = found.find(key);
    if (same == found.end()) {
      say("lacks " + key + "of " + value_of(row, kind, "repo_id"));
      continue;
    }
    for (auto& column : kind.columns)
      if (auto x = value_of(row, kind, column.name), y = value_of(same->second, kind, column.name);
          x != y)
        say(key + std::string{column.name} + " is " + y + ", not " + x);
  }
  for (auto& [key, row] : found)
    if (!truth.contains(key))
      say("has " + key + "of " + value_of(row, kind, "repo_id") + " number " +
          value_of(row, kind, "number"));
  return number == 0 ? result : std::to_string(number) + ": " + result;
}

/// A crawl of metadata with all its actors.
class metadata_world : public test::world {
public:
  explicit metadata_world(uint32_t seed = 1, size_t repositories = 30)
      : model(std::make_shared<test::metadata_github>(seed, repositories)) {
    github = model;
    for (auto& x : model->repositories())
      database->repositories.emplace(x.repo_id, x);
    settings.query_width.page_max = 10;
    use(everything());
  }

  void use(metadata_plan reads) {
    source = [reads] { return std::make_unique<metadata_source>(reads, "true"); };
  }

  timestamp wall() { return clock.at(now()); }

  crawl_progress sync(uint32_t fetchers = 3) {
    model->requests.clear();
    auto x = start(fetchers);
    auto result = wait_for_end();
    crash(x);
    return result;
  }

  /// Without what is remembered of repositories as a whole.
  auto list_marks() const {
    auto result = database->watermarks;
    std::erase_if(result, [](auto& x) { return x.first.second == whole_repository; });
    return result;
  }

  sync_state synced(repo_id repo) const {
    return to_sync_state(database->watermarks.at({repo, whole_repository}));
  }

  /// What is stored and there.
  test::metadata_truth stored() const {
    test::metadata_truth result;
    for (auto& [kind, rows] : database->metadata)
      for (auto& [key, row] : rows) {
        auto gone = database->metadata_gone.find(kind);
        if (gone == database->metadata_gone.end() || !gone->second.contains(key))
          result[kind].emplace(key, row);
      }
    return result;
  }

  void check_truth() {
    auto truth = model->truth();
    auto found = stored();
    for (const auto* kind : metadata::all_kinds()) {
      auto name = std::string{kind->name};
      INFO(name);
      auto expected = truth[name];
      // A commit stays when no pull request has it any more.
      if (!kind->can_go)
        std::erase_if(found[name], [&](auto& x) { return !expected.contains(x.first); });
      CHECK(differences(expected, found[name], *kind) == "");
    }
  }

  size_t asks_of(const std::string& kind) const {
    size_t result = 0;
    for (auto& request : model->requests)
      for (auto& field : request.fields)
        result +=
            request.shape == query_shape::metadata_list && field.metadata.kinds.front() == kind;
    return result;
  }

  std::shared_ptr<test::metadata_github> model;
};

std::string why_incomplete(const test::memory_database& data) {
  std::string result;
  for (auto& [id, parts] : data.partitions)
    for (auto& [number, part] : parts)
      if (part.state == partition_state::incomplete)
        result += part.reason + '\n';
  return result;
}

} // namespace

TEST_CASE_METHOD(metadata_world, "a sync stores everything that GitHub shows", "[metadata]") {
  auto end = sync();
  CHECK(end.run.state == "complete");
  CHECK(end.totals.expected == 30);
  CHECK(end.totals.seen == 30);
  CHECK(model->truth()["issue_comments"].size() > 100);
  CHECK(model->truth()["review_comments"].size() > 100);
  check_truth();
}

TEST_CASE("each sync ends with the truth, whatever has moved since the one before", "[metadata]") {
  auto seed = GENERATE(range(1u, 7u));
  metadata_world x{seed, 20};
  x.sync();
  x.check_truth();
  for (auto round = 0; round < 10; ++round) {
    INFO("seed " << seed << ", round " << round);
    // Now and then in the second of the sync before.
    if (round % 3 != 0)
      x.advance(1h);
    x.model->mutate_metadata(x.wall());
    auto end = x.sync(1 + seed % 4);
    CHECK(end.run.state == "complete");
    CHECK(end.totals.seen == 20);
    x.check_truth();
  }
}

TEST_CASE_METHOD(metadata_world, "what has not moved costs a query per hundred repositories",
                 "[metadata]") {
  sync();
  advance(1h);
  sync(); // what was read in the second in which it had moved is read again once
  auto before = database->metadata_writes;
  auto marks = list_marks();
  advance(1h);
  auto asked_at = wall();
  auto end = sync();
  CHECK(end.run.state == "complete");
  CHECK(end.totals.seen == 30);
  CHECK(model->requests.size() == 1);
  CHECK(database->metadata_writes == before);
  CHECK(list_marks() == marks);
  // Only when that was.
  for (auto repo : model->ids()) {
    auto state = synced(repo);
    CHECK(state.asked_at >= asked_at);
    CHECK(state.read.size() == 4);
    for (auto& [kind, read] : state.read)
      CHECK(read == *state.asked_at);
    CHECK(state.lacking.empty());
  }
}

TEST_CASE_METHOD(metadata_world, "twenty comments more are twenty rows and one changed",
                 "[metadata]") {
  sync();
  advance(1h);
  sync();
  auto before = database->metadata_writes;
  auto repo = model->ids()[0];
  advance(1h);
  model->add_comments(model->own(repo, "pull_requests").front(), 20, wall());
  sync();
  CHECK(database->metadata_writes == before + 21);
  check_truth();
}

TEST_CASE_METHOD(metadata_world, "a check of an open pull request is found though nothing moved",
                 "[metadata]") {
  sync();
  advance(1h);
  sync();
  auto before = database->metadata_writes;
  auto repo = model->ids()[0];
  auto& list = model->own(repo, "pull_requests");
  auto open =
      std::find_if(list.begin(), list.end(), [](auto& x) { return x->values["state"] == "OPEN"; });
  REQUIRE(open != list.end());
  advance(1h);
  model->add_check(*open, wall());
  SECTION("with them it is one row") {
    sync();
    CHECK(database->metadata_writes == before + 1);
    check_truth();
  }
  SECTION("without them it waits until the pull request moves") {
    auto reads = everything();
    reads.open_checks = false;
    use(reads);
    sync();
    CHECK(database->metadata_writes == before);
    model->move(*open, wall());
    sync();
    check_truth();
  }
}

TEST_CASE("a crash loses nothing, and what is stored is not read again", "[metadata]") {
  auto seed = GENERATE(range(1u, 9u));
  INFO("seed " << seed);
  metadata_world x{seed, 20};
  x.settings.query_width.count_max = 8; // many queries
  x.sync(2);
  auto undisturbed = x.model->requests.size();
  metadata_world y{seed, 20};
  y.settings.query_width.count_max = 8;
  std::mt19937 random{seed};
  size_t requests = 0;
  for (auto kill = 0; kill < 4; ++kill) {
    y.model->requests.clear();
    auto process = y.start(2);
    auto until = 1 + random() % (undisturbed / 4);
    y.advance_until([&] { return y.model->requests.size() >= until || y.finished; }, 24h);
    requests += y.model->requests.size();
    y.crash(process);
    if (random() % 2 == 0)
      y.model->mutate_metadata(y.wall(), 0.1);
  }
  auto end = y.sync(2);
  CHECK(end.run.state == "complete");
  // What moved while it was read turns up at once or in the next sync.
  y.advance(1h);
  y.sync(2);
  y.check_truth();
}

TEST_CASE_METHOD(metadata_world, "what GitHub cannot bear is asked for in smaller pieces",
                 "[metadata]") {
  auto heavy = model->ids()[0];
  std::map<std::string, uint32_t> largest;
  model->fails = [&](const api_request& request, const search_field& field) {
    auto own = request.shape == query_shape::metadata_list && field.metadata.parent.empty() &&
               field.ids.at(0) == heavy;
    if (own && field.metadata.first > 30)
      return field_error::resource_limit;
    if (own)
      largest[field.metadata.kinds[0]] =
          std::max(largest[field.metadata.kinds[0]], field.metadata.first);
    return field_error::none;
  };
  auto end = sync();
  CHECK(end.run.state == "complete");
  check_truth();
  CHECK(largest["issues"] > 15);
  // It is remembered, and tried again twice as large.
  auto state = to_list_state(database->watermarks.at({heavy, "issues"}));
  CHECK(state.page_sizes.at("issues") == 25);
}

TEST_CASE_METHOD(metadata_world, "a list that never comes is an error of its repository alone",
                 "[metadata]") {
  auto broken = model->ids()[0];
  auto error = GENERATE(field_error::transient, field_error::forbidden);
  model->fails = [&](const api_request& request, const search_field& field) {
    auto own = request.shape == query_shape::metadata_list && field.metadata.parent.empty() &&
               field.ids.at(0) == broken && field.metadata.kinds[0] == "issues";
    return own ? error : field_error::none;
  };
  auto end = sync();
  auto state = synced(broken);
  CHECK_FALSE(state.read.contains("issues"));
  CHECK(state.read.contains("pull_requests"));
  REQUIRE(state.lacking.size() == 1);
  CHECK_THAT(state.lacking["issues"].at(0), Catch::Contains("issues: " + to_string(error)));
  CHECK(end.run.state == "incomplete");
  CHECK(end.totals.expected == 30);
  CHECK(end.totals.seen == 29);
  CHECK_THAT(why_incomplete(*database),
             Catch::Contains(std::to_string(broken) + " issues: " + to_string(error)));
  // The next sync reads it.
  model->fails = {};
  CHECK(sync().run.state == "complete");
  check_truth();
  CHECK(synced(broken).read.contains("issues"));
  CHECK(synced(broken).lacking.empty());
}

TEST_CASE_METHOD(metadata_world, "a list that was cut short is never silent", "[metadata]") {
  model->shown_at_most["commits"] = 101;
  auto end = sync();
  CHECK(end.run.state == "incomplete");
  CHECK(end.totals.seen < 30);
  CHECK_THAT(why_incomplete(*database), Catch::Contains("only 101 of 1"));
  CHECK_THAT(why_incomplete(*database), Catch::Contains("commits of number "));
  // Nothing has moved, and it is as incomplete as it was.
  advance(1h);
  sync();
  advance(1h);
  auto again = sync();
  CHECK(again.run.state == "incomplete");
  CHECK(again.totals.seen == end.totals.seen);
}

TEST_CASE_METHOD(metadata_world, "a list that failed is asked for again though nothing moved",
                 "[metadata]") {
  auto [parent, kind] = GENERATE(table<std::string, std::string>({
      {"issues", "issue_comments"},
      {"pull_requests", "reviews"},
      {"reviews", "review_comments"},
  }));
  auto old_state = GENERATE(false, true);
  CAPTURE(parent, kind, old_state);
  model->fails = [&](const api_request&, const search_field& field) {
    auto failed = field.metadata.parent == parent && field.metadata.kinds[0] == kind;
    return failed ? field_error::forbidden : field_error::none;
  };
  auto end = sync();
  CHECK(end.run.state == "incomplete");
  CHECK_THAT(why_incomplete(*database), Catch::Contains(kind + " of number "));
  if (old_state)
    for (auto& [key, mark] : database->watermarks) {
      auto state = to_list_state(mark);
      state.unread.clear();
      mark = to_watermark(mark.repo_id, mark.kind, state);
    }
  model->fails = {};
  advance(1h);
  end = sync();
  CHECK(end.run.state == "complete");
  CHECK(end.totals.seen == 30);
  check_truth();
  advance(1h);
  sync();
  advance(1h);
  sync();
  CHECK(model->requests.size() == 1);
}

TEST_CASE_METHOD(metadata_world, "a list that failed is forgotten with what it hung on",
                 "[metadata]") {
  model->fails = [&](const api_request&, const search_field& field) {
    return field.metadata.parent == "issues" ? field_error::forbidden : field_error::none;
  };
  CHECK(sync().run.state == "incomplete");
  for (auto id : model->ids())
    std::erase_if(model->own(id, "issues"),
                  [](auto& x) { return !x->lists["issue_comments"].empty(); });
  advance(1h);
  CHECK(sync().run.state == "complete");
  check_truth();
}

TEST_CASE_METHOD(metadata_world, "an element that came as null is asked for until it comes",
                 "[metadata]") {
  std::string kind = GENERATE("issues", "pull_requests");
  auto place = GENERATE(0, 1, 2);
  CAPTURE(kind, place);
  auto& list = model->own(model->ids()[0], kind);
  auto& chosen = place == 0 ? list.front() : place == 1 ? list[list.size() / 2] : list.back();
  model->hidden = {chosen->node};
  for (auto i = 0; i < 2; ++i) {
    CHECK(sync().run.state == "incomplete");
    CHECK_THAT(why_incomplete(*database), Catch::Contains(kind + ": 1 came as null"));
    advance(1h);
  }
  model->hidden.clear();
  CHECK(sync().run.state == "complete");
  check_truth();
}

TEST_CASE_METHOD(metadata_world, "a list that is closed to us is no list without elements",
                 "[metadata]") {
  auto repo = model->ids()[0];
  SECTION("from the beginning") {}
  SECTION("when it was read before") {
    sync();
    advance(1h);
  }
  auto read_before = database->watermarks.contains({repo, whole_repository})
                         ? synced(repo).read
                         : std::map<std::string, timestamp>{};
  model->refused.insert({repo, "issues"});
  auto before = stored()["issues"];
  auto end = sync();
  CHECK(end.run.state == "incomplete");
  CHECK(end.totals.seen == 29);
  CHECK_THAT(why_incomplete(*database),
             Catch::Contains(std::to_string(repo) + " issues: closed to us"));
  for (auto& [key, row] : before)
    CHECK(stored()["issues"].contains(key));
  auto state = synced(repo);
  CHECK(state.lacking["issues"] == std::vector<std::string>{"issues: closed to us"});
  CHECK(state.read.contains("issues") == read_before.contains("issues"));
  if (read_before.contains("issues"))
    CHECK(state.read["issues"] == read_before["issues"]);
  model->refused.clear();
  advance(1h);
  CHECK(sync().run.state == "complete");
  check_truth();
}

TEST_CASE_METHOD(metadata_world, "what a list had that is switched off is gone", "[metadata]") {
  sync();
  auto repo = model->ids()[0];
  model->off.insert({repo, "issues"});
  advance(1h);
  CHECK(sync().run.state == "complete");
  auto& kind = *metadata::find_kind("issues");
  auto left = stored();
  REQUIRE_FALSE(left["issues"].empty()); // of other repositories
  for (auto& [key, row] : left["issues"])
    CHECK(value_of(row, kind, "repo_id") != std::to_string(repo));
  check_truth();
  advance(1h);
  sync();
  auto marks = list_marks();
  advance(1h);
  CHECK(sync().run.state == "complete");
  CHECK(list_marks() == marks);
  model->off.clear();
  advance(1h);
  CHECK(sync().run.state == "complete");
  check_truth();
}

TEST_CASE_METHOD(metadata_world, "a count that GitHub does not tell is no count of none",
                 "[metadata]") {
  sync();
  auto& list = model->own(model->ids()[0], "pull_requests");
  auto reviewed =
      std::find_if(list.begin(), list.end(), [](auto& x) { return !x->lists["reviews"].empty(); });
  REQUIRE(reviewed != list.end());
  advance(1h);
  model->move(*reviewed, wall());
  (*reviewed)->values.erase("review_count");
  CHECK(sync().run.state == "complete");
  check_truth();
}

TEST_CASE_METHOD(metadata_world, "only what is looked at while it is open is remembered as open",
                 "[metadata]") {
  sync();
  size_t open = 0;
  for (auto& [key, mark] : database->watermarks) {
    auto state = to_list_state(mark);
    open += state.open.size();
    CHECK((mark.kind == "pull_requests" || state.open.empty()));
  }
  CHECK(open > 10);
}

TEST_CASE_METHOD(metadata_world, "a repository that is gone is marked, and nobody misses it",
                 "[metadata]") {
  auto gone = model->ids()[3];
  model->closed.insert(gone);
  auto end = sync();
  CHECK(end.run.state == "complete");
  CHECK(end.totals.expected == 29);
  CHECK(end.totals.seen == 29);
  CHECK(database->gone == std::set<repo_id>{gone});
}

TEST_CASE_METHOD(metadata_world, "issues that were deleted are gone", "[metadata]") {
  sync();
  advance(1h);
  sync();
  auto& issues = model->own(model->ids()[0], "issues");
  auto before = database->metadata_gone["issues"].size();
  // One that is not the newest, so that nothing but the count shows it.
  issues.erase(issues.begin() + 5);
  advance(1h);
  CHECK(sync().run.state == "complete");
  CHECK(database->metadata_gone["issues"].size() == before + 1);
}

TEST_CASE_METHOD(metadata_world, "kinds that were not read before are read from the beginning",
                 "[metadata]") {
  auto few = everything();
  few.kinds = {"issues", "pull_requests"};
  use(few);
  sync();
  CHECK(stored().count("issue_comments") == 0);
  CHECK(asks_of("reviews") == 0);
  advance(1h);
  use(everything());
  CHECK(sync().run.state == "complete");
  check_truth();
}

TEST_CASE_METHOD(metadata_world, "comments of pull requests can be read without those of issues",
                 "[metadata]") {
  auto reads = everything();
  reads.skipped = {"issues.issue_comments"};
  use(reads);
  CHECK(sync().run.state == "complete");
  for (auto& node : model->asked)
    CHECK_FALSE(node.starts_with("I_"));
  CHECK(stored().count("issue_comments") == 1);
}

TEST_CASE_METHOD(metadata_world, "a cap reads what moved last", "[metadata]") {
  auto reads = everything();
  reads.most_items = 20;
  reads.most_children = 3;
  use(reads);
  CHECK(sync().run.state == "complete");
  auto found = stored();
  auto repo = model->ids()[0];
  std::map<std::string, int64_t> of_repo;
  std::map<std::string, int64_t> of_parent;
  auto& kind = *metadata::find_kind("issues");
  for (auto& [key, row] : found["issues"])
    of_repo[value_of(row, kind, "updated_at")] +=
        value_of(row, kind, "repo_id") == std::to_string(repo);
  int64_t total = 0;
  for (auto& [at, number] : of_repo)
    total += number;
  CHECK(total == 20);
  // None that is left out has moved later than one that is there.
  auto oldest = std::find_if(of_repo.begin(), of_repo.end(), [](auto& x) { return x.second > 0; });
  int64_t newer = 0;
  for (auto& x : model->own(repo, "issues"))
    newer += x->values["updated_at"] > oldest->first;
  CHECK(newer <= 20);
  auto& comments = *metadata::find_kind("issue_comments");
  for (auto& [key, row] : found["issue_comments"])
    ++of_parent[value_of(row, comments, "repo_id") + ' ' + value_of(row, comments, "number")];
  for (auto& [parent, number] : of_parent)
    CHECK(number <= 3);
}

TEST_CASE_METHOD(metadata_world, "a cap holds in every sync", "[metadata]") {
  auto repo = model->ids()[0];
  for (auto i = 0; i < 30; ++i)
    model->add_release(repo, wall() + std::chrono::seconds{i});
  auto reads = everything();
  reads.most_items = 20;
  use(reads);
  advance(1h);
  CHECK(sync().run.state == "complete");
  auto rows_of = [&](const std::string& name) {
    auto& kind = *metadata::find_kind(name);
    auto found = stored()[name];
    return std::count_if(found.begin(), found.end(), [&](auto& x) {
      return value_of(x.second, kind, "repo_id") == std::to_string(repo);
    });
  };
  for (auto kind : {"issues", "pull_requests", "releases"})
    CHECK(rows_of(kind) == 20);
  advance(1h);
  auto& issues = model->own(repo, "issues");
  issues.erase(issues.begin());
  auto& pull_requests = model->own(repo, "pull_requests");
  pull_requests.erase(pull_requests.begin());
  model->add_release(repo, wall());
  SECTION("a few that moved are added") {
    model->add_issue(repo, wall());
    model->move(pull_requests.front(), wall());
    CHECK(sync().run.state == "complete");
    CHECK(rows_of("issues") == 21);
    CHECK(rows_of("pull_requests") == 21);
    CHECK(rows_of("releases") == 21);
  }
  SECTION("of many, those that moved last") {
    for (size_t i = 0; i < 40; ++i)
      model->move(issues[i], wall() + std::chrono::seconds{i});
    CHECK(sync().run.state == "complete");
    CHECK(rows_of("issues") == 40);
    auto found = stored()["issues"];
    CHECK(std::any_of(found.begin(), found.end(), [&](auto& x) {
      return value_of(x.second, *metadata::find_kind("issues"), "number") ==
             issues[39]->values["number"];
    }));
  }
}

TEST_CASE_METHOD(metadata_world, "what has not moved since a time is left out", "[metadata]") {
  auto repo = model->ids()[0];
  std::vector<std::string> moved;
  for (auto& x : model->own(repo, "issues"))
    moved.push_back(x->values["updated_at"]);
  std::sort(moved.begin(), moved.end());
  auto reads = everything();
  reads.since = *parse_utc_text(moved[moved.size() / 2]);
  use(reads);
  CHECK(sync().run.state == "complete");
  auto truth = model->truth();
  for (const auto* kind : {metadata::find_kind("issues"), metadata::find_kind("pull_requests")}) {
    auto name = std::string{kind->name};
    std::erase_if(truth[name], [&](auto& x) {
      return *parse_utc_text(value_of(x.second, *kind, "updated_at")) < *reads.since;
    });
    CHECK(truth[name] == stored()[name]);
  }
}

TEST_CASE_METHOD(metadata_world, "a failing GitHub delays a sync, and no more", "[metadata]") {
  std::mt19937 random{7};
  model->change = [&](const api_request& request, api_response& response) {
    auto dice = random() % 10;
    if (dice == 0) {
      response = test::failure(outcome::timeout);
    } else if (dice == 1) {
      response = test::failure(outcome::resource_limit);
    } else if (dice == 2 && request.fields.size() > 1) {
      response.result = outcome::partial;
      for (auto& x : response.fields)
        if (random() % 3 == 0) {
          x = {};
          x.error = random() % 2 == 0 ? field_error::transient : field_error::resource_limit;
        }
    } else if (dice == 3 && request.shape == query_shape::metadata_probe) {
      response.result = outcome::partial;
      auto& x = response.fields[0];
      auto lost = static_cast<uint32_t>(random() % 50);
      std::erase_if(x.pages, [&](auto& page) { return page.node == lost; });
      x.lacking.push_back({lost, field_error::transient});
    }
  };
  auto end = sync();
  INFO(why_incomplete(*database));
  CHECK(end.run.state == "complete");
  check_truth();
}

TEST_CASE("the state of a repository survives the store", "[metadata]") {
  sync_state x;
  x.asked_at = timestamp{5s};
  x.read = {{"issues", timestamp{5s}}, {"releases", timestamp{3s}}};
  x.lacking = {{"releases", {"releases: closed to us", "\"x\""}}};
  CHECK(to_sync_state(to_watermark(1, x)) == x);
  CHECK(to_sync_state(to_watermark(1, {})) == sync_state{});
  CHECK(to_sync_state({1, whole_repository, timestamp{5s}, R"({"read": 7})"}) == sync_state{});
  CHECK(to_sync_state({1, whole_repository, timestamp{5s}, "{"}) == sync_state{});
}

TEST_CASE("the state of a list survives the store", "[metadata]") {
  list_state x;
  x.mark = timestamp{5s};
  x.settled = true;
  x.total = 1;
  x.top = 2;
  x.from = timestamp{3s};
  x.cap = 4;
  x.with = {"reviews"};
  x.open = {{"PR_1", 7}};
  x.large = {"PR_1"};
  x.cut = {{"commits of number 7", "only 250 of 300 came"}};
  x.unread = {{"commits of number 7", {"commits", "PR_1", 7}}};
  x.page_sizes = {{"issues", 50}};
  x.unfinished = true;
  x.after = "cursor \"x\"";
  x.newest = timestamp{9s};
  CHECK(to_list_state(to_watermark(1, "issues", x)) == x);
  CHECK(to_list_state(to_watermark(1, "issues", {})) == list_state{});
  CHECK(to_list_state({1, "issues", timestamp{5s}, "{\"total\": \"many\"}"}) == list_state{});
  CHECK(to_list_state({1, "issues", timestamp{5s}, R"({"unread":{"x":{}}})"}) == list_state{});
  auto older = to_list_state({1, "issues", timestamp{5s}, R"({"cut":{"x":"y"}})"});
  CHECK(older.cut.size() == 1);
  CHECK(older.mark == timestamp{5s});
}
