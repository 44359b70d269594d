#include "tools/sim/synthetic.hpp"

#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <set>
#include <vector>

using namespace gitstar::sim;

TEST_CASE("the same seed gives the same repositories", "[sim]") {
  auto a = make_synthetic(3'000, 5);
  auto b = make_synthetic(3'000, 5);
  auto c = make_synthetic(3'000, 6);
  auto differing = 0;
  REQUIRE(a.size() == 3'000);
  for (row_index row = 0; row < a.size(); ++row) {
    CHECK(a.full_name(a[row]) == b.full_name(b[row]));
    CHECK(a.description(a[row]) == b.description(b[row]));
    CHECK(a[row].stars == b[row].stars);
    CHECK(a[row].id == b[row].id);
    differing += a.full_name(a[row]) != c.full_name(c[row]) ? 1 : 0;
  }
  CHECK(differing > 2'900);
}

TEST_CASE("synthetic repositories have the shapes of the real world", "[sim]") {
  auto data = make_synthetic(120'000, 3);
  std::set<std::string_view> names;
  std::map<uint32_t, int> by_second;
  std::map<std::pair<uint32_t, int32_t>, int> ties;
  int64_t last_id = 0;
  size_t with_ten = 0;
  size_t longest = 0;
  int null_language = 0, null_license = 0, null_push = 0, null_size = 0, null_description = 0,
      empty_description = 0, forks = 0, archived = 0, disabled = 0, holes = 0, emoji = 0;
  for (row_index row = 0; row < data.size(); ++row) {
    const auto& repo = data[row];
    names.insert(data.full_name(repo));
    CHECK(repo.id > last_id);
    holes += repo.id > last_id + 1 ? 1 : 0;
    last_id = repo.id;
    ++by_second[repo.created_at];
    ++ties[{repo.created_at, repo.stars}];
    with_ten += repo.stars >= 10 ? 1 : 0;
    null_language += repo.language == 0 ? 1 : 0;
    null_license += repo.license == 0 ? 1 : 0;
    null_push += repo.pushed_at == repository::never ? 1 : 0;
    null_size += repo.disk_usage_kb == repository::null_size ? 1 : 0;
    null_description += dataset::has_description(repo) ? 0 : 1;
    empty_description += dataset::has_description(repo) && data.description(repo).empty() ? 1 : 0;
    forks += repo.flags & is_fork ? 1 : 0;
    archived += repo.flags & is_archived ? 1 : 0;
    disabled += repo.flags & is_disabled ? 1 : 0;
    emoji += data.description(repo).find("\U0001f680") != std::string_view::npos ? 1 : 0;
    longest = std::max(longest, data.description(repo).size());
    CHECK((repo.pushed_at == repository::never || repo.pushed_at >= repo.created_at));
    CHECK(repo.updated_at >= repo.created_at);
  }
  CHECK(names.size() == data.size());
  CHECK(with_ten > data.size() * 44 / 100);
  CHECK(with_ten < data.size() * 50 / 100);
  CHECK(longest > 300);
  for (auto some : {null_language, null_license, null_push, null_size, null_description,
                    empty_description, forks, archived, disabled, holes, emoji})
    CHECK(some > 20);
  auto fullest = [](const auto& counts) {
    auto most = 0;
    for (const auto& [key, count] : counts)
      most = std::max(most, count);
    return most;
  };
  CHECK(fullest(by_second) > 1'000);
  CHECK(fullest(ties) > 1'000);
}

TEST_CASE("250,000 repositories have more than 100,000 with ten stars", "[sim]") {
  auto data = make_synthetic(250'000, 1);
  size_t found = 0;
  for (row_index row = 0; row < data.size(); ++row)
    found += data[row].stars >= 10 && (data[row].flags & is_fork) == 0 ? 1 : 0;
  CHECK(found > 100'000);
}

TEST_CASE("few repositories have very many stars, and none as many as the next", "[sim]") {
  auto data = make_synthetic(250'000, 1);
  std::vector<int32_t> stars;
  for (row_index row = 0; row < data.size(); ++row)
    stars.push_back(data[row].stars);
  std::sort(stars.rbegin(), stars.rend());
  CHECK(stars[0] < 600'000);
  CHECK(stars[0] > 200'000);
  CHECK(std::adjacent_find(stars.begin(), stars.begin() + 10) == stars.begin() + 10);
  CHECK(stars[100] > 30'000);
  CHECK(stars[100] < 60'000);
}

TEST_CASE("ids grow with time as GitHub's did", "[sim]") {
  CHECK(id_at(1'658'188'800) == 515'436'299);
  CHECK(id_at(1'749'600'000) == 1'000'000'000);
  CHECK(time_of_id(1'000'000'000) == 1'749'600'000);
  for (auto id : {100, 5'000'000, 400'000'000, 1'350'000'000})
    CHECK(std::abs(id_at(time_of_id(id)) - id) < 20);
}
