/// Metadata in its tables: every value comes back, least writes by PostgreSQL's own count, what
/// goes and comes back, and the fence.
#include "db/metadata_store.hpp"
#include "db/migrations.hpp"
#include "messages/metadata/registry.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

#include <map>
#include <optional>
#include <sstream>
#include <thread>

using namespace gitstar;
using namespace gitstar::test;
using namespace std::chrono_literals;
using Catch::Contains;
using metadata::column_type;

namespace {

constexpr int64_t noon = 1'795'176'000; // 2026-11-20 12:00:00 UTC

/// The values of one element by column, the others being such as fit everywhere.
using values = std::map<std::string, optional<std::string>>;

std::string plain_value(column_type type) {
  switch (type) {
  case column_type::bigint:
  case column_type::integer:
    return "1";
  case column_type::boolean:
    return "f";
  case column_type::text:
    return "text";
  case column_type::text_array:
    return "{}";
  case column_type::timestamptz:
    return "2026-01-02T03:04:05Z";
  }
  return {};
}

metadata_row make_row(const metadata::kind& of, const values& chosen) {
  metadata_row result;
  for (const auto& x : of.columns) {
    auto i = chosen.find(std::string{x.name});
    result.values.push_back(i == chosen.end() ? plain_value(x.type) : i->second);
  }
  return result;
}

metadata_row make_row(const std::string& kind, const values& chosen) {
  return make_row(*metadata::find_kind(kind), chosen);
}

std::string text_of(const metadata_row& row) {
  std::string result;
  for (const auto& x : row.values)
    result += x ? '[' + *x + ']' : "null ";
  return result;
}

std::string text_of(const metadata_rows& rows) {
  std::string result = rows.kind + '\n';
  for (const auto& x : rows.rows)
    result += text_of(x) + '\n';
  return result;
}

class with_metadata : public with_store {
public:
  with_metadata() : reader(connection_string()) {}

  batch findings(int64_t seconds = noon) const {
    batch result;
    result.crawl_id = current.id;
    result.epoch = current.epoch;
    result.observed_at = at(seconds);
    return result;
  }

  void add_repositories(repo_id first, repo_id last) {
    auto work = findings();
    for (auto id = first; id <= last; ++id)
      work.rows.push_back(make_repository(id));
    store.write(work);
  }

  batch_receipt write(const std::string& kind, std::vector<metadata_row> rows,
                      int64_t seconds = noon) {
    auto work = findings(seconds);
    work.metadata = {{kind, std::move(rows)}};
    return store.write(work);
  }

  batch_receipt write_lists(std::vector<metadata_list> lists, int64_t seconds = noon) {
    auto work = findings(seconds);
    work.lists = std::move(lists);
    return store.write(work);
  }

  /// What is there of repository 1, by key, in the text form of rows.
  metadata_rows stored(const std::string& kind) {
    const auto& of = *metadata::find_kind(kind);
    std::string columns;
    for (const auto& x : of.columns) {
      std::string name{x.name};
      columns += (columns.empty() ? "" : ", ");
      columns += x.type == column_type::timestamptz
                     ? "to_char(" + name + " at time zone 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')"
                     : name;
    }
    metadata_rows result{kind, {}};
    for (const auto& row : ask("select " + columns + " from " + kind + " where repo_id = 1" +
                               (of.can_go ? " and gone_at is null" : "") + " order by " +
                               std::string{of.key.back()})) {
      auto& row_values = result.rows.emplace_back().values;
      for (const auto& field : row)
        row_values.push_back(field.is_null() ? optional<std::string>{}
                                             : optional<std::string>{field.as<std::string>()});
    }
    return result;
  }

  /// The keys of what is gone, and when.
  std::string gone(const std::string& table, const std::string& key) {
    return value<std::string>(
        "select coalesce(string_agg(" + key +
        "::text || '@' || extract(epoch from gone_at)::bigint, ' ' order by " + key +
        "), '') from " + table + " where gone_at is not null");
  }

  db::metadata_store reader;
};

metadata_list whole_list(const std::string& kind, std::vector<std::string> link,
                         std::vector<std::string> parent, const std::vector<std::string>& keys) {
  metadata_list result{kind, std::move(link), std::move(parent), {}};
  for (const auto& x : keys)
    result.keys.push_back({{x}});
  return result;
}

} // namespace

TEST_CASE_METHOD(with_metadata, "each kind has the table that its description says", "[metadata]") {
  for (const auto* kind : metadata::all_kinds()) {
    INFO(kind->name);
    std::string described;
    auto add = [&](std::string_view name, std::string_view type, bool nullable) {
      described.append(name).append(" ").append(type).append(nullable ? " null\n" : "\n");
    };
    for (const auto& x : kind->columns)
      add(x.name,
          x.type == column_type::timestamptz ? "timestamp with time zone" : to_string(x.type),
          x.nullable);
    add("crawled_at", "timestamp with time zone", false);
    if (kind->can_go)
      add("gone_at", "timestamp with time zone", true);
    auto found = value<std::string>(
        "select string_agg(attname || ' ' || format_type(atttypid, atttypmod) || "
        "case when attnotnull then e'\\n' else e' null\\n' end, '' order by attnum) "
        "from pg_attribute where attrelid = '" +
        std::string{kind->name} + "'::regclass and attnum > 0 and not attisdropped");
    CHECK(found == described);
  }
}

TEST_CASE_METHOD(with_metadata, "every value of every kind comes back as it was written",
                 "[metadata]") {
  add_repositories(1, 1);
  // Text that fits every text column, in PostgreSQL's own form where it is an array.
  const std::vector<std::pair<std::string, std::string>> texts{
      {"🚀 naïve e\u0301 漢字 👩‍👩‍👧", R"({漢字,"naïve 🚀"})"},
      {R"(it's "quoted" \back\slash\ {braces}, commas, NULL $1 \N)",
       R"({"","\"quoted\"","NULL","a,b","back\\slash","{braces}"})"},
      {"tab\there\r\nnew line \x01\x7f", "{\"tab\there\",\"new\nline\"}"},
      {std::string(70'000, 'x'), "{" + std::string(5'000, 'y') + "}"},
  };
  for (const auto* kind : metadata::all_kinds()) {
    INFO(kind->name);
    metadata_rows rows{std::string{kind->name}, {}};
    auto keyed = [&](values chosen) {
      auto id = std::to_string(rows.rows.size() + 1);
      for (auto name : kind->key)
        chosen[std::string{name}] = name == "repo_id" ? "1" : id;
      chosen["repo_id"] = std::string{"1"};
      rows.rows.push_back(make_row(*kind, chosen));
    };
    for (const auto& [text, array] : texts) {
      values chosen;
      for (const auto& x : kind->columns)
        if (x.type == column_type::text)
          chosen[std::string{x.name}] = text;
        else if (x.type == column_type::text_array)
          chosen[std::string{x.name}] = array;
      keyed(chosen);
    }
    values bare;
    values empty;
    values extreme;
    for (const auto& x : kind->columns) {
      std::string name{x.name};
      if (x.nullable)
        bare[name] = caf::none;
      // What GitHub has a list of is never empty.
      auto listed = name.find("state") != std::string::npos || name == "author_association" ||
                    name == "status" || name == "conclusion" || name == "review_decision";
      if (x.type == column_type::text && !listed)
        empty[name] = std::string{};
      if (x.type == column_type::bigint)
        extreme[name] = std::string{"9223372036854775807"};
      if (x.type == column_type::integer)
        extreme[name] = std::string{"-2147483648"};
      if (x.type == column_type::boolean)
        extreme[name] = std::string{"t"};
      if (x.type == column_type::timestamptz)
        extreme[name] = std::string{"9999-12-31T23:59:59Z"};
    }
    keyed(bare);
    keyed(empty);
    keyed(extreme);
    auto receipt = write(rows.kind, rows.rows);
    CHECK(receipt.items == 7);
    CHECK(receipt.items_inserted == 7);
    CHECK(receipt.items_updated == 0);
    CHECK(text_of(stored(rows.kind)) == text_of(rows));
    auto versions =
        "select string_agg(concat_ws(' ', xmin, xmax, ctid), ',' order by ctid) from " + rows.kind;
    auto before = value<std::string>(versions);
    auto again = write(rows.kind, rows.rows, noon + 60);
    CHECK(again.items == 7);
    CHECK(again.items_inserted + again.items_updated == 0);
    CHECK(value<std::string>(versions) == before);
  }
}

TEST_CASE_METHOD(with_metadata, "any column that differs updates the row, and no other row",
                 "[metadata]") {
  add_repositories(1, 1);
  for (const auto* kind : metadata::all_kinds()) {
    std::string name{kind->name};
    auto first = make_row(*kind, {});
    auto other = first;
    auto key = metadata::column_index(*kind, kind->key.back()).value();
    other.values[key] = std::string{"2"};
    write(name, {first, other});
    for (std::size_t i = 0; i < kind->columns.size(); ++i) {
      const auto& x = kind->columns[i];
      INFO(name << '.' << x.name);
      if (x.name == "repo_id" || x.sticky ||
          std::find(kind->key.begin(), kind->key.end(), x.name) != kind->key.end())
        continue;
      auto changed = first;
      changed.values[i] = x.type == column_type::boolean       ? "t"
                          : x.type == column_type::text_array  ? "{b}"
                          : x.type == column_type::timestamptz ? "2026-01-02T03:04:06Z"
                                                               : "7";
      auto receipt = write(name, {changed, other}, noon + static_cast<int64_t>(i));
      CHECK(receipt.items_inserted == 0);
      CHECK(receipt.items_updated == 1);
      CHECK(value<int64_t>("select count(*) from " + name + " where crawled_at = to_timestamp(" +
                           std::to_string(noon + static_cast<int64_t>(i)) + ')') == 1);
      if (x.nullable) {
        changed.values[i] = caf::none;
        CHECK(write(name, {changed}).items_updated == 1);
      }
      CHECK(write(name, {first}).items_updated == 1);
    }
  }
}

TEST_CASE_METHOD(with_metadata, "of an element that a batch repeats the last one counts",
                 "[metadata]") {
  add_repositories(1, 1);
  auto work = findings();
  work.metadata = {{"issues", {make_row("issues", {{"title", std::string{"first"}}})}},
                   {"issues",
                    {make_row("issues", {{"title", std::string{"second"}}}),
                     make_row("issues", {{"title", std::string{"third"}}})}}};
  auto receipt = store.write(work);
  CHECK(receipt.items == 1);
  CHECK(receipt.items_inserted == 1);
  CHECK(value<std::string>("select title from issues") == "third");
}

TEST_CASE_METHOD(with_metadata, "words that GitHub adds to a list are stored", "[metadata]") {
  add_repositories(1, 1);
  write("issues", {make_row("issues", {{"state", std::string{"SOMETHING_NEW"}}})});
  CHECK(value<std::string>("select state from issues") == "SOMETHING_NEW");
  CHECK_THROWS_WITH(write("issues", {make_row("issues", {{"state", std::string{}}})}),
                    Contains("issues_state_check"));
}

TEST_CASE_METHOD(with_metadata, "metadata of an unknown repository is refused", "[metadata]") {
  CHECK_THROWS_WITH(write("issues", {make_row("issues", {})}), Contains("issues_repo_id_fkey"));
  // Together with the repository it is welcome.
  auto work = findings();
  work.rows = {make_repository(1)};
  work.metadata = {{"issues", {make_row("issues", {})}}};
  CHECK(store.write(work).items_inserted == 1);
}

TEST_CASE_METHOD(with_metadata, "rows that do not fit their kind are refused", "[metadata]") {
  add_repositories(1, 1);
  CHECK_THROWS_WITH(write("stargazers", {}), Contains("no kind of metadata 'stargazers'"));
  CHECK_THROWS_WITH(write("issues", {{{std::string{"1"}}}}), Contains("has 1 values, not 18"));
  CHECK_THROWS_WITH(write("issues", {make_row("issues", {{"issue_id", caf::none}})}),
                    Contains("has no issue_id"));
  CHECK_THROWS_WITH(write_lists({whole_list("commits", {"repo_id"}, {"1"}, {})}),
                    Contains("never goes"));
  CHECK(value<int64_t>("select count(*) from issues") == 0);
}

TEST_CASE_METHOD(with_metadata, "an older epoch writes nothing", "[metadata]") {
  add_repositories(1, 1);
  auto work = findings();
  work.metadata = {{"issues", {make_row("issues", {})}}};
  work.watermarks = {{1, "issues", at(noon), "{}"}};
  store.open_crawl({"stars", "search stars:>=10"});
  CHECK_THROWS_AS(store.write(work), db::fenced_error);
  CHECK(value<int64_t>("select count(*) from issues") == 0);
  CHECK(value<int64_t>("select count(*) from metadata_watermarks") == 0);
}

TEST_CASE_METHOD(with_metadata, "rows, progress and watermarks are committed together or not",
                 "[metadata]") {
  add_repositories(1, 1);
  partition part;
  part.id = 5;
  part.description = "metadata 1";
  auto work = findings();
  work.partitions = {part};
  work.metadata = {{"issues", {make_row("issues", {})}},
                   {"reviews", {make_row("reviews", {{"number", std::string{"no number"}}})}}};
  work.watermarks = {{1, "issues", at(noon), "{}"}};
  CHECK_THROWS_AS(store.write(work), db::store_error);
  auto counts = "select (select count(*) from issues) || ' ' || (select count(*) from "
                "metadata_watermarks) || ' ' || (select count(*) from partitions)";
  CHECK(value<std::string>(counts) == "0 0 0");
  work.metadata.pop_back();
  store.write(work);
  CHECK(value<std::string>(counts) == "1 1 1");
}

TEST_CASE_METHOD(with_metadata, "watermarks come back, and are written where they differ",
                 "[metadata]") {
  add_repositories(1, 3);
  auto work = findings();
  work.watermarks = {{2, "issues", at(noon), R"({"cursor": "a"})"},
                     {1, "reviews", caf::none, "{}"},
                     {1, "issues", at(noon + 1), "{}"}};
  store.write(work);
  std::vector<metadata_watermark> expected{work.watermarks[2], work.watermarks[1],
                                           work.watermarks[0]};
  CHECK(reader.watermarks({1, 2, 3}, {"issues", "reviews"}) == expected);
  CHECK(reader.watermarks({2}, {"reviews"}).empty());
  auto versions = "select string_agg(concat_ws(' ', xmin, xmax, ctid), ',' order by repo_id, kind) "
                  "from metadata_watermarks";
  auto before = value<std::string>(versions);
  store.write(work);
  CHECK(value<std::string>(versions) == before);
  work.watermarks = {{1, "issues", at(noon + 2), "{}"}, {1, "issues", at(noon + 3), "{}"}};
  store.write(work);
  CHECK(reader.watermarks({1}, {"issues"}) == std::vector<metadata_watermark>{work.watermarks[1]});
}

TEST_CASE_METHOD(with_metadata, "what a whole list does not show is gone, and may come back",
                 "[metadata]") {
  add_repositories(1, 2);
  auto comment = [](const std::string& id, const std::string& number,
                    const std::string& repository = "1") {
    return make_row("issue_comments",
                    {{"comment_id", id}, {"number", number}, {"repo_id", repository}});
  };
  write("issue_comments", {comment("1", "7"), comment("2", "7"), comment("3", "7"),
                           comment("4", "8"), comment("5", "7", "2")});
  std::vector<std::string> link{"repo_id", "number"};
  auto receipt =
      write_lists({whole_list("issue_comments", link, {"1", "7"}, {"1", "3"})}, noon + 60);
  CHECK(receipt.items_gone == 1);
  CHECK(gone("issue_comments", "comment_id") == "2@" + std::to_string(noon + 60));
  CHECK(stored("issue_comments").rows.size() == 3);
  // Again: it keeps its time. Several lists at once, one of them empty.
  receipt = write_lists({whole_list("issue_comments", link, {"1", "7"}, {"1", "3"}),
                         whole_list("issue_comments", link, {"1", "8"}, {})},
                        noon + 120);
  CHECK(receipt.items_gone == 1);
  CHECK(gone("issue_comments", "comment_id") ==
        "2@" + std::to_string(noon + 60) + " 4@" + std::to_string(noon + 120));
  receipt = write("issue_comments", {comment("2", "7")}, noon + 180);
  CHECK(receipt.items_inserted == 0);
  CHECK(receipt.items_updated == 1);
  CHECK(gone("issue_comments", "comment_id") == "4@" + std::to_string(noon + 120));
}

TEST_CASE_METHOD(with_metadata, "what belongs to something that is gone is gone as well",
                 "[metadata]") {
  add_repositories(1, 1);
  auto work = findings();
  auto in = [](const std::string& number) { return values{{"number", number}}; };
  auto with = [](values x, const std::string& name, const std::string& value) {
    x[name] = value;
    return x;
  };
  for (auto number : {"7", "8"}) {
    auto x = in(number);
    for (auto [kind, key] : {std::pair{"pull_requests", "pull_request_id"},
                             {"issue_comments", "comment_id"},
                             {"reviews", "review_id"},
                             {"pull_request_commits", "sha"},
                             {"ci_checks", "sha"}})
      work.metadata.push_back({kind, {make_row(kind, with(x, key, number))}});
    work.metadata.push_back(
        {"review_comments",
         {make_row("review_comments", with(with(x, "comment_id", number), "review_id", number))}});
  }
  work.metadata.push_back({"commits", {make_row("commits", {})}});
  store.write(work);
  auto receipt = write_lists({whole_list("pull_requests", {"repo_id"}, {"1"}, {"8"})}, noon + 60);
  CHECK(receipt.items_gone == 6);
  auto seven = "7@" + std::to_string(noon + 60);
  for (auto kind : {"pull_requests", "issue_comments", "reviews", "pull_request_commits",
                    "ci_checks", "review_comments"}) {
    INFO(kind);
    CHECK(gone(kind, "number") == seven);
  }
}

TEST_CASE_METHOD(with_metadata, "pull requests that share a head take no turns at its checks",
                 "[metadata]") {
  add_repositories(1, 1);
  auto check = [](const std::string& number) {
    return make_row("ci_checks", {{"check_key", std::string{"run:1"}}, {"number", number}});
  };
  write("ci_checks", {check("7")});
  CHECK(write("ci_checks", {check("8")}).items_updated == 0);
  CHECK(value<int>("select number from ci_checks") == 7);
  // The first one's head moves on; the check is the other's now.
  write_lists({whole_list("ci_checks", {"repo_id", "number"}, {"1", "7"}, {})});
  CHECK(stored("ci_checks").rows.empty());
  CHECK(write("ci_checks", {check("8")}).items_updated == 1);
  CHECK(value<int>("select number from ci_checks") == 8);
  CHECK(write("ci_checks", {check("7")}).items_updated == 0);
}

TEST_CASE_METHOD(with_metadata, "a sync finds its repositories", "[metadata]") {
  add_repositories(1, 20);
  CHECK(reader.repositories("star_count >= 5 and language = 'C++'", 0, 3) ==
        std::vector<repo_id>{5, 6, 7});
  CHECK(reader.repositories("", 18, 100) == std::vector<repo_id>{19, 20});
  ask("update repositories set gone_at = now() where repo_id = 19");
  CHECK(reader.repositories("true -- all of them", 18, 100) == std::vector<repo_id>{20});
  CHECK_THROWS_AS(reader.repositories("true); delete from repositories where (true", 0, 1),
                  db::store_error);
  CHECK(value<int64_t>("select count(*) from repositories") == 20);
}

namespace {

/// What PostgreSQL counted while something was written: rows by table and kind of write, and bytes
/// of log.
struct cost {
  std::string rows;
  int64_t log_bytes = 0;
};

class with_counts : public with_metadata {
public:
  with_counts() {
    // It writes, too.
    outside("alter system set autovacuum = off");
    ask("select pg_reload_conf()");
  }
  ~with_counts() {
    outside("alter system reset autovacuum");
    ask("select pg_reload_conf()");
  }

  template <class Body>
  cost cost_of(const std::string& what, Body body) {
    end_other_sessions();
    auto before = counts();
    auto begin = value<std::string>("select pg_current_wal_insert_lsn()");
    {
      db::postgres_store writer{connection_string()};
      body(writer);
    }
    auto bytes =
        value<int64_t>("select (pg_current_wal_insert_lsn() - '" + begin + "'::pg_lsn)::bigint");
    end_other_sessions();
    cost result{{}, bytes};
    for (const auto& [name, count] : counts())
      if (auto more = count - before[name]; more != 0)
        result.rows += (result.rows.empty() ? "" : ", ") + name + ' ' + std::to_string(more);
    WARN(what << ": " << (result.rows.empty() ? "no rows" : result.rows) << "; " << bytes
              << " bytes of log");
    return result;
  }

private:
  // A session hands its counts over some time later, but before it has ended.
  void end_other_sessions() {
    std::string others = " from pg_stat_activity where backend_type = 'client backend' "
                         "and pid <> pg_backend_pid()";
    ask("select pg_terminate_backend(pid)" + others);
    while (value<bool>("select exists (select" + others + ')'))
      std::this_thread::sleep_for(1ms);
  }

  void outside(const std::string& sql) {
    pqxx::connection link{connection_string()};
    pqxx::nontransaction{link}.exec(sql);
  }

  std::map<std::string, int64_t> counts() {
    std::map<std::string, int64_t> result;
    for (const auto& row : ask("select relname, n_tup_ins, n_tup_upd, n_tup_del "
                               "from pg_stat_user_tables where relname !~ '^star_history_'"))
      for (auto [column, word] : {std::pair{1, " inserted"}, {2, " updated"}, {3, " deleted"}})
        result[row[0].as<std::string>() + word] = row[column].as<int64_t>();
    // Of all months together.
    result["star_history inserted"] =
        value<int64_t>("select coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0)::bigint "
                       "from pg_stat_user_tables where relname ~ '^star_history_'");
    return result;
  }
};

metadata_row comment_row(int number) {
  return make_row("issue_comments", {{"comment_id", std::to_string(number)},
                                     {"number", std::string{"7"}},
                                     {"body", "Comment " + std::to_string(number)}});
}

metadata_row pull_row(int comments) {
  return make_row("pull_requests",
                  {{"number", std::string{"7"}}, {"comment_count", std::to_string(comments)}});
}

metadata_row check_row(int id) {
  return make_row("ci_checks", {{"check_key", "run:" + std::to_string(id)}});
}

/// The state of a repository's own watermark: its lists came at that time of the day.
std::string read_at(const std::string& time) {
  auto when = "\"2026-11-20T" + time + ":00Z\"";
  return R"({"read": {"discussions": )" + when + R"(, "issues": )" + when +
         R"(, "pull_requests": )" + when + R"(, "releases": )" + when + "}}";
}

std::vector<metadata_row> many(metadata_row (*make)(int), int count) {
  std::vector<metadata_row> result;
  for (int i = 1; i <= count; ++i)
    result.push_back(make(i));
  return result;
}

} // namespace

TEST_CASE_METHOD(with_counts, "writes are the least there can be", "[metadata]") {
  constexpr int repositories = 100'000;
  constexpr int per_batch = 2000;
  // Stars of all, `more` of them in every twentieth.
  auto refresh = [&](db::crawl_store& to, int more, int64_t seconds) {
    for (int first = 1; first <= repositories; first += per_batch) {
      auto work = findings(seconds);
      for (int id = first; id < first + per_batch; ++id) {
        work.rows.push_back(make_repository(id));
        if (id % 20 == 0)
          work.rows.back().star_count += more;
      }
      to.write(work);
    }
  };
  refresh(store, 0, noon);
  auto begun = findings();
  begun.metadata = {{"pull_requests", {pull_row(10)}},
                    {"issue_comments", many(comment_row, 10)},
                    {"ci_checks", many(check_row, 20)}};
  begun.watermarks = {{1, whole_repository, at(noon), read_at("12:00")}};
  store.write(begun);
  auto repository = [&] {
    return value<std::string>("select concat_ws(' ', xmin, ctid, crawled_at) from repositories "
                              "where repo_id = 1");
  };
  auto untouched = repository();

  auto comments = cost_of("A pull request from 10 to 30 comments", [&](auto& writer) {
    auto work = findings(noon + 60);
    work.metadata = {{"pull_requests", {pull_row(30)}}, {"issue_comments", many(comment_row, 30)}};
    work.lists = {whole_list("issue_comments", {"repo_id", "number"}, {"1", "7"}, {})};
    for (int i = 1; i <= 30; ++i)
      work.lists[0].keys.push_back({{std::to_string(i)}});
    writer.write(work);
  });
  CHECK(comments.rows == "issue_comments inserted 20, pull_requests updated 1");
  CHECK(repository() == untouched);

  auto check = cost_of("One new check among 20", [&](auto& writer) {
    auto work = findings(noon + 120);
    work.metadata = {{"ci_checks", many(check_row, 21)}};
    writer.write(work);
  });
  CHECK(check.rows == "ci_checks inserted 1");

  auto nothing = cost_of("A sync with nothing new", [&](auto& writer) {
    auto work = findings(noon + 180);
    work.metadata = {{"pull_requests", {pull_row(30)}},
                     {"issue_comments", many(comment_row, 30)},
                     {"ci_checks", many(check_row, 21)}};
    work.watermarks = {{1, whole_repository, at(noon + 180), read_at("12:03")}};
    writer.write(work);
  });
  CHECK(nothing.rows == "metadata_watermarks updated 1");

  auto one_in_twenty = cost_of("A refresh of 100,000 repositories of which 5 % changed",
                               [&](auto& writer) { refresh(writer, 1, noon + 86'400); });
  CHECK(one_in_twenty.rows == "repositories updated 5000, repository_checks inserted 50, "
                              "star_history inserted 5000");
  CHECK(repository() == untouched);
}

namespace {

class with_divided_store {
public:
  explicit with_divided_store(const config::partitioning& layout) {
    empty_the_database();
    db::migrate(where(), db::built_in_migrations(), layout);
    store_.emplace(where());
    current_ = store_->open_crawl({"stars", "search stars:>=10"});
  }

  batch findings() const {
    batch result;
    result.crawl_id = current_.id;
    result.epoch = current_.epoch;
    result.observed_at = at(noon);
    return result;
  }

  batch_receipt write(const batch& work) { return store_->write(work); }

  std::string value(const std::string& sql) {
    pqxx::connection link{where()};
    return pqxx::work{link}.exec1(sql)[0].c_str();
  }

  static const std::string& where() { return shared_server().connection_string(); }

private:
  std::optional<db::postgres_store> store_;
  crawl current_;
};

} // namespace

TEST_CASE("where repositories is divided metadata is stored all the same", "[metadata]") {
  using method = config::partitioning::method;
  auto layout =
      GENERATE(config::partitioning{method::hash, 4}, config::partitioning{method::range, 10});
  INFO(config::to_string(layout));
  with_divided_store database{layout};
  auto parts = database.value("select string_agg(distinct count, ',') from (select count(*)::text "
                              "from pg_inherits join pg_class on oid = inhparent "
                              "where relkind = 'p' and relname <> 'star_history' and relname <> "
                              "'repositories' group by inhparent) t");
  CHECK(parts == (layout.by == method::hash ? "4" : ""));
  auto work = database.findings();
  for (repo_id id = 1; id <= 40; ++id)
    work.rows.push_back(make_repository(id));
  for (const auto* kind : metadata::all_kinds()) {
    work.metadata.push_back({std::string{kind->name}, {}});
    for (int id = 1; id <= 40; ++id) {
      values chosen;
      for (auto name : kind->key)
        chosen[std::string{name}] = std::to_string(id);
      chosen["repo_id"] = std::to_string(id);
      work.metadata.back().rows.push_back(make_row(*kind, chosen));
    }
  }
  work.watermarks = {{40, "issues", at(noon), "{}"}};
  CHECK(database.write(work).items_inserted ==
        40 * static_cast<int64_t>(metadata::all_kinds().size()));
  CHECK(database.write(work).items_inserted == 0);
  for (const auto& x : work.metadata) {
    INFO(x.kind);
    CHECK(database.value("select count(*) from " + x.kind) == "40");
  }
  work = database.findings();
  work.lists = {whole_list("issues", {"repo_id"}, {"40"}, {})};
  CHECK(database.write(work).items_gone == 2); // with its comment
  work = database.findings();
  work.metadata = {{"issues", {make_row("issues", {{"repo_id", std::string{"41"}}})}}};
  CHECK_THROWS_WITH(database.write(work), Contains("foreign key"));
}
