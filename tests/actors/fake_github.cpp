#include "tests/actors/fake_github.hpp"

#include "actors/search_source.hpp"

#include <algorithm>
#include <cmath>
#include <optional>
#include <random>
#include <stdexcept>

namespace gitstar::test {

namespace {

constexpr size_t ids_per_listing = 100;

constexpr int64_t first_created = 1262304000; // 2010-01-01T00:00:00Z
constexpr int64_t last_created = 1704067199;  // 2023-12-31T23:59:59Z

bool contains(int_range range, int64_t value) {
  return range.first <= value && value <= range.last;
}

/// The only terms that this model knows.
bool speaks(const std::string& terms, const std::optional<std::string>& language) {
  auto text = terms + ' ';
  size_t begin = 0;
  while (begin < text.size()) {
    auto end = text.find(' ', begin);
    auto word = text.substr(begin, end - begin);
    begin = end + 1;
    auto excluded = word.starts_with("-language:");
    if (!excluded && !word.starts_with("language:"))
      continue;
    auto wanted = word.substr(word.find(':') + 1);
    if ((language && *language == wanted) == excluded)
      return false;
  }
  return true;
}

void sort(std::vector<const repository*>& found, const std::string& by) {
  auto key = [&by](const repository* x) -> int64_t {
    if (by == "stars-desc")
      return -x->star_count;
    if (by == "stars-asc")
      return x->star_count;
    if (by == "forks-desc")
      return -x->fork_count;
    if (by == "updated-desc")
      return -x->updated_at.time_since_epoch().count();
    throw std::runtime_error("no such sort: " + by);
  };
  std::stable_sort(found.begin(), found.end(), [&](auto* a, auto* b) { return key(a) < key(b); });
}

} // namespace

std::vector<repository> random_repositories(size_t count, uint32_t seed, size_t burst) {
  constexpr const char* languages[] = {"C++", "Python", "Java", "Rust", "Go"};
  std::mt19937 random{seed};
  std::uniform_int_distribution<int64_t> created(first_created, last_created);
  std::uniform_real_distribution<double> chance(1e-5, 1);
  std::vector<repository> result;
  auto burst_at = created(random);
  for (size_t i = 0; i < count; ++i) {
    repository x;
    x.repo_id = static_cast<repo_id>(1000 + 3 * i);
    x.full_name = "owner" + std::to_string(i % 100) + "/name" + std::to_string(i);
    x.star_count = static_cast<int32_t>(std::pow(chance(random), -0.9));
    x.fork_count = static_cast<int32_t>(random() % 50);
    x.disk_usage_kb = static_cast<int32_t>(random() % 4000);
    if (auto speaks = random() % 6; speaks < 5)
      x.language = languages[speaks];
    x.visibility = "public";
    auto second = i < burst ? burst_at : created(random);
    x.created_at = timestamp{std::chrono::seconds{second}};
    x.updated_at = x.created_at + std::chrono::seconds{random() % 1'000'000};
    result.push_back(std::move(x));
  }
  return result;
}

fake_github::fake_github(std::vector<repository> repositories)
    : repositories_(std::move(repositories)) {
  limits.known = true;
  limits.enabled = false;
  for (int64_t rank = 1; rank <= max_search_results; ++rank)
    ranks_.emplace(search_cursor(rank), rank);
}

void fake_github::async_query(api_request request, callback on_answer) {
  requests.push_back(request);
  if (hold)
    held_.emplace_back(std::move(request), std::move(on_answer));
  else
    on_answer(answer(request));
}

bool fake_github::release_one() {
  if (held_.empty())
    return false;
  auto [request, on_answer] = std::move(held_.front());
  held_.erase(held_.begin());
  on_answer(answer(request));
  return true;
}

void fake_github::release_all() {
  while (release_one()) {
  }
}

api_response fake_github::answer(const api_request& request) {
  api_response result;
  result.http_status = 200;
  result.limits = limits;
  result.elapsed = elapsed;
  for (auto& field : request.fields)
    result.fields.push_back(answer(request.shape, field));
  if (change)
    change(request, result);
  return result;
}

int64_t fake_github::count(const std::string& text) {
  return static_cast<int64_t>(find(text + " sort:stars-desc").size());
}

void fake_github::mutate(const std::function<void(repository& x)>& edit) {
  for (auto& x : repositories_)
    edit(x);
  found_.clear();
}

const fake_github::matches& fake_github::find(const std::string& text) {
  auto [position, added] = found_.try_emplace(text);
  auto& result = position->second;
  if (!added)
    return result;
  auto sort_at = text.rfind("sort:");
  auto sort_by = sort_at == std::string::npos ? "stars-desc" : text.substr(sort_at + 5);
  auto query = parse_search_query(std::string_view{text}.substr(0, sort_at));
  if (!query)
    throw std::runtime_error("GitHub would refuse '" + text + "'");
  for (auto& x : repositories_)
    if (contains(query->stars, x.star_count) && contains(query->size_kb, *x.disk_usage_kb) &&
        contains(query->created, x.created_at.time_since_epoch().count()) &&
        speaks(query->terms, x.language ? std::optional{*x.language} : std::nullopt))
      result.push_back(&x);
  sort(result, sort_by);
  return result;
}

int64_t fake_github::rank_of(const std::string& cursor) const {
  if (cursor.empty())
    return 0;
  if (opaque_cursors)
    return std::stoll(cursor.substr(cursor.find(':') + 1));
  return ranks_.at(cursor);
}

field_answer fake_github::look_up(const search_field& field) const {
  field_answer result;
  for (uint32_t i = 0; i < field.ids.size(); ++i) {
    auto id = field.ids[i];
    auto found = std::find_if(repositories_.begin(), repositories_.end(),
                              [id](auto& x) { return x.repo_id == id; });
    if (found == repositories_.end())
      result.lacking.push_back({i, field_error::not_found});
    else if (is_null && is_null(field, *found))
      result.lacking.push_back({i, field_error::forbidden});
    else
      result.repositories.push_back(*found);
  }
  return result;
}

/// The repositories are in the order of their ids.
field_answer fake_github::list(const search_field& field) const {
  field_answer result;
  auto since = std::stoll(field.after);
  for (auto& x : repositories_) {
    if (x.repo_id <= since)
      continue;
    result.has_next_page = result.ids.size() == ids_per_listing;
    if (result.has_next_page)
      break;
    result.ids.push_back(is_null_in_list && is_null_in_list(x) ? 0 : x.repo_id);
  }
  return result;
}

field_answer fake_github::answer(query_shape shape, const search_field& field) {
  if (shape == query_shape::nodes)
    return look_up(field);
  if (shape == query_shape::id_list)
    return list(field);
  if (field.query.size() > max_search_text)
    throw std::runtime_error("GitHub would refuse the length of '" + field.query + "'");
  auto& found = find(field.query);
  field_answer result;
  auto exact = static_cast<int64_t>(found.size());
  result.match_count = shown_count ? shown_count(field, exact) : exact;
  if (shape == query_shape::search_count)
    return result;
  matches visible;
  for (auto x : found)
    if (!is_hidden || !is_hidden(field, *x))
      visible.push_back(x);
  auto available = std::min(static_cast<int64_t>(visible.size()), max_search_results);
  auto begin = std::min(rank_of(field.after), available);
  auto end = std::min(begin + page_size, available);
  for (auto i = begin; i < end; ++i) {
    auto& x = *visible[static_cast<size_t>(i)];
    if (is_null && is_null(field, x))
      ++result.null_count;
    else
      result.repositories.push_back(x);
  }
  result.has_next_page = end < available;
  if (end > begin)
    result.end_cursor = opaque_cursors ? "opaque:" + std::to_string(end) : search_cursor(end);
  return result;
}

api_response failure(outcome result, std::string message) {
  api_response x;
  x.result = result;
  x.message = std::move(message);
  return x;
}

} // namespace gitstar::test
