#pragma once

#include "actors/search_source.hpp"

namespace gitstar {

/// What was pushed to since the last complete run: a search with `pushed:>=`, cut along `created`
/// as any other. A push only ever moves a repository into such a search, never out of it, so that
/// nothing slips through while the crawl runs; an upper end would let what is pushed again slip.
class incremental_source : public search_source {
public:
  /// The first run goes back to `since`, the next ones to `overlap` before the beginning of the one
  /// before: GitHub's index lags behind the pushes.
  incremental_source(search_query base, timestamp since, std::chrono::seconds overlap);

  std::string text() const override;
  std::vector<partition> roots(const crawl& run) const override;

private:
  search_query base_;
  timestamp since_;
  std::chrono::seconds overlap_;
};

} // namespace gitstar
