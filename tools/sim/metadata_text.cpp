#include "tools/sim/metadata_text.hpp"

#include <array>

namespace gitstar::sim {

namespace {

constexpr std::string_view words[] = {
    "crash",      "when",    "the",         "parser",   "reads",     "an",          "empty",
    "file",       "fix",     "memory",      "leak",     "in",        "add",         "support",
    "for",        "async",   "timeouts",    "docs",     "typo",      "bump",        "dependency",
    "from",       "1.2.3",   "to",          "1.3.0",    "refactor",  "flaky",       "test",
    "🐛",          "🚀",       "👩‍💻", "日本語",   "русский",   "العربية",     "Cafe\u0301",
    "\"quoted\"", "C:\\dir", "a,b",         "{braces}", "it's",      "<b>bold</b>", "100%",
    "NULL",       "`code`",  "#42",         "@someone", "tab\there", "e.g.",        "ﬁ",
    "𝔘𝔫𝔦𝔠𝔬𝔡𝔢",    "\u200b",  "naïve",       "🇪🇺",       "ß",         "\\N",         "''",
};

constexpr std::string_view plain_words[] = {"core", "parser", "net",  "store", "api", "cli",
                                            "ui",   "build",  "docs", "tests", "ci",  "utils"};

constexpr std::string_view common_labels[] = {
    "bug",
    "enhancement",
    "good first issue",
    "help wanted",
    "duplicate",
    "wontfix",
    "question",
    "invalid",
    "needs, comma",
    "needs \"quotes\"",
    "back\\slash",
    "{brace}",
    "NULL",
    "null",
    "🐛 defect",
    "日本語",
    "P-high",
    " leading blank",
    "C++",
    "área: i18n",
};

template <size_t Size>
std::string_view pick(const std::string_view (&from)[Size], uint64_t random) {
  return from[random % Size];
}

std::string words_of(uint64_t from, uint64_t count) {
  std::string out;
  for (uint64_t i = 0; i < count; ++i) {
    if (i != 0)
      out += ' ';
    out += pick(words, mix(from, i));
  }
  return out;
}

constexpr std::string_view hex_digits = "0123456789abcdef";

void append_hex(std::string& out, uint64_t value, int digits) {
  for (auto i = digits - 1; i >= 0; --i)
    out += hex_digits[value >> (4 * i) & 15];
}

} // namespace

std::string title_text(uint64_t from) { return words_of(from, 2 + mix(from) % 8); }

std::string body_text(uint64_t from) {
  if (from == 0)
    return {};
  auto random = mix(from, 1);
  auto lines = random % 300 == 0 ? 400 : 1 + random / 300 % 4;
  std::string out;
  for (uint64_t i = 0; i < lines; ++i) {
    if (i != 0)
      out += "\r\n";
    out += words_of(mix(from, i + 2), 3 + mix(from, i + 3) % 12);
  }
  return out;
}

std::string message_text(uint64_t from) {
  auto out = title_text(from);
  if (mix(from, 4) % 3 == 0)
    out += "\n\n" + words_of(mix(from, 5), 12) + "\n";
  return out;
}

std::string path_text(uint64_t from) {
  auto random = mix(from, 6);
  std::string out{pick(plain_words, random)};
  out += '/';
  out += random % 20 == 0 ? "имя файла" : pick(plain_words, random >> 8);
  return out + (random % 3 == 0 ? ".cpp" : ".py");
}

std::string branch_text(uint64_t from) {
  std::string out{"feature/"};
  out += pick(plain_words, mix(from, 7));
  out += '-';
  append_hex(out, from, 8);
  return out;
}

std::string check_name(uint64_t from) {
  std::string out{pick(plain_words, mix(from, 8))};
  out += mix(from, 9) % 2 == 0 ? " / build (ubuntu-24.04, \"" : "/shard-";
  append_hex(out, from, 10); // a status context must not have the name of another
  return out;
}

std::string person_name(uint64_t from) {
  constexpr std::string_view names[] = {"Ada Lovelace", "José Núñez", "山田太郎", "O'Brien", "x"};
  return std::string{pick(names, mix(from, 10))};
}

std::string sha_text(uint64_t from) {
  std::string out;
  append_hex(out, from, 16);
  append_hex(out, mix(from, 11), 16);
  append_hex(out, mix(from, 12), 8);
  return out;
}

std::optional<uint64_t> sha_source(std::string_view sha) {
  uint64_t from = 0;
  for (auto c : sha.substr(0, 16))
    from = from << 4 | (hex_digits.find(c) & 15);
  if (sha_text(from) != sha)
    return std::nullopt;
  return from;
}

std::string label_name(uint16_t number) {
  if (number < std::size(common_labels))
    return std::string{common_labels[number]};
  return "area/" + std::string{pick(plain_words, number)} + "-" + std::to_string(number);
}

std::string_view milestone_title(uint8_t number) {
  constexpr std::array<std::string_view, milestone_count> names{"v1.0", "Q3 \"goals\"", "später",
                                                                "🏁"};
  return names[number - 1u];
}

std::string_view app_slug(uint8_t number) {
  constexpr std::array<std::string_view, app_count> names{"github-actions", "azure-pipelines",
                                                          "codecov", "netlify", "dco"};
  return names[number - 1u];
}

std::string_view base_branch(uint8_t number) {
  constexpr std::array<std::string_view, base_branch_count> names{"main", "master", "develop",
                                                                  "release/1.x"};
  return names[number];
}

std::string_view discussion_category(uint8_t number) {
  constexpr std::array<std::string_view, category_count> names{"Q&A", "Ideas", "General",
                                                               "Show and tell", "Объявления"};
  return names[number];
}

std::string tag_text(int32_t version) {
  auto text = std::to_string(version / 100) + "." + std::to_string(version / 10 % 10) + "." +
              std::to_string(version % 10);
  return version % 13 == 0 ? "リリース-" + text : "v" + text;
}

} // namespace gitstar::sim
