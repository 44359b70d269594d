// A request to the simulated GitHub. The first byte chooses what the rest is: g a GraphQL document,
// b a GraphQL body (JSON), r the target of a REST request, s a search text.
#include "tests/fuzz/fuzz.hpp"
#include "tools/sim/github.hpp"
#include "tools/sim/synthetic.hpp"

#include <boost/json.hpp>

using namespace gitstar;
using test::require;

namespace {

namespace json = boost::json;

sim::github_config unlimited() {
  sim::github_config result;
  result.limits = false;
  result.metadata_scale = 1;
  result.base_url = "http://sim";
  result.now = [] { return sim::time_point{std::chrono::seconds{1'800'000'000}}; };
  return result;
}

sim::github& github() {
  static sim::github result{sim::make_synthetic(500, 1), unlimited()};
  return result;
}

sim::http_answer send(const char* method, std::string target, std::string_view body) {
  sim::http_request request;
  request.method = method;
  request.target = std::move(target);
  request.authorization = "Bearer ghp_fuzz";
  request.user_agent = "fuzz";
  request.body = body;
  auto answer = github().answer(request);
  auto done = answer; // what is sent gives up its body
  github().sent(done);
  return answer;
}

json::value parse(const std::string& text) {
  json::error_code ec;
  json::parse_options deep;
  deep.max_depth = 10'000;
  auto result = json::parse({text.data(), text.size()}, ec, {}, deep);
  require(!ec, "an answer is JSON", text.substr(0, 1'000));
  return result;
}

void ask_graphql(std::string_view body) {
  auto answer = send("POST", "/graphql", body);
  auto text = parse(answer.body);
  require(text.is_object(), "an answer is an object", answer.body);
  const auto& object = text.get_object();
  if (answer.status == 200)
    require(object.contains("data") || object.contains("errors"), "there are data or errors",
            answer.body);
  else
    require(object.contains("message") || object.contains("errors"), "a refusal says why",
            answer.body);
  if (auto errors = object.if_contains("errors"))
    for (const auto& error : errors->as_array())
      require(error.at("message").is_string(), "an error has words", answer.body);
}

void ask_document(std::string_view document) {
  json::object variables{{"q", "stars:>=10 sort:stars"}, {"a", nullptr}, {"n", 3}};
  ask_graphql(json::serialize(json::object{
      {"query", json::string_view{document.data(), document.size()}}, {"variables", variables}}));
}

void ask_rest(std::string_view target) {
  std::string path{target};
  if (path.empty() || path[0] != '/' || path.starts_with("/_sim/")) // operators' own
    return;
  auto answer = send("GET", path, "");
  require(answer.status >= 200 && answer.status < 600, "an answer has a status", path);
  if (answer.content_type.starts_with("application/json") && !answer.body.empty())
    parse(answer.body);
}

void search(std::string_view text) {
  const auto& data = github().data();
  auto query = sim::parse_search(text, data);
  sim::search_engine engine{data};
  std::vector<sim::row_index> truth;
  engine.for_each_match(query, [&](sim::row_index row) { truth.push_back(row); });
  std::string search_text{text};
  require(engine.count(search_text) == static_cast<int64_t>(truth.size()), "a small count is exact",
          text);
  auto ranks = engine.ranks(search_text);
  std::vector<sim::row_index> paged;
  for (int64_t offset = 0; offset < ranks; offset += 100) {
    auto page = engine.page(search_text, offset, 100);
    require(page.has_next == (offset + 100 < ranks), "a page knows whether it is the last", text);
    paged.insert(paged.end(), page.rows.begin(), page.rows.end());
  }
  std::sort(paged.begin(), paged.end());
  if (query.sort != sim::search_sort::none) // else pages may repeat and lose results
    require(paged == truth, "the pages hold every match once", text);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = test::text_of(data, size);
  auto kind = text.empty() ? ' ' : text[0];
  text.remove_prefix(text.empty() ? 0 : 1);
  if (kind == 'g')
    ask_document(text);
  else if (kind == 'b')
    ask_graphql(text);
  else if (kind == 'r')
    ask_rest(text);
  else if (kind == 's')
    search(text);
  else
    return -1;
  return 0;
}
