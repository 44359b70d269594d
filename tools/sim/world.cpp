// What moves while somebody crawls, and the record of it.
#include "tools/sim/github.hpp"
#include "tools/sim/synthetic.hpp"

namespace gitstar::sim {

namespace {

/// Ids of new repositories are this far apart, as private ones come in between.
constexpr int64_t new_id_step = 3;

} // namespace

void github::change_world(const fault_rule& fault) {
  for (int64_t i = 0; i < fault.count; ++i) {
    if (fault.kind == fault_kind::metadata) {
      if (metadata_.enabled())
        metadata_.move(next_random(), fault.share, 0, server_time(now()), 0);
      continue;
    }
    if (fault.kind == fault_kind::create) {
      create(random_owner());
      continue;
    }
    auto row = random_row();
    if (row == no_row)
      return;
    if (fault.kind == fault_kind::stars) {
      auto span = static_cast<uint64_t>(2 * fault.by + 1);
      auto delta = static_cast<int64_t>(next_random() % span) - fault.by;
      set_stars(row, static_cast<int32_t>(std::max<int64_t>(0, data_[row].stars + delta)));
    } else if (fault.kind == fault_kind::rename) {
      rename(row, std::string{data_.name(data_[row])} + "-" + std::to_string(random_));
    } else if (fault.kind == fault_kind::transfer) {
      transfer(row, random_owner());
    } else {
      remove(row);
    }
  }
  search_.clear();
}

uint64_t github::next_random() { return mix(data_.seed(), ++random_); }

/// A repository that is still there, or `no_row` where luck finds none.
row_index github::random_row() {
  for (auto tries = 0; tries < 1000; ++tries) {
    auto row = static_cast<row_index>(next_random() % data_.size());
    if ((data_[row].flags & is_deleted) == 0)
      return row;
  }
  return no_row;
}

std::string github::random_owner() {
  const auto& owners = data_.owners();
  return owners[next_random() % owners.size()].login;
}

void github::record_change(std::string_view kind, row_index row, std::string before,
                           std::string after) {
  changes_.push_back({request_count_, kind, data_[row].id, std::move(before), std::move(after)});
}

void github::set_stars(row_index row, int32_t stars) {
  auto before = data_[row].stars;
  if (stars == before)
    return;
  data_.set_stars(row, stars);
  record_change("stars", row, std::to_string(before), std::to_string(stars));
}

void github::rename(row_index row, std::string_view name) {
  auto before = std::string{data_.full_name(data_[row])};
  data_.rename(row, name);
  record_change("rename", row, before, std::string{data_.full_name(data_[row])});
}

/// Nothing happens where the owner has one of that name already.
void github::transfer(row_index row, std::string_view owner) {
  auto before = std::string{data_.full_name(data_[row])};
  if (data_.find_name(std::string{owner} + "/" + std::string{data_.name(data_[row])}) != no_row)
    return;
  data_.transfer(row, owner);
  record_change("transfer", row, before, std::string{data_.full_name(data_[row])});
}

void github::remove(row_index row) {
  data_.remove(row);
  record_change("delete", row, std::string{data_.full_name(data_[row])}, "");
}

/// The new repository is created now, or after all others where our data are of the future.
void github::create(std::string_view owner) {
  auto last_row = data_[data_.size() - 1];
  auto newest_id = data_[data_.by_id().back()].id;
  value_maker make{data_.seed(), newest_id + new_id_step};
  auto created = std::max<unix_seconds>(server_time(now()), last_row.created_at);
  auto name = "new-" + std::to_string(newest_id + new_id_step);
  repository_input input;
  input.values.id = newest_id + new_id_step;
  input.values.stars = make.stars();
  input.values.created_at = static_cast<uint32_t>(created);
  input.values.updated_at = input.values.created_at;
  input.values.pushed_at = input.values.created_at;
  input.owner = owner;
  input.name = name;
  input.language = make.language();
  auto row = data_.create(input);
  record_change("create", row, "", std::string{data_.full_name(data_[row])});
}

} // namespace gitstar::sim
