#include "tools/gitstar/check.hpp"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

using namespace gitstar;
using namespace gitstar::tool;
using namespace std::chrono_literals;

namespace {

config::credential named(const std::string& name) {
  config::credential result;
  result.name = name;
  result.kind = config::credential_kind::classic;
  return result;
}

net::credential_examination answered(int64_t user, const std::string& login) {
  net::credential_examination result;
  auto& answer = result.answer;
  answer.limits.known = true;
  answer.limits.limit = 5000;
  answer.limits.remaining = 4321;
  answer.limits.reset_at = timestamp{1795176000s};
  answer.identity = viewer{user, login};
  return result;
}

const check_line& line(const std::vector<check_line>& lines, const std::string& name) {
  for (auto& x : lines)
    if (x.name == name)
      return x;
  FAIL("no line " << name);
  return lines.front();
}

} // namespace

TEST_CASE("credentials of one user are said to share a budget", "[check]") {
  auto lines = github_lines(
      {named("a"), named("b"), named("c")},
      {{"a", answered(7, "ada")}, {"b", answered(7, "ada")}, {"c", answered(9, "bob")}});
  CHECK(line(lines, "credential a").text ==
        "classic of ada: 4,321 of 5,000 points left, reset 2026-11-20T12:00:00Z; shares this "
        "budget with b");
  CHECK(line(lines, "credential c").text.find("shares") == std::string::npos);
  CHECK(line(lines, "fields").level == check_level::ok);
  CHECK_FALSE(has_error(lines));
}

TEST_CASE("what GitHub says of a credential decides how bad it is", "[check]") {
  auto [result, level] = GENERATE(table<outcome, check_level>({
      {outcome::ok, check_level::ok},
      {outcome::primary_limit, check_level::warning},
      {outcome::secondary_limit, check_level::warning},
      {outcome::unauthorized, check_level::error},
      {outcome::forbidden, check_level::error},
      {outcome::network, check_level::error},
      {outcome::timeout, check_level::error},
  }));
  auto found = answered(7, "ada");
  found.answer.result = result;
  found.answer.message = "GitHub's words";
  auto lines = github_lines({named("a")}, {{"a", found}});
  auto& said = line(lines, "credential a");
  CHECK(said.level == level);
  CHECK(has_error(lines) == (level == check_level::error));
  if (result != outcome::ok)
    CHECK(said.text == "classic: " + to_string(result) + ": GitHub's words");
}

TEST_CASE("no points left is a warning, no limits at all is fine", "[check]") {
  auto spent = answered(7, "ada");
  spent.answer.limits.remaining = 0;
  CHECK(github_lines({named("a")}, {{"a", spent}}).front().level == check_level::warning);
  auto free = answered(7, "ada");
  free.answer.limits.enabled = false;
  free.answer.limits.remaining = 0;
  auto lines = github_lines({named("a")}, {{"a", free}});
  CHECK(lines.front().level == check_level::ok);
  CHECK(lines.front().text == "classic of ada: rate limits are switched off");
}

TEST_CASE("a refused field is named once with all that it is refused to", "[check]") {
  auto first = answered(7, "ada");
  first.refused = {{"watchers", "not for you"}};
  auto second = answered(9, "bob");
  second.refused = {{"watchers", "not for you"}, {"diskUsage", "closed"}};
  auto lines = github_lines({named("a"), named("b")}, {{"a", first}, {"b", second}});
  CHECK(line(lines, "field watchers").text ==
        "refused to a, b: queries leave it out and its column stays unknown (not for you)");
  CHECK(line(lines, "field diskUsage").level == check_level::warning);
  CHECK_FALSE(has_error(lines));
}

TEST_CASE("a clock that is far off is a warning", "[check]") {
  auto [skew, level, text] = GENERATE(table<int64_t, check_level, std::string>({
      {0, check_level::ok, "ours and GitHub's agree"},
      {2, check_level::ok, "GitHub's is 2 s ahead of ours"},
      {90, check_level::warning, "GitHub's is 90 s ahead of ours"},
      {-31, check_level::warning, "GitHub's is 31 s behind ours"},
  }));
  auto found = answered(7, "ada");
  found.answer.server_clock_skew = std::chrono::seconds{skew};
  auto lines = github_lines({named("a")}, {{"a", found}});
  CHECK(line(lines, "clock").level == level);
  CHECK(line(lines, "clock").text == text);
}

TEST_CASE("a database is good, behind, ahead or too old", "[check]") {
  auto [version, schema, level, text] = GENERATE(table<std::string, int, check_level, std::string>({
      {"15.6", 5, check_level::ok, "PostgreSQL 15.6, schema version 5, up to date"},
      {"15.6", 4, check_level::ok,
       "PostgreSQL 15.6, schema version 4: the next crawl applies 1 migration"},
      {"15.6", 0, check_level::ok,
       "PostgreSQL 15.6, schema version 0: the next crawl applies 5 migrations"},
      {"15.6", 6, check_level::error,
       "PostgreSQL 15.6, schema version 6: this program knows only 5"},
      {"12.9", 5, check_level::error, "PostgreSQL 12.9: version 13 or newer is needed"},
  }));
  auto said = database_line({version, schema, 5});
  CHECK(said.level == level);
  CHECK(said.text == text);
}

TEST_CASE("a disk must hold the crawl and PostgreSQL's log", "[check]") {
  constexpr uint64_t gb = 1'000'000'000;
  CHECK(disk_line("/data", 100 * gb, 1'000'000).level == check_level::ok);
  CHECK(disk_line("/data", 100 * gb, 1'000'000).text ==
        "100.0 GB free for /data; 1,000,000 repositories need about 420 MB");
  CHECK(disk_line("/data", gb, 1'000'000).level == check_level::warning);
  CHECK(disk_line("/data", gb, 10'000'000).level == check_level::error);
  CHECK(disk_line("/data", 100 * gb, 0).text == "100.0 GB free for /data");
}

TEST_CASE("lines are printed with their level first, and as JSON", "[check]") {
  std::vector<check_line> lines{{"disk", check_level::ok, "fine", {{"available_bytes", 7}}},
                                {"database", check_level::error, "gone", {}}};
  CHECK(check_text(lines) == "ok       disk: fine\nerror    database: gone\n");
  auto parsed = boost::json::parse(check_json(lines));
  CHECK(parsed.at("ok") == false);
  CHECK(parsed.at("checks").at(0).at("available_bytes") == 7);
  CHECK(parsed.at("checks").at(1).at("level") == "error");
}
