// A config file. Its environment has one variable, GITHUB_TOKEN, whose value must not show.
#include "config/config.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace gitstar;
using test::require;

namespace {

constexpr const char* token = "ghp_0123456789abcdefTHISMUSTNOTSHOW0";

std::optional<std::string> look_up(const std::string& name) {
  return name == "GITHUB_TOKEN" ? std::optional<std::string>{token} : std::nullopt;
}

void check_problem(const config::problem& found, bool shows_token) {
  auto line = to_string(found);
  require(found.at.file == "fuzz.yaml" && found.at.line > 0 && found.at.column > 0,
          "a problem names file, line and column", line);
  require(!found.message.empty(), "a problem has words", line);
  require(shows_token || line.find(token) == std::string::npos, "a problem shows no secret", line);
}

/// Elements of lists are, and the sources that were not chosen.
bool is_shown_empty(const config::key_info& key, const config::settings& found) {
  auto& source = found.crawl.source;
  auto lacks = [&](std::string_view section, bool there) {
    return !there && key.path.starts_with(section);
  };
  return key.path.find("[]") != std::string::npos ||
         lacks("crawl.source.search.", source.search.has_value()) ||
         lacks("crawl.source.census.", source.census.has_value()) ||
         lacks("crawl.source.refresh.", source.refresh.has_value()) ||
         lacks("crawl.source.incremental.", source.incremental.has_value()) ||
         lacks("crawl.source.owners.", source.owners.has_value());
}

void check_number(const config::key_info& key, const config::settings& found) {
  if (!key.value || !key.minimum || is_shown_empty(key, found))
    return;
  auto number = std::stod(*key.value);
  require(number >= *key.minimum && number <= *key.maximum, "a value is within its bounds",
          key.path);
}

void check_settings(const config::settings& found) {
  require(!found.crawl.name.empty(), "a crawl has a name");
  require(!found.crawl.source.search || !found.crawl.source.search->query.empty(),
          "a search has a text");
  require(!found.github.credentials.empty(), "somebody asks");
  for (const auto& each : found.github.credentials) {
    require(!each.name.empty() && each.name.find(token) == std::string::npos,
            "a credential has a name", each.name);
    require(each.token.empty() == each.app.has_value(), "a credential is a token or an App",
            each.name);
    require(each.at.line > 0, "a credential has a place", each.name);
  }
  for (const auto& key : config::list_keys(found))
    check_number(key, found);
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text{test::text_of(data, size)};
  if (text.find("file:") != std::string::npos)
    return -1; // would read files of this machine
  auto found = config::parse(text, "fuzz.yaml", look_up);
  if (auto problem = std::get_if<config::problem>(&found))
    check_problem(*problem, text.find(token) != std::string::npos);
  else
    check_settings(std::get<config::settings>(found));
  return 0;
}
