#include "tools/sim/csv_data.hpp"

#include "tools/sim/gzip.hpp"
#include "tools/sim/synthetic.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>
#include <unordered_set>

namespace gitstar::sim {

namespace {

enum column : size_t {
  col_database_id,
  col_owner,
  col_name,
  col_stars,
  col_forks,
  col_open_issues,
  col_watchers,
  col_language,
  col_created_at,
  col_updated_at,
  col_pushed_at,
  col_is_fork,
  col_is_archived,
  col_license,
  col_description,
  column_count,
};

constexpr std::array<std::string_view, column_count> column_names{
    "database_id", "owner",    "name",        "stars",      "forks",
    "open_issues", "watchers", "language",    "created_at", "updated_at",
    "pushed_at",   "is_fork",  "is_archived", "license",    "description"};

/// Longer than any that GitHub has, and safe for the 16 bits of its size even when escaped.
constexpr size_t max_description = 8'000;

/// Reads CSV records one by one.
class csv_reader {
public:
  csv_reader(const std::string& text, const std::string& path) : text_(text), path_(path) {}

  /// The fields of the next record; false at the end.
  bool next(std::vector<std::string>& fields) {
    fields.clear();
    if (pos_ >= text_.size())
      return false;
    record_line_ = ++line_;
    do {
      fields.push_back(read_field());
    } while (pos_ < text_.size() && text_[pos_] == ',' && ++pos_ != 0);
    if (pos_ < text_.size() && text_[pos_] == '\r')
      ++pos_;
    if (pos_ < text_.size() && text_[pos_] != '\n')
      fail("text after the closing quote of field " + std::to_string(fields.size()));
    ++pos_;
    return true;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw std::runtime_error(path_ + ":" + std::to_string(record_line_) + ": " + what);
  }

private:
  std::string read_field() {
    if (pos_ < text_.size() && text_[pos_] == '"')
      return read_quoted();
    auto end = text_.find_first_of(",\r\n", pos_);
    end = end == std::string::npos ? text_.size() : end;
    auto out = text_.substr(pos_, end - pos_);
    pos_ = end;
    return out;
  }

  std::string read_quoted() {
    std::string out;
    for (++pos_;; ++pos_) {
      if (pos_ >= text_.size())
        fail("a quoted field does not end");
      if (text_[pos_] == '"') {
        ++pos_;
        if (pos_ >= text_.size() || text_[pos_] != '"')
          return out;
      }
      if (text_[pos_] == '\n')
        ++line_;
      out += text_[pos_];
    }
  }

  const std::string& text_;
  const std::string& path_;
  size_t pos_ = 0;
  size_t line_ = 0;
  size_t record_line_ = 1;
};

/// A row as read, with what was missing filled in, except the place in the id order.
struct draft {
  repository values;
  std::string owner;
  std::string name;
  std::string language;
  std::string license;
  std::string description;
  bool has_description = false;
};

class importer {
public:
  importer(const std::string& text, const std::string& path, uint64_t seed)
      : reader_(text, path), seed_(seed) {}

  dataset run() {
    read_header();
    while (reader_.next(fields_))
      read_row();
    give_ids();
    return build();
  }

private:
  void read_header() {
    if (!reader_.next(fields_))
      reader_.fail("the file is empty");
    width_ = fields_.size();
    places_.fill(width_);
    for (size_t i = 0; i < width_; ++i)
      for (size_t c = 0; c < column_count; ++c)
        if (fields_[i] == column_names[c])
          places_[c] = i;
    for (auto needed : {col_owner, col_name})
      if (places_[needed] == width_)
        reader_.fail("there is no column " + std::string{column_names[needed]});
  }

  /// The text of a column; empty where the file has no such column.
  const std::string& field(column which) const {
    static const std::string empty;
    return places_[which] == width_ ? empty : fields_[places_[which]];
  }

  [[noreturn]] void fail(column which, const std::string& expected) const {
    reader_.fail("column " + std::string{column_names[which]} + ": '" + field(which) + "' is not " +
                 expected);
  }

  int64_t number(column which, int64_t missing, int64_t most) const {
    if (field(which).empty())
      return missing;
    auto value = parse_number(field(which));
    if (!value || *value < 0 || *value > most)
      fail(which, "a number from 0 to " + std::to_string(most));
    return *value;
  }

  int32_t count(column which, int32_t missing) const {
    return static_cast<int32_t>(number(which, missing, INT32_MAX));
  }

  bool flag(column which, bool missing) const {
    auto text = lower_case(field(which));
    if (text != "true" && text != "false" && !text.empty())
      fail(which, "true or false");
    return text.empty() ? missing : text == "true";
  }

  /// A time, or the first second of a day, a month or a year; 0 if it is missing.
  uint32_t time(column which) const {
    auto text = field(which);
    if (text.empty())
      return 0;
    if (text.size() == 4)
      text += "-01";
    if (text.size() == 7)
      text += "-01";
    auto span = parse_time(text);
    if (!span || span->first < 1 || span->first > INT32_MAX)
      fail(which, "a time");
    return static_cast<uint32_t>(span->first);
  }

  void read_row() {
    if (fields_.size() != width_)
      reader_.fail("has " + std::to_string(fields_.size()) + " fields, not " +
                   std::to_string(width_));
    for (auto needed : {col_owner, col_name})
      if (field(needed).empty() || field(needed).find('/') != std::string::npos)
        fail(needed, "a name");
    auto full_name = lower_case(field(col_owner) + "/" + field(col_name));
    if (!names_.insert(hash_text(full_name)).second)
      return;
    value_maker make{seed_, static_cast<int64_t>(hash_text(full_name) >> 1)};
    draft out;
    out.owner = field(col_owner);
    out.name = field(col_name);
    fill_numbers(out, make);
    fill_times(out, make);
    fill_texts(out, make);
    if (out.values.id == 0 || ids_.insert(out.values.id).second)
      drafts_.push_back(std::move(out));
  }

  void fill_numbers(draft& out, const value_maker& make) const {
    auto& values = out.values;
    values.id = number(col_database_id, 0, INT32_MAX);
    values.stars = count(col_stars, make.stars());
    values.forks = count(col_forks, make.forks(values.stars));
    values.open_issues = count(col_open_issues, make.open_issues(values.stars));
    values.watchers = count(col_watchers, make.watchers(values.stars));
    values.disk_usage_kb = make.disk_usage_kb();
    if (flag(col_is_fork, false))
      values.flags |= is_fork;
    if (flag(col_is_archived, make.chance(50, 101)))
      values.flags |= is_archived;
    if (make.chance(1, 102))
      values.flags |= is_disabled;
  }

  void fill_times(draft& out, const value_maker& make) const {
    auto& values = out.values;
    values.created_at = time(col_created_at);
    values.pushed_at = time(col_pushed_at);
    values.updated_at = time(col_updated_at);
    if (values.created_at == 0)
      values.created_at = guess_creation(values, make);
    if (values.pushed_at == 0)
      values.pushed_at = make.pushed_at(values.created_at);
    if (values.updated_at == 0)
      values.updated_at = make.updated_at(values.created_at, values.pushed_at);
  }

  /// From the id if it is known; else any time before the first thing that happened to it.
  static uint32_t guess_creation(const repository& values, const value_maker& make) {
    if (values.id != 0)
      return static_cast<uint32_t>(time_of_id(values.id));
    constexpr uint32_t earliest = 1'204'329'600; // 2008-03-01
    uint32_t latest = 1'761'955'200;             // 2025-11-01
    for (auto known : {values.pushed_at, values.updated_at})
      if (known > earliest)
        latest = std::min(latest, known);
    return earliest + static_cast<uint32_t>(make.number(103) % (latest - earliest));
  }

  void fill_texts(draft& out, const value_maker& make) const {
    auto text = [&](column which, std::string_view missing) {
      const auto& given = field(which);
      return given == "null" ? std::string{} : given.empty() ? std::string{missing} : given;
    };
    out.language = text(col_language, make.language());
    out.license = text(col_license, make.license());
    const auto& description = field(col_description);
    if (description.size() > max_description)
      fail(col_description, "at most " + std::to_string(max_description) + " bytes long");
    out.has_description = !description.empty() || make.has_description();
    out.description = description.empty() && out.has_description ? make.description() : description;
  }

  /// A creation time whose id is known.
  struct anchor {
    unix_seconds time;
    int64_t id;
  };

  /// Ids grow with the creation time: missing ones are made between those of the neighbours.
  void give_ids() {
    std::stable_sort(drafts_.begin(), drafts_.end(), [](const auto& a, const auto& b) {
      return a.values.created_at < b.values.created_at;
    });
    auto anchors = find_anchors();
    size_t next_anchor = 1;
    int64_t last = 0;
    for (auto& next : drafts_) {
      auto& id = next.values.id;
      unix_seconds time = next.values.created_at;
      while (next_anchor + 1 < anchors.size() && anchors[next_anchor].time < time)
        ++next_anchor;
      if (id != 0)
        continue;
      id = std::max(last + 1, id_between(anchors[next_anchor - 1], anchors[next_anchor], time));
      while (!ids_.insert(id).second)
        ++id;
      last = id;
    }
    std::sort(drafts_.begin(), drafts_.end(), [](const auto& a, const auto& b) {
      return a.values.created_at != b.values.created_at ? a.values.created_at < b.values.created_at
                                                        : a.values.id < b.values.id;
    });
  }

  static int64_t id_between(const anchor& from, const anchor& to, unix_seconds time) {
    if (to.time <= from.time)
      return from.id + 1;
    auto share = static_cast<double>(std::clamp(time, from.time, to.time) - from.time) /
                 static_cast<double>(to.time - from.time);
    return from.id + 1 + static_cast<int64_t>(share * static_cast<double>(to.id - from.id - 1));
  }

  /// The longest series of known ids that grows with the creation time, which leaves out the few
  /// that contradict all others, between the first and the last id of GitHub.
  std::vector<anchor> find_anchors() const {
    std::vector<anchor> known;
    for (const auto& next : drafts_)
      if (next.values.id != 0)
        known.push_back({next.values.created_at, next.values.id});
    std::vector<size_t> tails; // of the best series of each length
    std::vector<size_t> before(known.size(), known.size());
    for (size_t i = 0; i < known.size(); ++i) {
      auto at = std::lower_bound(tails.begin(), tails.end(), known[i].id,
                                 [&](size_t tail, int64_t id) { return known[tail].id < id; });
      if (at != tails.begin())
        before[i] = *std::prev(at);
      if (at == tails.end())
        tails.push_back(i);
      else
        *at = i;
    }
    std::vector<anchor> out{{1'795'132'800, id_at(1'795'132'800)}}; // 2026-11-20
    for (auto i = tails.empty() ? known.size() : tails.back(); i < known.size(); i = before[i])
      out.push_back(known[i]);
    out.push_back({1'193'616'000, 0}); // 2007-10-29
    std::reverse(out.begin(), out.end());
    return out;
  }

  dataset build() {
    dataset data{seed_};
    data.reserve(drafts_.size());
    for (const auto& next : drafts_) {
      repository_input input;
      input.values = next.values;
      input.owner = next.owner;
      input.name = next.name;
      input.language = next.language;
      input.license = next.license;
      input.description = next.has_description ? &next.description : nullptr;
      data.add(input);
    }
    data.finish();
    return data;
  }

  csv_reader reader_;
  uint64_t seed_;
  std::vector<std::string> fields_;
  size_t width_ = 0;
  std::array<size_t, column_count> places_{};
  std::unordered_set<uint64_t> names_;
  std::unordered_set<int64_t> ids_;
  std::vector<draft> drafts_;
};

} // namespace

dataset parse_csv_data(const std::string& text, const std::string& path, uint64_t seed) {
  return importer{text, path, seed}.run();
}

dataset read_csv_data(const std::string& path, uint64_t seed) {
  return parse_csv_data(read_maybe_gzipped(path), path, seed);
}

} // namespace gitstar::sim
