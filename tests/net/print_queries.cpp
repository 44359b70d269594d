/// Prints every query document that the program can send as JSON, for tests that check them with
/// other tools: `[{"name": ..., "query": ...}, ...]`.
#include "net/github_query.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include <iostream>

int main() {
  boost::json::array result;
  for (const auto& each : gitstar::net::all_query_texts())
    result.push_back(boost::json::object{{"name", each.name}, {"query", each.text}});
  std::cout << boost::json::serialize(result) << '\n';
}
