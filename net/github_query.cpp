#include "net/github_query.hpp"

#include "net/metadata_query.hpp"
#include "net/node_id.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>

namespace gitstar::net {

namespace {

/// Where limits are switched off `rateLimit` is null (fact sheet 2.3).
constexpr const char* rate_limit_field = "rateLimit{cost limit remaining used resetAt}";

/// Whose token it is: one point pays for it as well.
constexpr const char* viewer_field = "viewer{databaseId login}";

constexpr const char* page_fragment =
    "\nfragment page on SearchResultItemConnection{repositoryCount pageInfo{endCursor hasNextPage} "
    "nodes{...repository}}";

constexpr const char* owned_fragment =
    "\nfragment owned on RepositoryConnection{totalCount pageInfo{endCursor hasNextPage} "
    "nodes{...repository}}";

bool is_paged(query_shape shape) {
  return shape == query_shape::search_page || shape == query_shape::owner_page;
}

std::string repository_fragment(const field_set& fields) {
  std::string selections;
  for (size_t i = 0; i < fields.size(); ++i)
    if (fields.test(i))
      selections.append(selections.empty() ? "" : " ").append(repository_fields[i].selection);
  return "\nfragment repository on Repository{" + selections + '}';
}

std::string json_text(const std::string& text) {
  return boost::json::serialize(boost::json::string_view{text});
}

/// One field of the document.
std::string field_text(query_shape shape, const std::string& index) {
  if (shape == query_shape::nodes)
    return "f" + index + ":nodes(ids:$i" + index + "){...repository} ";
  if (shape == query_shape::owner_page)
    return "f" + index + ":repositoryOwner(login:$q" + index +
           "){repositories(first:" + std::to_string(page_size) + ",after:$a" + index +
           ",ownerAffiliations:[OWNER],orderBy:{field:CREATED_AT,direction:ASC}){...owned}} ";
  std::string result = "f" + index + ":search(type:REPOSITORY,query:$q" + index;
  if (shape == query_shape::search_count)
    return result + ",first:1){repositoryCount} ";
  return result + ",first:" + std::to_string(page_size) + ",after:$a" + index + "){...page} ";
}

std::string variable(query_shape shape, const std::string& index) {
  if (shape == query_shape::nodes)
    return "$i" + index + ":[ID!]!";
  auto result = "$q" + index + ":String!";
  return is_paged(shape) ? result + ",$a" + index + ":String" : result;
}

std::string json_list(const std::vector<repo_id>& ids) {
  std::string result = "[";
  for (auto id : ids)
    result += (result.size() > 1 ? ",\"" : "\"") + repository_node_id(id) + '"';
  return result + ']';
}

std::string variables(const api_request& request) {
  std::string result = "{";
  for (size_t i = 0; i < request.fields.size(); ++i) {
    const auto& field = request.fields[i];
    auto index = std::to_string(i);
    result += i == 0 ? "\"" : ",\"";
    if (request.shape == query_shape::nodes) {
      result += "i" + index + "\":" + json_list(field.ids);
      continue;
    }
    result += 'q';
    result += index + "\":" + json_text(field.query);
    if (is_paged(request.shape))
      result += ",\"a" + index + "\":" + (field.after.empty() ? "null" : json_text(field.after));
  }
  return result + '}';
}

} // namespace

std::string own_fields(bool identify) {
  return std::string{rate_limit_field} + (identify ? std::string{" "} + viewer_field : "");
}

std::optional<size_t> optional_field(std::string_view name) {
  for (size_t i = 0; i < std::size(repository_fields); ++i)
    if (repository_fields[i].optional && repository_fields[i].name == name)
      return i;
  return std::nullopt;
}

std::string to_string(const field_set& fields) {
  std::string result;
  for (size_t i = 0; i < fields.size(); ++i)
    if (fields.test(i))
      result.append(result.empty() ? "" : ", ").append(repository_fields[i].name);
  return result;
}

std::string query_text(query_shape shape, size_t width, bool identify, const field_set& without) {
  std::string declarations;
  std::string fields;
  for (size_t i = 0; i < width; ++i) {
    auto index = std::to_string(i);
    declarations += (i == 0 ? "" : ",") + variable(shape, index);
    fields += field_text(shape, index);
  }
  auto result = "query(" + declarations + "){" + fields + own_fields(identify) + '}';
  if (shape == query_shape::search_page)
    result += page_fragment;
  if (shape == query_shape::owner_page)
    result += owned_fragment;
  return shape == query_shape::search_count ? result : result + repository_fragment(~without);
}

std::string query_body(const api_request& request, const field_set& without) {
  if (is_metadata(request.shape)) {
    auto [text, values] = metadata_query(request);
    return "{\"query\":" + json_text(text) + ",\"variables\":" + values + '}';
  }
  auto text = query_text(request.shape, request.fields.size(), request.identify, without);
  return "{\"query\":" + json_text(text) + ",\"variables\":" + variables(request) + '}';
}

std::string listing_path(const api_request& request) {
  auto& since = request.fields.at(0).after;
  return "/repositories?since=" + (since.empty() ? "0" : since);
}

std::string document_body(const std::string& document) {
  return "{\"query\":" + json_text(document) + '}';
}

std::string probe_text(const field_set& fields, bool identify) {
  return "query{search(type:REPOSITORY,query:\"stars:>0 sort:stars\",first:1){nodes{"
         "...repository}} " +
         own_fields(identify) + '}' + repository_fragment(fields);
}

std::vector<named_query> all_query_texts() {
  std::vector<named_query> result;
  for (auto shape : {query_shape::search_count, query_shape::search_page, query_shape::nodes,
                     query_shape::owner_page})
    for (size_t width : {1, 3}) {
      auto name = to_string(shape) + "_" + std::to_string(width);
      result.push_back({name, query_text(shape, width)});
      result.push_back({name + "_viewer", query_text(shape, width, true)});
    }
  field_set optional;
  for (size_t i = 0; i < optional.size(); ++i)
    optional.set(i, repository_fields[i].optional);
  result.push_back(
      {"search_page_1_least", query_text(query_shape::search_page, 1, false, optional)});
  result.push_back({"probe", probe_text(~optional, true)});
  for (size_t i = 0; i < optional.size(); ++i)
    if (optional.test(i))
      result.push_back({"probe_" + std::string{repository_fields[i].name},
                        probe_text(field_set{}.set(i), false)});
  for (auto& each : metadata_query_texts())
    result.push_back(std::move(each));
  return result;
}

} // namespace gitstar::net
