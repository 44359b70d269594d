// Repositories for the simulator from a CSV file.
#include "tools/sim/csv_data.hpp"

#include "tests/fuzz/fuzz.hpp"

#include <set>
#include <stdexcept>

using namespace gitstar;
using test::require;

namespace {

void check(const sim::dataset& data) {
  std::set<int64_t> ids;
  uint32_t last = 0;
  for (sim::row_index row = 0; row < data.size(); ++row) {
    const auto& repo = data[row];
    require(repo.id > 0 && ids.insert(repo.id).second, "ids are unique");
    require(repo.created_at >= last, "rows are in order of creation");
    last = repo.created_at;
    require(repo.stars >= 0 && repo.forks >= 0, "counts are not negative");
    require(data.find_id(repo.id) == row, "an id finds its repository");
    require(!data.name(repo).empty() && !data.owner_login(repo).empty(), "a name has both parts",
            data.full_name(repo));
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text{test::text_of(data, size)};
  try {
    check(sim::parse_csv_data(text, "fuzz.csv", 1));
  } catch (const std::runtime_error& error) {
    require(std::string_view{error.what()}.starts_with("fuzz.csv:"), "an error names the file",
            error.what());
  }
  return 0;
}
