#include "tools/sim/search_engine.hpp"

#include <algorithm>

namespace gitstar::sim {

namespace {

/// Results that are remembered: each holds 4 KB at most.
constexpr size_t remembered_results = 8192;

/// A broad search times out on one of so many index shards, whose repositories then are missing.
constexpr uint64_t index_shards = 24;

int64_t value_of(const repository& repo, search_column column) {
  switch (column) {
  case search_column::stars:
    return repo.stars;
  case search_column::forks:
    return repo.forks;
  case search_column::size:
    return std::max(repo.disk_usage_kb, 0); // the index knows no null
  case search_column::created:
    return repo.created_at;
  case search_column::pushed:
    return repo.pushed_at;
  }
  return 0;
}

bool holds(const range_filter& filter, const repository& repo) {
  if (filter.column == search_column::pushed && repo.pushed_at == repository::never)
    return filter.negated;
  auto value = value_of(repo, filter.column);
  return (value >= filter.low && value <= filter.high) != filter.negated;
}

bool among(const number_filter& filter, uint32_t number) {
  return (std::find(filter.numbers.begin(), filter.numbers.end(), number) !=
          filter.numbers.end()) != filter.negated;
}

/// Runs a parsed search over the data. Creation times narrow it to neighbouring rows, stars and
/// flags are compared in columns, and only what else was asked looks at the repository itself.
class matcher {
public:
  matcher(const search_query& query, const dataset& data) : query_(query), data_(data) {
    end_ = query.nothing ? 0 : data.size();
    for (const auto& range : query.ranges)
      narrow(range);
    // 32 bits on both sides let the compiler compare many rows at once.
    low_ = static_cast<int32_t>(std::clamp<int64_t>(stars_.low, INT32_MIN, INT32_MAX));
    high_ = static_cast<int32_t>(std::clamp<int64_t>(stars_.high, INT32_MIN, INT32_MAX));
    if (stars_.low > INT32_MAX || stars_.high < INT32_MIN)
      end_ = 0;
    is_simple_ = rest_.empty() && query.languages.empty() && query.licenses.empty() &&
                 query.owners.numbers.empty() && query.excluded_owners.numbers.empty() &&
                 query.rows.empty() && query.words.empty() && query.topics.empty();
  }

  int64_t count() const {
    int64_t found = 0;
    if (!is_simple_) {
      each([&](row_index) { ++found; });
      return found;
    }
    const auto* stars = data_.stars().data();
    const auto* flags = data_.flags().data();
    for (auto row = begin_; row < end_; ++row)
      found += (stars[row] >= low_) & (stars[row] <= high_) &
               ((flags[row] & query_.flags) == query_.flag_values);
    return found;
  }

  template <class Found>
  void each(Found&& found) const {
    const auto& stars = data_.stars();
    const auto& flags = data_.flags();
    for (auto row = begin_; row < end_; ++row)
      if (stars[row] >= low_ && stars[row] <= high_ &&
          (flags[row] & query_.flags) == query_.flag_values && (is_simple_ || matches(row)))
        found(row);
  }

private:
  void narrow(const range_filter& range) {
    if (range.negated) {
      rest_.push_back(range);
    } else if (range.column == search_column::created) {
      begin_ = std::max(begin_, data_.first_created(range.low));
      if (range.high != std::numeric_limits<int64_t>::max())
        end_ = std::min(end_, data_.first_created(range.high + 1));
    } else if (range.column == search_column::stars) {
      stars_.low = std::max(stars_.low, range.low);
      stars_.high = std::min(stars_.high, range.high);
    } else {
      rest_.push_back(range);
    }
  }

  bool matches(row_index row) const {
    const auto& repo = data_[row];
    auto in = [&](const auto& filters, uint32_t number) {
      return std::all_of(filters.begin(), filters.end(),
                         [&](const auto& filter) { return among(filter, number); });
    };
    return std::all_of(rest_.begin(), rest_.end(),
                       [&](const auto& filter) { return holds(filter, repo); }) &&
           in(query_.languages, repo.language) && in(query_.licenses, repo.license) &&
           (query_.owners.numbers.empty() || among(query_.owners, repo.owner)) &&
           among(query_.excluded_owners, repo.owner) &&
           (query_.rows.empty() ||
            std::find(query_.rows.begin(), query_.rows.end(), row) != query_.rows.end()) &&
           has_topics(repo) && has_words(repo);
  }

  bool has_topics(const repository& repo) const {
    if (query_.topics.empty())
      return true;
    auto topics = topics_of(repo);
    return std::all_of(query_.topics.begin(), query_.topics.end(), [&](const auto& topic) {
      return std::find(topics.begin(), topics.end(), topic) != topics.end();
    });
  }

  bool has_words(const repository& repo) const {
    if (query_.words.empty())
      return true;
    auto text = lower_case(data_.name(repo)) + "\n" + lower_case(data_.description(repo));
    return std::all_of(query_.words.begin(), query_.words.end(), [&](const auto& filter) {
      return (text.find(filter.word) != std::string::npos) != filter.negated;
    });
  }

  const search_query& query_;
  const dataset& data_;
  std::vector<range_filter> rest_;
  range_filter stars_;
  int32_t low_ = 0;
  int32_t high_ = 0;
  row_index begin_ = 0;
  row_index end_ = 0;
  bool is_simple_ = false;
};

} // namespace

int64_t search_engine::count(const std::string& text) { return reported(*find(text)); }

int64_t search_engine::ranks(const std::string& text) {
  return std::min(find(text)->matches, result_cap);
}

search_page search_engine::page(const std::string& text, int64_t offset, int64_t size) {
  auto found = find(text);
  search_page out;
  out.count = reported(*found);
  out.offset = offset;
  if (found->query.sort == search_sort::none) {
    out.own_rows = unstable_order(*found);
    out.rows = out.own_rows;
  } else {
    if (!found->is_ranked)
      rank(*found);
    out.rows = found->ranked;
    out.keep = found;
  }
  auto ranks = static_cast<int64_t>(out.rows.size());
  auto begin = std::clamp<int64_t>(offset, 0, ranks);
  auto end = std::clamp<int64_t>(offset + size, begin, ranks);
  out.has_next = end < ranks;
  out.rows = out.rows.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin));
  return out;
}

void search_engine::for_each_match(const search_query& query,
                                   const std::function<void(row_index)>& found) const {
  matcher{query, data_}.each(found);
}

void search_engine::clear() {
  by_text_.clear();
  recent_.clear();
}

std::shared_ptr<search_engine::result> search_engine::find(const std::string& text) {
  if (auto known = by_text_.find(text); known != by_text_.end()) {
    recent_.splice(recent_.begin(), recent_, known->second);
    return known->second->second;
  }
  auto found = std::make_shared<result>();
  found->query = parse_search(text, data_);
  found->hash = mix(data_.seed(), hash_text(text));
  found->matches = matcher{found->query, data_}.count();
  recent_.emplace_front(text, found);
  by_text_.emplace(recent_.front().first, recent_.begin());
  if (recent_.size() > remembered_results) {
    by_text_.erase(recent_.back().first);
    recent_.pop_back();
  }
  return found;
}

int64_t search_engine::reported(const result& found) const {
  if (!found.is_broad())
    return found.matches;
  auto per_mille = 940 + static_cast<int64_t>(found.hash % 66); // 94.0 % to 100.5 %
  return found.matches * per_mille / 1000;
}

std::vector<row_index> search_engine::visible_matches(const result& found) const {
  std::vector<row_index> rows;
  rows.reserve(static_cast<size_t>(found.matches));
  auto lost = found.is_broad() ? found.hash % index_shards : index_shards;
  matcher{found.query, data_}.each([&](row_index row) {
    if (lost == index_shards || mix(row) % index_shards != lost)
      rows.push_back(row);
  });
  return rows;
}

void search_engine::rank(result& found) const {
  auto rows = visible_matches(found);
  auto key = [&](row_index row) -> int64_t {
    const auto& repo = data_[row];
    auto value = found.query.sort == search_sort::stars   ? int64_t{repo.stars}
                 : found.query.sort == search_sort::forks ? int64_t{repo.forks}
                                                          : int64_t{repo.updated_at};
    return found.query.ascending ? value : -value;
  };
  auto first = [&](row_index a, row_index b) {
    auto x = key(a);
    auto y = key(b);
    return x != y ? x < y : data_[a].id < data_[b].id;
  };
  auto kept = std::min<size_t>(rows.size(), result_cap);
  std::partial_sort(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(kept), rows.end(), first);
  rows.resize(kept);
  rows.shrink_to_fit();
  found.ranked = std::move(rows);
  found.is_ranked = true;
}

std::vector<row_index> search_engine::unstable_order(const result& found) {
  auto rows = visible_matches(found);
  auto salt = mix(found.hash, ++unstable_pages_);
  auto first = [&](row_index a, row_index b) { return mix(salt, a) < mix(salt, b); };
  auto kept = std::min<size_t>(rows.size(), result_cap);
  std::partial_sort(rows.begin(), rows.begin() + static_cast<ptrdiff_t>(kept), rows.end(), first);
  rows.resize(kept);
  return rows;
}

} // namespace gitstar::sim
