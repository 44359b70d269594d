/// Real answers of GitHub, recorded by others, where the folder with them is at hand.
#pragma once

#include <boost/json/parse.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>

namespace gitstar::test {

/// `$GITSTAR_DATA/recorded` or `../shared/data/recorded`; empty, and said, where it is absent.
inline std::filesystem::path recorded_folder() {
  const auto* set = std::getenv("GITSTAR_DATA");
  auto folder = std::filesystem::path{set ? set : "../shared/data"} / "recorded";
  if (std::filesystem::exists(folder / "index.json"))
    return folder;
  std::cout << "skipped: no recorded answers in " << folder.string() << '\n';
  return {};
}

inline boost::json::value read_json(const std::filesystem::path& file) {
  std::ifstream in{file};
  return boost::json::parse(std::string{std::istreambuf_iterator<char>{in}, {}});
}

} // namespace gitstar::test
