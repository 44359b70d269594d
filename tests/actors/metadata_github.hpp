/// A GitHub with issues, pull requests and what hangs on them, small enough for a test.
#pragma once

#include "messages/metadata/kind.hpp"
#include "tests/actors/fake_github.hpp"

#include <functional>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

namespace gitstar::test {

/// An element of a list, whatever its kind.
struct element {
  std::string node;                          ///< global id
  std::map<std::string, std::string> values; ///< by column; those that are not there are null
  std::map<std::string, std::vector<std::shared_ptr<element>>> lists; ///< by the kind in them
};
using element_ptr = std::shared_ptr<element>;

/// Rows by kind and key, as the store should have them.
using metadata_truth = std::map<std::string, std::map<std::string, metadata_row>>;

class metadata_github : public fake_github {
public:
  metadata_github(uint32_t seed, size_t repositories);

  void async_query(api_request request, callback on_answer) override;

  /// What the store holds when all of it was read.
  metadata_truth truth() const;

  /// Moves some of everything, at `now`.
  void mutate_metadata(timestamp now, double share = 0.3);

  element_ptr add_issue(repo_id repo, timestamp at);
  element_ptr add_pull_request(repo_id repo, timestamp at);
  void add_comments(const element_ptr& to, size_t count, timestamp at);
  void add_check(const element_ptr& to, timestamp at);
  element_ptr add_release(repo_id repo, timestamp at);
  void move(const element_ptr& what, timestamp at);
  /// The elements of one of a repository's own lists.
  std::vector<element_ptr>& own(repo_id repo, const std::string& kind) {
    return repositories_[repo][kind];
  }
  std::vector<repo_id> ids() const;

  /// Why a field has no data; unless set all have.
  std::function<field_error(const api_request& request, const search_field& field)> fails;
  /// Fewer elements than a list counts, as GitHub does with more than 250 commits.
  std::map<std::string, size_t> shown_at_most;
  std::set<repo_id> closed;                          ///< repositories that are not there
  std::set<std::pair<repo_id, std::string>> off;     ///< own lists that are switched off
  std::set<std::pair<repo_id, std::string>> refused; ///< own lists that probes do not get
  std::set<std::string> hidden;                      ///< nodes that come as null
  std::set<std::string> asked;                       ///< nodes that a list was asked of

private:
  field_answer answer(const api_request& request, const search_field& field);
  metadata_page page_of(const std::vector<element_ptr>& list, const metadata_ask& ask,
                        const element_ptr& holder) const;
  element_ptr find(const std::string& node) const;
  void collect(metadata_truth& into, repo_id repo, const metadata::kind* of_parent,
               const element_ptr& parent, const std::string& kind,
               const std::vector<element_ptr>& list, const element_ptr& holder) const;
  void count(const element_ptr& what);
  element_ptr make(const std::string& type, timestamp at);
  void thread(const element_ptr& x, timestamp at);
  size_t below(size_t end) { return end == 0 ? 0 : random_() % end; }

  std::map<repo_id, std::map<std::string, std::vector<element_ptr>>> repositories_;
  std::map<std::string, element_ptr> nodes_;
  std::map<repo_id, int64_t> numbers_;
  int64_t next_id_ = int64_t{1} << 32;
  std::mt19937 random_;
};

} // namespace gitstar::test
