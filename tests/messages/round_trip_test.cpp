// A message whose `inspect` forgets a field works inside one process and loses it between nodes.

#include "messages/cluster.hpp"
#include "tests/virtual_time.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace std::chrono_literals;

namespace {

timestamp at(int64_t second) { return timestamp{std::chrono::seconds{second}}; }

class serialization : public test::virtual_time {
public:
  template <class T>
  T round_trip(T x) {
    std::vector<char> bytes;
    caf::binary_serializer sink{sys, bytes};
    if (auto failure = sink(x))
      throw std::runtime_error(sys.render(failure));
    T result{};
    caf::binary_deserializer source{sys, bytes};
    if (auto failure = source(result))
      throw std::runtime_error(sys.render(failure));
    return result;
  }

  /// The same inside a message, as it travels between nodes: this needs the type ID.
  template <class T>
  T sent(T x) {
    caf::message message = round_trip(caf::make_message(x));
    if (!message.match_elements<T>())
      throw std::runtime_error("the message holds something else: " + caf::to_string(message));
    return message.get_as<T>(0);
  }

  template <class T>
  void check(const T& x) {
    CHECK(round_trip(x) == x);
    CHECK(sent(x) == x);
    CHECK(round_trip(T{}) == T{});
  }
};

repository full_repository() {
  repository x;
  x.repo_id = int64_t{1} << 40;
  x.full_name = "owner/name";
  x.star_count = 1;
  x.fork_count = 2;
  x.open_issue_count = 3;
  x.watcher_count = 4;
  x.language = "C++";
  x.license = "mit";
  x.description = "\xf0\x9f\x90\x99 text";
  x.is_fork = true;
  x.is_archived = true;
  x.is_disabled = true;
  x.visibility = "public";
  x.disk_usage_kb = 5;
  x.created_at = at(6);
  x.updated_at = at(7);
  x.pushed_at = at(8);
  return x;
}

rate_limit full_rate_limit() { return {true, false, 5000, 4999, 3, at(9)}; }

metadata_row full_metadata_row() { return {{std::string{"1"}, caf::none, std::string{}}}; }

metadata_list full_metadata_list() {
  return {"reviews", {"repo_id", "number"}, {"1", "2"}, {full_metadata_row()}};
}

metadata_ask full_metadata_ask() {
  return {{"commits", "pull_request_commits"},
          "pull_requests",
          {"PR_1"},
          true,
          true,
          7,
          true,
          "c",
          at(5)};
}

metadata_page full_metadata_page() {
  return {1,
          "issues",
          true,
          true,
          2,
          3,
          "c",
          true,
          4,
          true,
          "C_1",
          at(5),
          {{"commits", {full_metadata_row()}}},
          {"n"}};
}

metadata_plan full_metadata_plan() {
  return {{"issues"}, {"issues.issue_comments"}, at(1), 2, 3, false};
}

field_answer full_field_answer() {
  return {field_error::forbidden,
          "no",
          12,
          "abc",
          true,
          3,
          {full_repository(), {}},
          {{4, field_error::not_found}},
          {5, 0},
          {full_metadata_page(), {}}};
}

partition full_partition() {
  partition x;
  x.id = 1;
  x.parent_id = 2;
  x.description = "stars:>=3";
  x.state = partition_state::incomplete;
  x.expected = 4;
  x.seen = 5;
  x.duplicates = 6;
  x.lease = 7;
  x.attempts = 8;
  x.pass = 9;
  x.pages_done = 10;
  x.cursor = "eleven";
  x.seen_ids = {12, 13};
  x.reason = "fourteen";
  return x;
}

crawl full_crawl() { return {1, 2, "name", "source", "running", at(3), 4, true, at(5)}; }

certificate full_certificate() { return {1, 2, 3, 4, 5, 6, 7, 8, 9}; }

budget_record full_budget_record() {
  return {"token-1", resource::core,
          false,     5000,
          17,        at(1),
          at(2),     int64_t{1} << 40,
          at(3),     18,
          true,      4,
          at(4),     5,
          at(6),     1999,
          59s,       100,
          6s};
}

budget_view full_budget_view() {
  return {"token-1", resource::core, "octocat", true, false, true, 5000, 17, at(1), at(2), 18};
}

width_record full_width_record() { return {query_shape::search_page, "classic", 9}; }

lease full_lease() {
  return {1,
          2,
          full_partition(),
          query_shape::nodes,
          {"a", "b"},
          cursor_mode::serial,
          false,
          {"c", "d"},
          false,
          id_listing::automatic,
          full_metadata_plan()};
}

} // namespace

TEST_CASE_METHOD(serialization, "a search field survives serialization", "[messages]") {
  check(search_field{"stars:>1", "Y3Vyc29yOjE="});
  check(search_field{"", "", {1, int64_t{1} << 40}});
  check(search_field{"", "", {1}, full_metadata_ask()});
}

TEST_CASE_METHOD(serialization, "a node without a repository survives serialization",
                 "[messages]") {
  check(lacking_node{7, field_error::not_found});
}

TEST_CASE_METHOD(serialization, "a selection of known repositories survives serialization",
                 "[messages]") {
  check(known_selection{1, 2, 3, int64_t{1} << 40});
  check(known_selection{0, 0, 0, 0, "star_count > 10"});
}

TEST_CASE_METHOD(serialization, "an error record survives serialization", "[messages]") {
  error_record x{"timeout", "502 Bad Gateway", int64_t{1} << 40, timestamp{}};
  x.at += std::chrono::seconds{1'795'176'000};
  check(x);
  check(std::vector<error_record>{x, {}});
}

TEST_CASE_METHOD(serialization, "an API request survives serialization", "[messages]") {
  check(api_request{query_shape::search_page, "token-1", {{"a", "b"}, {"c", ""}}});
  check(api_request{query_shape::search_count, "token-1", {}, true});
}

TEST_CASE_METHOD(serialization, "a repository survives serialization", "[messages]") {
  check(full_repository());
  auto bare = full_repository();
  bare.language = caf::none;
  bare.license = caf::none;
  bare.description = caf::none;
  bare.disk_usage_kb = caf::none;
  bare.pushed_at = caf::none;
  check(bare);
}

TEST_CASE_METHOD(serialization, "a field answer survives serialization", "[messages]") {
  check(full_field_answer());
}

TEST_CASE_METHOD(serialization, "a rate limit survives serialization", "[messages]") {
  check(full_rate_limit());
}

TEST_CASE_METHOD(serialization, "a viewer survives serialization", "[messages]") {
  check(viewer{int64_t{1} << 40, "octocat"});
}

TEST_CASE_METHOD(serialization, "an API response survives serialization", "[messages]") {
  api_response x{outcome::partial,
                 403,
                 "message",
                 "id",
                 60s,
                 full_rate_limit(),
                 -3s,
                 45ms,
                 uint64_t{1} << 33,
                 viewer{1, "octocat"},
                 {}};
  x.fields = {full_field_answer(), {}};
  check(x);
  x.retry_after = caf::none;
  x.server_clock_skew = caf::none;
  check(x);
}

TEST_CASE_METHOD(serialization, "a permit survives serialization", "[messages]") {
  check(permit{uint64_t{1} << 63, "token-1", 9, true});
}

TEST_CASE_METHOD(serialization, "a query report survives serialization", "[messages]") {
  query_report x{1,
                 2,
                 outcome::secondary_limit,
                 "slow down",
                 61s,
                 full_rate_limit(),
                 7ms,
                 viewer{1, "octocat"},
                 -120s};
  check(x);
  x.retry_after = caf::none;
  x.server_clock_skew = caf::none;
  check(x);
}

TEST_CASE_METHOD(serialization, "the bucket's status survives serialization", "[messages]") {
  check(full_budget_view());
  bucket_status x;
  x.budgets = {full_budget_view(), {}};
  x.in_flight = 1;
  x.waiting = 2;
  x.breaker = "half-open";
  x.waiting_for = "a ban";
  x.requests = 3;
  x.points = 4;
  x.listings = 2;
  x.retries = 5;
  x.count_fields = 6;
  x.page_fields = 7;
  x.page_queries = 8;
  x.widths = {full_width_record()};
  x.errors = {{"timeout", 9}};
  check(x);
}

TEST_CASE_METHOD(serialization, "a partition survives serialization", "[messages]") {
  check(full_partition());
  check(std::vector<partition>{full_partition(), {}});
}

TEST_CASE_METHOD(serialization, "a lease survives serialization", "[messages]") {
  check(full_lease());
  check(std::vector<lease>{full_lease(), {}});
}

TEST_CASE_METHOD(serialization, "the results of leases survive serialization", "[messages]") {
  check(count_result{1, 2, {3, 4}});
  check(lease_result{full_partition(), true});
  check(lease_result{full_partition(), false});
  check(lease_result{full_partition(), caf::none});
}

TEST_CASE_METHOD(serialization, "metadata survives serialization", "[messages]") {
  check(full_metadata_row());
  check(metadata_rows{"issues", {full_metadata_row(), {}}});
  check(full_metadata_list());
  check(full_metadata_ask());
  check(full_metadata_page());
  check(full_metadata_plan());
  check(metadata_watermark{int64_t{1} << 40, "issues", at(1), "{\"a\":2}"});
  check(std::vector<metadata_watermark>{{1, "issues", caf::none, "{}"}, {}});
}

TEST_CASE_METHOD(serialization, "crawls and their progress survive serialization", "[messages]") {
  check(full_crawl());
  check(full_certificate());
  check(crawl_progress{full_crawl(), full_certificate(), "crawling", 1, 2, 3});
}

TEST_CASE_METHOD(serialization, "a batch and its receipt survive serialization", "[messages]") {
  batch x{1, 2, at(3), {full_repository()}, {full_partition()}, int64_t{4}, {5, 6}};
  check(x);
  x.threshold = caf::none;
  check(x);
  x.metadata = {{"issues", {full_metadata_row(), {}}}, {}};
  x.lists = {full_metadata_list(), {}};
  x.watermarks = {{1, "issues", at(2), "{}"}, {}};
  check(x);
  check(batch_receipt{1, 2, 3, 4, 5ms, 6, 7, 8, 9});
}

TEST_CASE_METHOD(serialization, "budget records survive serialization", "[messages]") {
  check(full_budget_record());
  check(std::vector<budget_record>{full_budget_record(), {}});
}

TEST_CASE_METHOD(serialization, "learned widths survive serialization", "[messages]") {
  check(full_width_record());
  check(std::vector<width_record>{full_width_record(), {}});
}

TEST_CASE_METHOD(serialization, "query shapes survive serialization", "[messages]") {
  check(query_shape::search_count);
  check(query_shape::search_page);
  check(query_shape::nodes);
  check(query_shape::owner_page);
}

TEST_CASE_METHOD(serialization, "a named actor keeps its name and handle", "[messages]") {
  auto listen = [](caf::event_based_actor*, int) -> caf::behavior { return {[](int) {}}; };
  auto somebody = spawn(listen, 1);
  check(named_actor{"somebody", caf::actor_cast<caf::actor>(somebody)});
  check(std::vector<named_actor>{{"somebody", caf::actor_cast<caf::actor>(somebody)}, {}});
}

TEST_CASE_METHOD(serialization, "an error keeps its code and its words", "[messages]") {
  auto x = caf::make_error(errc::bad_config, std::string{"crawl.top: too much"});
  auto y = round_trip(x);
  CHECK(y == x);
  CHECK(describe(y) == "crawl.top: too much");
}

TEST_CASE_METHOD(serialization, "what a worker says survives serialization", "[messages]") {
  check(worker_greeting{"w-1", "top", "search", {"token-1", "app-2"}});
  worker_news x;
  x.permits = {{query_shape::search_page, 3}, {query_shape::search_count, 1}};
  query_report report;
  report.permit_id = 1;
  report.fields = 2;
  report.result = outcome::secondary_limit;
  report.message = "slow down";
  report.retry_after = 60s;
  report.limits = full_rate_limit();
  report.elapsed = 3ms;
  report.identity = viewer{4, "somebody"};
  report.server_clock_skew = 5s;
  x.reports = {report, {}};
  x.unused_permits = {6, 7};
  x.lost_permits = {8};
  x.pages = 9;
  x.counts = 10;
  x.waiting_leases = 11;
  x.leases_at_once = 12;
  x.counted = {{1, 2, {3, 4}}};
  x.done = {{full_partition(), true}};
  x.returned = {{full_partition(), "timeout"}};
  x.lost_leases = {{13, 14}};
  check(x);
}

TEST_CASE_METHOD(serialization, "what a coordinator says survives serialization", "[messages]") {
  grant_block x;
  x.permits = {{query_shape::search_page, {{1, "token-1", 2, true}, {}}}};
  x.leases = {full_lease(), {}};
  x.waited = 3;
  x.at_once = true;
  x.over = true;
  x.drain = true;
  x.finished = true;
  check(x);
  check(cluster_status{1, 2, 3, 4});
}
