/// GitHub's repository search, small enough for a test: see the fact sheet, section 5.
#pragma once

#include "messages/search_query.hpp"
#include "net/query_sender.hpp"

#include <functional>
#include <map>
#include <string>
#include <vector>

namespace gitstar::test {

/// Repositories with power-law stars, created at random times between 2010 and 2024, some of them
/// in bursts of `burst` within one second. The same seed gives the same repositories.
std::vector<repository> random_repositories(size_t count, uint32_t seed, size_t burst = 0);

/// Answers inline unless told to hold its answers back.
class fake_github : public net::query_sender {
public:
  explicit fake_github(std::vector<repository> repositories);

  void async_query(api_request request, callback on_answer) override;

  /// Lets the oldest query that was held back be answered. Returns whether there was one.
  bool release_one();
  void release_all();

  /// The answer that the model gives.
  api_response answer(const api_request& request);
  using matches = std::vector<const repository*>;
  /// The repositories that match, in the order of the text's sort.
  const matches& find(const std::string& text);
  /// The number of repositories that match.
  int64_t count(const std::string& text);
  /// Changes repositories: what was found before is found anew.
  void mutate(const std::function<void(repository& x)>& edit);

  // -- what a test can switch ---------------------------------------------------

  bool hold = false;           ///< queries wait for `release_one`
  bool opaque_cursors = false; ///< no cursor can be predicted
  rate_limit limits;           ///< what every answer says; by default limits are switched off
  milliseconds elapsed{100};   ///< of every answer
  /// The count that an answer shows instead of the true one.
  std::function<int64_t(const search_field& field, int64_t exact)> shown_count;
  /// Repositories that come as null.
  std::function<bool(const search_field& field, const repository& repo)> is_null;
  /// Repositories whose element in a listing is null.
  std::function<bool(const repository& repo)> is_null_in_list;
  /// Repositories that do not turn up although they are counted.
  std::function<bool(const search_field& field, const repository& repo)> is_hidden;
  /// Changes an answer, for example into a failure.
  std::function<void(const api_request& request, api_response& response)> change;

  // -- what a test can look at --------------------------------------------------

  std::vector<api_request> requests;
  size_t in_flight() const { return held_.size(); }
  const std::vector<repository>& repositories() const { return repositories_; }

private:
  field_answer answer(query_shape shape, const search_field& field);
  field_answer look_up(const search_field& field) const;
  field_answer list(const search_field& field) const;
  int64_t rank_of(const std::string& cursor) const;

  std::vector<repository> repositories_;
  std::map<std::string, matches> found_;
  std::map<std::string, int64_t> ranks_; // by predictable cursor
  std::vector<std::pair<api_request, callback>> held_;
};

/// An answer without data.
api_response failure(outcome result, std::string message = "no");

} // namespace gitstar::test
