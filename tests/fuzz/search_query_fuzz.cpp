// A search text as the user gives it.
#include "messages/search_query.hpp"

#include "tests/fuzz/fuzz.hpp"

using namespace gitstar;
using test::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = test::text_of(data, size);
  auto query = parse_search_query(text);
  if (!query)
    return 0;
  for (auto range : {query->stars, query->created, query->size_kb})
    require(range.first <= range.last, "a range is not empty", text);
  auto printed = to_string(*query);
  auto again = parse_search_query(printed);
  require(static_cast<bool>(again), "what is printed can be read", printed);
  require(*again == *query, "what is printed means the same", printed);
  require(to_string(*again) == printed, "the canonical text is stable", printed);
  return 0;
}
