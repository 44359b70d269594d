#include "messages/errors.hpp"
#include "messages/fwd.hpp"
#include "messages/search_query.hpp"

#include <catch2/catch.hpp>

using namespace gitstar;

namespace {

constexpr auto lowest = int_range::lowest;
constexpr auto highest = int_range::highest;
constexpr int64_t day_2024 = 1704067200; // 2024-01-01T00:00:00Z

search_query parsed(std::string_view text) {
  auto result = parse_search_query(text);
  if (!result)
    throw std::runtime_error(describe(result.error()));
  return *result;
}

std::string refused(std::string_view text) {
  auto result = parse_search_query(text);
  return result ? "accepted as " + to_string(*result) : describe(result.error());
}

} // namespace

TEST_CASE("every form of an integer range is read", "[search_query]") {
  CHECK(parsed("stars:10").stars == int_range{10, 10});
  CHECK(parsed("stars:10..99").stars == int_range{10, 99});
  CHECK(parsed("stars:10..*").stars == int_range{10, highest});
  CHECK(parsed("stars:*..10").stars == int_range{lowest, 10});
  CHECK(parsed("stars:>10").stars == int_range{11, highest});
  CHECK(parsed("stars:>=10").stars == int_range{10, highest});
  CHECK(parsed("stars:<10").stars == int_range{lowest, 9});
  CHECK(parsed("stars:<=10").stars == int_range{lowest, 10});
  CHECK(parsed("size:5..6").size_kb == int_range{5, 6});
}

TEST_CASE("every form of a range of times is read", "[search_query]") {
  constexpr int64_t day = 86'400;
  CHECK(parsed("created:2024-01-01").created == int_range{day_2024, day_2024 + day - 1});
  CHECK(parsed("created:2024-01-01..2024-01-02").created ==
        int_range{day_2024, day_2024 + 2 * day - 1});
  CHECK(parsed("created:>2024-01-01").created == int_range{day_2024 + day, highest});
  CHECK(parsed("created:>=2024-01-01").created == int_range{day_2024, highest});
  CHECK(parsed("created:<2024-01-01").created == int_range{lowest, day_2024 - 1});
  CHECK(parsed("created:<=2024-01-01").created == int_range{lowest, day_2024 + day - 1});
  CHECK(parsed("created:2024-01-01T00:00:01Z..2024-01-01T00:00:09Z").created ==
        int_range{day_2024 + 1, day_2024 + 9});
  CHECK(parsed("created:2024-01-01T01:00:00+01:00").created == int_range{day_2024, day_2024});
}

TEST_CASE("words and other qualifiers are kept in their order", "[search_query]") {
  auto query =
      parsed("  crawler stars:>1   topic:search \"two words\" language:\"Jupyter Notebook\"");
  CHECK(query.terms == "crawler topic:search \"two words\" language:\"Jupyter Notebook\"");
  CHECK(query.stars == int_range{2, highest});
  CHECK(parsed("").terms.empty());
}

TEST_CASE("a qualifier inside quotes is a word", "[search_query]") {
  auto query = parsed("\"x stars:>1\"");
  CHECK(query.terms == "\"x stars:>1\"");
  CHECK(query.stars.unbounded());
}

TEST_CASE("a search text that cannot be read is refused with a sentence", "[search_query]") {
  CHECK(refused("stars:many") == "'stars:many' is not a range such as stars:>=10 or stars:10..99");
  CHECK(refused("stars:") == "'stars:' is not a range such as stars:>=10 or stars:10..99");
  CHECK(refused("stars:-1") == "'stars:-1' is not a range such as stars:>=10 or stars:10..99");
  CHECK(refused("stars:1..x") == "'stars:1..x' is not a range such as stars:>=10 or stars:10..99");
  CHECK(refused("stars:99999999999999999999") ==
        "'stars:99999999999999999999' is not a range such as stars:>=10 or stars:10..99");
  CHECK(refused("size:>9223372036854775807") ==
        "'size:>9223372036854775807' is not a range such as size:>=100 (kilobytes)");
  CHECK(refused("created:2024-02-30") ==
        "'created:2024-02-30' is not a range such as created:2024-01-01..2024-12-31");
  CHECK(refused("stars:9..1") == "'stars:9..1' is an empty range");
  CHECK(refused("stars:<0") == "'stars:<0' is an empty range");
  CHECK(refused("stars:>9223372036854775806") == "'stars:>9223372036854775806' is an empty range");
  CHECK(refused("created:<0000-01-01") == "'created:<0000-01-01' is an empty range");
  CHECK(refused("created:>9999-12-31") == "'created:>9999-12-31' is an empty range");
  CHECK_THAT(refused("created:9999-12-31T23:59:59-00:01"), Catch::Contains("is not a range"));
  CHECK(refused("stars:>1 stars:<9") == "'stars:' is given twice");
  CHECK(refused("sort:stars") == "the search text must not choose a sort: gitstar does");
  CHECK(refused("\"open") == "the search text has a quote that is not closed");
}

TEST_CASE("what is refused is a mistake in the config", "[search_query]") {
  CHECK(parse_search_query("sort:stars").error() == errc::bad_config);
}

TEST_CASE("the canonical text is short and reads back as the same search", "[search_query]") {
  auto [text, canonical] = GENERATE(table<const char*, const char*>({
      {"", ""},
      {"a  b", "a b"},
      {"stars:>9", "stars:>=10"},
      {"stars:<10", "stars:<=9"},
      {"stars:5..5", "stars:5"},
      {"stars:5..7 word", "word stars:5..7"},
      {"stars:*..*", ""},
      {"stars:*..5", "stars:<=5"},
      {"size:1..2 created:2024-01-01 stars:1..2",
       "stars:1..2 created:2024-01-01T00:00:00Z..2024-01-01T23:59:59Z size:1..2"},
      {"created:2024-01-01T00:00:00", "created:2024-01-01T00:00:00Z"},
  }));
  CAPTURE(text);
  CHECK(to_string(parsed(text)) == canonical);
  CHECK(parsed(canonical) == parsed(text));
}

TEST_CASE("languages set by splitting read back as terms of the same text", "[search_query]") {
  search_query query;
  query.stars = {3, 3};
  query.language = "Jupyter Notebook";
  CHECK(to_string(query) == "stars:3 language:\"Jupyter Notebook\"");
  query.language.clear();
  query.other_languages = {"C++", "Jupyter Notebook"};
  CHECK(to_string(query) == "stars:3 -language:C++ -language:\"Jupyter Notebook\"");
  CHECK(parsed(to_string(query)).terms == "-language:C++ -language:\"Jupyter Notebook\"");
}
