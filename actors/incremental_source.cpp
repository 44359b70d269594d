#include "actors/incremental_source.hpp"

#include "messages/time_text.hpp"

#include <algorithm>

namespace gitstar {

incremental_source::incremental_source(search_query base, timestamp since,
                                       std::chrono::seconds overlap)
    : search_source(base, 0), base_(std::move(base)), since_(since), overlap_(overlap) {}

std::string incremental_source::text() const {
  return "incremental since " + to_utc_text(since_) + ": " + to_string(base_);
}

std::vector<partition> incremental_source::roots(const crawl& run) const {
  auto query = base_;
  auto since = std::max(since_, run.previous_at - overlap_);
  query.terms += (query.terms.empty() ? "pushed:>=" : " pushed:>=") + to_utc_text(since);
  return search_source{query, 0}.roots(run);
}

} // namespace gitstar
