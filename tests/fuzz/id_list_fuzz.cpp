// A page of REST's /repositories, after the line that says which id it follows.
#include "net/id_list.hpp"

#include "tests/fuzz/fuzz.hpp"

#include <algorithm>
#include <charconv>
#include <functional>

using namespace gitstar;
using test::require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto text = test::text_of(data, size);
  std::string_view body{text};
  auto first = test::take_until(body, '\n');
  repo_id since = 0;
  std::from_chars(first.data(), first.data() + first.size(), since);
  auto ids = net::parse_id_list(body, since);
  if (!ids)
    return 0;
  require(std::count(body.begin(), body.end(), ',') + 1 >= std::ssize(*ids),
          "an id per element of the list", text);
  std::erase(*ids, 0); // elements that are null
  require(std::all_of(ids->begin(), ids->end(), [=](auto id) { return id > since; }),
          "all follow the id", text);
  require(std::adjacent_find(ids->begin(), ids->end(), std::greater_equal{}) == ids->end(),
          "they ascend", text);
  return 0;
}
