#pragma once

#include "db/queries.hpp"

#include <string>

namespace gitstar::tool {

/// `gitstar status` for people.
std::string status_text(const db::crawl_status& status);

/// `gitstar status --format json`: the same for programs. Times are `2014-03-09T05:10:10Z`.
std::string status_json(const db::crawl_status& status);

/// What `gitstar repair` is going to ask again, or that it is nothing. `found`: the newest crawl of
/// this config, if there is one.
std::string repair_text(const std::string& name, const optional<db::crawl_status>& found);

/// What came of it: `partitions` were asked again, `totals` is the certificate now.
std::string repair_result_text(int64_t partitions, const certificate& totals);

} // namespace gitstar::tool
