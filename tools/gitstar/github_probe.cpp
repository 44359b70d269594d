#include "tools/gitstar/github_probe.hpp"

#include "actors/search_source.hpp"
#include "messages/seconds.hpp"
#include "tools/gitstar/wiring.hpp"

#include <algorithm>
#include <future>
#include <stdexcept>

namespace gitstar::tool {

namespace {

constexpr int64_t most_queries = 30;
constexpr int attempts = 3;

/// Another credential may get an answer.
bool is_about_credential(outcome result) {
  return result == outcome::unauthorized || result == outcome::forbidden ||
         result == outcome::primary_limit || result == outcome::secondary_limit;
}

/// Some answers are quicker than a millisecond can tell.
constexpr double shortest = 0.0005;

} // namespace

github_probe::github_probe(const config::github_section& github) : client_(client_options(github)) {
  for (auto& x : github.credentials)
    credentials_.push_back(x.name);
}

std::vector<int64_t> github_probe::recall(const std::vector<search_query>& searches) const {
  std::vector<int64_t> result;
  for (auto& x : searches) {
    auto found = counts_.find(to_string(x));
    result.push_back(found == counts_.end() ? -1 : found->second);
  }
  return result;
}

std::vector<int64_t> github_probe::ask(const std::vector<search_query>& searches, uint32_t width) {
  std::vector<search_field> open;
  for (auto& x : searches)
    if (auto text = to_string(x); !counts_.contains(text))
      open.push_back({text, ""});
  for (int i = 0; !open.empty() && i < attempts; ++i) {
    std::vector<search_field> again;
    for (size_t begin = 0; begin < open.size() && cost_.queries < most_queries; begin += width) {
      auto end = std::min<size_t>(begin + width, open.size());
      std::vector<search_field> fields(open.begin() + static_cast<std::ptrdiff_t>(begin),
                                       open.begin() + static_cast<std::ptrdiff_t>(end));
      auto answer = send(query_shape::search_count, fields);
      auto usual = response_time{}.counts(static_cast<uint32_t>(fields.size()));
      auto factor = std::max(to_seconds(answer.elapsed), shortest) / usual;
      times_.count_base = response_time{}.count_base * factor;
      times_.per_count = response_time{}.per_count * factor;
      for (size_t f = 0; f < fields.size() && f < answer.fields.size(); ++f) {
        if (answer.fields[f].error == field_error::none)
          counts_[fields[f].query] = answer.fields[f].match_count;
        else
          again.push_back(fields[f]);
      }
    }
    open = std::move(again);
  }
  return recall(searches);
}

void github_probe::read_pages(uint32_t width) {
  // A narrow search, as windows are: broad ones answer slowly.
  auto most = counts_.end();
  for (auto i = counts_.begin(); i != counts_.end(); ++i)
    if (i->second > 0 && i->second <= max_search_results &&
        (most == counts_.end() || i->second > most->second))
      most = i;
  if (most == counts_.end())
    return;
  auto pages = (most->second + page_size - 1) / page_size;
  std::vector<search_field> fields;
  for (int64_t page = 0; page < std::min<int64_t>(pages, width); ++page)
    fields.push_back(
        {pass_texts(most->first).front(), page == 0 ? "" : search_cursor(page * page_size)});
  auto answer = send(query_shape::search_page, fields);
  auto usual = response_time{}.pages(static_cast<uint32_t>(fields.size()));
  auto factor = std::max(to_seconds(answer.elapsed), shortest) / usual;
  times_.page_base = response_time{}.page_base * factor;
  times_.per_page = response_time{}.per_page * factor;
}

std::vector<budget_record> github_probe::budgets() const {
  std::vector<budget_record> result;
  for (auto& [name, record] : budgets_)
    result.push_back(record);
  return result;
}

api_response github_probe::send(query_shape shape, std::vector<search_field> fields) {
  api_response answer;
  for (int i = 0; i < attempts && !credentials_.empty(); ++i) {
    auto name = credentials_.front();
    answer = send_with(name, shape, fields);
    if (is_about_credential(answer.result)) {
      credentials_.erase(credentials_.begin());
      --i;
      continue;
    }
    std::rotate(credentials_.begin(), credentials_.begin() + 1, credentials_.end());
    if (answer.result == outcome::ok || answer.result == outcome::partial)
      return answer;
  }
  throw std::runtime_error("GitHub does not answer the probe: " + to_string(answer.result) + ": " +
                           answer.message);
}

api_response github_probe::send_with(const std::string& credential, query_shape shape,
                                     const std::vector<search_field>& fields) {
  std::promise<api_response> promise;
  auto answer = promise.get_future();
  auto identify = !budgets_.contains(credential);
  client_.async_query({shape, credential, fields, identify},
                      [&promise](api_response got) { promise.set_value(std::move(got)); });
  auto got = answer.get();
  learn(credential, got);
  return got;
}

void github_probe::learn(const std::string& credential, const api_response& answer) {
  ++cost_.queries;
  if (answer.result == outcome::unauthorized) {
    budgets_[credential].credential = credential;
    budgets_[credential].benched = true;
    return;
  }
  auto& limits = answer.limits;
  if (!limits.known)
    return;
  if (limits.enabled)
    cost_.points += std::max<int64_t>(limits.cost, 0);
  auto& record = budgets_[credential];
  record.credential = credential;
  record.enabled = limits.enabled;
  record.limit = limits.limit;
  record.remaining = limits.remaining;
  record.reset_at = limits.reset_at;
  if (answer.identity)
    record.viewer_id = answer.identity->id;
}

} // namespace gitstar::tool
