#pragma once

#include "db/queries.hpp"
#include "tools/gitstar/report.hpp"

#include <string>

namespace gitstar::tool {

/// What a person reads at the end of a crawl: the best known repositories, languages, star
/// quantiles, what was spent, and the certificate. `psql` is the command to look around with;
/// empty: the store is not for looking around.
std::string summary_text(const run_report& report, const db::repository_summary& stored,
                         const std::string& psql);

/// The certificate: does the crawl hold everything, and what is missing.
std::string certificate_text(const crawl& run, const certificate& totals);

} // namespace gitstar::tool
