#include "tools/sim/metadata.hpp"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace gitstar::sim {

namespace {

/// More than this would make one repository larger than all others together.
constexpr int64_t most_issues = 20'000;

/// What the repository with the most stars has at least, at a scale of 1 or more: some repository
/// has thousands of items, also among few.
constexpr double largest_issues = 2'000;

double weight_of(int32_t stars) { return std::pow(stars + 1.0, 0.75); }

} // namespace

metadata::metadata(const dataset& data, double scale, size_t max_bytes)
    : data_(data), people_(data), max_bytes_(max_bytes) {
  if (scale <= 0 || data.size() == 0)
    return;
  terms_ = {data.seed(), data.size()};
  stars_.reserve(data.size());
  double weights = 0;
  for (auto row : data.by_id()) {
    auto stars = data[row].stars;
    if (stars_.empty() || stars > stars_[largest_])
      largest_ = stars_.size();
    stars_.push_back(stars);
    weights += weight_of(stars);
  }
  issues_per_weight_ = scale * static_cast<double>(stars_.size()) / weights;
  largest_issues_ = static_cast<int64_t>(largest_issues * std::min(1.0, scale));
}

const repository_metadata* metadata::find(const repository& repo) {
  if (!enabled())
    return nullptr;
  auto place = place_of(repo.id);
  if (!place)
    return &nothing_;
  return &load(*place / 2).both[*place % 2];
}

row_index metadata::row_of(id_space space, int64_t id) const {
  auto place = enabled() ? place_of_item(*terms_, space, id) : std::nullopt;
  if (!place)
    return no_row;
  auto row = data_.by_id()[*place];
  return (data_.flags()[row] & is_deleted) != 0 ? no_row : row;
}

/// Those that were created later come behind all others, and are no part of it.
std::optional<uint64_t> metadata::place_of(int64_t repo_id) const {
  auto begin = data_.by_id().begin();
  auto end = begin + static_cast<ptrdiff_t>(terms_->places);
  auto at = std::lower_bound(begin, end, repo_id,
                             [this](auto row, auto wanted) { return data_[row].id < wanted; });
  if (at == end || data_[*at].id != repo_id)
    return std::nullopt;
  return static_cast<uint64_t>(at - begin);
}

int64_t metadata::issues_of(uint64_t place) const {
  auto random = static_cast<double>(mix(terms_->seed, place + 31) % 1000) / 500; // mean 1
  auto mean = issues_per_weight_ * weight_of(stars_[place]) * random;
  auto part = static_cast<double>(mix(terms_->seed, place + 97) % 1000) / 1000;
  auto out = std::min(most_issues, static_cast<int64_t>(mean + part));
  return place == largest_ ? std::max(out, largest_issues_) : out;
}

metadata::pair_state& metadata::load(uint64_t pair) {
  auto [at, added] = pairs_.try_emplace(pair);
  auto& state = at->second;
  if (added) {
    recent_.push_front(pair);
    state.recent = recent_.begin();
    make(pair, state);
  } else {
    recent_.splice(recent_.begin(), recent_, state.recent);
  }
  if (!added && state.applied == events_.size())
    return state;
  for (; state.applied < events_.size(); ++state.applied)
    apply(state.applied, state);
  footprint_ -= state.footprint;
  state.footprint = sizeof(state);
  for (const auto& one : state.both)
    state.footprint += one.footprint();
  footprint_ += state.footprint;
  return state;
}

void metadata::make(uint64_t pair, pair_state& out) const {
  for (auto place = 2 * pair; place < std::min(2 * pair + 2, terms_->places); ++place)
    out.both[out.size++] =
        make_metadata(data_[data_.by_id()[place]], place, issues_of(place), people_, *terms_);
}

/// What happens depends on nothing but the event and what the repositories had before it.
void metadata::apply(size_t number, pair_state& to) const {
  const auto& event = events_[number];
  auto random_of = [&](const repository_metadata& one) {
    return dice{mix(mix(event.seed, number), static_cast<uint64_t>(one.repo_id))};
  };
  if (event.what != metadata_event::kind::round) {
    for (auto& one : to.both)
      if (one.repo_id == event.repo_id) {
        item_maker make{one, people_, *terms_, random_of(one)};
        add_items(one, make, event);
      }
    return;
  }
  auto moved = false;
  for (size_t i = 0; i < to.size; ++i) {
    auto& one = to.both[i];
    item_maker make{one, people_, *terms_, random_of(one)};
    auto struck = static_cast<double>(make.random.below(1'000'000)) < event.share * 1'000'000;
    if (!struck || (event.repo_id != 0 && event.repo_id != one.repo_id))
      continue;
    moved = true;
    change_repository(one, make, event.time);
  }
  if (!moved || event.repo_id != 0 || to.size < 2)
    return;
  auto direction = mix(mix(event.seed, number), to.both[0].place);
  auto& from = to.both[direction % 2];
  auto& target = to.both[1 - direction % 2];
  item_maker make{target, people_, *terms_, dice{direction}};
  if (make.random.chance(300))
    transfer_issue(from, target, make, event.time);
}

size_t metadata::loaded() const {
  size_t out = 0;
  for (const auto& [pair, state] : pairs_)
    out += state.size;
  return out;
}

void metadata::trim() {
  while (footprint_ > max_bytes_ && pairs_.size() > 1) {
    auto oldest = pairs_.find(recent_.back());
    footprint_ -= oldest->second.footprint;
    pairs_.erase(oldest);
    recent_.pop_back();
  }
}

item_time metadata::next_time(unix_seconds now, int64_t seconds) const {
  auto last = events_.empty() ? metadata_horizon : events_.back().time;
  return static_cast<item_time>(std::max<unix_seconds>(now, unix_seconds{last} + seconds));
}

item_time metadata::move(uint64_t seed, double share, int64_t repo_id, unix_seconds now,
                         int64_t seconds) {
  metadata_event event;
  event.seed = seed;
  event.share = share;
  event.repo_id = repo_id;
  event.time = next_time(now, seconds);
  events_.push_back(event);
  return event.time;
}

item_time metadata::add(metadata_event what, unix_seconds now) {
  auto row = data_.find_id(what.repo_id);
  auto found = row == no_row ? nullptr : find(data_[row]);
  if (found == nullptr)
    throw std::invalid_argument("repository " + std::to_string(what.repo_id) + " has no metadata");
  what.time = next_time(now, 1);
  auto copy = *found;
  item_maker make{copy, people_, *terms_, dice{0}};
  if (!add_items(copy, make, what))
    throw std::invalid_argument("number " + std::to_string(what.number) + " of repository " +
                                std::to_string(what.repo_id) + " cannot have these");
  events_.push_back(what);
  return what.time;
}

} // namespace gitstar::sim
