#include "tests/sim/fixture.hpp"

#include <catch2/catch.hpp>

using namespace gitstar::sim;
using namespace std::chrono_literals;
using test::header;
using test::kind;
using test::message;
namespace json = boost::json;

namespace {

constexpr const char* viewer_login = "{viewer{login}}";
constexpr const char* first_page =
    "{search(query:\"stars:>=0 sort:stars-desc\",type:REPOSITORY,first:100){repositoryCount "
    "pageInfo{endCursor hasNextPage} nodes{...on Repository{databaseId}}}}";
constexpr const char* next_page =
    "query($after:String){search(query:\"stars:>=0 sort:stars-desc\",type:REPOSITORY,first:100,"
    "after:$after){pageInfo{endCursor hasNextPage} nodes{...on Repository{databaseId}}}}";

/// A list of one fault.
std::string only(const std::string& fault) { return "  - { fault: " + fault + " }\n"; }

/// What an answer that replaces ours looks like.
struct row {
  const char* fault; ///< with its parameters
  int status;
  const char* content_type;
  const char* text; ///< in the body
  const char* retry_after;
  const char* remaining; ///< the header; empty: none
};

constexpr const char* json_type = "application/json; charset=utf-8";

constexpr row answers[] = {
    {"secondary_limit_200, retry_after: 9", 200, json_type, "exceeded a secondary rate limit", "9",
     "5000"},
    {"secondary_limit_403", 403, json_type, "exceeded a secondary rate limit", "", "5000"},
    {"secondary_limit_403, retry_after: 9", 403, json_type, "exceeded a secondary rate limit", "9",
     "5000"},
    {"secondary_limit_429, retry_after: 9", 429, json_type, "exceeded a secondary rate limit", "9",
     "5000"},
    {"secondary_limit_429", 429, json_type, "exceeded a secondary rate limit", "", "5000"},
    {"secondary_limit_html", 429, "text/html; charset=utf-8", "Whoa there!", "", "5000"},
    {"rate_limited", 200, json_type, "\"type\":\"RATE_LIMITED\"", "", "0"},
    {"rate_limit_code", 200, json_type, "\"code\":\"graphql_rate_limit\"", "", "0"},
    {"rate_limited_low", 200, json_type, "\"type\":\"RATE_LIMITED\"", "", "4"},
    {"timeout_502_json", 502, json_type, "Something went wrong while executing your query", "", ""},
    {"timeout_504_json", 504, json_type, "Something went wrong while executing your query", "", ""},
    {"timeout_502_html", 502, "text/html", "<title>502 Bad Gateway</title>", "", ""},
    {"timeout_502_unicorn", 502, "text/html", "Unicorn!", "", ""},
    {"timeout_200", 200, json_type, "Something went wrong while executing your query", "", "5000"},
    {"bad_credentials", 401, json_type, "Bad credentials", "", "0"},
    {"forbidden_html", 403, "text/html", "403 Forbidden", "", ""},
    {"blocked_451", 451, json_type, "\"reason\":\"dmca\"", "", "5000"},
    {"malformed_json", 200, json_type, "{\"data\":{\"viewer\":{\"login\"", "", "4999"},
    {"truncated_json", 200, json_type, "{\"data\":{\"vi", "", "4999"},
    {"wrong_content_type", 200, "text/html; charset=utf-8", "{\"data\":{\"viewer\"", "", "4999"},
    {"empty_body", 200, json_type, "", "", "4999"},
};

/// The ids on a page; 0 for a null.
std::vector<int64_t> ids_of(const json::value& answer) {
  std::vector<int64_t> out;
  for (const auto& node : answer.at("data").at("search").at("nodes").as_array())
    out.push_back(node.is_null() ? 0 : node.at("databaseId").as_int64());
  return out;
}

json::value page_after(test::site& sim, const json::value& before) {
  return sim.ask(next_page,
                 {{"after", before.at("data").at("search").at("pageInfo").at("endCursor")}});
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> out;
  for (size_t begin = 0; begin < text.size(); begin = text.find('\n', begin) + 1)
    out.push_back(text.substr(begin, text.find("\r\n", begin) - begin));
  return out;
}

} // namespace

TEST_CASE("an injected answer looks as GitHub's does", "[sim]") {
  for (const auto& want : answers) {
    INFO(want.fault);
    test::site sim{100};
    sim.set_faults(only(want.fault));
    auto answer = sim.post(viewer_login);
    CHECK(answer.status == want.status);
    CHECK(answer.content_type == want.content_type);
    CHECK(answer.body.find(want.text) != std::string::npos);
    CHECK(header(answer, "Retry-After") == want.retry_after);
    CHECK(header(answer, "X-RateLimit-Remaining") == want.remaining);
    CHECK_FALSE(header(answer, "X-GitHub-Request-Id").empty());
    CHECK(header(answer, "Date") == "Fri, 15 Jan 2027 08:00:00 GMT");
    CHECK(sim.violation("total") == 0);
    std::string name{want.fault};
    CHECK(sim.stats().at("faults").at(name.substr(0, name.find(','))) == 1);
  }
}

TEST_CASE("a spoiled body is no JSON", "[sim]") {
  for (auto fault : {"malformed_json", "truncated_json", "empty_body"}) {
    INFO(fault);
    test::site sim{100};
    sim.set_faults(only(fault));
    json::error_code error;
    json::parse(sim.post(viewer_login).body, error);
    CHECK(error);
    CHECK(sim.stats().at("points") == 1); // GitHub did the work all the same
  }
}

TEST_CASE("the low primary limit names 4 of 1,000 points", "[sim]") {
  test::site sim{100};
  sim.set_faults(only("rate_limited_low, times: 1"));
  auto answer = sim.post(viewer_login);
  CHECK(header(answer, "X-RateLimit-Limit") == "1000");
  CHECK(header(answer, "X-RateLimit-Reset") == "1800003600");
  CHECK(header(sim.post(viewer_login), "X-RateLimit-Remaining") == "4999");
}

TEST_CASE("an injected primary limit holds until the window ends", "[sim]") {
  test::site sim{100};
  sim.post(viewer_login);
  auto load = sim.request("POST", "/_sim/faults");
  load.body = "window_seconds: 2\nfaults: [{fault: rate_limit_code, times: 1}]";
  REQUIRE(sim.send(load).status == 200);
  CHECK(header(sim.post(viewer_login), "X-RateLimit-Reset") == "1800000002");
  CHECK(message(json::parse(sim.post(viewer_login).body)).find("exceeded") != std::string::npos);
  CHECK(sim.violation("total") == 0); // it was on its way
  sim.advance(1s);
  sim.post(viewer_login);
  CHECK(sim.violation("exhausted") == 1);
  sim.advance(1s);
  auto answer = sim.post(viewer_login);
  CHECK(header(answer, "X-RateLimit-Remaining") == "4999");
  CHECK(header(answer, "X-RateLimit-Reset") == "1800000004");
}

TEST_CASE("an announced ban is enforced once the client could know of it", "[sim]") {
  test::site sim{100};
  sim.set_faults(only("secondary_limit_200, times: 1, retry_after: 2"));
  CHECK(header(sim.post(viewer_login), "Retry-After") == "2");
  auto on_the_way = sim.post(viewer_login);
  CHECK(on_the_way.status == 403);
  CHECK(header(on_the_way, "Retry-After") == "2");
  CHECK(sim.violation("total") == 0);
  sim.advance(1s);
  CHECK(sim.post(viewer_login).status == 403);
  CHECK(sim.violation("ban") == 1);
  sim.advance(1s);
  CHECK(sim.post(viewer_login).status == 200);
  CHECK(sim.violation("total") == 1);
  CHECK(sim.stats().at("credentials").at(0).at("violations").at("ban") == 1);
}

TEST_CASE("a limit without retry-after is said and not enforced", "[sim]") {
  test::site sim{100};
  sim.set_faults(only("secondary_limit_403, times: 1"));
  CHECK(sim.post(viewer_login).status == 403);
  sim.advance(1s);
  CHECK(sim.post(viewer_login).status == 200);
  CHECK(sim.violation("total") == 0);
}

TEST_CASE("a fault strikes when its rule says so", "[sim]") {
  struct when {
    const char* rule;
    std::string struck; ///< request by request
  };
  const when table[] = {
      {"", "xxxxxxxx"},
      {", every: 3", "..x..x.."},
      {", times: 2", "xx......"},
      {", requests: [3, 5]", "..xxx..."},
      {", requests: [3, 8], every: 2", "...x.x.x"},
      {", seconds: [2, 4.5]", "..xxx..."},
      {", probability: 0", "........"},
      {", credential: token-1", "xxxxxxxx"},
      {", credential: another", "........"},
      {", endpoint: rest", "........"},
      {", endpoint: any", "xxxxxxxx"},
  };
  for (const auto& [rule, struck] : table) {
    INFO(rule);
    test::site sim{100};
    sim.post(viewer_login); // requests and seconds count from when the faults were loaded
    sim.advance(5s);
    sim.set_faults(only(std::string{"blocked_451"} + rule));
    std::string got;
    for (auto i = 0; i < 8; ++i) {
      got += sim.post(viewer_login).status == 451 ? 'x' : '.';
      sim.advance(1s);
    }
    CHECK(got == struck);
  }
}

TEST_CASE("chance replays with the same seed", "[sim]") {
  auto strikes = [](const char* seed) {
    test::site sim{100};
    auto load = sim.request("POST", "/_sim/faults");
    auto yaml = std::string{"seed: "} + seed +
                "\nfaults: [{fault: blocked_451, probability: 0.3}, {fault: delay, milliseconds: "
                "5, probability: 0.5}]";
    load.body = yaml;
    REQUIRE(sim.send(load).status == 200);
    std::string out;
    for (auto i = 0; i < 200; ++i) {
      auto answer = sim.post(viewer_login);
      out += answer.status == 451 ? 'x' : '.';
      out += answer.delivery.delay == 5ms ? 'd' : '.';
    }
    return out;
  };
  auto first = strikes("1");
  CHECK(first == strikes("1"));
  CHECK(first != strikes("2"));
  auto struck = std::count(first.begin(), first.end(), 'x');
  CHECK(struck > 40);
  CHECK(struck < 80);
}

TEST_CASE("faults are replaced as a whole, and bad ones are refused", "[sim]") {
  test::site sim{100};
  sim.set_faults(only("blocked_451"));
  CHECK(sim.post(viewer_login).status == 451);
  auto load = sim.request("POST", "/_sim/faults");
  struct bad {
    const char* yaml;
    const char* why;
  };
  const bad table[] = {
      {"faults: [{fault: nonsense}]", "faults:1: there is no fault 'nonsense'\n"},
      {"faults: [{every: 2}]", "faults:1: 'fault' is missing\n"},
      {"faults:\n- {fault: delay}", "faults:2: 'milliseconds' must be 1 or more\n"},
      {"faults: [{fault: stars, bytes: 1}]", "faults:1: 'bytes' is not known here\n"},
      {"faults: [{fault: blocked_451, probability: 2}]",
       "faults:1: 'probability' must be from 0 to 1\n"},
      {"faults: [{fault: blocked_451, every: 0}]", "faults:1: 'every' must be 1 or more\n"},
      {"faults: [{fault: blocked_451, requests: [2, 1]}]",
       "faults:1: 'requests' must be [first, last]\n"},
      {"faults: [{fault: blocked_451, every: x}]",
       "faults:1: 'every' has a value that it cannot have\n"},
      {"faults: [{fault: null_nodes, share: 0}]",
       "faults:1: 'share' must be above 0 and at most 1\n"},
      {"other: 1", "faults:1: 'other' is not known here\n"},
      {"window_seconds: 0", "faults:1: 'window_seconds' must be 1 or more\n"},
      {"faults: [", "faults:1: "},
  };
  for (const auto& [yaml, why] : table) {
    INFO(yaml);
    load.body = yaml;
    auto refused = sim.send(load);
    CHECK(refused.status == 400);
    CHECK(refused.body.starts_with(why));
    CHECK(sim.post(viewer_login).status == 451);
  }
  load.body = "";
  CHECK(sim.send(load).status == 200);
  CHECK(sim.post(viewer_login).status == 200);
}

TEST_CASE("the clock of the server may be off", "[sim]") {
  test::site sim{100};
  auto load = sim.request("POST", "/_sim/faults");
  load.body = "clock_offset: 120";
  sim.send(load);
  auto answer = sim.post("{rateLimit{resetAt}}");
  CHECK(header(answer, "Date") == "Fri, 15 Jan 2027 08:02:00 GMT");
  CHECK(header(answer, "X-RateLimit-Reset") == "1800003720");
  CHECK(answer.body == R"({"data":{"rateLimit":{"resetAt":"2027-01-15T09:02:00Z"}}})");
}

TEST_CASE("a query beyond the resources is answered in part", "[sim]") {
  test::site sim{2'000};
  sim.set_faults(only("resource_limit, fields: 150"));
  std::string pages = "{";
  for (auto name : {"a", "b"})
    pages += name + std::string{":search(query:\"stars:>=0 sort:stars\",type:REPOSITORY,first:100)"
                                "{nodes{...on Repository{databaseId}}}"};
  auto answer = sim.ask(pages + "}");
  auto nulls = [&](const char* alias) {
    const auto& nodes = answer.at("data").at(alias).at("nodes").as_array();
    return std::count(nodes.begin(), nodes.end(), nullptr);
  };
  CHECK(nulls("a") == 0);
  CHECK(nulls("b") == 52); // 2 searches and 148 items were within the budget
  CHECK(answer.at("errors").as_array().size() == 52);
  CHECK(kind(answer) == "RESOURCE_LIMITS_EXCEEDED");
  CHECK(json::serialize(answer.at("errors").at(0).at("path")) == R"(["b","nodes",48])");
  CHECK(sim.stats().at("resource_limits") == 1);
  CHECK_FALSE(sim.ask(first_page).as_object().contains("errors"));
}

TEST_CASE("opaque cursors lead through all pages, and only one after the other", "[sim]") {
  test::site sim{450};
  sim.set_faults(only("opaque_cursors"));
  auto page = sim.ask(first_page);
  std::set<int64_t> seen;
  for (;;) {
    for (auto id : ids_of(page))
      CHECK(seen.insert(id).second);
    const auto& info = page.at("data").at("search").at("pageInfo");
    auto cursor = base64_decode(json::value_to<std::string>(info.at("endCursor"))).value();
    CHECK(cursor.starts_with("cursor:v2:"));
    if (!info.at("hasNextPage").as_bool())
      break;
    page = page_after(sim, page);
  }
  auto first = sim.ask(first_page).at("data").at("search");
  CHECK(static_cast<int64_t>(seen.size()) == first.at("repositoryCount").as_int64());
  CHECK(kind(sim.ask(next_page, {{"after", base64_encode("cursor:100")}})) ==
        "INVALID_CURSOR_ARGUMENTS");
  auto other_search = sim.ask(
      "query($after:String){search(query:\"stars:>=1\",type:REPOSITORY,first:9,after:$after){"
      "nodes{__typename}}}",
      {{"after", first.at("pageInfo").at("endCursor")}});
  CHECK(kind(other_search) == "INVALID_CURSOR_ARGUMENTS");
}

TEST_CASE("counts are off by what is allowed, where they are large enough", "[sim]") {
  test::site sim{2'000};
  auto count = [&](const char* query) {
    return sim
        .ask("query($q:String!){search(query:$q,type:REPOSITORY,first:1){repositoryCount}}",
             {{"q", query}})
        .at("data")
        .at("search")
        .at("repositoryCount")
        .as_int64();
  };
  auto truth = count("fork:true");
  auto few = count("stars:>=1000 fork:true");
  REQUIRE(few < 500);
  sim.set_faults(only("count_error, share: 0.05, above: 500"));
  std::set<int64_t> seen;
  for (auto i = 0; i < 50; ++i) {
    auto got = count("fork:true");
    seen.insert(got);
    CHECK(std::abs(got - truth) <= truth / 20 + 1);
    CHECK(count("stars:>=1000 fork:true") == few);
  }
  CHECK(seen.size() > 10);
}

TEST_CASE("an item may show on two pages, and then another is missing", "[sim]") {
  test::site sim{2'000};
  auto first = sim.ask(first_page);
  auto second = ids_of(page_after(sim, first));
  sim.set_faults(only("duplicates"));
  CHECK(ids_of(sim.ask(first_page)) == ids_of(first));
  auto shifted = ids_of(page_after(sim, first));
  CHECK(shifted.size() == 100);
  CHECK(shifted[0] == ids_of(first)[99]);
  CHECK(std::equal(shifted.begin() + 1, shifted.end(), second.begin()));
}

TEST_CASE("items are null, with an error or without", "[sim]") {
  for (auto with_error : {false, true}) {
    test::site sim{2'000};
    sim.set_faults(
        only(with_error ? "null_nodes_with_error, share: 0.2" : "null_nodes, share: 0.2"));
    auto answer = sim.ask(first_page);
    auto ids = ids_of(answer);
    auto nulls = static_cast<size_t>(std::count(ids.begin(), ids.end(), 0));
    CHECK(ids.size() == 100);
    CHECK(nulls > 5);
    CHECK(nulls < 40);
    auto errors = answer.as_object().if_contains("errors");
    CHECK((errors != nullptr) == with_error);
    if (errors != nullptr)
      CHECK(errors->as_array().size() == nulls);
    // A page with errors is not answered yet.
    CHECK(sim.stats().at("search_pages") == (with_error ? 0 : 1));
  }
}

TEST_CASE("what moves during a crawl is on record", "[sim]") {
  test::site sim{500};
  auto before = lines_of(sim.text("/_sim/truth.csv"));
  sim.set_faults("  - { fault: stars, requests: [2, 2], count: 20, by: 3 }\n"
                 "  - { fault: rename, requests: [3, 3] }\n"
                 "  - { fault: transfer, requests: [4, 4] }\n"
                 "  - { fault: delete, requests: [5, 5], count: 2 }\n"
                 "  - { fault: create, requests: [6, 6], count: 3 }\n");
  for (auto i = 0; i < 7; ++i)
    sim.post(viewer_login);
  auto changes = lines_of(sim.text("/_sim/changes.csv"));
  REQUIRE(changes.size() > 20);
  CHECK(changes[0] == "request,kind,repo_id,old,new");
  auto count = [&](const char* begin) {
    return std::count_if(changes.begin(), changes.end(),
                         [&](const auto& line) { return line.starts_with(begin); });
  };
  CHECK(count("2,stars,") > 10);
  CHECK(count("3,rename,") == 1);
  CHECK(count("4,transfer,") == 1);
  CHECK(count("5,delete,") == 2);
  CHECK(count("6,create,") == 3);
  CHECK(sim.stats().at("changes") == changes.size() - 1);
  auto after = lines_of(sim.text("/_sim/truth.csv"));
  CHECK(after.size() == before.size() - 2 + 3);
  // Every row that differs is on record.
  std::set<std::string> moved;
  for (const auto& line : changes)
    moved.insert(line.substr(line.find(',', line.find(',') + 1) + 1).substr(0, 3));
  std::set<std::string> known{before.begin(), before.end()};
  for (const auto& line : after)
    if (!known.contains(line))
      CHECK(moved.contains(line.substr(0, 3)));
  sim.send(sim.request("POST", "/_sim/reset"));
  CHECK(lines_of(sim.text("/_sim/changes.csv")).size() == 1);
}

TEST_CASE("a created repository is the newest, and its search finds it", "[sim]") {
  test::site sim{500};
  sim.set_faults(only("create, times: 1"));
  sim.post(viewer_login);
  auto found = lines_of(sim.text("/_sim/truth.csv?query=created:%3E=2027-01-15T08:00:00Z"));
  REQUIRE(found.size() == 2);
  auto id = found[1].substr(0, found[1].find(','));
  CHECK(json::parse(sim.get("/repositories/" + id).body).at("created_at") ==
        "2027-01-15T08:00:00Z");
  CHECK(sim.get("/repositories?since=" + std::to_string(std::stoll(id) - 1))
            .body.starts_with("[{\"id\":" + id));
}

TEST_CASE("a renamed and a transferred repository answer to their old names", "[sim]") {
  test::site sim{500};
  sim.set_faults("  - { fault: rename, times: 1 }\n  - { fault: transfer, times: 1 }\n");
  sim.post(viewer_login);
  auto changes = lines_of(sim.text("/_sim/changes.csv"));
  REQUIRE(changes.size() == 3);
  for (size_t i = 1; i < changes.size(); ++i) {
    auto new_name = changes[i].substr(changes[i].rfind(',') + 1);
    auto rest = changes[i].substr(0, changes[i].rfind(','));
    auto old_name = rest.substr(rest.rfind(',') + 1);
    CHECK(old_name != new_name);
    CHECK(sim.get("/repos/" + old_name).status == 301);
    CHECK(sim.get("/repos/" + new_name).status == 200);
  }
}

TEST_CASE("an answer that is lost on its way is no answered page", "[sim]") {
  for (auto fault : {"reset_mid_body", "truncated_json", "reset_before_answer"}) {
    INFO(fault);
    test::site sim{500};
    sim.set_faults(only(std::string{fault} + ", times: 1"));
    sim.post(first_page);
    CHECK(sim.stats().at("search_pages") == 0);
    sim.post(first_page);
    CHECK(sim.stats().at("search_pages") == 1);
    CHECK(sim.stats().at("repeated_pages") == 0);
  }
}

TEST_CASE("all storms can be read, and know what they mean", "[sim]") {
  std::set<std::string_view> names;
  for (const auto& storm : storms()) {
    INFO(storm.name);
    names.insert(storm.name);
    CHECK_FALSE(storm.meaning.empty());
    CHECK_NOTHROW(parse_faults(std::string{storm.yaml}, std::string{storm.name}));
  }
  CHECK(names ==
        std::set<std::string_view>{"calm", "flaky", "hostile", "limits", "moving", "outage"});
  CHECK(find_storm("calm") != nullptr);
  CHECK(find_storm("tempest") == nullptr);
}
