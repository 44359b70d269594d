#include "messages/metadata/registry.hpp"

#include "messages/metadata/ci_checks.hpp"
#include "messages/metadata/commits.hpp"
#include "messages/metadata/discussions.hpp"
#include "messages/metadata/issue_comments.hpp"
#include "messages/metadata/issues.hpp"
#include "messages/metadata/pull_request_commits.hpp"
#include "messages/metadata/pull_requests.hpp"
#include "messages/metadata/releases.hpp"
#include "messages/metadata/review_comments.hpp"
#include "messages/metadata/reviews.hpp"

namespace gitstar::metadata {

const std::vector<const kind*>& all_kinds() {
  static const std::vector<const kind*> all{
      &issues(),  &pull_requests(),        &issue_comments(), &reviews(),  &review_comments(),
      &commits(), &pull_request_commits(), &ci_checks(),      &releases(), &discussions(),
  };
  return all;
}

const kind* find_kind(std::string_view name) {
  for (const auto* x : all_kinds())
    if (x->name == name)
      return x;
  return nullptr;
}

} // namespace gitstar::metadata
