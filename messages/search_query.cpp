#include "messages/search_query.hpp"

#include "messages/errors.hpp"
#include "messages/fwd.hpp"
#include "messages/time_text.hpp"

#include <charconv>
#include <functional>

namespace gitstar {

namespace {

caf::error bad(std::string what) { return caf::make_error(errc::bad_config, std::move(what)); }

/// A complaint about one word of the search text.
caf::error bad(std::string_view word, std::string_view what) {
  std::string text{'\''};
  return bad(text.append(word).append("' ").append(what));
}

/// One end of a range: the values that the text stands for (a day is 86,400 seconds).
using end_parser = std::function<optional<int_range>(std::string_view)>;

optional<int_range> parse_integer(std::string_view text) {
  int64_t value = 0;
  auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (code != std::errc{} || end != text.data() + text.size() || value < 0 ||
      value == int_range::highest)
    return caf::none;
  return int_range{value, value};
}

/// What can be written with four digits for the year.
constexpr int_range all_times{-62'167'219'200, 253'402'300'799};

optional<int_range> parse_time(std::string_view text) {
  if (auto day = parse_utc_day(text)) {
    auto first = day->time_since_epoch().count();
    return int_range{first, first + 86'399};
  }
  if (auto time = parse_utc_text(text)) {
    auto second = time->time_since_epoch().count();
    if (second >= all_times.first && second <= all_times.last) // its zone may lead out of them
      return int_range{second, second};
  }
  return caf::none;
}

/// `n`, `a..b`, `a..*`, `*..b`, `>n`, `>=n`, `<n`, `<=n`.
optional<int_range> parse_range(std::string_view text, const end_parser& parse_end) {
  auto bounded = [&](std::string_view end, auto&& make) -> optional<int_range> {
    if (auto x = parse_end(end))
      return make(*x);
    return caf::none;
  };
  if (text.starts_with(">="))
    return bounded(text.substr(2), [](int_range x) {
      return int_range{x.first, int_range::highest};
    });
  if (text.starts_with("<="))
    return bounded(text.substr(2), [](int_range x) {
      return int_range{int_range::lowest, x.last};
    });
  if (text.starts_with(">"))
    return bounded(text.substr(1), [](int_range x) {
      return int_range{x.last + 1, int_range::highest};
    });
  if (text.starts_with("<"))
    return bounded(text.substr(1), [](int_range x) {
      return int_range{int_range::lowest, x.first - 1};
    });
  auto dots = text.find("..");
  if (dots == std::string_view::npos)
    return parse_end(text);
  int_range result;
  if (auto first = text.substr(0, dots); first != "*") {
    auto x = parse_end(first);
    if (!x)
      return caf::none;
    result.first = x->first;
  }
  if (auto last = text.substr(dots + 2); last != "*") {
    auto x = parse_end(last);
    if (!x)
      return caf::none;
    result.last = x->last;
  }
  return result;
}

/// Splits at blanks outside of double quotes; the quotes stay.
caf::expected<std::vector<std::string_view>> split_words(std::string_view text) {
  std::vector<std::string_view> result;
  size_t begin = 0;
  bool quoted = false;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i == text.size() || (text[i] == ' ' && !quoted)) {
      if (i > begin)
        result.push_back(text.substr(begin, i - begin));
      begin = i + 1;
    } else if (text[i] == '"') {
      quoted = !quoted;
    }
  }
  if (quoted)
    return bad("the search text has a quote that is not closed");
  return result;
}

std::string quoted(const std::string& language) {
  return language.find(' ') == std::string::npos ? language : '"' + language + '"';
}

std::string integer_text(int64_t value) { return std::to_string(value); }

std::string time_text(int64_t value) { return to_utc_text(timestamp{std::chrono::seconds{value}}); }

void append(std::string& result, const std::string& word) {
  if (!result.empty())
    result += ' ';
  result += word;
}

void append_range(std::string& result, const char* name, int_range range,
                  std::string (*text)(int64_t)) {
  if (range.unbounded())
    return;
  std::string word = name;
  if (range.last == int_range::highest)
    word += ":>=" + text(range.first);
  else if (range.first == int_range::lowest)
    word += ":<=" + text(range.last);
  else if (range.first == range.last)
    word += ':' + text(range.first);
  else
    word += ':' + text(range.first) + ".." + text(range.last);
  append(result, word);
}

} // namespace

caf::expected<search_query> parse_search_query(std::string_view text) {
  auto words = split_words(text);
  if (!words)
    return words.error();
  search_query result;
  struct axis {
    std::string_view prefix;
    int_range& range;
    end_parser parse_end;
    int_range possible;
    const char* wanted;
  };
  constexpr int_range counts{0, int_range::highest - 1};
  axis axes[] = {
      {"stars:", result.stars, parse_integer, counts, "stars:>=10 or stars:10..99"},
      {"created:", result.created, parse_time, all_times, "created:2024-01-01..2024-12-31"},
      {"size:", result.size_kb, parse_integer, counts, "size:>=100 (kilobytes)"},
  };
  for (auto word : *words) {
    if (word.starts_with("sort:"))
      return bad("the search text must not choose a sort: gitstar does");
    auto known = false;
    for (auto& x : axes) {
      if (!word.starts_with(x.prefix))
        continue;
      auto range = parse_range(word.substr(x.prefix.size()), x.parse_end);
      if (!range)
        return bad(word, std::string{"is not a range such as "} + x.wanted);
      if (range->first > range->last || range->last < x.possible.first ||
          range->first > x.possible.last)
        return bad(word, "is an empty range");
      if (!x.range.unbounded())
        return bad(x.prefix, "is given twice");
      x.range = *range;
      known = true;
    }
    if (!known)
      append(result.terms, std::string{word});
  }
  return result;
}

std::string to_string(const search_query& query) {
  auto result = query.terms;
  append_range(result, "stars", query.stars, integer_text);
  append_range(result, "created", query.created, time_text);
  append_range(result, "size", query.size_kb, integer_text);
  if (!query.language.empty())
    append(result, "language:" + quoted(query.language));
  for (auto& language : query.other_languages)
    append(result, "-language:" + quoted(language));
  return result;
}

} // namespace gitstar
