#include "db/crawl_store.hpp"
#include "db/row_export.hpp"
#include "tests/db/test_server.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::test;

namespace {

struct exported {
  int64_t rows;
  std::string text;
};

class with_export : public with_store {
public:
  exported run(const std::string& query, db::export_format format) {
    exported result;
    result.rows = db::export_rows(connection_string(), query, format,
                                  [&](std::string_view piece) { result.text += piece; });
    return result;
  }
};

constexpr auto csv = db::export_format::csv;
constexpr auto jsonl = db::export_format::jsonl;

} // namespace

TEST_CASE_METHOD(with_export, "an export as CSV has a header and quotes what needs it", "[db]") {
  auto done = run(R"(select 1 as a, e'x"y,\nz' as b, null as c union all select 2, 'ü', 'd')", csv);
  CHECK(done.rows == 2);
  CHECK(done.text == "a,b,c\n1,\"x\"\"y,\nz\",\n2,ü,d\n");
}

TEST_CASE_METHOD(with_export, "an export as JSON has an object a line, whatever a text holds",
                 "[db]") {
  auto done = run(R"(select 1 as a, e'x"y,\\ \n\t\u0001' as b, null::int as c)", jsonl);
  CHECK(done.rows == 1);
  CHECK(done.text == R"({"a":1,"b":"x\"y,\\ \n\t\u0001","c":null})"
                     "\n");
}

TEST_CASE_METHOD(with_export, "times are exported in UTC", "[db]") {
  auto done = run("select to_timestamp(0) as t", csv);
  CHECK(done.text == "t\n1970-01-01 00:00:00+00\n");
}

TEST_CASE_METHOD(with_export, "an export cannot write, and is one query", "[db]") {
  CHECK_THROWS_AS(run("delete from crawls returning id", csv), db::store_error);
  CHECK_THROWS_AS(run("select 1) to stdout; commit; delete from crawls; copy (select 1", csv),
                  db::store_error);
  CHECK(value<int>("select count(*) from crawls") == 1);
}

TEST_CASE_METHOD(with_export, "a query that PostgreSQL refuses is told in one line", "[db]") {
  try {
    run("select nothing_of_the_kind", jsonl);
    FAIL("no error");
  } catch (const db::store_error& refused) {
    std::string text = refused.what();
    CHECK_THAT(text, Catch::Contains("nothing_of_the_kind"));
    CHECK(text.find('\n') == std::string::npos);
    CHECK_FALSE(refused.transient());
  }
}

TEST_CASE_METHOD(with_export, "what the sink throws ends an export", "[db]") {
  auto pieces = 0;
  CHECK_THROWS_AS(db::export_rows(connection_string(), "select generate_series(1, 1000000)", csv,
                                  [&](std::string_view) {
                                    if (++pieces == 3)
                                      throw std::runtime_error("no space left");
                                  }),
                  std::runtime_error);
  CHECK(pieces == 3);
}
