#include "net/github_query.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>

namespace gitstar::net {

namespace {

/// Where limits are switched off `rateLimit` is null (fact sheet 2.3).
constexpr const char* rate_limit_field = "rateLimit{cost limit remaining used resetAt}";

/// `issues` and `watchers` take no `first`: they cost no points (fact sheet 2.2). The `stargazers`
/// connection is closed to us (fact sheet 0), its count is not.
constexpr const char* page_fragments =
    "\nfragment page on SearchResultItemConnection{repositoryCount pageInfo{endCursor hasNextPage} "
    "nodes{...repository}}"
    "\nfragment repository on Repository{databaseId nameWithOwner stargazerCount forkCount "
    "issues(states:OPEN){totalCount} watchers{totalCount} primaryLanguage{name} licenseInfo{key} "
    "description isFork isArchived isDisabled visibility diskUsage createdAt updatedAt pushedAt}";

std::string json_text(const std::string& text) {
  return boost::json::serialize(boost::json::string_view{text});
}

/// One field of the document.
std::string field_text(query_shape shape, const std::string& index) {
  std::string result = "f" + index + ":search(type:REPOSITORY,query:$q" + index;
  if (shape == query_shape::search_count)
    return result + ",first:1){repositoryCount} ";
  return result + ",first:" + std::to_string(page_size) + ",after:$a" + index + "){...page} ";
}

std::string variables(const api_request& request) {
  std::string result = "{";
  for (size_t i = 0; i < request.fields.size(); ++i) {
    const auto& field = request.fields[i];
    auto index = std::to_string(i);
    result += i == 0 ? "\"q" : ",\"q";
    result += index + "\":" + json_text(field.query);
    if (request.shape == query_shape::search_page)
      result += ",\"a" + index + "\":" + (field.after.empty() ? "null" : json_text(field.after));
  }
  return result + '}';
}

} // namespace

std::string query_text(query_shape shape, size_t width) {
  std::string declarations;
  std::string fields;
  for (size_t i = 0; i < width; ++i) {
    auto index = std::to_string(i);
    declarations += (i == 0 ? "$q" : ",$q") + index + ":String!";
    if (shape == query_shape::search_page)
      declarations += ",$a" + index + ":String";
    fields += field_text(shape, index);
  }
  auto result = "query(" + declarations + "){" + fields + rate_limit_field + '}';
  return shape == query_shape::search_page ? result + page_fragments : result;
}

std::string query_body(const api_request& request) {
  return "{\"query\":" + json_text(query_text(request.shape, request.fields.size())) +
         ",\"variables\":" + variables(request) + '}';
}

std::vector<named_query> all_query_texts() {
  std::vector<named_query> result;
  for (auto shape : {query_shape::search_count, query_shape::search_page})
    for (size_t width : {1, 3})
      result.push_back({to_string(shape) + "_" + std::to_string(width), query_text(shape, width)});
  return result;
}

} // namespace gitstar::net
