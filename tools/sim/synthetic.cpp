#include "tools/sim/synthetic.hpp"

#include <algorithm>
#include <array>
#include <cmath>

namespace gitstar::sim {

namespace {

constexpr unix_seconds first_creation = 1'199'188'800; // 2008-01-01T12:00:00Z
constexpr unix_seconds last_creation = 1'795'046'400;  // 2026-11-19T00:00:00Z

struct growth_point {
  unix_seconds time;
  int64_t id;
};

/// Ids at the start of a year (rounded public samples), then the samples of the fact sheet.
constexpr growth_point growth[] = {
    {1'193'616'000, 1},             // 2007-10-29
    {1'230'768'000, 100'000},       // 2009
    {1'262'304'000, 450'000},       // 2010
    {1'293'840'000, 1'200'000},     // 2011
    {1'325'376'000, 3'080'000},     // 2012
    {1'356'998'400, 7'400'000},     // 2013
    {1'388'534'400, 15'500'000},    // 2014
    {1'420'070'400, 28'700'000},    // 2015
    {1'451'606'400, 48'900'000},    // 2016
    {1'483'228'800, 77'800'000},    // 2017
    {1'514'764'800, 115'900'000},   // 2018
    {1'546'300'800, 163'600'000},   // 2019
    {1'577'836'800, 231'200'000},   // 2020
    {1'609'459'200, 325'800'000},   // 2021
    {1'640'995'200, 443'400'000},   // 2022
    {1'658'188'800, 515'436'299},   // 2022-07-19
    {1'749'600'000, 1'000'000'000}, // 2025-06-11
    {1'778'803'200, 1'239'600'000}, // 2026-05-15
    {1'786'752'000, 1'333'100'000}, // 2026-08-15
    {1'790'985'600, 1'377'200'000}, // 2026-10-03
    {1'795'132'800, 1'420'000'000}, // 2026-11-20
};

/// What each value hangs on, so that no two values of a repository move together by accident.
enum salt : uint64_t {
  salt_stars = 1,
  salt_forks,
  salt_issues,
  salt_watchers,
  salt_size,
  salt_language,
  salt_license,
  salt_description,
  salt_length,
  salt_pushed,
  salt_updated,
  salt_fork,
  salt_archived,
  salt_disabled,
  salt_template,
  salt_mirror,
  salt_owner,
  salt_name,
  salt_renamed,
  salt_gap,
  salt_burst,
  salt_created,
  salt_word = 1000,
};

struct weighted {
  const char* name;
  int weight;
};

constexpr weighted language_weights[] = {
    {"Python", 180},
    {"JavaScript", 170},
    {"TypeScript", 120},
    {"Java", 90},
    {"C++", 60},
    {"C", 50},
    {"Go", 55},
    {"C#", 50},
    {"PHP", 45},
    {"HTML", 60},
    {"Shell", 40},
    {"Rust", 35},
    {"Ruby", 35},
    {"CSS", 30},
    {"Swift", 25},
    {"Kotlin", 25},
    {"Jupyter Notebook", 45},
    {"Dart", 18},
    {"Vue", 18},
    {"Objective-C", 15},
    {"Scala", 10},
    {"R", 12},
    {"Lua", 11},
    {"Perl", 8},
    {"Haskell", 8},
    {"Elixir", 7},
    {"Clojure", 6},
    {"Dockerfile", 9},
    {"PowerShell", 9},
    {"Julia", 5},
    {"MATLAB", 7},
    {"TeX", 8},
    {"Vim Script", 6},
    {"Emacs Lisp", 5},
    {"Svelte", 6},
    {"Makefile", 6},
    {"Zig", 3},
    {"Nix", 4},
    {"OCaml", 3},
    {"Erlang", 3},
    {"Common Lisp", 2},
    {"Assembly", 4},
    {"Solidity", 5},
    {"HCL", 6},
    {"Visual Basic .NET", 2},
    {"F#", 2},
    {"Fortran", 2},
    {"Groovy", 3},
    {"CoffeeScript", 3},
    {"SCSS", 6},
    {"1C Enterprise", 1},
    {"Brainfuck", 1},
};

constexpr weighted license_weights[] = {
    {"mit", 480},         {"apache-2.0", 160}, {"other", 110},   {"gpl-3.0", 90},
    {"bsd-3-clause", 35}, {"gpl-2.0", 25},     {"agpl-3.0", 25}, {"cc0-1.0", 15},
    {"unlicense", 15},    {"mpl-2.0", 14},     {"isc", 10},      {"bsd-2-clause", 10},
    {"lgpl-3.0", 10},     {"wtfpl", 3},
};

constexpr const char* plain_words[] = {
    "fast",    "simple",   "modern",  "tiny",      "awesome",  "open",     "static",   "async",
    "native",  "virtual",  "private", "remote",    "cloud",    "smart",    "deep",     "neural",
    "web",     "mobile",   "api",     "client",    "server",   "parser",   "engine",   "toolkit",
    "library", "plugin",   "editor",  "crawler",   "database", "cache",    "queue",    "router",
    "scraper", "theme",    "game",    "bot",       "kernel",   "compiler", "driver",   "shell",
    "network", "vision",   "model",   "dataset",   "notes",    "course",   "homework", "demo",
    "config",  "dotfiles", "blog",    "portfolio", "tracker",  "proxy",
};

constexpr const char* description_words[] = {
    "a",
    "the",
    "for",
    "with",
    "and",
    "of",
    "written in",
    "fast,",
    "minimal",
    "framework",
    "library",
    "to",
    "build",
    "deploy",
    "your",
    "own",
    "machine learning",
    "models",
    "from scratch",
    "in",
    "10 lines",
    "🚀",
    "✨",
    "🔥",
    "👩‍💻",
    "日本語の",
    "简体中文",
    "café",
    "Cafe\u0301",
    "nai\u0308ve",
    "Ελληνικά",
    "русский",
    "العربية",
    "\"quoted\"",
    "C:\\path\\to",
    "<b>html</b>",
    "it's",
    "100%",
    "a & b",
    "e.g.",
    "https://example.com/docs?a=b&c=d",
    "data, more data",
    "O(n log n)",
    "— finally —",
};

template <class Table>
std::string_view pick(const Table& table, uint64_t random) {
  auto total = 0;
  for (const auto& entry : table)
    total += entry.weight;
  auto left = static_cast<int>(random % static_cast<uint64_t>(total));
  for (const auto& entry : table)
    if ((left -= entry.weight) < 0)
      return entry.name;
  return table[0].name;
}

template <size_t Size>
const char* pick_word(const char* const (&words)[Size], uint64_t random) {
  return words[random % Size];
}

void append_base36(std::string& out, uint64_t value) {
  do {
    out += "0123456789abcdefghijklmnopqrstuvwxyz"[value % 36];
    value /= 36;
  } while (value != 0);
}

/// A burst is made of bots: one owner each, most with stars, many with the same number of them, so
/// that a second can only be split by what else a search can ask for.
constexpr int32_t burst_tie = 27;

struct creation {
  unix_seconds time;
  int32_t burst_place; ///< the place in its burst, or -1
};

size_t burst_count(size_t count) {
  return count < 5'000 ? 0 : std::max<size_t>(1, count / 100'000);
}

/// Creation times in ascending order.
std::vector<creation> creation_times(size_t count, uint64_t seed) {
  std::vector<creation> times;
  times.reserve(count);
  for (size_t b = 0; b < burst_count(count); ++b) {
    auto random = mix(seed ^ salt_burst, b);
    auto time =
        first_creation + static_cast<unix_seconds>((b + 0.3 + 0.6 * (random % 1000) / 1000.0) /
                                                   static_cast<double>(burst_count(count)) *
                                                   (last_creation - first_creation));
    auto size = 1'600 + static_cast<int32_t>((random >> 32) % 400);
    for (int32_t place = 0; place < size && times.size() < count; ++place)
      times.push_back({time, place});
  }
  auto span = static_cast<double>(last_creation - first_creation);
  auto single = count - times.size();
  for (size_t i = 0; i < single; ++i) {
    auto jitter = static_cast<double>(mix(seed ^ salt_created, i) % 1000) / 1000.0;
    auto share = (static_cast<double>(i) + jitter) / static_cast<double>(single);
    times.push_back({first_creation + static_cast<unix_seconds>(span * std::pow(share, 0.45)), -1});
  }
  std::sort(times.begin(), times.end(), [](const auto& a, const auto& b) {
    return a.time != b.time ? a.time < b.time : a.burst_place < b.burst_place;
  });
  return times;
}

std::string owner_login(const value_maker& make, size_t count) {
  // A tenth of the owners have most of the repositories.
  auto random = make.number(salt_owner);
  auto owners = std::max<uint64_t>(count / 3, 1);
  auto owner =
      random % 10 < 6 ? (random >> 8) % std::max<uint64_t>(owners / 10, 1) : (random >> 8) % owners;
  std::string login = pick_word(plain_words, mix(owner));
  if (mix(owner, 1) % 3 == 0)
    login[0] = static_cast<char>(login[0] - 'a' + 'A');
  login += mix(owner, 2) % 4 == 0 ? "-" : "";
  append_base36(login, owner);
  return login;
}

std::string repository_name(const value_maker& make, size_t row) {
  auto random = make.number(salt_name);
  std::string name = pick_word(plain_words, random);
  constexpr std::array separators{"-", "-", "-", "_", "."};
  name += separators[(random >> 16) % separators.size()];
  name += pick_word(plain_words, random >> 24);
  if (random % 200 == 0)
    name += "-with-a-name-that-goes-on-as-long-as-the-form-lets-it";
  name += separators[(random >> 40) % separators.size()];
  append_base36(name, row); // unique
  return name;
}

int32_t burst_stars(const value_maker& make, size_t burst, int32_t place) {
  if (burst % 2 == 0 && place < 1'100)
    return burst_tie;
  return make.chance(850, salt_burst) ? 10 + static_cast<int32_t>(make.number(salt_stars) % 60)
                                      : make.stars();
}

repository make_values(const value_maker& make, int64_t id, uint32_t created_at, int32_t stars) {
  repository repo;
  repo.id = id;
  repo.created_at = created_at;
  repo.stars = stars;
  repo.forks = make.forks(stars);
  repo.open_issues = make.open_issues(stars);
  repo.watchers = make.watchers(stars);
  repo.pushed_at = make.pushed_at(created_at);
  repo.updated_at = make.updated_at(created_at, repo.pushed_at);
  repo.disk_usage_kb = make.disk_usage_kb();
  auto flag = [&](repository_flag which, uint64_t of_a_thousand, uint64_t salt) {
    if (make.chance(of_a_thousand, salt))
      repo.flags |= which;
  };
  flag(is_fork, stars < 10 ? 140 : 10, salt_fork);
  flag(is_archived, 60, salt_archived);
  flag(is_disabled, 1, salt_disabled);
  flag(is_template, 12, salt_template);
  flag(is_mirror, 1, salt_mirror);
  return repo;
}

} // namespace

int64_t id_at(unix_seconds time) {
  for (size_t i = 1; i < std::size(growth); ++i) {
    const auto& from = growth[i - 1];
    const auto& to = growth[i];
    if (time < to.time || i + 1 == std::size(growth))
      return std::max<int64_t>(
          1, from.id + static_cast<int64_t>(static_cast<double>(time - from.time) /
                                            static_cast<double>(to.time - from.time) *
                                            static_cast<double>(to.id - from.id)));
  }
  return 1;
}

unix_seconds time_of_id(int64_t id) {
  for (size_t i = 1; i < std::size(growth); ++i) {
    const auto& from = growth[i - 1];
    const auto& to = growth[i];
    if (id < to.id || i + 1 == std::size(growth))
      return from.time + static_cast<unix_seconds>(static_cast<double>(id - from.id) /
                                                   static_cast<double>(to.id - from.id) *
                                                   static_cast<double>(to.time - from.time));
  }
  return first_creation;
}

double value_maker::uniform(uint64_t salt) const {
  return static_cast<double>(mix(hash_, salt) >> 11) * 0x1.0p-53;
}

bool value_maker::chance(uint64_t of_a_thousand, uint64_t salt) const {
  return mix(hash_, salt) % 1000 < of_a_thousand;
}

int32_t value_maker::stars() const {
  auto u = uniform(salt_stars);
  if (u < 0.27)
    return 0;
  if (u < 0.54) // 1..9, half of them 1 or 2
    return 1 + static_cast<int32_t>(9 * std::pow((u - 0.27) / 0.27, 2.3));
  auto tail = (1 - u) / 0.46;
  auto stars = 10 * std::pow(tail, -1 / 0.75);
  // The real numbers fall faster at the top: among 225,000 real repositories those with 100,000,
  // 200,000 and 500,000 stars are 115, 22 and 1.
  constexpr double knee = 30'000;
  if (stars > knee)
    stars = knee * std::pow(stars / knee, 0.75 / 2.5);
  return static_cast<int32_t>(std::min(stars, 1e6));
}

int32_t value_maker::forks(int32_t stars) const {
  return static_cast<int32_t>(stars * 0.4 * uniform(salt_forks)) +
         (chance(200, salt_forks) ? 1 : 0);
}

int32_t value_maker::open_issues(int32_t stars) const {
  return static_cast<int32_t>(std::pow(stars + 1.0, 0.7) * uniform(salt_issues));
}

int32_t value_maker::watchers(int32_t stars) const {
  return 1 + static_cast<int32_t>(std::pow(stars + 1.0, 0.8) * 0.3 * uniform(salt_watchers));
}

int32_t value_maker::disk_usage_kb() const {
  if (chance(10, salt_size))
    return repository::null_size;
  return static_cast<int32_t>(std::pow(10.0, uniform(salt_size) * 6.3));
}

std::string_view value_maker::language() const {
  if (chance(130, salt_language))
    return {};
  return pick(language_weights, number(salt_language) >> 16);
}

std::string_view value_maker::license() const {
  if (chance(450, salt_license))
    return {};
  return pick(license_weights, number(salt_license) >> 16);
}

bool value_maker::has_description() const { return !chance(200, salt_description); }

std::string value_maker::description() const {
  if (number(salt_description) / 1000 % 25 == 0)
    return {};
  // Most are a line; one in fifty is as long as GitHub lets it be.
  auto random = number(salt_length);
  auto length = random % 50 == 0 ? 340 : 10 + random / 64 % 90;
  std::string text;
  for (uint64_t i = 0; text.size() < length; ++i) {
    auto word = number(salt_word + i);
    auto next = std::string_view{word % 5 < 3 ? pick_word(plain_words, word >> 8)
                                              : pick_word(description_words, word >> 8)};
    if (text.size() + next.size() + 1 > 350)
      break;
    if (!text.empty())
      text += ' ';
    text += next;
  }
  return text;
}

uint32_t value_maker::pushed_at(uint32_t created_at) const {
  if (chance(8, salt_pushed))
    return repository::never;
  auto left = std::max<double>(0, static_cast<double>(last_creation) - created_at);
  return created_at + static_cast<uint32_t>(left * std::pow(uniform(salt_pushed), 3));
}

uint32_t value_maker::updated_at(uint32_t created_at, uint32_t pushed_at) const {
  auto from = std::max(created_at, pushed_at);
  auto left = std::max<double>(0, static_cast<double>(last_creation) - from);
  return from + static_cast<uint32_t>(left * uniform(salt_updated));
}

dataset make_synthetic(size_t count, uint64_t seed) {
  dataset data{seed};
  data.reserve(count);
  int64_t last_id = 0;
  size_t bursts_begun = 0;
  size_t row = 0;
  for (const auto& [time, burst_place] : creation_times(count, seed)) {
    auto gap = mix(seed ^ salt_gap, row) % 8; // neighbours in time leave small holes
    auto id = std::max(last_id + 1 + static_cast<int64_t>(gap < 5 ? 0 : gap - 4), id_at(time));
    last_id = id;
    value_maker make{seed, id};
    bursts_begun += burst_place == 0 ? 1 : 0;
    auto stars = burst_place < 0 ? make.stars() : burst_stars(make, bursts_begun - 1, burst_place);
    repository_input input;
    input.values = make_values(make, id, static_cast<uint32_t>(time), stars);
    auto empty = input.values.pushed_at == repository::never;
    auto login = owner_login(make, count);
    auto name = repository_name(make, row);
    auto description = make.description();
    input.owner = login;
    input.name = name;
    input.description = make.has_description() ? &description : nullptr;
    input.language = empty ? std::string_view{} : make.language();
    input.license = empty ? std::string_view{} : make.license();
    data.add(input);
    if (make.chance(12, salt_renamed))
      data.add_former_name(login + "/old-" + name, static_cast<row_index>(row));
    ++row;
  }
  data.finish();
  return data;
}

} // namespace gitstar::sim
