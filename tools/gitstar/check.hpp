/// `gitstar check --online`: one line per thing that was looked at.
#pragma once

#include "config/config.hpp"
#include "db/examine_store.hpp"
#include "net/examine_credential.hpp"

#include <boost/json/object.hpp>

#include <map>
#include <string>
#include <vector>

namespace gitstar::tool {

enum class check_level : uint8_t { ok, warning, error };
std::string to_string(check_level level);

struct check_line {
  std::string name; ///< what was looked at: `credential token-1`, `clock`, `database`, ...
  check_level level = check_level::ok;
  std::string text;
  boost::json::object facts{}; ///< for programs
};

/// By the credential's name.
using examinations = std::map<std::string, net::credential_examination>;

/// What GitHub said of the credentials, of fields that it refuses, and of the time.
std::vector<check_line> github_lines(const std::vector<config::credential>& credentials,
                                     const examinations& found);

check_line database_line(const db::store_examination& found);

/// Whether `available` bytes are enough for a crawl of `repositories`; 0: not known how many.
check_line disk_line(const std::string& directory, uint64_t available, int64_t repositories);

std::string check_text(const std::vector<check_line>& lines);
std::string check_json(const std::vector<check_line>& lines);

bool has_error(const std::vector<check_line>& lines);

} // namespace gitstar::tool
