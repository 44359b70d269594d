// Faults that the simulator is told to inject.
#include "tools/sim/faults.hpp"

#include "tests/fuzz/fuzz.hpp"

#include <stdexcept>

using namespace gitstar;
using test::require;

namespace {

void check(const sim::fault_config& found) {
  for (const auto& rule : found.rules) {
    require(rule.probability >= 0 && rule.probability <= 1, "a probability is one");
    require(rule.every > 0 && rule.times >= 0, "a fault can be counted");
  }
}

} // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string text{test::text_of(data, size)};
  try {
    check(sim::parse_faults(text, "fuzz.yaml"));
  } catch (const std::runtime_error& error) {
    require(std::string_view{error.what()}.starts_with("fuzz.yaml:"),
            "an error names file and line", error.what());
  }
  return 0;
}
