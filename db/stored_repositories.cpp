#include "db/stored_repositories.hpp"

#include "db/connection.hpp"

namespace gitstar::db {

std::map<repo_id, int64_t> stored_star_counts(const std::string& connection_string) {
  connection link{connection_string};
  return link.transaction([](pqxx::work& work) {
    std::map<repo_id, int64_t> result;
    for (const auto& row : work.exec("select repo_id, star_count from repositories"))
      result.emplace(row[0].as<int64_t>(), row[1].as<int64_t>());
    return result;
  });
}

} // namespace gitstar::db
