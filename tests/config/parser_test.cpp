#include "config/config.hpp"

#include "tests/rsa_key.hpp"

#include <catch2/catch.hpp>
#include <filesystem>

#include <cstdio>
#include <fstream>
#include <map>
#include <sstream>

#include <unistd.h>

using namespace gitstar::config;
using namespace std::chrono_literals;

namespace {

const std::map<std::string, std::string> variables{
    {"TOKEN", "ghp_secret"}, {"EMPTY", ""}, {"NUMBER", "12"}, {"HOST", "ghe.example.com"}};

std::optional<std::string> lookup(const std::string& name) {
  auto found = variables.find(name);
  return found == variables.end() ? std::nullopt : std::optional{found->second};
}

result read(const std::string& text) { return parse(text, "c.yaml", lookup); }

/// The smallest config, with more keys appended at top level.
std::string minimal(const std::string& more = {}) {
  return "crawl:\n"                                  // 1
         "  name: mine\n"                            // 2
         "  source: {search: {query: stars:>=10}}\n" // 3
         "github:\n"                                 // 4
         "  credentials: [{token: \"${TOKEN}\"}]\n"  // 5
         + more;                                     // 6
}

/// The minimal config with this search; it begins at line 3, column 20.
std::string with_search(const std::string& search) {
  return "crawl:\n  name: mine\n  source: {search: {" + search +
         "}}\ngithub: {credentials: [{token: x}]}\n";
}

settings good(const std::string& text) {
  auto outcome = read(text);
  if (auto bad = std::get_if<problem>(&outcome))
    FAIL(to_string(*bad));
  return std::get<settings>(outcome);
}

/// The one line a user sees.
std::string complaint(const std::string& text) {
  auto outcome = read(text);
  if (std::holds_alternative<settings>(outcome))
    return "accepted";
  return to_string(std::get<problem>(outcome));
}

std::string github_with(const std::string& more) {
  return "crawl: {name: mine, source: {search: {query: x}}}\n"
         "github:\n"
         "  credentials: [{token: x}]\n"
         "  " +
         more + "\n";
}

/// What becomes of a config with an App whose key is this.
result with_key(const std::string& pem) {
  return parse(
      "crawl: {name: mine, source: {search: {query: x}}}\n"
      "github: {credentials: [{app: {id: 1, installation: 2, private_key: \"${KEY}\"}}]}\n",
      "c.yaml", [&](const std::string&) { return std::optional{pem}; });
}

/// A file with this content for as long as the object lives.
class temporary_file {
public:
  explicit temporary_file(const std::string& content) {
    char name[] = "/tmp/gitstar-config-XXXXXX";
    auto descriptor = mkstemp(name);
    REQUIRE(descriptor >= 0);
    close(descriptor);
    path_ = name;
    std::ofstream(path_) << content;
  }
  ~temporary_file() { std::remove(path_.c_str()); }
  temporary_file(const temporary_file&) = delete;
  temporary_file& operator=(const temporary_file&) = delete;

  const std::string& path() const { return path_; }

private:
  std::string path_;
};

} // namespace

// -- good configs -------------------------------------------------------------

TEST_CASE("the smallest config has a name, a search and a token", "[config]") {
  auto c = good(minimal());
  CHECK(c.crawl.name == "mine");
  CHECK(c.crawl.source.search->query == "stars:>=10");
  CHECK(c.crawl.source.search->top == std::nullopt);
  CHECK(c.crawl.fetchers == 8);
  REQUIRE(c.github.credentials.size() == 1);
  CHECK(c.github.credentials[0].name == "token-1");
  CHECK(c.github.credentials[0].token.reveal() == "ghp_secret");
  CHECK(c.github.graphql_url == "https://api.github.com/graphql");
  CHECK(c.store.embedded());
  CHECK(c.telemetry.listen == endpoint{"127.0.0.1", 9464});
}

TEST_CASE("values of every kind are read with their units", "[config]") {
  auto c = good(minimal("  graphql_url: http://127.0.0.1:8080/graphql\n"
                        "  limits: {reserve: 0.5, response_seconds_per_minute: 0}\n"
                        "  breaker: {recovery: 2m}\n"
                        "  http: {read_timeout: 250ms, total_timeout: 1h, max_body_bytes: 3KiB,\n"
                        "         gzip: never, proxy: none, ca_file: /etc/ca.pem}\n"
                        "store: {postgres: \"postgresql://u:p@h/db\", data_dir: /data}\n"
                        "telemetry: {listen: \"[::1]:0\", log_level: warning}\n"));
  CHECK(c.github.graphql_url == "http://127.0.0.1:8080/graphql");
  CHECK(c.github.limits.reserve == 0.5);
  CHECK(c.github.limits.response_seconds_per_minute == 0);
  CHECK(c.github.breaker.recovery == 120s);
  CHECK(c.github.http.read_timeout == 250ms);
  CHECK(c.github.http.total_timeout == 1h);
  CHECK(c.github.http.max_body_bytes == 3072);
  CHECK(c.github.http.gzip == gzip_mode::never);
  CHECK(c.github.http.proxy == proxy_mode::none);
  CHECK(c.github.http.ca_file == "/etc/ca.pem");
  CHECK(c.store.postgres == std::vector{secret{"postgresql://u:p@h/db"}});
  CHECK_FALSE(c.store.embedded());
  CHECK(c.store.data_dir == "/data");
  CHECK(c.telemetry.listen == endpoint{"::1", 0});
  CHECK(c.telemetry.level == log_level::warning);
}

TEST_CASE("prices are decimals, and unset unless given", "[config]") {
  auto with_prices = [](const std::string& prices) {
    return "crawl:\n  name: mine\n  source: {search: {query: x}}\n  prices: {" + prices +
           "}\ngithub: {credentials: [{token: x}]}\n";
  };
  auto given = good(with_prices("currency: USD, machine_hour: 0.052, storage_gb_month: 12"));
  CHECK(given.crawl.prices.currency == "USD");
  CHECK(given.crawl.prices.machine_hour == 0.052);
  CHECK(given.crawl.prices.storage_gb_month == 12);
  auto unset = good(minimal());
  CHECK(unset.crawl.prices.currency == "EUR");
  CHECK_FALSE(unset.crawl.prices.machine_hour);
  CHECK_FALSE(unset.crawl.prices.storage_gb_month);
  CHECK(complaint(with_prices("machine_hour: -1")) ==
        "c.yaml:4:26: crawl.prices.machine_hour: expected a number from 0 to 1000000, found "
        "\"-1\"");
  CHECK(complaint(with_prices("currency: euro")) ==
        "c.yaml:4:22: crawl.prices.currency: expected three capital letters such as EUR, found "
        "\"euro\"");
}

TEST_CASE("a list of servers makes shards", "[config]") {
  auto c = good(minimal("store: {postgres: [host=a, \"postgresql://u:p@b/db\"], "
                        "read_from: host=c}\n"));
  CHECK(c.store.postgres == std::vector{secret{"host=a"}, secret{"postgresql://u:p@b/db"}});
  CHECK(c.store.read_from == std::vector{secret{"host=c"}});
  CHECK_FALSE(c.store.embedded());
  CHECK(good(minimal("store: {read_from: null}\n")).store.read_from == std::nullopt);
}

TEST_CASE("a store is divided by hash, by range or not at all", "[config]") {
  using method = partitioning::method;
  auto chosen = [](const std::string& text) {
    return good(minimal("store: {partitioning: " + text + "}\n")).store.partitioning;
  };
  CHECK(good(minimal()).store.partitioning == partitioning{});
  CHECK(chosen("none") == partitioning{});
  CHECK(chosen("{hash: 16}") == partitioning{method::hash, 16});
  CHECK(chosen("{range: 10000000}") == partitioning{method::range, 10'000'000});
  CHECK(to_string(chosen("{range: 10000000}")) == "{ range: 10000000 }");
}

TEST_CASE("an empty listen address means no metrics server", "[config]") {
  CHECK(good(minimal("telemetry: {listen: \"\"}\n")).telemetry.listen == std::nullopt);
}

TEST_CASE("null leaves an optional key unset", "[config]") {
  CHECK(good(with_search("query: x, top: null")).crawl.source.search->top == std::nullopt);
}

TEST_CASE("variables of the environment stand in any value", "[config]") {
  auto c = good(minimal("  graphql_url: https://${HOST}/api/graphql\n"
                        "  rest_url: ${UNSET:-https://fallback.example.com}\n"
                        "  limits: {points_per_minute: \"${NUMBER}\"}\n"
                        "store: {data_dir: \"${EMPTY:-var}/${NUMBER}\"}\n"));
  CHECK(c.github.graphql_url == "https://ghe.example.com/api/graphql");
  CHECK(c.github.rest_url == "https://fallback.example.com");
  CHECK(c.github.limits.points_per_minute == 12);
  CHECK(c.store.data_dir == "var/12");
}

TEST_CASE("a secret comes from a file without its last newline", "[config]") {
  temporary_file token("ghp_from_file\n");
  temporary_file server("host=db password=pw\n");
  auto c = good("crawl: {name: mine, source: {search: {query: x}}}\n"
                "github: {credentials: [{token: \"file:" +
                token.path() +
                "\"}]}\n"
                "store: {postgres: \"file:" +
                server.path() + "\"}\n");
  CHECK(c.github.credentials[0].token.reveal() == "ghp_from_file");
  CHECK(c.store.postgres == std::vector{secret{"host=db password=pw"}});
}

// -- credentials --------------------------------------------------------------

TEST_CASE("credentials of both kinds keep their order and get names", "[config]") {
  temporary_file key{gitstar::test::rsa_key_pem()};
  auto c = good("crawl: {name: mine, source: {search: {query: x}}}\n"
                "github:\n"
                "  credentials:\n"
                "    - token: ghp_one\n"
                "      reserve: 0.1\n"
                "      daily_points: 20000\n"
                "      quiet_hours: 22:00-06:30\n"
                "    - app: {id: 1234, installation: 5678, private_key: \"file:" +
                key.path() +
                "\"}\n"
                "    - {token: github_pat_two, name: night-shift, reserve: null, quiet_hours: ~}\n"
                "    - app: {id: Iv23liAbC, installation: 9, private_key: \"file:" +
                key.path() + "\"}\n");
  auto& all = c.github.credentials;
  REQUIRE(all.size() == 4);
  CHECK(all[0].name == "token-1");
  CHECK(all[0].reserve == 0.1);
  CHECK(all[0].daily_points == 20000);
  CHECK(all[0].quiet_hours == daily_span{22h, 6h + 30min});
  CHECK_FALSE(all[0].app);
  CHECK(all[1].name == "app-2");
  CHECK(all[1].kind == credential_kind::installation);
  CHECK(all[1].token.empty());
  REQUIRE(all[1].app);
  CHECK(all[1].app->id == "1234");
  CHECK(all[1].app->installation == 5678);
  CHECK(all[1].app->private_key.reveal().starts_with("-----BEGIN RSA PRIVATE KEY-----\n"));
  CHECK(to_string(all[1].at) == "c.yaml:8:12: github.credentials[1].app");
  CHECK(all[2].name == "night-shift");
  CHECK_FALSE(all[2].reserve);
  CHECK_FALSE(all[2].daily_points);
  CHECK_FALSE(all[2].quiet_hours);
  CHECK(all[3].app->id == "Iv23liAbC");
}

TEST_CASE("a token's kind is told by its beginning, whatever its length", "[config]") {
  auto [token, kind] = GENERATE(table<std::string, credential_kind>({
      {"ghp_x", credential_kind::classic},
      {"github_pat_11AAA_b", credential_kind::fine_grained},
      {"gho_x", credential_kind::oauth},
      {"ghu_x", credential_kind::user_app},
      {"ghs_1234_" + std::string(500, 'j') + ".-_", credential_kind::installation},
      {std::string(40, 'a'), credential_kind::unknown},
  }));
  auto c = good("crawl: {name: mine, source: {search: {query: x}}}\n"
                "github: {credentials: [{token: " +
                token + "}]}\n");
  CHECK(c.github.credentials[0].kind == kind);
  CHECK(c.github.credentials[0].token.reveal() == token);
}

TEST_CASE("a private key is taken in every form that GitHub and people give it", "[config]") {
  auto escaped = gitstar::test::rsa_key_pem();
  for (auto at = escaped.find('\n'); at != std::string::npos; at = escaped.find('\n', at))
    escaped.replace(at, 1, "\\n");
  for (const auto& pem : {gitstar::test::rsa_key_pem(),
                          gitstar::test::rsa_key_pem(gitstar::test::key_form::pkcs8), escaped}) {
    CAPTURE(pem.substr(0, 40));
    CHECK(std::holds_alternative<settings>(with_key(pem)));
  }
}

TEST_CASE("a private key that cannot be used is refused without showing it", "[config]") {
  auto encrypted = gitstar::test::rsa_key_pem(gitstar::test::key_form::encrypted);
  auto cut = gitstar::test::rsa_key_pem().substr(0, 400);
  for (const auto& pem : {encrypted, cut, std::string{"-----BEGIN RSA PRIVATE KEY-----\n"}}) {
    auto outcome = with_key(pem);
    REQUIRE(std::holds_alternative<problem>(outcome));
    CHECK(to_string(std::get<problem>(outcome)) ==
          "c.yaml:2:68: github.credentials[0].app.private_key: no RSA private key without a "
          "passphrase, in PEM (\"-----BEGIN RSA PRIVATE KEY-----\"), could be read");
  }
}

TEST_CASE("one installation twice is refused", "[config]") {
  auto read_key = [](const std::string&) { return std::optional{gitstar::test::rsa_key_pem()}; };
  auto text = "crawl: {name: mine, source: {search: {query: x}}}\n"
              "github:\n"
              "  credentials:\n"
              "    - app: {id: 1, installation: 2, private_key: \"${KEY}\"}\n"
              "    - app: {id: 1, installation: 3, private_key: \"${KEY}\"}\n"
              "    - app: {id: 1, installation: 2, private_key: \"${KEY}\"}\n";
  auto outcome = parse(text, "c.yaml", read_key);
  REQUIRE(std::holds_alternative<problem>(outcome));
  CHECK(to_string(std::get<problem>(outcome)) ==
        "c.yaml:6:12: github.credentials[2].app: the same installation as at c.yaml:4:12: "
        "github.credentials[0].app");
}

TEST_CASE("1000 credentials are taken and 1001 are not", "[config]") {
  auto with = [](int count) {
    std::string text = "crawl: {name: mine, source: {search: {query: x}}}\n"
                       "github:\n  credentials:\n";
    for (int i = 0; i < count; ++i)
      text += "    - token: ghp_" + std::to_string(i) + "\n";
    return text;
  };
  auto c = good(with(1000));
  CHECK(c.github.credentials.back().name == "token-1000");
  CHECK(complaint(with(1001)) == "c.yaml:4:5: github.credentials: expected a list of 1 to 1000 "
                                 "credentials, found 1001");
}

TEST_CASE("a command that needs no token reads none", "[config]") {
  auto text = "crawl: {name: mine, source: {search: {query: x}}}\n"
              "github: {credentials: [{token: \"${NOPE}\"}]}\n";
  auto outcome = parse(text, "c.yaml", lookup, tokens::unused);
  REQUIRE(std::holds_alternative<settings>(outcome));
  CHECK(std::get<settings>(outcome).github.credentials[0].token.empty());
  auto app = "crawl: {name: mine, source: {search: {query: x}}}\n"
             "github: {credentials: [{app: {id: 1, installation: 2, private_key: file:/nope}}]}\n";
  CHECK(std::holds_alternative<settings>(parse(app, "c.yaml", lookup, tokens::unused)));
}

TEST_CASE("places in the file are kept for errors found later", "[config]") {
  auto c = good(with_search("query: x, top: 5"));
  CHECK(to_string(c.crawl.source.search->top_at) == "c.yaml:3:36: crawl.source.search.top");
  CHECK(to_string(c.github.credentials[0].at) == "c.yaml:4:32: github.credentials[0].token");
  auto without_top = good(with_search("query: x"));
  CHECK(to_string(without_top.crawl.source.search->top_at) ==
        "c.yaml:3:20: crawl.source.search.top");
}

TEST_CASE("a search text of 100 characters, quotes and words that look like keys is good",
          "[config]") {
  for (const auto& query :
       {std::string(100, 'x'), std::string{"language:\\\"Common Lisp\\\" stars:>1"},
        std::string{"\\\"sort: created:\\\" resort:no"}, std::string{"\xc3\xa9t\xc3\xa9"}})
    CHECK(complaint(with_search("query: \"" + query + "\"")) == "accepted");
}

TEST_CASE("a secret prints as stars", "[config]") {
  secret token{"ghp_secret"};
  std::ostringstream out;
  out << token;
  CHECK(out.str() == "***");
  CHECK(to_string(token) == "***");
}

TEST_CASE("listed keys never hold a secret", "[config]") {
  auto c = good(minimal("store: {postgres: password=pw}\n"));
  for (auto& key : list_keys(c)) {
    CAPTURE(key.path);
    CHECK(key.value.value_or("").find("ghp_") == std::string::npos);
    CHECK(key.value.value_or("").find("pw") == std::string::npos);
  }
}

// -- bad configs: each gives exactly one line ---------------------------------

TEST_CASE("a config that is no mapping of known keys is refused", "[config]") {
  auto [text, line] = GENERATE(table<std::string, std::string>({
      {"", "c.yaml:1:1: crawl.name: required but missing; expected 1 to 63 characters of a-z, 0-9 "
           "and -"},
      {"just words", "c.yaml:1:1: expected a mapping of keys, found a single value"},
      {"- a\n- b", "c.yaml:1:1: expected a mapping of keys, found a list"},
      {"crawl: [", "c.yaml:1:1: not valid YAML: end of sequence flow not found"},
      {"crawl:\n\tname: x", "c.yaml:2:6: not valid YAML: illegal map value"},
      {",a: b", "c.yaml:1:1: expected one YAML document, found several"},
      {minimal() + "---\n" + minimal(), "c.yaml:6:1: expected one YAML document, found several"},
      {"crawl: {? [a] : b}", "c.yaml:1:11: crawl: expected the name of a key, found a list"},
      {minimal("queue: {}\n"), "c.yaml:6:1: queue: unknown key; expected one of crawl, "
                               "github, store, cluster, telemetry"},
      {minimal("stroe: {}\n"), "c.yaml:6:1: stroe: unknown key; did you mean \"store\"?"},
      {minimal("crawl: {}\n"), "c.yaml:6:1: crawl: given twice"},
      {minimal("store: embedded\n"),
       "c.yaml:6:8: store: expected a mapping of keys, found a single value"},
      {minimal("store: []\n"), "c.yaml:6:8: store: expected a mapping of keys, found a list"},
      {minimal("  limit: {}\n"), "c.yaml:6:3: github.limit: unknown key; did you mean \"limits\"?"},
      {minimal("  limits: {reserv: 1}\n"),
       "c.yaml:6:12: github.limits.reserv: unknown key; did you mean \"reserve\"?"},
      {minimal("  breaker: {failures: 1, failures: 2}\n"),
       "c.yaml:6:26: github.breaker.failures: given twice"},
  }));
  CAPTURE(text);
  CHECK(complaint(text) == line);
}

TEST_CASE("each source has keys of its own", "[config]") {
  auto with = [](const std::string& source) {
    return good("crawl: {name: mine, source: {" + source +
                "}}\ngithub: {credentials: [{token: ghp_x}]}\n")
        .crawl.source;
  };
  auto census = with("census: {first: 5, last: 1420000000}");
  CHECK(census.census->first == 5);
  CHECK(census.census->last == 1'420'000'000);
  CHECK(census.census->list_first == list_mode::never);
  auto listed = [&](const std::string& word) {
    return with("census: {last: 9, list_first: " + word + "}").census->list_first;
  };
  CHECK(listed("true") == list_mode::always);
  CHECK(listed("false") == list_mode::never);
  CHECK(listed("auto") == list_mode::automatic);
  CHECK_FALSE(census.search);
  auto refresh = with("refresh: {older_than: 7d, limit: 100, query: 'stars:10..20'}");
  CHECK(refresh.refresh->older_than == std::chrono::days{7});
  CHECK(refresh.refresh->limit == 100);
  CHECK(refresh.refresh->query == "stars:10..20");
  CHECK(with("refresh: {}").refresh->older_than == std::chrono::days{0});
  auto since = std::chrono::sys_days{std::chrono::year{2026} / 11 / 1};
  CHECK(with("incremental: {since: 2026-11-01}").incremental->since == since);
  CHECK(with("incremental: {since: '2026-11-01T00:00:09Z'}").incremental->since ==
        since + std::chrono::seconds{9});
}

TEST_CASE("owners are listed, or stand in a file", "[config]") {
  auto with = [](const std::string& owners) {
    return "crawl: {name: mine, source: {owners: {logins: " + owners +
           "}}}\ngithub: {credentials: [{token: ghp_x}]}\n";
  };
  auto listed = good(with("[octocat, 'a_b', C-3]")).crawl.source;
  CHECK(listed.owners->logins == std::vector<std::string>{"octocat", "a_b", "C-3"});
  CHECK(listed.owners->include_forks);
  auto file = std::filesystem::temp_directory_path() /
              ("gitstar-owners-" + std::to_string(getpid()) + ".txt");
  std::ofstream{file} << "# ours\none\r\n\ntwo  \n";
  auto read = good(with("'file:" + file.string() + "'")).crawl.source;
  CHECK(read.owners->logins == std::vector<std::string>{"one", "two"});
  std::ofstream{file} << "one\nnot one\n";
  CHECK(complaint(with("'file:" + file.string() + "'")) ==
        file.string() + ":2:1: crawl.source.owners.logins: expected a login of 1 to 39 letters, "
                        "digits and -, found \"not one\"");
  std::filesystem::remove(file);
  CHECK(complaint(with("[]")) ==
        "c.yaml:1:47: crawl.source.owners.logins: expected at least one login");
  CHECK(
      complaint(with("[a/b]")) ==
      "c.yaml:1:48: crawl.source.owners.logins: expected a login of 1 to 39 letters, digits and -, "
      "found \"a/b\"");
  CHECK(
      complaint(with("octocat")) ==
      "c.yaml:1:47: crawl.source.owners.logins: expected a list of logins or file:PATH with one on "
      "each line");
}

TEST_CASE("metadata are chosen by kind, time, repository, number and depth", "[config]") {
  auto with = [](const std::string& metadata) {
    return "crawl: {name: mine, source: {metadata: {" + metadata +
           "}}}\ngithub: {credentials: [{token: ghp_x}]}\n";
  };
  auto all = *good(with("kinds: [issues]")).crawl.source.metadata;
  CHECK(all.kinds == std::vector<std::string>{"issues"});
  CHECK_FALSE(all.since);
  CHECK(all.query == "star_count >= 0");
  CHECK_FALSE(all.caps.items);
  CHECK(all.depth.comments == comments_of::all);
  CHECK(all.depth.open_checks);
  auto some = *good(with("kinds: [pull_requests, issue_comments], since: 2026-11-01, "
                         "query: language = 'C', caps: {items: 5, children: 6}, "
                         "depth: {comments: pull_requests, open_checks: false}"))
                   .crawl.source.metadata;
  CHECK(some.since == std::chrono::sys_days{std::chrono::year{2026} / 11 / 1});
  CHECK(some.query == "language = 'C'");
  CHECK(some.caps.items == 5);
  CHECK(some.caps.children == 6);
  CHECK(some.depth.comments == comments_of::pull_requests);
  CHECK_FALSE(some.depth.open_checks);
  CHECK(complaint(with("kinds: []")) ==
        "c.yaml:1:48: crawl.source.metadata.kinds: expected at least one kind");
  CHECK(complaint(with("kinds: [stargazers]"))
            .starts_with("c.yaml:1:49: crawl.source.metadata.kinds: expected one of issues, "
                         "pull_requests, "));
  CHECK(complaint(with("kinds: [issues, reviews]")) ==
        "c.yaml:1:48: crawl.source.metadata.kinds: has a kind without any that it hangs on, such "
        "as reviews without pull_requests");
  // Conversations of pull requests alone are none of issues.
  CHECK(complaint(with("kinds: [issues, issue_comments], depth: {comments: pull_requests}"))
            .starts_with("c.yaml:1:48: crawl.source.metadata.kinds: has a kind without"));
  CHECK(complaint(with("kinds: [issues], query: 'true; drop table crawls'"))
            .starts_with("c.yaml:1:65: crawl.source.metadata.query: expected a condition in SQL"));
}

TEST_CASE("a missing required key is named with its place", "[config]") {
  auto [text, line] = GENERATE(table<std::string, std::string>({
      {"crawl: {}\n", "c.yaml:1:8: crawl.name: required but missing; expected 1 to 63 characters "
                      "of a-z, 0-9 and -"},
      {"crawl: {name: x}\n",
       "c.yaml:1:8: crawl.source: expected exactly one source: search, census, "
       "refresh, incremental, owners or metadata"},
      {"crawl: {name: x, source: {search: {}}}\n",
       "c.yaml:1:35: crawl.source.search.query: required but missing; expected a GitHub search "
       "text "
       "such as \"stars:>=10\""},
      {"crawl: {name: x, source: {census: {}}}\n",
       "c.yaml:1:35: crawl.source.census.last: required but missing; expected a whole number from "
       "1 "
       "to 1000000000000"},
      {"crawl: {name: x, source: {incremental: {}}}\n",
       "c.yaml:1:40: crawl.source.incremental.since: required but missing; expected a time of UTC "
       "such as 2026-11-01 or 2026-11-01T08:30:00Z"},
      {"crawl: {name: x, source: {search: {query: x}}}\n",
       "c.yaml:1:1: github.credentials: required but missing; expected a list of 1 to 1000 "
       "credentials"},
      {"crawl: {name: x, source: {search: {query: x}}}\ngithub: {credentials: [{}]}\n",
       "c.yaml:2:24: github.credentials[0]: expected token or app, found neither"},
  }));
  CAPTURE(text);
  CHECK(complaint(text) == line);
}

TEST_CASE("a bad crawl name, source or number is refused", "[config]") {
  auto [text, line] = GENERATE(table<std::string, std::string>({
      {"crawl: {name: Top 100}", "c.yaml:1:15: crawl.name: expected 1 to 63 characters of a-z, "
                                 "0-9 and -, found \"Top 100\""},
      {"crawl: {name: [x]}", "c.yaml:1:15: crawl.name: expected 1 to 63 characters of a-z, 0-9 "
                             "and -, found a list"},
      {"crawl: {name: ~}", "c.yaml:1:15: crawl.name: expected 1 to 63 characters of a-z, 0-9 "
                           "and -, found nothing"},
      {"crawl: {name: x, source: {cencus: {}}}",
       "c.yaml:1:27: crawl.source.cencus: unknown key; did you mean \"census\"?"},
      {"crawl: {name: x, source: {census: {last: 9}, search: {query: x}}}",
       "c.yaml:1:26: crawl.source: expected exactly one source: search, census, refresh, "
       "incremental, owners or metadata"},
      {"crawl: {name: x, source: {census: {last: 8, list_first: yes}}}",
       "c.yaml:1:57: crawl.source.census.list_first: expected one of false, true, auto, found "
       "\"yes\""},
      {"crawl: {name: x, source: {census: {first: 9, last: 8}}}",
       "c.yaml:1:52: crawl.source.census.last: must not be below first"},
      {"crawl: {name: x, source: {refresh: {older_than: 1w}}}",
       "c.yaml:1:49: crawl.source.refresh.older_than: expected an age from 0d to 3650d, such as "
       "30m, "
       "12h or 7d, found \"1w\""},
      {"crawl: {name: x, source: {refresh: {query: language:C}}}",
       "c.yaml:1:44: crawl.source.refresh.query: expected a range of stars such as \"stars:>=10\", "
       "found \"language:C\""},
      {"crawl: {name: x, source: {incremental: {since: yesterday}}}",
       "c.yaml:1:48: crawl.source.incremental.since: expected a time of UTC such as 2026-11-01 or "
       "2026-11-01T08:30:00Z, found \"yesterday\""},
      {with_search("query: x, top: many"),
       "c.yaml:3:36: crawl.source.search.top: expected a whole number from 1 to 1000000000, "
       "found \"many\""},
      {with_search("query: x, top: 0"),
       "c.yaml:3:36: crawl.source.search.top: expected a whole number from 1 to 1000000000, "
       "found \"0\""},
      {with_search("query: x, top: -5"),
       "c.yaml:3:36: crawl.source.search.top: expected a whole number from 1 to 1000000000, "
       "found \"-5\""},
      {with_search("query: x, top: 1e5"),
       "c.yaml:3:36: crawl.source.search.top: expected a whole number from 1 to 1000000000, "
       "found \"1e5\""},
      {with_search("query: x, include_forks: yes"),
       "c.yaml:3:46: crawl.source.search.include_forks: expected true or false, found \"yes\""},
  }));
  CAPTURE(text);
  CHECK(complaint(text) == line);
}

TEST_CASE("a variable in a search text is not quoted when it makes no sense", "[config]") {
  CHECK(complaint(with_search("query: 'stars:>=${TOKEN}'")) ==
        "c.yaml:3:28: crawl.source.search.query: expected a GitHub search text such as "
        "\"stars:>=10\", found the value of \"stars:>=${TOKEN}\"");
}

TEST_CASE("a file without an end is not read to its end", "[config]") {
  auto text = "crawl: {name: mine, source: {search: {query: x}}}\n"
              "github: {credentials: [{token: file:/dev/zero}]}\n";
  CHECK(complaint(text) ==
        "c.yaml:2:32: github.credentials[0].token: \"/dev/zero\" is larger than 1 MiB");
}

TEST_CASE("a search text that GitHub or the crawler cannot take is refused", "[config]") {
  const std::string at = "c.yaml:3:28: crawl.source.search.query: ";
  auto [query, message] = GENERATE(table<std::string, std::string>({
      {"''", "expected a GitHub search text such as \"stars:>=10\", found \"\""},
      {"'  '", "expected a GitHub search text such as \"stars:>=10\", found \"  \""},
      {std::string(101, 'x'), "at most 100 characters, found 101; GitHub takes about 200, and the "
                              "crawler adds its own qualifiers"},
      {"'language:\"Common Lisp'", "a double quote is not closed"},
      {"'stars:>1 sort:stars'", "leave out `sort:`; the crawler sorts as it needs"},
      {"'SORT:forks-asc'", "leave out `sort:`; the crawler sorts as it needs"},
      {"'x created:2020-13-01'",
       "'created:2020-13-01' is not a range such as created:2024-01-01..2024-12-31"},
      {"'stars:9..3'", "'stars:9..3' is an empty range"},
      {"'fork:true'", "leave out `fork:`; set include_forks instead"},
      {"\"a\\nb\"", "a search text is one line without control characters"},
  }));
  CAPTURE(query);
  CHECK(complaint(with_search("query: " + query)) == at + message);
}

TEST_CASE("bad credentials are refused without showing them", "[config]") {
  auto [credentials, line] = GENERATE(table<std::string, std::string>({
      {"ghp_x",
       "2:23: github.credentials: expected a list of 1 to 1000 credentials, found a single "
       "value"},
      {"[]", "2:23: github.credentials: expected a list of 1 to 1000 credentials, found 0"},
      {"[ghp_x]", "2:24: github.credentials[0]: expected a mapping of keys, found a single value"},
      {"[{token: ghp_x}, {token: ghp_y}, {token: ghp_x}]",
       "2:64: github.credentials[2].token: the same token as at c.yaml:2:32: "
       "github.credentials[0].token"},
      {"[{token: ghp_x, name: a}, {token: ghp_y, name: a}]",
       "2:57: github.credentials[1].token: the same name as at c.yaml:2:32: "
       "github.credentials[0].token"},
      {"[{token: ghp_x, name: token-2}, {token: ghp_y}]",
       "2:63: github.credentials[1].token: the same name as at c.yaml:2:32: "
       "github.credentials[0].token"},
      {"[{token: ghp_x, name: My Token}]",
       "2:45: github.credentials[0].name: expected 1 to 63 characters of a-z, 0-9 and -, found "
       "\"My Token\""},
      {"[{token: \"ghp x\"}]",
       "2:32: github.credentials[0].token: has a space or another character that no token has"},
      {"[{token: ghp_x, reserve: 2}]",
       "2:48: github.credentials[0].reserve: expected a number from 0 to 1, found \"2\""},
      {"[{token: ghp_x, daily_points: 0}]",
       "2:53: github.credentials[0].daily_points: expected a whole number from 1 to 1000000000, "
       "found \"0\""},
      {"[{token: ghp_x, quiet_hours: 22-6}]",
       "2:52: github.credentials[0].quiet_hours: expected hours of UTC such as \"22:00-06:00\", "
       "found \"22-6\""},
      {"[{token: ghp_x, quiet_hours: \"22:60-06:00\"}]",
       "2:52: github.credentials[0].quiet_hours: expected hours of UTC such as \"22:00-06:00\", "
       "found \"22:60-06:00\""},
      {"[{token: ghp_x, quiet_hours: \"22:00-22:00\"}]",
       "2:52: github.credentials[0].quiet_hours: begins and ends at the same time"},
      {"[{token: ghp_x, app: {id: 1, installation: 2, private_key: k}}]",
       "2:82: github.credentials[0].app.private_key: no RSA private key without a passphrase, in "
       "PEM (\"-----BEGIN RSA PRIVATE KEY-----\"), could be read"},
      {"[{app: {id: 1}}]", "2:30: github.credentials[0].app.installation: required but missing; "
                           "expected a whole number from 1 to 9223372036854775807"},
      {"[{app: {id: a/b}}]", "2:35: github.credentials[0].app.id: expected the App's id or client "
                             "id, found \"a/b\""},
      {"[{tokens: ghp_x}]",
       "2:25: github.credentials[0].tokens: unknown key; did you mean \"token\"?"},
      {"[{token: [ghp_x]}]", "2:32: github.credentials[0].token: expected a token, ${VARIABLE} or "
                             "file:PATH, found a list"},
      {"[{token: \"\"}]", "2:32: github.credentials[0].token: expected a token, ${VARIABLE} or "
                          "file:PATH, found an empty text"},
      {"[{token: \"${EMPTY}\"}]", "2:32: github.credentials[0].token: expected a token, "
                                  "${VARIABLE} or file:PATH, found an empty text"},
      {"[{token: \"${NOPE}\"}]",
       "2:32: github.credentials[0].token: the environment variable NOPE is not set"},
      {"[{token: \"a\\nb\"}]",
       "2:32: github.credentials[0].token: expected one line, found several"},
      {"[{token: \"file:/nonexistent/token\"}]",
       "2:32: github.credentials[0].token: \"/nonexistent/token\" cannot be read: No such file or "
       "directory"},
      {"[{token: \"file:/tmp\"}]", "2:32: github.credentials[0].token: \"/tmp\" is a directory"},
  }));
  CAPTURE(credentials);
  CHECK(complaint("crawl: {name: mine, source: {search: {query: x}}}\ngithub: {credentials: " +
                  credentials + "}\n") == "c.yaml:" + line);
}

TEST_CASE("a bad value under github is refused", "[config]") {
  auto [text, line] = GENERATE(table<std::string, std::string>({
      {"graphql_url: api.github.com/graphql",
       "16: github.graphql_url: expected an http:// or https:// URL, found "
       "\"api.github.com/graphql\""},
      {"rest_url: https://",
       "13: github.rest_url: expected an http:// or https:// URL, found \"https://\""},
      {"rest_url: https://user:pw@host", "13: github.rest_url: a URL without user and password; "
                                         "credentials have their own key"},
      {"rest_url: https://host:99999/api",
       "13: github.rest_url: the URL's port is not a number from 1 to 65535"},
      {"rest_url: https://ho!st/",
       "13: github.rest_url: the URL's host name has a character that no host name has"},
      {"rest_url: \"https://[::1\"",
       "13: github.rest_url: the URL's IPv6 address has no closing bracket"},
      {"limits: {reserve: 2}",
       "21: github.limits.reserve: expected a number from 0 to 1, found \"2\""},
      {"limits: {reserve: nan}",
       "21: github.limits.reserve: expected a number from 0 to 1, found \"nan\""},
      {"limits: {concurrent_requests: 0}", "33: github.limits.concurrent_requests: expected a "
                                           "whole number from 1 to 1000, found \"0\""},
      {"limits: {concurrent_requests: \"${TOKEN}\"}",
       "33: github.limits.concurrent_requests: expected a whole number from 1 to 1000, found the "
       "value of \"${TOKEN}\""},
      {"breaker: {recovery: 60}", "23: github.breaker.recovery: expected a duration from 1ms to "
                                  "24h, such as 500ms, 10s or 2m, found \"60\""},
      {"breaker: {recovery: 0s}", "23: github.breaker.recovery: expected a duration from 1ms to "
                                  "24h, such as 500ms, 10s or 2m, found \"0s\""},
      {"breaker: {recovery: 1 min}", "23: github.breaker.recovery: expected a duration from 1ms "
                                     "to 24h, such as 500ms, 10s or 2m, found \"1 min\""},
      {"breaker: {recovery: 99999999999999999999h}",
       "23: github.breaker.recovery: expected a duration from 1ms to 24h, such as 500ms, 10s or "
       "2m, found \"99999999999999999999h\""},
      {"http: {max_body_bytes: 64MB}",
       "26: github.http.max_body_bytes: expected a size from 1KiB to 4GiB, such as 64KiB or 1MiB, "
       "found \"64MB\""},
      {"http: {gzip: on}",
       "16: github.http.gzip: expected one of auto, always, never, found \"on\""},
      {"http: {proxy: \"\"}",
       "17: github.http.proxy: expected one of environment, none, found \"\""},
      {"http: {ca_file: \"\"}", "19: github.http.ca_file: expected a path, found \"\""},
      {"query_width: {page_start: 11}",
       "16: github.query_width.page_max: must not be below page_start"},
      {"query_width: {count_start: 5, count_max: 2}",
       "44: github.query_width.count_max: must not be below count_start"},
      {"retries: {first_delay: 2m}", "12: github.retries.max_delay: must not be below first_delay"},
  }));
  CAPTURE(text);
  CHECK(complaint(github_with(text)).substr(std::string{"c.yaml:4:"}.size()) == line);
}

TEST_CASE("a bad value under store or telemetry is refused", "[config]") {
  auto [text, line] = GENERATE(table<std::string, std::string>({
      {"store: {postgres: []}",
       "19: store.postgres: expected a list of 1 to 64 connection strings, found 0"},
      {"store: {postgres: [a, [b]]}",
       "23: store.postgres[1]: expected a connection string, found a list"},
      {"store: {postgres: [a, b, a]}",
       "26: store.postgres[2]: the same server as at c.yaml:6:20: store.postgres[0]"},
      {"store: {postgres: [a, embedded]}",
       "23: store.postgres[1]: \"embedded\" is one server: it cannot stand in a list with others"},
      {"store: {postgres: \"\"}", "19: store.postgres: expected embedded or a connection string, "
                                  "${VARIABLE} or file:PATH, found an empty text"},
      {"store: {read_from: [\"\"]}", "21: store.read_from[0]: expected a connection string, "
                                     "${VARIABLE} or file:PATH, found an empty text"},
      {"store: {partitioning: hash}",
       "23: store.partitioning: expected none, { hash: PARTS } or { range: IDS }, found \"hash\""},
      {"store: {partitioning: {}}", "23: store.partitioning: expected none, { hash: PARTS } or "
                                    "{ range: IDS }, found neither hash nor range"},
      {"store: {partitioning: {hash: 4, range: 100000}}",
       "23: store.partitioning: expected none, { hash: PARTS } or { range: IDS }, found both hash "
       "and range"},
      {"store: {partitioning: {hash: 1}}",
       "30: store.partitioning.hash: expected a whole number from 2 to 1024, found \"1\""},
      {"store: {partitioning: {step: 5}}",
       "24: store.partitioning.step: unknown key; expected one of hash, range"},
      {"store: {data_dir: \"\"}", "19: store.data_dir: expected a path, found \"\""},
      {"store: {writers: 9}",
       "18: store.writers: expected a whole number from 1 to 8, found \"9\""},
      {"telemetry: {listen: 9464}", "21: telemetry.listen: expected HOST:PORT such as "
                                    "127.0.0.1:9464, or \"\" for none, found \"9464\""},
      {"telemetry: {listen: \"::1:9464\"}",
       "21: telemetry.listen: expected HOST:PORT such as 127.0.0.1:9464, or \"\" for none, found "
       "\"::1:9464\""},
      {"telemetry: {listen: \"h:65536\"}",
       "21: telemetry.listen: expected HOST:PORT such as 127.0.0.1:9464, or \"\" for none, found "
       "\"h:65536\""},
      {"telemetry: {log_level: loud}",
       "24: telemetry.log_level: expected one of trace, debug, info, warning, error, found "
       "\"loud\""},
  }));
  CAPTURE(text);
  CHECK(complaint(minimal(text)) == "c.yaml:6:" + line);
}

TEST_CASE("a cluster listens, joins and trusts", "[config]") {
  auto c = good(minimal("cluster: {worker: w-1, listen: \"0.0.0.0:4711\", heartbeat: 1s,\n"
                        "  lost_after: 4s, takeover_after: 8s, join: \"a:1, [::1]:2\",\n"
                        "  tls: {ca: ca.pem, certificate: node.pem, key: node.key}}\n"))
               .cluster;
  CHECK(c.worker == "w-1");
  CHECK(c.listen == endpoint{"0.0.0.0", 4711});
  CHECK(c.join == std::vector<endpoint>{{"a", 1}, {"::1", 2}});
  CHECK(c.tls->ca == "ca.pem");
  CHECK(c.tls->certificate == "node.pem");
  CHECK(c.tls->key == "node.key");
  CHECK(c.heartbeat == 1s);
  CHECK(c.lost_after == 4s);
  CHECK(c.takeover_after == 8s);
  CHECK(c.at.line == 6);
  CHECK(good(minimal("cluster: {listen: \"127.0.0.1:0\"}")).cluster.listen);
}

TEST_CASE("a bad value under cluster is refused", "[config]") {
  auto [text, line] = GENERATE(table<std::string, std::string>({
      {"cluster: {listen: \"10.0.0.1:4711\"}",
       "19: cluster.listen: must be an address of this machine alone, such as 127.0.0.1, unless "
       "cluster.tls is set"},
      {"cluster: {join: \"a:1,,b:2\"}",
       "17: cluster.join: expected HOST:PORT, several separated by commas, found \"a:1,,b:2\""},
      {"cluster: {join: \"a:0\"}",
       "17: cluster.join: expected HOST:PORT, several separated by commas, found \"a:0\""},
      {"cluster: {tls: {ca: a, certificate: b}}",
       "16: cluster.tls.key: required but missing; expected a path"},
      {"cluster: {lost_after: 1s}", "23: cluster.lost_after: must be at least three heartbeats"},
      {"cluster: {takeover_after: 3s}", "27: cluster.takeover_after: must be above lost_after"},
  }));
  CAPTURE(text);
  CHECK(complaint(minimal(text)) == "c.yaml:6:" + line);
}

TEST_CASE("a malformed variable is refused", "[config]") {
  auto [value, message] = GENERATE(table<std::string, std::string>({
      {"${HOST", "\"${\" has no closing \"}\""},
      {"${}", "expected the name of an environment variable in \"${}\", found \"\""},
      {"${1A}", "expected the name of an environment variable in \"${}\", found \"1A\""},
      {"a${NOPE}b", "the environment variable NOPE is not set"},
  }));
  CAPTURE(value);
  CHECK(complaint(minimal("store: {data_dir: \"" + value + "\"}")) ==
        "c.yaml:6:19: store.data_dir: " + message);
}

TEST_CASE("a file that cannot be read is named", "[config]") {
  auto complaint_of = [](const char* file) {
    return to_string(std::get<problem>(load(file, lookup)));
  };
  CHECK(complaint_of("/nonexistent/c.yaml") ==
        "/nonexistent/c.yaml: cannot be read: No such file or directory");
  CHECK(complaint_of("/tmp") == "/tmp: is a directory");
}

TEST_CASE("the configs that come with the program are good", "[config]") {
  for (auto file : {"config/quickstart.yaml", "config/top-100k.yaml", "config/metadata.yaml"}) {
    auto outcome = load(file, [](auto& name) {
      return name == "GITHUB_TOKEN" ? std::optional<std::string>{"x"} : std::nullopt;
    });
    if (auto bad = std::get_if<problem>(&outcome))
      FAIL(to_string(*bad));
    auto& c = std::get<settings>(outcome);
    CHECK((!c.crawl.source.search || c.crawl.source.search->top == 100'000));
    CHECK(c.github.graphql_url == "https://api.github.com/graphql");
  }
}
